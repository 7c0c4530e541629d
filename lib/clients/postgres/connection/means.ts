/**
 * What of a connection only code can give: a password that is fetched, a socket that is made otherwise (a proxy, a tunnel).
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { MillraceError } from '../../../errors.ts';
import type { PgTarget } from './connection-options.ts';

export interface ConnectionMeans {
  /** Asked for each new connection. */
  readonly password?: (() => string | Promise<string>) | undefined;
  /** Made for each new connection, and for each request to cancel: connected to the server, or about to be. */
  readonly socket?: (() => Duplex | Promise<Duplex>) | undefined;
}

/** Options of a kind as code may give them. */
export type WithMeans<Options> = Omit<Options, 'password'> & {
  readonly password?: string | ConnectionMeans['password'];
  readonly socket?: ConnectionMeans['socket'];
};

/** What can be written as JSON, and what can't. */
export function splitMeans<Options extends object>({
  password,
  socket,
  ...rest
}: WithMeans<Options>): { options: Options; means: ConnectionMeans } {
  const options = { ...rest, ...(typeof password === 'string' ? { password } : {}) };
  return { options: options as unknown as Options, means: { password: typeof password === 'function' ? password : undefined, socket } };
}

/** The password of one connection. AUTHENTICATION_FAILED where the function gives none. */
export async function passwordFor(target: PgTarget, signal?: AbortSignal): Promise<string | undefined> {
  if (target.means?.password === undefined) return target.password;
  const { password } = target.means;
  const failed = (problem: string, cause?: unknown): MillraceError =>
    new MillraceError('AUTHENTICATION_FAILED', `connect: the function of option "password" ${problem}`, { cause });
  const given: unknown = await inTime('password', password, { target, signal }).catch((cause: unknown) => {
    throw cause instanceof MillraceError ? cause : failed('failed', cause);
  });
  if (typeof given === 'string' && given !== '') return given;
  throw failed('gave no text');
}

/** A socket of the user's, as `pg` takes one: what is connected already says so when it is asked to connect. */
export async function socketFor(target: PgTarget, signal?: AbortSignal): Promise<Socket | undefined> {
  if (target.means?.socket === undefined) return undefined;
  const { socket } = target.means;
  const made: unknown = await inTime('socket', socket, { target, signal }).catch((cause: unknown) => {
    if (cause instanceof MillraceError) throw cause;
    throw new MillraceError('UNREACHABLE', 'connect: the function of option "socket" failed', { cause, retryable: true });
  });
  if (!(made instanceof Duplex)) throw new MillraceError('OPTION_INVALID', 'postgres: option "socket": the function gave no Duplex stream');
  const stream = made as Socket;
  // Until pg listens, an error of it must not end the process; it destroys the stream, which is seen then.
  stream.on('error', () => undefined);
  stream.connect = () => {
    if (!stream.connecting) process.nextTick(() => stream.emit('connect'));
    return stream;
  };
  for (const name of ['setNoDelay', 'setKeepAlive', 'ref', 'unref'] as const) {
    if (typeof stream[name] !== 'function') Object.assign(stream, { [name]: () => stream });
  }
  return stream;
}

interface Limits {
  readonly target: PgTarget;
  readonly signal: AbortSignal | undefined;
}

/** What a function of the user gives, within the time that connecting may take. A socket that comes too late is destroyed. */
async function inTime<T>(option: string, call: () => T | Promise<T>, { target, signal }: Limits): Promise<T> {
  const made = (async () => call())();
  let isLate = false;
  made.then(
    late => isLate && late instanceof Duplex && late.destroy(),
    () => undefined,
  );
  let stop = (): void => undefined;
  const end = new Promise<never>((_, reject) => {
    const text = `connect: the function of option "${option}" gave nothing within ${target.connectTimeoutMs} ms`;
    const timer = setTimeout(() => reject(new MillraceError('UNREACHABLE', text, { retryable: true })), target.connectTimeoutMs);
    const abort = (): void => reject(new MillraceError('CANCELLED', 'connect: cancelled'));
    stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    if (signal?.aborted === true) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([made, end]);
  } catch (error) {
    isLate = true;
    throw error;
  } finally {
    stop();
  }
}

const identities = new WeakMap<object, number>();
let nextIdentity = 1;

/** The same number for the same functions: connections made by others are not shared with them. */
export function identityOf(means: ConnectionMeans | undefined): readonly number[] {
  return [means?.password, means?.socket].map(made => {
    if (made === undefined) return 0;
    const known = identities.get(made) ?? nextIdentity++;
    identities.set(made, known);
    return known;
  });
}

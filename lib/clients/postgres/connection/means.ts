/**
 * What of a connection only code can give: a password that is fetched, a socket that is made otherwise (a proxy, a tunnel), a connection itself.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { MillraceError } from '../../../errors.ts';
import type pg from 'pg';
import { checkedClient } from './borrowed-client.ts';
import type { ConnectionMeans, WithClient, WithMeans } from './given-means.ts';
import { connectionFields, type PgConnectionOptions, type PgTarget, resolveTarget } from './connection-options.ts';

/** What can be written as JSON, and what can't. */
export function splitMeans<Options extends object>(given: WithMeans<Options>): { options: Options; means: ConnectionMeans } {
  const { password, socket, ...rest } = given;
  const options = { ...rest, ...(typeof password === 'string' ? { password } : {}) };
  return { options: options as unknown as Options, means: { password: typeof password === 'function' ? password : undefined, socket } };
}

/** As `splitMeans`. OPTION_INVALID for a client that is none, or beside which something else says where to connect. */
export function splitClient<Options extends object>({
  client,
  ...given
}: WithClient<Options>): { options: Options; means: ConnectionMeans } {
  const split = splitMeans(given as unknown as WithMeans<Options>);
  if (client === undefined) return split;
  checkAlone(given);
  return { options: split.options, means: { client: checkedClient(client) } };
}

/** Where a connection is given, nothing is to be said of making one. */
function checkAlone(given: Readonly<Record<string, unknown>>): void {
  const { statementTimeoutMs: _statements, ...connecting } = connectionFields;
  const other = [...Object.keys(connecting), 'socket'].find(name => given[name] !== undefined);
  if (other === undefined) return;
  throw new MillraceError('OPTION_INVALID', `postgres: option "client" is a connection already; leave option "${other}" out`);
}

/** As `resolveTarget`, with what only code can give. */
export function targetOf(options: PgConnectionOptions, means: ConnectionMeans | undefined): PgTarget {
  return means?.client === undefined ? { ...resolveTarget(options), means } : targetOfClient(means.client as pg.Client, options, means);
}

/** Where a client is connected to: for messages, and for requests to cancel. */
function targetOfClient(
  { host, port, user, database }: pg.Client,
  { statementTimeoutMs = 0 }: PgConnectionOptions,
  means: ConnectionMeans,
): PgTarget {
  const connecting = { password: undefined, sslmode: 'disable', tls: {}, applicationName: 'millrace', connectTimeoutMs: 10_000 } as const;
  return { ...connecting, host, port, user: user ?? '', database: database ?? '', statementTimeoutMs, serverOptions: undefined, means };
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

/**
 * A connection to PostgreSQL passed on message by message, so that a test can cut it at each of them.
 * Source: https://www.postgresql.org/docs/18/protocol-message-formats.html
 */
import { connect, createServer, type Socket } from 'node:net';

/** reset: both sides are reset before the message goes on. half: after half of it. hole: from here on nothing goes on, either way, and nobody is told. */
export type Cut = 'reset' | 'half' | 'hole';

export interface ProtocolProxy {
  readonly port: number;
  /** What passed, of all connections: `> Query` to the server, `< ReadyForQuery` from it. */
  readonly seen: readonly string[];
  /** Whether it was cut. */
  readonly isCut: boolean;
  /** Once, at this message, counted from 0. */
  cutAt(message: number, how?: Cut): void;
  /** Once, at the first message that looks so. */
  cutWhere(is: (message: string) => boolean, how?: Cut): void;
  /** So many bytes at a time, each after a turn of the event loop. */
  slow(bytes: number): void;
  /** New connections are refused until it is opened again. */
  shut(isShut: boolean): void;
  connections(): number;
  close(): Promise<void>;
}

const TO_SERVER: Readonly<Record<string, string>> = {
  Q: 'Query',
  P: 'Parse',
  B: 'Bind',
  D: 'Describe',
  E: 'Execute',
  S: 'Sync',
  d: 'CopyData',
  c: 'CopyDone',
  f: 'CopyFail',
  X: 'Terminate',
  p: 'Password',
  H: 'Flush',
  C: 'Close',
};
const FROM_SERVER: Readonly<Record<string, string>> = {
  R: 'Authentication',
  S: 'ParameterStatus',
  K: 'BackendKeyData',
  Z: 'ReadyForQuery',
  C: 'CommandComplete',
  T: 'RowDescription',
  D: 'DataRow',
  G: 'CopyInResponse',
  H: 'CopyOutResponse',
  d: 'CopyData',
  c: 'CopyDone',
  E: 'ErrorResponse',
  N: 'NoticeResponse',
  t: 'ParameterDescription',
  n: 'NoData',
  I: 'EmptyQueryResponse',
  '1': 'ParseComplete',
  '2': 'BindComplete',
  '3': 'CloseComplete',
};
/** Shown with their text. */
const WITH_TEXT = new Set(['Query', 'CommandComplete', 'Parse']);
const TEXT_LENGTH = 40;

export async function protocolProxy(targetPort: number): Promise<ProtocolProxy> {
  const sockets = new Set<Socket>();
  const seen: string[] = [];
  let wish: { is: (message: string, number: number) => boolean; how: Cut } | undefined;
  let isCut = false;
  let isShut = false;
  let step = Infinity;

  const server = createServer(client => {
    if (isShut) return void client.resetAndDestroy();
    const upstream = connect(targetPort, '127.0.0.1');
    let isOver = false;
    let isSwallowed = false;
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));

    const reset = (): void => {
      isSwallowed = true;
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    };
    const forward = async (to: Socket, bytes: Buffer): Promise<void> => {
      for (let at = 0; at < bytes.length && !isSwallowed; at += step) {
        if (step !== Infinity) await new Promise(resolve => setImmediate(resolve));
        const piece = step === Infinity ? bytes : bytes.subarray(at, at + step);
        if (!to.write(piece)) await new Promise<void>(resolve => to.once('drain', resolve).once('close', resolve));
        if (step === Infinity) return;
      }
    };
    /** Takes messages apart; what is left of the last one waits for the rest. */
    const passOn = (from: Socket, to: Socket, isToServer: boolean): void => {
      let rest: Buffer = Buffer.alloc(0);
      let isStarted = !isToServer;
      let sending = Promise.resolve();
      from.on('data', chunk => {
        if (isOver) return;
        rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        let end = 0;
        for (;;) {
          const head = isStarted ? 1 : 0;
          if (rest.length < end + head + 4) break;
          const length = head + rest.readUInt32BE(end + head);
          if (rest.length < end + length) break;
          const message = rest.subarray(end, end + length);
          const name = isStarted ? nameOf(message, isToServer) : message.readUInt32BE(4) >> 16 === 3 ? '> Startup' : '> Request';
          if (name === '> Startup') isStarted = true;
          const { is, how } = wish ?? {};
          if (is?.(name, seen.length) === true && how !== undefined) {
            wish = undefined;
            isCut = true;
            const before = rest.subarray(0, how === 'half' ? end + Math.ceil(length / 2) : end);
            void sending
              .then(() => forward(to, before))
              .then(() => {
                if (how === 'hole') isSwallowed = true;
                else setImmediate(reset);
              });
            isOver = true;
            rest = Buffer.alloc(0);
            return;
          }
          seen.push(name);
          end += length;
        }
        const whole = rest.subarray(0, end);
        rest = Buffer.from(rest.subarray(end));
        from.pause();
        sending = sending.then(() => forward(to, whole)).then(() => void from.resume());
      });
      from.on('end', () => void sending.then(() => isOver || to.end()));
      from.on('close', () => void sending.then(() => isOver || to.destroy()));
    };
    passOn(client, upstream, true);
    passOn(upstream, client, false);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));

  return {
    port: (server.address() as { port: number }).port,
    seen,
    get isCut() {
      return isCut;
    },
    cutAt: (message, how = 'reset') => void (wish = { is: (_, number) => number === message, how }),
    cutWhere: (is, how = 'reset') => void (wish = { is, how }),
    slow: bytes => void (step = bytes),
    shut: shut => void (isShut = shut),
    connections: () => sockets.size / 2,
    close: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function nameOf(message: Buffer, isToServer: boolean): string {
  const type = String.fromCharCode(message[0] as number);
  const name = (isToServer ? TO_SERVER : FROM_SERVER)[type] ?? type;
  const text = WITH_TEXT.has(name) ? ` ${message.toString('latin1', 5, 5 + TEXT_LENGTH).replace(/\0.*$/s, '')}` : '';
  return `${isToServer ? '>' : '<'} ${name}${text}`;
}

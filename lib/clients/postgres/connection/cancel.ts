import { connect as connectSocket, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { PgSession } from './pool.ts';
import { socketFor } from './means.ts';
import { internalsOf } from './pg-internals.ts';

/** How long a request to cancel may take on its way. */
const CANCEL_LIMIT_MS = 5000;
const CANCEL_REQUEST = 80877102;
const SSL_REQUEST = 80877103;

/**
 * Asks the server, on a connection of its own, to cancel what this session runs. Resolves when the server took the request, or could not
 * be reached in time; never rejects. The statement then ends with 57014, unless it was done. Discard the session: a request that comes late
 * would hit its next statement.
 * Source: https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
export async function cancelStatement({ client, target }: PgSession): Promise<void> {
  const { processID, secretKey, connection } = internalsOf(client);
  if (processID === null || secretKey === null) return;
  const path = target.host.startsWith('/') ? { path: `${target.host}/.s.PGSQL.${target.port}` } : { host: target.host, port: target.port };
  const own = await socketFor(target).catch(() => null);
  if (own === null) return;
  const socket = own ?? connectSocket(path);
  own?.connect(path);
  socket.on('error', () => undefined);
  const timer = setTimeout(() => socket.destroy(), CANCEL_LIMIT_MS);
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()));
  const request = message(CANCEL_REQUEST, processID, secretKey);
  socket.once('connect', () => {
    // As encrypted as the session is: some servers are reached through a proxy that takes nothing else.
    if (connection.stream instanceof TLSSocket) sendEncrypted(socket, request);
    else send(socket, request);
  });
  await closed;
  clearTimeout(timer);
}

/** How long a statement may take to end when it was cancelled. */
const END_LIMIT_MS = 2000;

/**
 * When the signal is aborted what the session runs is cancelled, and the connection closed where that does not end it in time. The signal is
 * listened to until what this gives is called; a session on which something was cancelled has to be discarded.
 */
export function cancelOnAbort(session: PgSession, signal: AbortSignal): () => void {
  let timer: NodeJS.Timeout | undefined;
  const abort = (): void => {
    void cancelStatement(session);
    timer = setTimeout(() => session.discard(), END_LIMIT_MS);
  };
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  return () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  };
}

/** The server answers nothing and hangs up when it has passed the request on. */
function send(socket: Socket, request: Buffer): void {
  socket.write(request);
  socket.resume();
}

function sendEncrypted(socket: Socket, request: Buffer): void {
  socket.write(message(SSL_REQUEST));
  socket.once('data', answer => {
    if (answer.toString('latin1') !== 'S') return void socket.destroy();
    // It carries nothing worth guarding: the key is of use for this one statement.
    const encrypted = connectTls({ socket, rejectUnauthorized: false });
    encrypted.on('error', () => socket.destroy());
    encrypted.once('secureConnect', () => send(encrypted, request));
  });
}

function message(...words: number[]): Buffer {
  const bytes = Buffer.alloc(4 + 4 * words.length);
  bytes.writeInt32BE(bytes.length, 0);
  for (const [i, word] of words.entries()) bytes.writeInt32BE(word, 4 + 4 * i);
  return bytes;
}

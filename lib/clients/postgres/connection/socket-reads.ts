/**
 * What a server sends, before `pg` sees it. A plain socket of ours reads into one piece of memory, over and over: Node would make one of 64 KiB for every
 * read, and memory outside of its heap hardly ever makes its collector run.
 * Source: https://nodejs.org/api/net.html#new-netsocketoptions (`onread`)
 */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

/** Sees the bytes of one read. They are somebody else's as soon as it returns. */
export type Taker = (chunk: Buffer) => void;

/** Reads that are not pg's for a while. */
export interface TakenReads {
  /** A whole message that pg is to see after all. */
  pass(message: Buffer): void;
  /** pg gets everything again. */
  giveBack(): void;
}

/** As much as Node reads at once. */
const READ_BYTES = 65_536;

/** Of all sockets: what a read brought is dealt with before there is another. */
let memory: Buffer | undefined;
const takers = new WeakMap<Socket, Taker>();
const own = new WeakSet<Socket>();

/** A socket, not connected yet, for a connection without TLS. */
export function readingSocket(): Socket {
  memory ??= Buffer.allocUnsafeSlow(READ_BYTES);
  const options: SocketConstructorOpts & { readonly onread: OnReadOpts } = { onread: { buffer: memory, callback: read } };
  const socket = new Socket(options);
  function read(bytes: number, buffer: Uint8Array): boolean {
    const chunk = Buffer.from(buffer.buffer, buffer.byteOffset, bytes);
    const take = takers.get(socket);
    // pg's parser keeps what it has not understood yet.
    if (take === undefined) socket.emit('data', Buffer.from(chunk));
    else take(chunk);
    return true;
  }
  own.add(socket);
  return socket;
}

/** One that was made here: written bytes are the system's when the write is done. */
export function isOwnSocket(stream: Socket): boolean {
  return own.has(stream);
}

/** From now on what the socket reads goes to `take`, and pg gets what `pass` gives it. */
export function takeReads(stream: Socket, take: Taker): TakenReads {
  if (own.has(stream)) {
    takers.set(stream, take);
    return { pass: message => stream.emit('data', message), giveBack: () => takers.delete(stream) };
  }
  const listeners = stream.listeners('data') as Taker[];
  stream.on('data', take);
  for (const listener of listeners) stream.off('data', listener);
  return {
    pass: message => {
      for (const listener of listeners) listener(message);
    },
    giveBack: () => {
      stream.off('data', take);
      for (const listener of listeners) stream.on('data', listener);
    },
  };
}

import { constants, open } from 'node:fs';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { fileError, tried } from './errors.ts';

/**
 * The bytes of a named pipe (also of a shell's `<(…)`) until its last writer has closed it, or until the signal. Neither waiting for a writer nor for
 * bytes holds a thread, which could not be given up, and would keep the process from ending. NOT_FOUND, NOT_PERMITTED, IO_FAILED.
 */
export async function* readNamedPipe(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  const fd = await tried(path, 'opening it', () => promisify(open)(path, flags));
  const socket = new Socket({ fd, readable: true, writable: false });
  const giveUp = (): void => void socket.destroy();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    if (!signal.aborted) yield* socket as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!signal.aborted) throw fileError(error, path, 'reading it');
  } finally {
    signal.removeEventListener('abort', giveUp);
    socket.destroy();
  }
}

import { type FileHandle, open, stat } from 'node:fs/promises';
import { MillraceError } from '../../errors.ts';
import { isFolder, tried } from './errors.ts';
import { readNamedPipe } from './named-pipe.ts';
import { isSpecial } from './special-file.ts';
import { markStalls } from './stalls.ts';
import { readStdin } from './standard-io.ts';

const CHUNK_BYTES = 256 * 1024;
const NOTHING = new Uint8Array(0);

export interface ReadOptions {
  readonly signal: AbortSignal;
  /** The byte to begin at; 0 by default. */
  readonly start?: number;
  /** Told of each piece that was read, as it is given on. */
  readonly counted?: (bytes: number) => void;
}

/**
 * The bytes of a file in chunks of 256 KiB, each with memory of its own; the next one is read while this one is looked at. `-` is standard input.
 * An empty chunk says that a pipe or a terminal has nothing more for now.
 * Closed when it is left or the signal comes. NOT_FOUND, NOT_PERMITTED, IO_FAILED (also where the file is cut while it is read), each with the path.
 */
export async function* readFile(path: string, { signal, start = 0, counted }: ReadOptions): AsyncGenerator<Uint8Array> {
  for await (const chunk of await openedFor(path, { signal, start })) {
    if (signal.aborted) return;
    counted?.(chunk.length);
    yield chunk;
  }
}

async function openedFor(path: string, { signal, start }: { signal: AbortSignal; start: number }): Promise<AsyncIterable<Uint8Array>> {
  const left = new AbortController();
  const canStall = (read: (signal: AbortSignal) => AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
    markStalls(read(AbortSignal.any([signal, left.signal])), () => left.abort());
  if (path === '-') return canStall(readStdin);
  const found = await tried(path, 'opening it', () => stat(path));
  if (found.isDirectory()) throw isFolder(path);
  if (found.isFIFO()) return canStall(ended => readNamedPipe(path, ended));
  return isSpecial(found) ? canStall(ended => readDevice(path, ended)) : readAtRest(path, start);
}

async function* readAtRest(path: string, start: number): AsyncGenerator<Uint8Array> {
  const file = await tried(path, 'opening it', () => open(path, 'r'));
  try {
    const { size } = await tried(path, 'looking at it', () => file.stat());
    // As long as it is now: whoever appends to the file that he reads comes to an end. What tells no length (/proc) is read to its end.
    yield* readAhead(file, path, { start, end: size === 0 ? Infinity : size });
  } finally {
    await file.close();
  }
}

/** Up to where it ended when it was opened; a file that was cut meanwhile is an error, never a short success. */
async function* readAhead(file: FileHandle, path: string, { start, end }: { start: number; end: number }): AsyncGenerator<Uint8Array> {
  let at = start;
  const ahead = (): Promise<Uint8Array> =>
    at >= end ? Promise.resolve(NOTHING) : readChunk(file, path, { at, most: Math.min(CHUNK_BYTES, end - at) });
  let next = ahead();
  try {
    for (;;) {
      const chunk = await next;
      if (chunk.length === 0) break;
      at += chunk.length;
      next = ahead();
      yield chunk;
    }
    if (at < end && end !== Infinity)
      throw new MillraceError('IO_FAILED', `${path}: it became shorter while it was read: ${at} of ${end} bytes; run again`);
  } finally {
    await next.catch(() => undefined);
  }
}

/** A device has no places: it is read on from where it stands, until the signal. */
async function* readDevice(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const file = await tried(path, 'opening it', () => open(path, 'r'));
  const aborted = new Promise<Uint8Array>(resolve => signal.addEventListener('abort', () => resolve(NOTHING), { once: true }));
  try {
    while (!signal.aborted) {
      const reading = readChunk(file, path, { at: null, most: CHUNK_BYTES });
      reading.catch(() => undefined);
      const chunk = await Promise.race([reading, aborted]);
      if (chunk.length === 0) return;
      yield chunk;
    }
  } finally {
    // A terminal that nobody types at holds its descriptor until somebody does.
    file.close().catch(() => undefined);
  }
}

async function readChunk(file: FileHandle, path: string, { at, most }: { at: number | null; most: number }): Promise<Uint8Array> {
  const { bytesRead, buffer } = await tried(path, 'reading it', () => file.read(Buffer.allocUnsafeSlow(most), 0, most, at));
  // A short piece is not to keep a long one alive.
  return bytesRead * 4 < most ? Uint8Array.prototype.slice.call(buffer, 0, bytesRead) : buffer.subarray(0, bytesRead);
}

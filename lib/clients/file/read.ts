import { open } from 'node:fs/promises';
import { glob } from 'tinyglobby';
import { MillraceError } from '../../errors.ts';
import { fileError } from './errors.ts';
import { readStdin } from './standard-io.ts';

const CHUNK_BYTES = 256 * 1024;

/** The bytes of a file from `start` in chunks of 256 KiB; `-` is standard input. Closed when it is left. NOT_FOUND, NOT_PERMITTED, IO_FAILED. */
export async function* readFile(path: string, start: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (path === '-') {
    yield* readStdin(signal);
    return;
  }
  const file = await tried(path, 'opening it', () => open(path, 'r'));
  try {
    let at = start;
    while (!signal.aborted) {
      const { bytesRead, buffer } = await tried(path, 'reading it', () => file.read(Buffer.allocUnsafeSlow(CHUNK_BYTES), 0, CHUNK_BYTES, at));
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** How large a file is; 0 for standard input. */
export async function sizeOf(path: string): Promise<number> {
  if (path === '-') return 0;
  const file = await tried(path, 'opening it', () => open(path, 'r'));
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) throw new MillraceError('NOT_PERMITTED', `${path} is a folder; name a file, or a pattern such as ${path}/*.csv`);
    return stat.size;
  } finally {
    await file.close();
  }
}

/** The files of a pattern (`data/*.csv`, `data/**\/*.ndjson.gz`) in the order of their names; a path without wildcards is itself. */
export async function filesOf(path: string): Promise<string[]> {
  if (path === '-' || !/[*?{[]/.test(path)) return [path];
  if (await isThere(path)) return [path];
  const found = (await glob(path, { dot: false, expandDirectories: false })).sort();
  if (found.length === 0) throw new MillraceError('NOT_FOUND', `no file matches ${path}`);
  return found;
}

async function isThere(path: string): Promise<boolean> {
  return sizeOf(path).then(
    () => true,
    () => false,
  );
}

async function tried<T>(path: string, what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fileError(error, path, what);
  }
}

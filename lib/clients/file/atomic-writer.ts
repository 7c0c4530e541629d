import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { MillraceError } from '../../errors.ts';
import { fileError } from './errors.ts';

/** Where bytes go. `commit` makes them durable, `close` makes them visible, `abort` takes all back. */
export interface FileWriter {
  /** False where something stood before (an appended file that is not empty). */
  readonly isFresh: boolean;
  write(chunks: readonly Uint8Array[]): Promise<void>;
  commit(): Promise<number>;
  close(): Promise<void>;
  abort(): Promise<void>;
}

/** A new file, written beside its place, fsynced and put there as a whole. `create` never takes the place of another: EXISTS. */
export async function openAtomic(target: string, mode: 'create' | 'replace'): Promise<FileWriter> {
  const folder = path.dirname(target);
  if (mode === 'create' && (await isThere(target))) throw exists(target);
  const beside = path.join(folder, `.${path.basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  const file = await tried(target, 'making it', () => open(beside, 'wx', 0o666));
  let bytes = 0;
  return {
    isFresh: true,
    write: async chunks => {
      bytes += await append(file, target, chunks);
    },
    commit: async () => {
      await tried(target, 'fsync', () => file.sync());
      return bytes;
    },
    close: async () => {
      await file.close();
      await tried(target, 'putting it in place', () => (mode === 'create' ? linkInPlace(beside, target) : rename(beside, target)));
      await syncFolder(folder);
    },
    abort: async () => {
      await file.close();
      await rm(beside, { force: true });
    },
  };
}

/** Behind what is there, cut back to the last commit when the run fails. A file that is not there is made, and removed when it fails. */
export async function openAppending(target: string): Promise<FileWriter> {
  if (!(await isThere(target))) return openAtomic(target, 'create');
  const file = await tried(target, 'opening it', () => open(target, 'r+'));
  const start = (await file.stat()).size;
  let end = start;
  let committed = start;
  return {
    isFresh: start === 0,
    write: async chunks => {
      end += await append(file, target, chunks, end);
    },
    commit: async () => {
      await tried(target, 'fsync', () => file.sync());
      committed = end;
      return committed;
    },
    close: () => file.close(),
    abort: async () => {
      await file.truncate(committed);
      await file.close();
    },
  };
}

async function append(file: FileHandle, target: string, chunks: readonly Uint8Array[], at?: number): Promise<number> {
  let bytes = 0;
  for (const chunk of chunks) {
    let done = 0;
    while (done < chunk.length) {
      const position = at === undefined ? null : at + bytes + done;
      const { bytesWritten } = await tried(target, 'writing it', () => file.write(chunk, done, chunk.length - done, position));
      done += bytesWritten;
    }
    bytes += chunk.length;
  }
  return bytes;
}

/** link refuses a target that appeared meanwhile, rename would overwrite it. */
async function linkInPlace(beside: string, target: string): Promise<void> {
  try {
    await link(beside, target);
  } finally {
    await rm(beside, { force: true });
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function isThere(target: string): Promise<boolean> {
  return stat(target).then(
    () => true,
    () => false,
  );
}

function exists(target: string): MillraceError {
  return new MillraceError('EXISTS', `${target} is there already; append to it (mode append), replace it (mode replace) or name another`);
}

async function tried<T>(target: string, what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fileError(error, target, what);
  }
}

import type { FileHandle } from 'node:fs/promises';
import { errnoOf, fileError } from './errors.ts';
import type { FileSystem } from './file-system.ts';

/** A file as its file system tells it from all others, whatever its name. */
export interface FoundThere {
  readonly identity: string;
  readonly size: number;
}

export async function identityOf(file: FileHandle): Promise<string> {
  const { dev, ino } = await file.stat({ bigint: true });
  return `${dev}:${ino}`;
}

/** What stands under a name; undefined where nothing does. */
export async function foundAt(path: string, fs: FileSystem): Promise<FoundThere | undefined> {
  try {
    const { dev, ino, size } = await fs.stat(path, { bigint: true });
    return { identity: `${dev}:${ino}`, size: Number(size) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw fileError(error, path, 'looking for it');
  }
}

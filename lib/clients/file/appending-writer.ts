import type { FileHandle } from 'node:fs/promises';
import { MillraceError } from '../../errors.ts';
import { openAtomic } from './atomic-writer.ts';
import { errnoOf, fileError, tried } from './errors.ts';
import { FILE_SYSTEM, type FileSystem } from './file-system.ts';
import { type FileWriter, writeAll } from './file-writer.ts';
import { identityOf } from './identity.ts';

/**
 * Behind what is there, cut back to the last commit when the run fails or the disk is full; a process that is killed may leave a part of its last
 * record. A file that is not there is made, all or nothing. IO_FAILED where somebody else writes to the file meanwhile: then nothing is cut.
 */
export async function openAppending(path: string, fs: FileSystem = FILE_SYSTEM): Promise<FileWriter> {
  const file = await openExisting(path, fs);
  if (file === undefined) return openAtomic(path, 'create', fs);
  try {
    return new AppendedFile(path, file, (await tried(path, 'looking at it', () => file.stat())).size);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openExisting(path: string, fs: FileSystem): Promise<FileHandle | undefined> {
  try {
    await fs.stat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fileError(error, path, 'looking for it');
  }
  return tried(path, 'opening it', () => fs.open(path, 'a'));
}

export class AppendedFile implements FileWriter {
  readonly isFresh: boolean;
  readonly #path: string;
  readonly #file: FileHandle;
  #length: number;
  /** Its length if the write that is going on, or failed, went through. */
  #most: number;
  #committed: number;
  /** Told how long it may become, before it does. */
  readonly #growsTo: ((length: number) => Promise<void>) | undefined;

  constructor(path: string, file: FileHandle, length: number, growsTo?: (length: number) => Promise<void>) {
    this.#growsTo = growsTo;
    this.#path = path;
    this.#file = file;
    this.#length = this.#most = this.#committed = length;
    this.isFresh = length === 0;
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    this.#most = this.#length + chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    await this.#growsTo?.(this.#most);
    this.#length += await writeAll(this.#file, this.#path, chunks);
  }

  async commit(): Promise<number> {
    if (this.#length > this.#committed) await tried(this.#path, 'fsync', () => this.#file.sync());
    const { size } = await tried(this.#path, 'looking at it', () => this.#file.stat());
    if (size !== this.#length) {
      throw new MillraceError(
        'IO_FAILED',
        `${this.#path} has ${size} bytes instead of ${this.#length}: somebody else writes to it; look at it before you go on`,
      );
    }
    this.#committed = this.#length;
    return this.#committed;
  }

  get identity(): Promise<string> {
    return identityOf(this.#file);
  }

  async close(): Promise<void> {
    try {
      await this.commit();
    } catch (error) {
      await this.abort();
      throw error;
    }
    await this.#file.close();
  }

  /** After a full disk a part of a write may stand there. What somebody else wrote behind it is not ours to cut. */
  async abort(): Promise<void> {
    try {
      const { size } = await tried(this.#path, 'looking at it', () => this.#file.stat());
      if (size > this.#committed && size <= this.#most)
        await tried(this.#path, 'cutting it back', () => this.#file.truncate(this.#committed));
    } finally {
      await this.#file.close();
    }
  }
}

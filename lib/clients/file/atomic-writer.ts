import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf, exists, fileError, isFolder, tried } from './errors.ts';
import { FILE_SYSTEM, type FileSystem } from './file-system.ts';
import { type FileWriter, writeAll } from './file-writer.ts';
import { identityOf } from './identity.ts';

/** A name of at most 255 bytes is what file systems take. */
const MAX_STEM_BYTES = 200;

/**
 * A new file, all or nothing: written beside its place, fsynced, put there as a whole, its folder fsynced. Until `close` nothing stands under
 * its name; an abort, a full disk or a killed process leave nothing there but, at worst, `.name.….tmp` beside it. Its permissions are those
 * that the process gives new files, or those of the file that it replaces. `create` never takes the place of another file, also not of one
 * that appears while it is written: EXISTS. NOT_FOUND (the folder), NOT_PERMITTED, DISK_FULL, IO_FAILED.
 */
export async function openAtomic(named: string, mode: 'create' | 'replace', fs: FileSystem = FILE_SYSTEM): Promise<FileWriter> {
  const replaced = await replacedFile(named, mode, fs);
  return makeBeside(named, mode, { replaced, beside: besideOf(replaced?.path ?? named, `${randomBytes(6).toString('hex')}.tmp`) }, fs);
}

/** Written beside its place under a name of the caller's. */
export async function makeBeside(
  named: string,
  mode: 'create' | 'replace',
  { replaced, beside, keeps = false }: { readonly replaced: ReplacedFile | undefined; readonly beside: string; readonly keeps?: boolean },
  fs: FileSystem,
): Promise<AtomicFile> {
  const target = replaced?.path ?? named;
  const file = await tried(named, 'making it', () => fs.open(beside, 'wx', 0o666));
  const atomic = new AtomicFile({ named, target, beside, mode, keeps, file, fs });
  if (replaced !== undefined) {
    try {
      await tried(named, 'setting its permissions', () => file.chmod(replaced.permissions));
    } catch (error) {
      await atomic.abort();
      throw error;
    }
  }
  return atomic;
}

export interface ReplacedFile {
  readonly path: string;
  readonly permissions: number;
}

/** What is there under the name: the file itself where the name is a link to it. EXISTS in mode create. */
export async function replacedFile(named: string, mode: 'create' | 'replace', fs: FileSystem): Promise<ReplacedFile | undefined> {
  try {
    const found = mode === 'create' ? await fs.lstat(named) : await fs.stat(named);
    if (found.isDirectory()) throw isFolder(named);
    if (mode === 'create') throw exists(named);
    return { path: await fs.realpath(named), permissions: found.mode & 0o7777 };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fileError(error, named, 'looking for it');
  }
}

/** Hidden, in the same folder: `.name.end`. */
export function besideOf(target: string, end: string): string {
  const stem = Buffer.from(path.basename(target))
    .subarray(0, MAX_STEM_BYTES)
    .toString()
    .replace(/\ufffd$/, '');
  return path.join(path.dirname(target), `.${stem}.${end}`);
}

interface AtomicPlace {
  readonly named: string;
  readonly target: string;
  readonly beside: string;
  readonly mode: 'create' | 'replace';
  /** What is committed stays there, also where it cannot be put in place. */
  readonly keeps?: boolean;
  readonly file: FileHandle;
  readonly fs: FileSystem;
}

export class AtomicFile implements FileWriter {
  readonly isFresh: boolean;
  readonly #place: AtomicPlace;
  #bytes: number;
  /** What is durable of it. */
  #synced: number | undefined;
  #isOpen = true;

  /** `bytes`: of a file that an earlier run had committed so many of, and that this one goes on with. */
  constructor(place: AtomicPlace, bytes?: number) {
    this.#place = place;
    this.#bytes = bytes ?? 0;
    this.#synced = bytes;
    this.isFresh = this.#bytes === 0;
  }

  get identity(): Promise<string> {
    return identityOf(this.#place.file);
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    this.#bytes += await writeAll(this.#place.file, this.#place.named, chunks);
  }

  async commit(): Promise<number> {
    const { file, named } = this.#place;
    if (this.#synced !== this.#bytes) await tried(named, 'fsync', () => file.sync());
    this.#synced = this.#bytes;
    return this.#bytes;
  }

  async close(): Promise<void> {
    const { named, target, beside, mode, fs } = this.#place;
    try {
      await this.commit();
      await this.#closeFile();
      await tried(named, 'putting it in place', () => (mode === 'create' ? linkInPlace(beside, target, fs) : fs.rename(beside, target)));
    } catch (error) {
      await (this.#place.keeps === true ? this.#closeFile() : this.abort());
      throw errnoOf(error instanceof Error ? error.cause : undefined) === 'EEXIST' ? exists(named) : error;
    }
    await syncFolder(path.dirname(target), fs);
  }

  async abort(): Promise<void> {
    const { beside, fs } = this.#place;
    await this.#closeFile().catch(() => undefined);
    await fs.unlink(beside).catch(() => undefined);
  }

  /** Leaves what is committed to a run that goes on with it; false where nothing is. */
  async leave(): Promise<boolean> {
    const { file, named } = this.#place;
    const committed = this.#synced;
    if (committed === undefined || !this.#isOpen) return false;
    if (this.#bytes > committed) await tried(named, 'cutting it back', () => file.truncate(committed));
    await this.#closeFile();
    return true;
  }

  async #closeFile(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#place.file.close();
  }
}

/** link refuses a target that appeared meanwhile; rename would overwrite it. Where there are no links, an empty file keeps the place. */
async function linkInPlace(beside: string, target: string, fs: FileSystem): Promise<void> {
  try {
    await fs.link(beside, target);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errnoOf(error))) throw error;
    await (await fs.open(target, 'wx', 0o666)).close();
    await fs.rename(beside, target);
    return;
  }
  await fs.unlink(beside);
}

/** Else the name itself might not outlive a power cut. */
async function syncFolder(folder: string, fs: FileSystem): Promise<void> {
  await tried(folder, 'fsync of the folder', async () => {
    const handle = await fs.open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}

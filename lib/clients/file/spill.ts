import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SpillFile } from '../../core/spill.ts';
import { MillraceError } from '../../errors.ts';
import { tried } from './errors.ts';
import { FILE_SYSTEM, type FileSystem } from './file-system.ts';

/**
 * A file that nobody else can read and that has no name: its name is taken away as soon as it is open, so that nothing of it is left when the
 * process ends, however it ends. NOT_FOUND (the folder), NOT_PERMITTED, DISK_FULL, IO_FAILED.
 */
export async function openSpill(folder: string = tmpdir(), fs: Pick<FileSystem, 'open' | 'unlink'> = FILE_SYSTEM): Promise<SpillFile> {
  const named = path.join(folder, `.millrace.${randomBytes(8).toString('hex')}.tmp`);
  const file = await tried(folder, 'making a file to put records aside', () => fs.open(named, 'wx+', 0o600));
  try {
    await tried(folder, 'unlinking the file for records put aside', () => fs.unlink(named));
  } catch (error) {
    await file.close();
    throw error;
  }
  return new UnnamedFile(file, folder);
}

class UnnamedFile implements SpillFile {
  readonly #file: FileHandle;
  readonly #folder: string;
  #end = 0;
  #isOpen = true;

  constructor(file: FileHandle, folder: string) {
    this.#file = file;
    this.#folder = folder;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const at = this.#end;
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await tried(this.#folder, 'putting records aside', () =>
        this.#file.write(bytes, done, bytes.length - done, at + done),
      );
      done += bytesWritten;
    }
    this.#end += done;
    return at;
  }

  async read(at: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await tried(this.#folder, 'reading records that were put aside', () =>
        this.#file.read(bytes, done, length - done, at + done),
      );
      if (bytesRead === 0) throw new MillraceError('IO_FAILED', `${this.#folder}: records that were put aside are not there any more`);
      done += bytesRead;
    }
    return bytes;
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#file.close();
  }
}

import type { Stats } from 'node:fs';
import { tried } from './errors.ts';
import { FILE_SYSTEM, type FileSystem } from './file-system.ts';
import { type FileWriter, writeAll } from './file-writer.ts';

/** True of devices, pipes and sockets (/dev/null, /dev/stdout, a fifo): they are written to, never replaced, and read only once. */
export function isSpecial(found: Stats): boolean {
  return !found.isFile() && !found.isDirectory();
}

/** Whether a device or a pipe stands under this name; false where nothing does. */
export async function isSpecialFile(path: string, fs: FileSystem = FILE_SYSTEM): Promise<boolean> {
  return fs.stat(path).then(isSpecial, () => false);
}

/** Writes straight into a device or a pipe: what is written is gone. */
export async function openSpecial(path: string, fs: FileSystem = FILE_SYSTEM): Promise<FileWriter> {
  const file = await tried(path, 'opening it', () => fs.open(path, 'a'));
  let bytes = 0;
  return {
    isFresh: true,
    write: async chunks => {
      bytes += await writeAll(file, path, chunks);
    },
    commit: () => Promise.resolve(bytes),
    close: () => file.close(),
    abort: () => file.close(),
  };
}

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { tried } from './errors.ts';
import type { FoundFile } from './files.ts';

const HEAD_BYTES = 64 * 1024;

/** What a file is known by when it is read again. */
export interface FileInput {
  readonly [key: string]: string | number;
  readonly path: string;
  readonly bytes: number;
  /** When it was changed, in milliseconds since 1970. */
  readonly changed: number;
  /** Of its first 64 KiB. */
  readonly hash: string;
}

/** Files that can be read again; nothing is known of pipes and standard input. */
export async function inputOf(files: readonly FoundFile[]): Promise<FileInput[]> {
  return Promise.all(files.filter(({ bytes }) => bytes !== undefined).map(({ path }) => fileInput(path)));
}

async function fileInput(path: string): Promise<FileInput> {
  const file = await tried(path, 'opening it', () => open(path));
  try {
    const { size, mtimeMs } = await tried(path, 'looking at it', () => file.stat());
    const head = Buffer.alloc(Math.min(size, HEAD_BYTES));
    const { bytesRead } = await tried(path, 'reading it', () => file.read(head, 0, head.length, 0));
    return {
      path,
      bytes: size,
      changed: mtimeMs,
      hash: createHash('sha256').update(head.subarray(0, bytesRead)).digest('hex').slice(0, 16),
    };
  } finally {
    await file.close();
  }
}

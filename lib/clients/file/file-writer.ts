import type { FileHandle } from 'node:fs/promises';
import { tried } from './errors.ts';

/** Where bytes go. `commit` makes them durable, `close` makes them visible, `abort` takes back all since the last commit that can be. */
export interface FileWriter {
  /** False where something stood before: a file with bytes in it is appended to. */
  readonly isFresh: boolean;
  /** Of a file: what tells it from all others, whatever its name. */
  readonly identity?: Promise<string>;
  write(chunks: readonly Uint8Array[]): Promise<void>;
  /** Gives the length of what is durable. */
  commit(): Promise<number>;
  /** Commits what was written since, too. */
  close(): Promise<void>;
  abort(): Promise<void>;
}

/** Small pieces are joined: a call of the system costs more than copying them. */
const JOINED_BYTES = 64 * 1024;

/** Writes all of the chunks where the file stands now. Gives how many bytes that were. */
export async function writeAll(file: FileHandle, path: string, chunks: readonly Uint8Array[]): Promise<number> {
  let bytes = 0;
  for (const chunk of joined(chunks)) {
    let done = 0;
    while (done < chunk.length) {
      const { bytesWritten } = await tried(path, 'writing it', () => file.write(chunk, done, chunk.length - done, null));
      done += bytesWritten;
    }
    bytes += chunk.length;
  }
  return bytes;
}

function joined(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
  if (chunks.length < 2) return chunks;
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return bytes <= JOINED_BYTES ? [Buffer.concat(chunks)] : chunks;
}

import * as node from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { FileSystem } from '../../../lib/clients/file/file-system.ts';

export interface Faults {
  /** Bytes that fit in all; then every write is short by what is too much, and the next fails: ENOSPC. */
  readonly roomBytes?: number;
  /** Calls that fail with this errno. */
  readonly fails?: Partial<Record<'sync' | 'link' | 'rename' | 'folderSync', string>>;
}

/** The real file system, on a disk of limited size. */
export function faultyFileSystem({ roomBytes = Infinity, fails = {} }: Faults): FileSystem {
  let room = roomBytes;
  const failing = (name: keyof NonNullable<Faults['fails']>): void => {
    const code = fails[name];
    if (code !== undefined) throw Object.assign(new Error(`${code}: ${name}`), { code });
  };
  const open = (async (path: string, flags: string, mode?: number) => {
    const handle = await node.open(path, flags, mode);
    const write = handle.write.bind(handle) as (bytes: Uint8Array, offset: number, length: number, position: null) => Promise<unknown>;
    return Object.assign(handle, {
      write: async (bytes: Uint8Array, offset: number, length: number) => {
        if (length > 0 && room === 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
        const fitting = Math.min(room, length);
        room -= fitting;
        return write(bytes, offset, fitting, null);
      },
      sync: () => {
        failing(flags === 'r' ? 'folderSync' : 'sync');
        return Promise.resolve();
      },
    } as unknown as Partial<FileHandle>);
  }) as unknown as typeof node.open;
  return {
    open,
    unlink: node.unlink,
    stat: node.stat,
    lstat: node.lstat,
    realpath: node.realpath,
    link: async (from, to) => {
      failing('link');
      await node.link(from, to);
    },
    rename: async (from, to) => {
      failing('rename');
      await node.rename(from, to);
    },
  };
}

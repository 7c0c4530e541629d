import * as node from 'node:fs/promises';

/** What the writers need of a file system: so that tests can give one whose disk is full at any byte. */
export type FileSystem = Pick<typeof node, 'open' | 'link' | 'rename' | 'unlink' | 'stat' | 'lstat' | 'realpath'>;

export const FILE_SYSTEM: FileSystem = node;

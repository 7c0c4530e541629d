import { type ErrorCode, MillraceError } from '../../errors.ts';

const CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ['NOT_FOUND', 'there is no such file or folder'],
  ENOTDIR: ['NOT_FOUND', 'part of the path is no folder'],
  EISDIR: ['NOT_PERMITTED', 'it is a folder'],
  EACCES: ['NOT_PERMITTED', 'this user may not'],
  EPERM: ['NOT_PERMITTED', 'this user may not'],
  EROFS: ['NOT_PERMITTED', 'the file system is read-only'],
  EEXIST: ['EXISTS', 'it is there already'],
  ENOSPC: ['DISK_FULL', 'no space is left'],
  EDQUOT: ['DISK_FULL', 'the quota is used up'],
};

/** A failed call of the file system as an error of ours, with the path and what was tried. */
export function fileError(error: unknown, path: string, tried: string): MillraceError {
  if (error instanceof MillraceError) return error;
  const [code, why] = CODES[(error as NodeJS.ErrnoException).code ?? ''] ?? ['IO_FAILED', (error as Error).message];
  return new MillraceError(code, `${path}: ${tried} failed: ${why}`, { cause: error });
}

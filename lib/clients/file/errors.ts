import { type ErrorCode, MillraceError } from '../../errors.ts';

const CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ['NOT_FOUND', 'there is no such file or folder'],
  ENOTDIR: ['NOT_FOUND', 'part of the path is no folder'],
  ENAMETOOLONG: ['NOT_FOUND', 'the name is too long'],
  ELOOP: ['NOT_FOUND', 'a symbolic link leads to itself'],
  EISDIR: ['NOT_PERMITTED', 'it is a folder'],
  EACCES: ['NOT_PERMITTED', 'this user may not'],
  EPERM: ['NOT_PERMITTED', 'this user may not'],
  EROFS: ['NOT_PERMITTED', 'the file system is read-only'],
  ETXTBSY: ['NOT_PERMITTED', 'it is being run'],
  EEXIST: ['EXISTS', 'it is there already'],
  ENOSPC: ['DISK_FULL', 'no space is left'],
  EDQUOT: ['DISK_FULL', 'the quota is used up'],
};

/** A failed call of the file system as an error of ours, with the path and what was tried. */
export function fileError(error: unknown, path: string, tried: string): MillraceError {
  if (error instanceof MillraceError) return error;
  const [code, why] = CODES[errnoOf(error)] ?? ['IO_FAILED', error instanceof Error ? error.message : String(error)];
  return new MillraceError(code, `${path}: ${tried} failed: ${why}`, { cause: error });
}

/** The system's name of an error: ENOENT; empty where it has none. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Runs a call of the file system; what it throws becomes an error of ours. */
export async function tried<T>(path: string, what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fileError(error, path, what);
  }
}

export function exists(path: string): MillraceError {
  return new MillraceError('EXISTS', `${path} is there already; append to it (mode append), replace it (mode replace) or name another`);
}

export function isFolder(path: string): MillraceError {
  return new MillraceError('NOT_PERMITTED', `${path} is a folder; name a file, or a pattern such as ${path.replace(/\/$/, '')}/*.csv`);
}

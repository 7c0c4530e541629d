import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { glob } from 'tinyglobby';
import { MillraceError } from '../../errors.ts';
import { isFolder, tried } from './errors.ts';
import { isSpecial } from './special-file.ts';

/** A file that is to be read. */
export interface FoundFile {
  readonly path: string;
  /** Undefined of standard input, pipes and devices, which can be read once only. */
  readonly bytes: number | undefined;
}

/**
 * The files of a pattern (`data/*.csv`, `data/**\/*.ndjson.gz`) in the order of their names, by code points; a path without wildcards, or one
 * that is there as it stands, is itself; `-` is standard input. NOT_FOUND with the path or the pattern; NOT_PERMITTED.
 */
export async function filesOf(path: string): Promise<FoundFile[]> {
  if (path === '-') return [{ path, bytes: undefined }];
  if (!isPattern(path) || (await isThere(path))) return [await found(path)];
  const paths = await tried(path, 'looking for files', () =>
    glob(path, { expandDirectories: false, onlyFiles: true, absolute: isAbsolute(path) }),
  );
  if (paths.length === 0) throw new MillraceError('NOT_FOUND', `no file matches ${path}`);
  return Promise.all(paths.sort(byCodePoints).map(found));
}

/** Whether a path has wildcards. */
export function isPattern(path: string): boolean {
  return /[*?[\]{}]|[!@+]\(/.test(path);
}

async function found(path: string): Promise<FoundFile> {
  const stats = await tried(path, 'opening it', () => stat(path));
  if (stats.isDirectory()) throw isFolder(path);
  return { path, bytes: isSpecial(stats) ? undefined : stats.size };
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

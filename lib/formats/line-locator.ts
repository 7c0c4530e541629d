import type { Locator } from '../core/batch/batch.ts';

/** Places of records whose lines are known: `lines[row]`, 1 for the first of the file. */
export function lineLocator(file: string, lines: ArrayLike<number>): Locator {
  return row => ({ file, line: lines[row] as number });
}

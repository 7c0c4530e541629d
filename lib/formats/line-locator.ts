import type { Locator } from '../core/batch/locator.ts';

/** Places of records: `lines[row]`, 1 for the first of the file, 0 where nobody knows. */
export function lineLocator(file: string, lines: ArrayLike<number>): Locator {
  return row => (lines[row] === 0 ? undefined : { file, line: lines[row] as number });
}

import type { Position } from './batch.ts';

/** Where a row of a batch stood in its source, for dead letters and messages. */
export type Locator = (row: number) => Position | undefined;

/** Apart from `locator`: closures of one function keep alive what any of them uses. */
export function locatorOf(locate: Locator | undefined, selection: Uint32Array | undefined, position: Position | undefined): Locator {
  return locate === undefined ? () => position : row => locate(selection?.[row] ?? row) ?? position;
}

/** A locator of some of the rows: a function of its own, which keeps nothing of their batch alive. */
export function pickedLocator(locate: Locator, rows: Uint32Array): Locator {
  return row => locate(rows[row] as number);
}

/** The loops of row-loop.ts where no code may be generated. */
import type { AnyRow, RowFunction } from '../define.ts';
import { Rejected } from '../rejected.ts';
import { notRecord } from './gather.ts';
import { refusal } from './row-function.ts';
import type { CallResult, Loop, LoopHooks, LoopResult } from './row-loop.ts';
import { isThenable } from './waiting.ts';

export function interpretedRows(functions: readonly RowFunction[]): Loop<LoopResult> {
  return (rows, result, hooks) => {
    for (const [i, given] of rows.entries()) {
      const row = through(functions, given, i, result.dropped, hooks);
      if (row === undefined) continue;
      if (row !== given) result.isChanged = true;
      result.from[result.count] = i;
      result.rows[result.count++] = row;
    }
  };
}

export function interpretedCalls(functions: readonly RowFunction[], each: (row: AnyRow) => unknown): Loop<CallResult> {
  return (rows, result, hooks) => {
    while (result.next < rows.length) {
      const index = result.next++;
      const row = through(functions, rows[index], index, result.dropped, hooks);
      if (row === undefined) continue;
      throwFailure(hooks);
      try {
        const promise = each(row as AnyRow);
        if (isThenable(promise)) {
          result.waiting = { index, row, promise };
          return;
        }
        result.calls++;
      } catch (error) {
        throwFailure(hooks);
        hooks.refused(functions.length, index, row, refusal(error));
      }
    }
  };
}

/** One row through all functions; undefined, and counted, where it does not come out. */
function through(
  functions: readonly RowFunction[],
  given: unknown,
  index: number,
  dropped: number[],
  hooks: LoopHooks,
): object | undefined {
  if (notRecord(given) !== undefined) hooks.misfit();
  let row = given as object;
  for (const [stage, change] of functions.entries()) {
    let next: object | undefined;
    try {
      next = change(row as AnyRow);
    } catch (error) {
      throwFailure(hooks);
      next = refusal(error);
    }
    if (next === undefined) {
      dropped[stage] = (dropped[stage] as number) + 1;
      return undefined;
    }
    if (next instanceof Rejected) {
      hooks.refused(stage, index, row, next);
      return undefined;
    }
    row = next;
  }
  return row;
}

function throwFailure({ failure }: LoopHooks): void {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- as it was thrown
  if (failure !== undefined) throw failure;
}

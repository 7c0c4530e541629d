import type { RowFunction } from '../define.ts';
import { Rejected } from '../rejected.ts';

/** What a loop found, beside the rows that it gives. Reused from batch to batch. */
export interface LoopResult {
  /** Rows that came through, as the last function returned them. */
  rows: object[];
  /** Their row numbers in the batch. */
  from: Uint32Array;
  count: number;
  /** True when some function returned another object than it was given. */
  isChanged: boolean;
}

export interface LoopHooks {
  /** Function `stage` returned undefined. */
  dropped(stage: number): void;
  /** What `refused` threw: the run is over, and this is no function's own error. */
  failure?: unknown;
  /** Function `stage` refused the record (as that function got it), or threw. */
  refused(stage: number, index: number, record: object, rejected: Rejected): void;
}

export type RowLoop = (rows: readonly object[], result: LoopResult, hooks: LoopHooks) => void;

/**
 * One loop over the rows of a batch for all functions of a run of row operators. The code is generated, so that each function has a call
 * site of its own and is inlined there; where code generation is off, a loop over the functions does the same.
 */
export function compileRowLoop(functions: readonly RowFunction[]): RowLoop {
  const source = `
    return function rowLoop(rows, result, hooks) {
      const out = result.rows, from = result.from;
      let count = 0, isChanged = false;
      for (let i = 0; i < rows.length; i++) {
        const first = rows[i];
        let row = first, next, stage = 0;
        try {
          ${functions.map((_, stage) => step(stage)).join('\n')}
        } catch (error) {
          if (hooks.failure !== undefined) throw hooks.failure;
          hooks.refused(stage, i, row, threw(error));
          continue;
        }
        if (row !== first) isChanged = true;
        from[count] = i;
        out[count++] = row;
      }
      result.count = count;
      result.isChanged = isChanged;
    };`;
  try {
    const names = functions.map((_, stage) => `f${stage}`);
    const make = new Function(...names, 'Rejected', 'threw', source) as (...given: unknown[]) => RowLoop;
    return make(...functions, Rejected, threw);
  } catch {
    return interpretedLoop(functions);
  }
}

function step(stage: number): string {
  return `
    stage = ${stage};
    next = f${stage}(row);
    if (next === undefined) { hooks.dropped(${stage}); continue; }
    if (next instanceof Rejected) { hooks.refused(${stage}, i, row, next); continue; }
    row = next;`;
}

function interpretedLoop(functions: readonly RowFunction[]): RowLoop {
  return (rows, result, hooks) => {
    result.count = 0;
    result.isChanged = false;
    for (const [i, first] of rows.entries()) {
      const row = through(functions, first, i, hooks);
      if (row === undefined) continue;
      if (row !== first) result.isChanged = true;
      result.from[result.count] = i;
      result.rows[result.count++] = row;
    }
  };
}

function through(functions: readonly RowFunction[], first: object, index: number, hooks: LoopHooks): object | undefined {
  let row: object = first;
  for (const [stage, change] of functions.entries()) {
    let next: object | undefined;
    try {
      next = change(row as Record<string, unknown>);
    } catch (error) {
      next = threw(error);
    }
    if (next === undefined) {
      hooks.dropped(stage);
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

/** A function of the user's that threw refuses the record. */
export function threw(error: unknown): Rejected {
  return new Rejected('OPERATOR_THREW', error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}

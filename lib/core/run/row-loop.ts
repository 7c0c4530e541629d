import { MillraceError } from '../../errors.ts';
import type { AnyRow, RowFunction } from '../define.ts';
import { Rejected } from '../rejected.ts';
import { notRecord } from './gather.ts';

/** What a loop found in one batch, and room for the rows that it gives. */
export interface LoopResult {
  /** Rows that came through, as the last function returned them. */
  rows: object[];
  /** Their row numbers in the batch. */
  from: Uint32Array;
  count: number;
  /** True when some function returned another object than it was given. */
  isChanged: boolean;
  /** For each function the rows for which it returned undefined. */
  dropped: number[];
}

export interface LoopHooks {
  /** What `refused` threw: the run is over, and this is no function's own error. */
  failure?: unknown;
  /** Function `stage` refused the record (as that function got it), or threw. */
  refused(stage: number, index: number, record: object, rejected: Rejected): void;
  /** Something in the batch is no record: throws. */
  misfit(): never;
}

export type RowLoop = (rows: readonly unknown[], result: LoopResult, hooks: LoopHooks) => void;

/**
 * One loop over the rows of a batch for all functions of a run of row operators. The code is generated, so that each function has a call
 * site of its own and is inlined there; where code generation is off, a loop over the functions does the same.
 */
export function compileRowLoop(functions: readonly RowFunction[]): RowLoop {
  const source = `
    return function rowLoop(rows, result, hooks) {
      const out = result.rows, from = result.from;
      let count = 0, isChanged = false;
      ${functions.map((_, stage) => `let dropped${stage} = 0;`).join(' ')}
      for (let i = 0; i < rows.length; i++) {
        const first = rows[i];
        if (notRecord(first) !== undefined) hooks.misfit();
        let row = first, next, stage = 0;
        try {
          ${functions.map((_, stage) => step(stage)).join('\n')}
        } catch (error) {
          if (hooks.failure !== undefined) throw hooks.failure;
          hooks.refused(stage, i, row, refusal(error));
          continue;
        }
        if (row !== first) isChanged = true;
        from[count] = i;
        out[count++] = row;
      }
      result.count = count;
      result.isChanged = isChanged;
      ${functions.map((_, stage) => `result.dropped[${stage}] = dropped${stage};`).join(' ')}
    };`;
  try {
    const names = functions.map((_, stage) => `f${stage}`);
    const make = new Function(...names, 'Rejected', 'refusal', 'notRecord', source) as (...given: unknown[]) => RowLoop;
    return make(...functions, Rejected, refusal, notRecord);
  } catch {
    return interpretedLoop(functions);
  }
}

function step(stage: number): string {
  return `
    stage = ${stage};
    next = f${stage}(row);
    if (next !== row) {
      if (next === undefined) { dropped${stage}++; continue; }
      if (next instanceof Rejected) { hooks.refused(${stage}, i, row, next); continue; }
      row = next;
    }`;
}

function interpretedLoop(functions: readonly RowFunction[]): RowLoop {
  return (rows, result, hooks) => {
    result.count = 0;
    result.isChanged = false;
    result.dropped.fill(0);
    for (const [i, given] of rows.entries()) {
      if (notRecord(given) !== undefined) hooks.misfit();
      const first = given as object;
      const row = through(functions, first, i, result, hooks);
      if (row === undefined) continue;
      if (row !== first) result.isChanged = true;
      result.from[result.count] = i;
      result.rows[result.count++] = row;
    }
  };
}

function through(
  functions: readonly RowFunction[],
  first: object,
  index: number,
  result: LoopResult,
  hooks: LoopHooks,
): object | undefined {
  let row: object = first;
  for (const [stage, change] of functions.entries()) {
    let next: object | undefined;
    try {
      next = change(row as Record<string, unknown>);
    } catch (error) {
      next = refusal(error);
    }
    if (next === undefined) {
      result.dropped[stage] = (result.dropped[stage] as number) + 1;
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

/** What a row function threw: the record's fault, unless it is the run's. */
function refusal(error: unknown): Rejected {
  if (error instanceof MillraceError && error.code === 'STATE_TOO_LARGE') throw error;
  return threw(error);
}

/** A function of the user's that threw refuses the record. */
export function threw(error: unknown): Rejected {
  return new Rejected('OPERATOR_THREW', error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}

/** What stands behind a user's function, `result` being what it gave: the row where that is plain, else the outcome that is worked out. */
const PLAIN = {
  keeps: 'result === true ? row : outcome(row, result)',
  changes:
    "typeof result === 'object' && result !== null && result.then === undefined && !Array.isArray(result) && !ArrayBuffer.isView(result) ? result : outcome(row, result)",
} as const;

let made = 0;

/**
 * A row function around a user's own. It is made of text, and of another text each time: so each has type feedback of its own, and the loop
 * that calls it has the user's function inlined. Without code generation it is a plain closure.
 */
export function around<Result>(
  use: (row: AnyRow) => Result,
  shape: keyof typeof PLAIN,
  outcome: (row: AnyRow, result: Result) => ReturnType<RowFunction>,
): RowFunction {
  const source = `return function ${shape}${made++}(row) { const result = use(row); return ${PLAIN[shape]}; }`;
  try {
    return (new Function('use', 'outcome', source) as (...given: unknown[]) => RowFunction)(use, outcome);
  } catch {
    return row => outcome(row, use(row));
  }
}

import type { AnyRow, RowFunction } from '../define.ts';
import { Rejected } from '../rejected.ts';
import { notRecord } from './gather.ts';
import { type Outcome, partsOf, refusal, type RowParts, type Shape } from './row-function.ts';

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

/** The same for any run of the same users' functions; what is the run's own comes with each call. */
type SharedLoop = (rows: readonly unknown[], result: LoopResult, hooks: LoopHooks, outcomes: readonly Outcome[]) => void;

/**
 * One loop over the rows of a batch for all functions of a run of row operators. The code is generated, so that each function has a call
 * site of its own and is inlined there; where code generation is off, a loop over the functions does the same.
 */
export function compileRowLoop(functions: readonly RowFunction[]): RowLoop {
  try {
    const parts = functions.map(change => partsOf(change) ?? { use: change, shape: undefined, outcome: change });
    const loop = loopOf(parts);
    const outcomes = parts.map(({ outcome }) => outcome);
    return (rows, result, hooks) => loop(rows, result, hooks, outcomes);
  } catch {
    return interpretedLoop(functions);
  }
}

/** `shape` is undefined for an operator's own row function: what it returns is the outcome. */
type Part = Pick<RowParts, 'use' | 'outcome'> & { readonly shape: Shape | undefined };

/** Loops that were made for users' functions: one that was run before is known to the compiler. Kept as long as the first function is. */
class LoopCache {
  loop: SharedLoop | undefined;
  readonly #next = { keeps: new WeakMap<Part['use'], LoopCache>(), changes: new WeakMap(), sees: new WeakMap() };

  after(use: Part['use'], shape: Shape): LoopCache {
    const known: WeakMap<Part['use'], LoopCache> = this.#next[shape];
    const next = known.get(use) ?? new LoopCache();
    known.set(use, next);
    return next;
  }
}

const cache = new LoopCache();

function loopOf(parts: readonly Part[]): SharedLoop {
  let place = cache;
  for (const { use, shape } of parts) {
    if (shape === undefined) return makeLoop(parts);
    place = place.after(use, shape);
  }
  return (place.loop ??= makeLoop(parts));
}

/**
 * Each function's result has a variable of its own: with one for all of them, the compiler could leave out none of the objects in between.
 * A check of plain objects that asks for their constructor leaves it that freedom too; what fails it may be a record all the same. What is rare
 * stands outside of the loop: the shorter the loop, the sooner it is compiled.
 */
function makeLoop(parts: readonly Part[]): SharedLoop {
  const names = rowNames(parts);
  const last = names.at(-1) as string;
  const made = [...new Set(names.slice(1))].filter(name => name !== 'row0');
  const source = `
    return function rowLoop(rows, result, hooks, outcomes) {
      const out = result.rows, from = result.from, dropped = result.dropped;
      let count = 0, isChanged = false;
      for (let i = 0; i < rows.length; i++) {
        const row0 = rows[i];
        if (notRecord(row0) !== undefined) hooks.misfit();
        let stage = 0${made.map(name => `, ${name}`).join('')};
        try {
          ${parts.map(({ shape }, stage) => `${stage > 0 ? `stage = ${stage};` : ''} ${step(stage, shape, names[stage] as string, names[stage + 1] as string)}`).join('\n')}
        } catch (error) {
          threw(hooks, error, stage, i, [${names.join(', ')}]);
          continue;
        }
        ${made.length === 0 ? '' : `if (${last} !== row0) isChanged = true;`}
        from[count] = i;
        out[count++] = ${last};
      }
      result.count = count;
      result.isChanged = isChanged;
    };`;
  const given = [...parts.map((_, stage) => `f${stage}`), 'notRecord', 'settled', 'threw'];
  const make = new Function(...given, source) as (...values: unknown[]) => SharedLoop;
  return make(...parts.map(({ use }) => use), notRecord, settled, threwAt);
}

/** The variable that each function finds its row in, and that of the rows that come out. */
function rowNames(parts: readonly Part[]): string[] {
  const names = ['row0'];
  for (const [stage, { shape }] of parts.entries())
    names.push(shape === 'keeps' || shape === 'sees' ? (names[stage] as string) : `row${stage + 1}`);
  return names;
}

function step(stage: number, shape: Shape | undefined, row: string, to: string): string {
  const outcome = (result: string): string => `settled(hooks, dropped, ${stage}, i, ${row}, outcomes[${stage}](${row}, ${result}))`;
  switch (shape) {
    case undefined:
      return `${to} = f${stage}(${row}); if (${to} !== ${row} && (${to} = settled(hooks, dropped, ${stage}, i, ${row}, ${to})) === undefined) continue;`;
    case 'keeps':
      return `const kept${stage} = f${stage}(${row});
        if (kept${stage} === false) { dropped[${stage}]++; continue; }
        if (kept${stage} !== true && ${outcome(`kept${stage}`)} === undefined) continue;`;
    case 'changes':
      return `${to} = f${stage}(${row});
        if (!(typeof ${to} === 'object' && ${to} !== null && ${to}.constructor === Object && ${to}.then === undefined)) {
          if ((${to} = ${outcome(to)}) === undefined) continue;
        }`;
    case 'sees':
      return `f${stage}(${row});`;
  }
}

/** The row that comes of an outcome; undefined, and counted, where none does. */
function settled(
  hooks: LoopHooks,
  dropped: number[],
  stage: number,
  index: number,
  row: object,
  outcome: ReturnType<Outcome>,
): object | undefined {
  if (outcome === undefined) dropped[stage] = (dropped[stage] as number) + 1;
  else if (outcome instanceof Rejected) hooks.refused(stage, index, row, outcome);
  else return outcome;
  return undefined;
}

function threwAt(hooks: LoopHooks, error: unknown, stage: number, index: number, rows: readonly object[]): void {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- as it was thrown
  if (hooks.failure !== undefined) throw hooks.failure;
  hooks.refused(stage, index, rows[stage] as object, refusal(error));
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
      next = change(row as AnyRow);
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

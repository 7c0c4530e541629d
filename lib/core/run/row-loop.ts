import type { AnyRow, RowFunction } from '../define.ts';
import { Rejected } from '../rejected.ts';
import { notRecord } from './gather.ts';
import { interpretedCalls, interpretedRows } from './interpreted-loop.ts';
import { type Outcome, partsOf, refusal, type RowParts, type Shape } from './row-function.ts';
import { isThenable } from './waiting.ts';

/** What a loop counts in one batch. */
interface Dropped {
  /** For each function the rows for which it returned undefined. */
  readonly dropped: number[];
}

/** What a loop found in one batch, and room for the rows that it gives. */
export interface LoopResult extends Dropped {
  /** Rows that came through, as the last function returned them. */
  rows: object[];
  /** Their row numbers in the batch. */
  from: Uint32Array;
  count: number;
  /** True when some function returned another object than it was given. */
  isChanged: boolean;
}

/** How far a loop is that calls a function with the rows that come through, instead of giving them. */
export interface CallResult extends Dropped {
  /** The row to go on with. */
  next: number;
  /** Calls that came back with no promise. */
  calls: number;
  /** The call that gave one: the loop stopped behind it. */
  waiting: { readonly index: number; readonly row: object; readonly promise: PromiseLike<unknown> } | undefined;
}

export interface LoopHooks {
  /** Why the run is over: no function's own error, and no further call of the sink's is begun. */
  failure?: unknown;
  /** Function `stage` refused the record (as that function got it), or threw; the sink's stands behind all. */
  refused(stage: number, index: number, record: object, rejected: Rejected): void;
  /** Something in the batch is no record: throws. */
  misfit(): never;
}

/** Goes over the rows of one batch. */
export type Loop<Result> = (rows: readonly unknown[], result: Result, hooks: LoopHooks) => void;

/** The same for all functions of these shapes; those that it calls come with each call. */
type SharedLoop<Result> = (rows: readonly unknown[], result: Result, hooks: LoopHooks, uses: Uses, outcomes: readonly Outcome[]) => void;
type Uses = readonly ((row: AnyRow) => unknown)[];

/**
 * One loop over the rows of a batch for all functions of a run of row operators. The code is generated, so that each function has a call
 * site of its own and is inlined there; where code generation is off, a loop over the functions does the same.
 */
export function compileRowLoop(functions: readonly RowFunction[]): Loop<LoopResult> {
  return compiled(functions, rowLoops) ?? interpretedRows(functions);
}

/** The same with a call of `each` in place of giving the row: nothing is kept of the rows. */
export function compileCallLoop(functions: readonly RowFunction[], each: (row: AnyRow) => unknown): Loop<CallResult> {
  return compiled(functions, callLoops, each) ?? interpretedCalls(functions, each);
}

/** `shape` is undefined for an operator's own row function: what it returns is the outcome. */
type Part = Pick<RowParts, 'use' | 'outcome'> & { readonly shape: Shape | undefined };

function compiled<Result>(functions: readonly RowFunction[], loops: LoopCache<Result>, each?: Part['use']): Loop<Result> | undefined {
  const parts = functions.map(change => partsOf(change) ?? { use: change, shape: undefined, outcome: change });
  const outcomes = parts.map(({ outcome }) => outcome);
  const uses = parts.map(({ use }) => use);
  if (each !== undefined) uses.push(each);
  try {
    const loop = loops.loopOf(
      parts.map(({ shape }) => shape),
      uses,
    );
    return (rows, result, hooks) => loop(rows, result, hooks, uses, outcomes);
  } catch {
    return undefined;
  }
}

type Shapes = readonly (Shape | undefined)[];

const LOOPS_KEPT = 100;

/**
 * Loops by what the functions look like: a pipeline that is built again, with new functions of the same text, has a loop that the compiler knows.
 * One loop for all functions of the same shapes would call too many to have any of them inlined.
 */
class LoopCache<Result> {
  readonly #loops = new Map<string, SharedLoop<Result>>();
  readonly #make: (shapes: Shapes) => SharedLoop<Result>;

  constructor(make: (shapes: Shapes) => SharedLoop<Result>) {
    this.#make = make;
  }

  loopOf(shapes: Shapes, uses: Uses): SharedLoop<Result> {
    const key = uses.map((use, i) => `${shapes[i] ?? ''} ${String(use)}`).join('\n');
    const known = this.#loops.get(key);
    const loop = known ?? this.#make(shapes);
    // Also what is looked up becomes the youngest.
    this.#loops.delete(key);
    this.#loops.set(key, loop);
    if (this.#loops.size > LOOPS_KEPT) this.#loops.delete(this.#loops.keys().next().value as string);
    return loop;
  }
}

/**
 * Each function's result has a variable of its own: with one for all of them, the compiler could leave out none of the objects in between.
 * A check of plain objects that asks for their constructor leaves it that freedom too; what fails it may be a record all the same. What is rare
 * stands outside of the loop: the shorter the loop, the sooner it is compiled.
 */
function makeRowLoop(shapes: Shapes): SharedLoop<LoopResult> {
  const names = rowNames(shapes);
  const last = names.at(-1) as string;
  return generate(`
    ${functionNames(shapes.length)}
    const out = result.rows, from = result.from, dropped = result.dropped;
    let count = 0, isChanged = false;
    for (let i = 0; i < rows.length; i++) {
      ${rowSteps(shapes, names)}
      } catch (error) {
        threw(hooks, error, stage, i, [${names.join(', ')}]);
        continue;
      }
      ${last === 'row0' ? '' : `if (${last} !== row0) isChanged = true;`}
      from[count] = i;
      out[count++] = ${last};
    }
    result.count = count;
    result.isChanged = isChanged;`);
}

function makeCallLoop(shapes: Shapes): SharedLoop<CallResult> {
  const names = rowNames(shapes);
  const last = names.at(-1) as string;
  const end = shapes.length;
  return generate(`
    ${functionNames(end + 1)}
    const dropped = result.dropped;
    let calls = result.calls;
    for (let i = result.next; i < rows.length; i++) {
      ${rowSteps(shapes, names)}
        stage = ${end};
        if (hooks.failure !== undefined) over(hooks);
        const ended = f${end}(${last});
        if (ended !== undefined && isThenable(ended)) {
          stopped(result, i, calls, ${last}, ended);
          return;
        }
        calls++;
      } catch (error) {
        result.calls = calls;
        threw(hooks, error, stage, i, [${[...names, last].join(', ')}]);
      }
    }
    result.next = rows.length;
    result.calls = calls;`);
}

const rowLoops = new LoopCache(makeRowLoop);
const callLoops = new LoopCache(makeCallLoop);

function generate<Result>(body: string): SharedLoop<Result> {
  const source = `return function rowLoop(rows, result, hooks, uses, outcomes) { ${body} };`;
  const make = new Function('notRecord', 'settled', 'threw', 'isThenable', 'stopped', 'over', source) as (
    ...given: unknown[]
  ) => SharedLoop<Result>;
  return make(notRecord, settled, threwAt, isThenable, stopped, over);
}

/** A call site of its own for each function. */
function functionNames(count: number): string {
  return Array.from({ length: count }, (_, stage) => `const f${stage} = uses[${stage}];`).join(' ');
}

/** Row `i` through all functions; a `try` is left open. */
function rowSteps(shapes: Shapes, names: readonly string[]): string {
  const made = [...new Set(names.slice(1))].filter(name => name !== 'row0');
  return `const row0 = rows[i];
        if (notRecord(row0) !== undefined) hooks.misfit();
        let stage = 0${made.map(name => `, ${name}`).join('')};
        try {
          ${shapes.map((shape, stage) => `${stage > 0 ? `stage = ${stage};` : ''} ${step(stage, shape, names[stage] as string, names[stage + 1] as string)}`).join('\n')}`;
}

/** The loop goes on behind this row, when somebody has waited for the promise. */
function stopped(result: CallResult, index: number, calls: number, row: object, promise: PromiseLike<unknown>): void {
  result.next = index + 1;
  result.calls = calls;
  result.waiting = { index, row, promise };
}

/** The variable that each function finds its row in, and that of the rows that come out. */
function rowNames(shapes: Shapes): string[] {
  const names = ['row0'];
  for (const [stage, shape] of shapes.entries())
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
      return `const seen${stage} = f${stage}(${row});
        if (seen${stage} !== undefined && isThenable(seen${stage}) && ${outcome(`seen${stage}`)} === undefined) continue;`;
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

function over({ failure }: LoopHooks): never {
  throw failure;
}

function threwAt(hooks: LoopHooks, error: unknown, stage: number, index: number, rows: readonly object[]): void {
  if (hooks.failure !== undefined) over(hooks);
  hooks.refused(stage, index, rows[stage] as object, refusal(error));
}

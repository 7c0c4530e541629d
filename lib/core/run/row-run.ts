/** Runs of row operators: what comes through is a batch again, or is handed to the sink's function. */
import { MillraceError } from '../../errors.ts';
import type { Schema } from '../../schema/schema.ts';
import { RecordBatch } from '../batch/batch.ts';
import { pickedLocator } from '../batch/locator.ts';
import { withRows } from '../batch/decodable.ts';
import type { DeadLetter } from '../contracts.ts';
import type { AnyBatch, AnyRow, Rejected, RowFunction } from '../define.ts';
import { letterOf } from '../delivery/rejects.ts';
import type { StageCounter } from './counter.ts';
import type { RunningOperator } from './operator-context.ts';
import { type CallResult, compileCallLoop, compileRowLoop, type Loop, type LoopHooks, type LoopResult } from './row-loop.ts';
import { threw } from './row-function.ts';
import type { OperatorStage, SinkStage } from './stage.ts';
import { untilAborted } from './until-aborted.ts';

/** An operator that is about to run. */
export interface OpenOperator {
  readonly stage: OperatorStage;
  readonly context: RunningOperator;
  /** What it gives, where that can be known. */
  readonly output: Schema | undefined;
}

/** Takes what row functions refuse; called while a batch is worked on. */
export type LetterTaker = (letter: DeadLetter, stage: OperatorStage) => void;

/** Called when a step makes plain objects of a batch, with the batch's bytes: they weigh several times as much. */
export type RowsMade = (bytes: number) => void;

/** A run of row operators. Rows that come through unchanged stay a view of the batch, so that its bytes are not lost. */
export function rowStep(run: readonly OpenOperator[], take: LetterTaker): (batch: AnyBatch, rowsMade: RowsMade) => AnyBatch {
  const loop = compileRowLoop(functionsOf(run));
  const output = run.at(-1)?.output;
  const rowNumbers = new RowNumbers();
  const first = run[0] as OpenOperator;
  return (given, rowsMade) => {
    if (given.length === 0) return given;
    if (isStopped(run)) return dropAll(given, first.context.counter);
    if (!given.hasRows) rowsMade(given.bytes);
    const refused = run.map(() => 0);
    const batch = decoded(given, refused, first.stage.kind, letter => take(letter, first.stage));
    const hooks = hooksOf(batch, refused, (stage, index, record, rejected) => {
      const operator = (run[stage] as OpenOperator).stage;
      take(letterOfRow(batch, index, operator.kind, record, rejected), operator);
    });
    const result: LoopResult = {
      rows: new Array<object>(batch.length),
      from: rowNumbers.room(batch.length),
      count: 0,
      isChanged: false,
      dropped: run.map(() => 0),
    };
    loop(batch.uncheckedRows, result, hooks);
    countRun(run, given.length, result.dropped, refused, result.count);
    return resultBatch(batch, result, output, rowNumbers);
  };
}

/** The sink's function behind a run of row operators, and what it shares with them. */
export interface SinkCalls {
  readonly kind: string;
  readonly each: (row: AnyRow) => unknown;
  readonly counter: StageCounter;
  readonly signal: AbortSignal;
  readonly take: (letter: DeadLetter) => void;
}

/** Of a sink that is no more than a call for each record. */
export function sinkCallsOf(sink: Omit<SinkCalls, 'kind' | 'each'> & { readonly stage: SinkStage }): SinkCalls | undefined {
  const { kind, definition, options, given } = sink.stage;
  const each = definition.each?.(options, given);
  return each && { kind, each, counter: sink.counter, signal: sink.signal, take: sink.take };
}

/** A run of row operators (or none) and the sink's function behind it in one loop: each row is handed on before the next is made. */
export class RowCalls {
  /** Calls that came back well. */
  calls = 0;
  readonly #run: readonly OpenOperator[];
  readonly #take: LetterTaker;
  readonly #sink: SinkCalls;
  readonly #loop: Loop<CallResult>;
  /** Of the batch at hand. */
  #hooks: LoopHooks | undefined;

  constructor(run: readonly OpenOperator[], take: LetterTaker, sink: SinkCalls) {
    this.#run = run;
    this.#take = take;
    this.#sink = sink;
    this.#loop = compileCallLoop(functionsOf(run), sink.each);
    const { signal } = sink;
    const end = (): void => {
      if (this.#hooks !== undefined) this.#hooks.failure ??= signal.reason;
    };
    signal.addEventListener('abort', end, { once: true });
  }

  /** Who shares the time that it takes. */
  get counters(): readonly StageCounter[] {
    return [...this.#run.map(({ context }) => context.counter), this.#sink.counter];
  }

  /** All rows of a batch; a promise that the function gives is waited for before the next row is made. */
  async work(given: AnyBatch, rowsMade: RowsMade): Promise<void> {
    const run = this.#run;
    const [first] = run;
    if (given.length === 0) return;
    if (first !== undefined && isStopped(run)) return void dropAll(given, first.context.counter);
    if (!given.hasRows) rowsMade(given.bytes);
    const refused = new Array<number>(run.length + 1).fill(0);
    const batch = decoded(given, refused, first?.stage.kind ?? this.#sink.kind, letter => this.#give(letter, first?.stage));
    const hooks = hooksOf(batch, refused, (stage, ...refusal) => this.#refuse(batch, stage, ...refusal));
    const result: CallResult = { next: 0, calls: 0, waiting: undefined, dropped: run.map(() => 0) };
    this.#hooks = hooks;
    try {
      await this.#callAll(batch.uncheckedRows, result, hooks);
    } finally {
      this.#count(result, refused);
    }
    const done = result.calls + sum(refused) + sum(result.dropped);
    if (done !== given.length)
      throw new MillraceError('COUNTS_DIFFER', `${this.#sink.kind}: ${done} of ${given.length} records have an outcome`);
  }

  /** What has an outcome: the rows before the one that ended the run, where one did. */
  #count(result: CallResult, refused: readonly number[]): void {
    const { counter } = this.#sink;
    const rejected = refused.at(-1) as number;
    const reached = result.calls + rejected;
    countRun(this.#run, result.calls + sum(refused) + sum(result.dropped), result.dropped, refused, reached);
    this.calls += result.calls;
    counter.in += reached;
    counter.rejected += rejected;
  }

  async #callAll(rows: readonly unknown[], result: CallResult, hooks: LoopHooks): Promise<void> {
    const { signal } = this.#sink;
    signal.throwIfAborted();
    while (result.next < rows.length) {
      result.waiting = undefined;
      this.#loop(rows, result, hooks);
      const { waiting } = result as { waiting: CallResult['waiting'] };
      if (waiting === undefined) continue;
      try {
        await untilAborted(waiting.promise, signal);
        result.calls++;
      } catch (error) {
        signal.throwIfAborted();
        hooks.refused(this.#run.length, waiting.index, waiting.row, threw(error));
      }
    }
  }

  #refuse(batch: AnyBatch, stage: number, index: number, record: object, rejected: Rejected): void {
    const operator = this.#run[stage]?.stage;
    this.#give(letterOfRow(batch, index, operator?.kind ?? this.#sink.kind, record, rejected), operator);
  }

  #give(letter: DeadLetter, operator: OperatorStage | undefined): void {
    if (operator === undefined) this.#sink.take(letter);
    else this.#take(letter, operator);
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function functionsOf(run: readonly OpenOperator[]): RowFunction[] {
  return run.map(
    ({ stage, context }) =>
      (stage.definition.row as NonNullable<typeof stage.definition.row>)(stage.options, context, stage.given) satisfies RowFunction,
  );
}

function isStopped(run: readonly OpenOperator[]): boolean {
  return run.some(({ context }) => context.isStopped);
}

/** With its rows made. Those that cannot be are refused by the first that would have looked at them. */
function decoded(batch: AnyBatch, refused: number[], kind: string, give: (letter: DeadLetter) => void): AnyBatch {
  return withRows(batch, (index, code, reason) => {
    refused[0] = (refused[0] as number) + 1;
    give(letterOf(kind, batch, index, code, reason));
  });
}

/** Counts into `refused`; what `refuse` throws ends the run. */
function hooksOf(batch: AnyBatch, refused: number[], refuse: LoopHooks['refused']): LoopHooks {
  const hooks: LoopHooks = {
    failure: undefined,
    misfit: () => {
      throw new MillraceError('INTERNAL', `a batch of ${batch.rows.length} records holds what is none`);
    },
    refused: (stage, index, record, rejected) => {
      refused[stage] = (refused[stage] as number) + 1;
      try {
        refuse(stage, index, record, rejected);
      } catch (error) {
        hooks.failure = error;
        throw error;
      }
    },
  };
  return hooks;
}

/** What each operator of the run took, dropped, rejected and gave; `through` is how many are said to have come out of the last. */
function countRun(
  run: readonly OpenOperator[],
  given: number,
  dropped: readonly number[],
  refused: readonly number[],
  through: number,
): void {
  let length = given;
  for (const [stage, { context }] of run.entries()) {
    const { counter } = context;
    const rejected = refused[stage] as number;
    counter.in += length;
    counter.dropped += dropped[stage] as number;
    counter.rejected += rejected;
    length -= (dropped[stage] as number) + rejected;
    counter.out += length;
  }
  if (length !== through)
    throw new MillraceError('COUNTS_DIFFER', `${run.at(-1)?.stage.kind ?? 'the source'}: gave ${through} records instead of ${length}`);
}

function resultBatch(batch: AnyBatch, result: LoopResult, output: Schema | undefined, rowNumbers: RowNumbers): AnyBatch {
  const { count, rows } = result;
  const isWhole = count === batch.length;
  if (!result.isChanged && (output === undefined || (batch.schemaKnown && output.equals(batch.schema))))
    return isWhole ? batch : batch.select(rowNumbers.take(count));
  rows.length = count;
  const locate = isWhole ? batch.locator : pickedLocator(batch.locator, rowNumbers.take(count));
  return RecordBatch.of(rows as AnyRow[], output, batch.position, undefined, locate);
}

const ROW_NUMBERS_AT_ONCE = 32_768;

/** Lists of row numbers, cut from larger pieces: an array buffer for each batch would cost more than the batch's loop. */
class RowNumbers {
  #free = new Uint32Array(0);

  /** Room for so many, to write to; the next call gives the same room, unless it was taken. */
  room(length: number): Uint32Array {
    if (this.#free.length < length) this.#free = new Uint32Array(Math.max(length, ROW_NUMBERS_AT_ONCE));
    return this.#free;
  }

  /** The first of what was written, to keep. */
  take(length: number): Uint32Array {
    const taken = this.#free.subarray(0, length);
    this.#free = this.#free.subarray(length);
    return taken;
  }
}

function letterOfRow(batch: AnyBatch, index: number, stage: string, record: object, { code, reason }: Rejected): DeadLetter {
  const position = batch.locate(index);
  return position === undefined ? { stage, code, reason, record } : { stage, code, reason, record, position };
}

export function dropAll(batch: AnyBatch, counter: { dropped: number }): AnyBatch {
  counter.dropped += batch.length;
  return batch.select(new Uint32Array(0));
}

import { MillraceError } from '../../errors.ts';
import type { Schema } from '../../schema/schema.ts';
import { pickedLocator, RecordBatch } from '../batch/batch.ts';
import type { AnyBatch, AnyRow, BatchFunction, Rejected, RowFunction } from '../define.ts';
import type { DeadLetter } from '../contracts.ts';
import type { RunningOperator } from './operator-context.ts';
import { compileRowLoop, type LoopHooks, type LoopResult } from './row-loop.ts';
import type { OperatorStage } from './stage.ts';

/** An operator that is about to run. */
export interface OpenOperator {
  readonly stage: OperatorStage;
  readonly context: RunningOperator;
  /** What it gives, where that can be known. */
  readonly output: Schema | undefined;
}

const ROW_NUMBERS_AT_ONCE = 32_768;

/** Takes what row functions refuse; called while a batch is worked on. */
export type LetterTaker = (letter: DeadLetter, stage: OperatorStage) => void;

/** Called when a step makes plain objects of a batch, with the batch's bytes: they weigh several times as much. */
export type RowsMade = (bytes: number) => void;

/** A batch through all operators of a group; a promise only where one of them gives one. */
export type GroupFunction = (batch: AnyBatch, rowsMade: RowsMade) => AnyBatch | Promise<AnyBatch>;

type Step = (batch: AnyBatch, rowsMade: RowsMade) => AnyBatch | Promise<AnyBatch>;

/** Adjacent operators of kinds row and batch as one function; runs of row operators are one loop. */
export function compileGroup(operators: readonly OpenOperator[], take: LetterTaker): GroupFunction {
  const steps: Step[] = [];
  let run: OpenOperator[] = [];
  const endRun = (): void => {
    if (run.length > 0) steps.push(rowStep(run, take));
    run = [];
  };
  for (const operator of operators) {
    if (operator.stage.definition.row !== undefined) run.push(operator);
    else {
      endRun();
      steps.push(batchStep(operator));
    }
  }
  endRun();
  return (batch, rowsMade) => through(steps, 0, batch, rowsMade);
}

/** The rest of the steps; goes on in a promise from the first step that gives one. */
function through(steps: readonly Step[], start: number, batch: AnyBatch, rowsMade: RowsMade): AnyBatch | Promise<AnyBatch> {
  let current = batch;
  for (let i = start; i < steps.length; i++) {
    const next = (steps[i] as Step)(current, rowsMade);
    if (next instanceof Promise) return next.then(made => through(steps, i + 1, made, rowsMade));
    current = next;
  }
  return current;
}

function batchStep({ stage, context }: OpenOperator): Step {
  const { definition, options, given } = stage;
  const change = (definition.batch as NonNullable<typeof definition.batch>)(options, context, given) satisfies BatchFunction;
  const { counter } = context;
  const count = (batch: AnyBatch, made: AnyBatch, rejectedBefore: number): AnyBatch => {
    const dropped = batch.length - made.length - (counter.rejected - rejectedBefore);
    if (dropped < 0) throw gaveTooMany(counter.kind, batch, made, counter.rejected - rejectedBefore);
    counter.out += made.length;
    counter.dropped += dropped;
    return made.position === batch.position ? made : made.withPosition(batch.position);
  };
  return batch => {
    if (batch.length === 0) return batch;
    counter.in += batch.length;
    if (context.isStopped) return dropAll(batch, counter);
    const { rejected } = counter;
    const made = change(batch);
    return made instanceof Promise ? made.then(result => count(batch, result, rejected)) : count(batch, made, rejected);
  };
}

/** A run of row operators. Rows that come through unchanged stay a view of the batch, so that its bytes are not lost. */
function rowStep(run: readonly OpenOperator[], take: LetterTaker): Step {
  const counters = run.map(({ context }) => context.counter);
  const functions = run.map(
    ({ stage, context }) =>
      (stage.definition.row as NonNullable<typeof stage.definition.row>)(stage.options, context, stage.given) satisfies RowFunction,
  );
  const loop = compileRowLoop(functions);
  const output = run.at(-1)?.output;
  const rowNumbers = new RowNumbers();
  const rowStops = run.map(({ context }) => context);
  return (batch, rowsMade) => {
    if (batch.length === 0) return batch;
    const refused = run.map(() => 0);
    if (rowStops.some(context => context.isStopped)) {
      (counters[0] as (typeof counters)[0]).in += batch.length;
      return dropAll(batch, counters[0] as (typeof counters)[0]);
    }
    if (!batch.hasRows) rowsMade(batch.bytes);
    const hooks: LoopHooks = {
      misfit: () => {
        throw new MillraceError('INTERNAL', `a batch of ${batch.rows.length} records holds what is none`);
      },
      refused: (stage, index, record, rejected) => {
        refused[stage] = (refused[stage] as number) + 1;
        try {
          const operator = run[stage] as OpenOperator;
          take(letterOfRow(batch, index, operator.stage.kind, record, rejected), operator.stage);
        } catch (error) {
          hooks.failure = error;
          throw error;
        }
      },
    };
    const result: LoopResult = {
      rows: new Array<object>(batch.length),
      from: rowNumbers.room(batch.length),
      count: 0,
      isChanged: false,
      dropped: run.map(() => 0),
    };
    loop(batch.uncheckedRows, result, hooks);
    let length = batch.length;
    for (const [stage, counter] of counters.entries()) {
      counter.in += length;
      const dropped = result.dropped[stage] as number;
      counter.dropped += dropped;
      counter.rejected += refused[stage] as number;
      length -= dropped + (refused[stage] as number);
      counter.out += length;
    }
    if (length !== result.count)
      throw new MillraceError('COUNTS_DIFFER', `${counters.at(-1)?.kind}: gave ${result.count} records instead of ${length}`);
    return resultBatch(batch, result, output, rowNumbers);
  };
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

function dropAll(batch: AnyBatch, counter: { dropped: number }): AnyBatch {
  counter.dropped += batch.length;
  return batch.select(new Uint32Array(0));
}

function gaveTooMany(kind: string, batch: AnyBatch, made: AnyBatch, rejected: number): MillraceError {
  return new MillraceError(
    'COUNTS_DIFFER',
    `${kind}: of a batch of ${batch.length} records it gave ${made.length} and rejected ${rejected}; one that makes records is a stream operator`,
    { stage: kind },
  );
}

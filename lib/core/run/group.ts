import { MillraceError } from '../../errors.ts';
import type { Schema } from '../../schema/schema.ts';
import { type Locator, RecordBatch } from '../batch/batch.ts';
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

/** Takes what row functions refuse; called while a batch is worked on. */
export type LetterTaker = (letter: DeadLetter) => void;

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
    counter.out += made.length;
    counter.dropped += batch.length - made.length - (counter.rejected - rejectedBefore);
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
      refused: (stage, index, record, rejected) => {
        refused[stage] = (refused[stage] as number) + 1;
        try {
          take(letterOfRow(batch, index, (counters[stage] as (typeof counters)[0]).kind, record, rejected));
        } catch (error) {
          hooks.failure = error;
          throw error;
        }
      },
    };
    const result: LoopResult = {
      rows: new Array<object>(batch.length),
      from: new Uint32Array(batch.length),
      count: 0,
      isChanged: false,
      dropped: run.map(() => 0),
    };
    loop(batch.rows, result, hooks);
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
    return resultBatch(batch, result, output);
  };
}

function resultBatch(batch: AnyBatch, result: LoopResult, output: Schema | undefined): AnyBatch {
  const { count, from, rows } = result;
  const isWhole = count === batch.length;
  if (!result.isChanged && (output === undefined || (batch.schemaKnown && output.equals(batch.schema))))
    return isWhole ? batch : batch.select(from.slice(0, count));
  rows.length = count;
  const locate = isWhole ? batch.locator : picked(batch.locator, from);
  return RecordBatch.of(rows as AnyRow[], output, batch.position, undefined, locate);
}

function picked(locate: Locator, rows: Uint32Array): Locator {
  return row => locate(rows[row] as number);
}

function letterOfRow(batch: AnyBatch, index: number, stage: string, record: object, { code, reason }: Rejected): DeadLetter {
  const position = batch.locate(index);
  return position === undefined ? { stage, code, reason, record } : { stage, code, reason, record, position };
}

function dropAll(batch: AnyBatch, counter: { dropped: number }): AnyBatch {
  counter.dropped += batch.length;
  return batch.select(new Uint32Array(0));
}

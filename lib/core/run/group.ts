import { MillraceError } from '../../errors.ts';
import type { AnyBatch, BatchFunction } from '../define.ts';
import { dropAll, type LetterTaker, type OpenOperator, rowStep, type RowsMade } from './row-run.ts';

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

function gaveTooMany(kind: string, batch: AnyBatch, made: AnyBatch, rejected: number): MillraceError {
  return new MillraceError(
    'COUNTS_DIFFER',
    `${kind}: of a batch of ${batch.length} records it gave ${made.length} and rejected ${rejected}; one that makes records is a stream operator`,
    { stage: kind },
  );
}

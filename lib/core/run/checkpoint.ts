import type { Json, Position } from '../batch/batch.ts';
import type { Job } from '../delivery/job.ts';
import type { Checkpoint } from '../define.ts';
import type { RunningOperator } from './operator-context.ts';

/** Where a run stands. */
export interface Standing {
  readonly job: Job;
  readonly source: Position | undefined;
  readonly operators: readonly RunningOperator[];
  /** The number of the first of the operators: those before it are done by the source. */
  readonly firstOperator: number;
  /** What operators kept there, by their place among them; of others what they keep now. */
  readonly noted?: ReadonlyMap<number, Json>;
  /** The source was read to its end. */
  readonly isDone: boolean;
}

/** All that a run needs to go on from here. */
export function checkpointOf({ job, source, operators, firstOperator, noted, isDone }: Standing): Checkpoint {
  const saved = operators.flatMap((operator, i) => {
    const state = noted?.get(i) ?? operator.savedState?.save();
    return state === undefined ? [] : [[keyOf(operator, firstOperator + i), state] as const];
  });
  return {
    job: job.id,
    identity: job,
    ...(source === undefined ? {} : { source }),
    operators: Object.fromEntries(saved),
    sinks: {},
    ...(isDone ? { done: true } : {}),
  };
}

/** Operators go on with what they kept. */
export function loadStates({ operators: saved }: Checkpoint, operators: readonly RunningOperator[], firstOperator: number): void {
  for (const [i, operator] of operators.entries()) {
    const state = saved[keyOf(operator, firstOperator + i)];
    if (state !== undefined) operator.savedState?.load(state);
  }
}

function keyOf({ counter }: RunningOperator, number: number): string {
  return `${number}:${counter.kind}`;
}

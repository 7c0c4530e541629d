import type { Position } from '../batch/batch.ts';
import type { Checkpoint } from '../define.ts';
import type { RunningOperator } from './operator-context.ts';

/** Where a run stands. */
export interface Standing {
  readonly jobId: string;
  readonly source: Position | undefined;
  readonly operators: readonly RunningOperator[];
  /** The number of the first of the operators: those before it are done by the source. */
  readonly firstOperator: number;
  /** The source was read to its end. */
  readonly isDone: boolean;
}

/** All that a run needs to go on from here. */
export function checkpointOf({ jobId, source, operators, firstOperator, isDone }: Standing): Checkpoint {
  const saved = operators.flatMap(({ savedState, counter }, i) =>
    savedState === undefined ? [] : [[`${firstOperator + i}:${counter.kind}`, savedState.save()] as const],
  );
  return {
    job: jobId,
    ...(source === undefined ? {} : { source }),
    operators: Object.fromEntries(saved),
    sinks: {},
    ...(isDone ? { done: true } : {}),
  };
}

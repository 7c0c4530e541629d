import type { MillraceError } from '../../errors.ts';
import type { Position } from '../batch/batch.ts';
import type { FollowingReport } from '../define.ts';
import { seconds } from './counter.ts';
import type { Report, StageReport } from './report.ts';
import type { ProgressStanding } from './progress-meter.ts';
import { type Counting, sum, type Tally } from './tally.ts';

/** What a run knows of itself at its end. */
export interface Outcome {
  /** Of all its attempts. */
  readonly tally: Tally;
  readonly failure: MillraceError | undefined;
  readonly isDrained: boolean;
  /** Written and durable, also of a run that failed. */
  readonly committed: number;
  /** The position where reading began. */
  readonly resumedFrom: Position | null;
  /** Of a source that follows. */
  readonly since: FollowingReport | undefined;
  readonly attempts: number;
  readonly seconds: number;
  readonly guarantee: string;
  readonly warnings: readonly string[];
}

/** The report of a run. Of a failed one only what was committed counts as written. */
export function reportOf({ tally, failure, isDrained, committed, since, ...told }: Outcome): Report {
  const { stages, settled: _, ...counts } = tally;
  return {
    status: failure !== undefined ? 'failed' : isDrained ? 'stopped' : 'ok',
    read: stages[0]?.out ?? 0,
    dropped: sum(stages, stage => stage.dropped),
    made: sum(stages, stage => stage.made),
    ...counts,
    written: failure === undefined ? tally.written : committed,
    stages: stages.map(stage => ({ ...stage, busySeconds: rounded(stage.busySeconds), waitSeconds: rounded(stage.waitSeconds) })),
    bottleneck: slowest(stages),
    ...told,
    ...(since === undefined ? {} : { since }),
    ...(failure === undefined
      ? {}
      : { error: { code: failure.code, stage: failure.stage, message: failure.message, retryable: failure.retryable } }),
  };
}

/** Sums of seconds, to the microsecond. */
function rounded(value: number): number {
  return seconds(value * 1000);
}

function slowest(stages: readonly StageReport[]): string | undefined {
  return stages.reduce<StageReport | undefined>(
    (most, stage) => (most === undefined || stage.busySeconds > most.busySeconds ? stage : most),
    undefined,
  )?.kind;
}

/** What progress is told of. */
export function progressOf(
  { stages, settled, rejected }: Tally,
  { counters, source }: Counting,
  before: Tally | undefined,
): Omit<ProgressStanding, 'attempts'> {
  const { bytes, expectedRows, expectedBytes } = source;
  return {
    read: stages[0]?.out ?? 0,
    written: settled,
    rejected,
    bytesRead: bytes + (before?.bytesRead ?? 0),
    // Of an attempt that goes on, the source knows what is left.
    expectedRows: expectedRows === 0 ? 0 : expectedRows + (before?.stages[0]?.out ?? 0),
    expectedBytes: expectedBytes === 0 ? 0 : expectedBytes + (before?.bytesRead ?? 0),
    counters,
  };
}

import type { MillraceError } from '../../errors.ts';
import type { Position } from '../batch/batch.ts';
import type { FollowingReport } from '../define.ts';
import type { StageCounter } from './counter.ts';
import type { RejectGroup, Report } from './report.ts';
import type { Refusals } from '../delivery/refusals.ts';
import type { ProgressStanding } from './progress-meter.ts';
import type { SourceTally } from './source-context.ts';
import type { SinkStream } from './sink-stream.ts';

/** What a run knows of itself at its end. */
export interface Outcome {
  readonly counters: readonly StageCounter[];
  readonly sink: SinkStream | undefined;
  readonly failure: MillraceError | undefined;
  readonly isDrained: boolean;
  /** Written and durable, also of a run that failed. */
  readonly committed: number;
  /** The position where reading began. */
  readonly resumedFrom: Position | null;
  /** Of a source that follows. */
  readonly since: FollowingReport | undefined;
  readonly bytesRead: number;
  readonly seconds: number;
  readonly guarantee: string;
  readonly rejected: number;
  readonly rejects: readonly RejectGroup[];
  readonly warnings: readonly string[];
}

/** The report of a run. Of a failed one only what was committed counts as written. */
export function reportOf({ counters, sink, failure, isDrained, committed, rejected, since, ...told }: Outcome): Report {
  const settled = sink?.settlement.records ?? 0;
  return {
    status: failure !== undefined ? 'failed' : isDrained ? 'stopped' : 'ok',
    read: counters[0]?.out ?? 0,
    written: failure === undefined ? (sink?.written ?? 0) : committed,
    dropped: sum(counters, counter => counter.dropped),
    made: sum(counters, counter => counter.made),
    rejected,
    unchanged: sink?.counts.unchanged ?? 0,
    superseded: sink?.counts.superseded ?? 0,
    deleted: sink?.counts.deleted ?? 0,
    bytesWritten: sink?.counts.bytes ?? 0,
    stages: counters.map((counter, i) => (i < counters.length - 1 ? counter.report() : { ...counter.report(), out: settled })),
    bottleneck: slowest(counters),
    ...told,
    ...(since === undefined ? {} : { since }),
    ...(failure === undefined
      ? {}
      : { error: { code: failure.code, stage: failure.stage, message: failure.message, retryable: failure.retryable } }),
  };
}

function slowest(counters: readonly StageCounter[]): string | undefined {
  return counters.reduce<StageCounter | undefined>(
    (most, counter) => (most === undefined || counter.busyMs > most.busyMs ? counter : most),
    undefined,
  )?.kind;
}

function sum(counters: readonly StageCounter[], of: (counter: StageCounter) => number): number {
  return counters.reduce((total, counter) => total + of(counter), 0);
}

/** What progress is told of. */
export function progressOf(
  counters: readonly StageCounter[],
  sink: SinkStream | undefined,
  refusals: Refusals,
  { bytes, expectedRows, expectedBytes }: SourceTally,
): ProgressStanding {
  return {
    read: counters[0]?.out ?? 0,
    written: sink?.settlement.records ?? 0,
    rejected: refusals.count,
    bytesRead: bytes,
    expectedRows,
    expectedBytes,
    counters,
  };
}

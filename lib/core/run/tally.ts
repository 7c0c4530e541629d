import type { Barrier } from '../delivery/barriers.ts';
import type { Refusals } from '../delivery/refusals.ts';
import type { StageCounter } from './counter.ts';
import type { RejectGroup, StageReport } from './report.ts';
import type { SinkStream } from './sink-stream.ts';
import type { SourceTally } from './source-context.ts';

/** What an attempt at a run has counted up to some point of it. */
export interface Tally {
  /** Source, operators, sink. */
  readonly stages: readonly StageReport[];
  /** Records whose outcome is known. */
  readonly settled: number;
  readonly written: number;
  readonly unchanged: number;
  readonly superseded: number;
  readonly deleted: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly rejected: number;
  readonly rejects: readonly RejectGroup[];
}

/** What an attempt counts with. */
export interface Counting {
  readonly counters: readonly StageCounter[];
  readonly sink: SinkStream | undefined;
  readonly refusals: Refusals;
  readonly source: SourceTally;
}

/** Now; or, of stages that are ahead of the sink, as they stood when they passed what the sink has. */
export function tallyOf({ counters, sink, refusals, source }: Counting, barrier?: Barrier): Tally {
  const settled = sink?.settlement.records ?? 0;
  const own = counters.map(counter => barrier?.counts.get(counter) ?? counter.report());
  const stages = own.map((stage, i) => (i < own.length - 1 ? stage : { ...stage, out: settled }));
  return {
    stages: barrier === undefined ? stages : joined(stages),
    settled,
    written: sink?.written ?? 0,
    unchanged: sink?.counts.unchanged ?? 0,
    superseded: sink?.counts.superseded ?? 0,
    deleted: sink?.counts.deleted ?? 0,
    bytesRead: barrier?.bytesRead ?? source.bytes,
    bytesWritten: sink?.counts.bytes ?? 0,
    rejected: barrier === undefined ? refusals.count : sum(stages, ({ rejected }) => rejected),
    rejects: barrier === undefined ? refusals.groups() : refusals.groupsOfPart(),
  };
}

/** What the source has given up to a barrier, its last batch included, which is not counted yet. */
export function noteRead(barrier: Barrier | undefined, length: number, { counters, source }: Counting): void {
  const [counter] = counters;
  if (barrier === undefined || counter === undefined) return;
  const report = counter.report();
  barrier.counts.set(counter, { ...report, out: report.out + length });
  barrier.bytesRead = source.bytes;
}

/** A stage with several calls at once is ahead of what it has given on: it took what the one before it gave. */
function joined(stages: readonly StageReport[]): StageReport[] {
  let before = 0;
  return stages.map((stage, i) => {
    if (stage.pushed === true) return stage;
    const taken = i === 0 ? stage.in : before;
    before = stage.out;
    const isOperator = i > 0 && i < stages.length - 1;
    const dropped = isOperator ? taken + stage.made - stage.out - stage.rejected : stage.dropped;
    return { ...stage, in: taken, dropped };
  });
}

/** Of attempts one after the other. */
export function together(before: Tally | undefined, now: Tally): Tally {
  if (before === undefined) return now;
  return {
    stages: now.stages.map((stage, i) => addStages(before.stages[i], stage)),
    settled: before.settled + now.settled,
    written: before.written + now.written,
    unchanged: before.unchanged + now.unchanged,
    superseded: before.superseded + now.superseded,
    deleted: before.deleted + now.deleted,
    bytesRead: before.bytesRead + now.bytesRead,
    bytesWritten: before.bytesWritten + now.bytesWritten,
    rejected: before.rejected + now.rejected,
    rejects: addGroups(before.rejects, now.rejects),
  };
}

function addStages(a: StageReport | undefined, b: StageReport): StageReport {
  if (a === undefined) return b;
  return {
    ...b,
    in: a.in + b.in,
    out: a.out + b.out,
    made: a.made + b.made,
    dropped: a.dropped + b.dropped,
    rejected: a.rejected + b.rejected,
    busySeconds: a.busySeconds + b.busySeconds,
    waitSeconds: a.waitSeconds + b.waitSeconds,
  };
}

function addGroups(a: readonly RejectGroup[], b: readonly RejectGroup[]): RejectGroup[] {
  const groups = new Map<string, RejectGroup>();
  for (const group of [...a, ...b]) {
    const key = JSON.stringify([group.stage, group.code, group.reason]);
    groups.set(key, { ...group, count: group.count + (groups.get(key)?.count ?? 0) });
  }
  return [...groups.values()].sort((one, other) => other.count - one.count);
}

export function sum<T>(list: readonly T[], of: (each: T) => number): number {
  return list.reduce((total, each) => total + of(each), 0);
}

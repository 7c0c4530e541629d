/** The law of conservation: what stages say of themselves against what went through them. Checked before anything is committed. */
import { MillraceError } from '../../errors.ts';
import type { StageCounter } from './counter.ts';
import type { RunningOperator } from './operator-context.ts';
import type { SinkStream } from './sink-stream.ts';

/** Rejects as a share of the records read, judged at the end. */
export function checkShare(maxRejected: number | string | undefined, count: number, read: number): void {
  if (typeof maxRejected !== 'string' || count <= (read * Number.parseFloat(maxRejected)) / 100) return;
  throw new MillraceError('TOO_MANY_REJECTED', `${count} of ${read} records were rejected, more than the ${maxRejected} allowed`);
}

export interface SourceCount {
  readonly counter: StageCounter;
  /** What the source counted for itself, where it does. A source that was stopped early need not know. */
  readonly rows: number;
  readonly hasRows: boolean;
  readonly isStopped: boolean;
}

export function checkCounts(source: SourceCount, operators: readonly RunningOperator[], sink: SinkStream, sinkKind: string): void {
  for (const operator of operators) checkConservation(operator);
  const { kind, out } = source.counter;
  if (source.hasRows && source.rows !== out && !source.isStopped)
    throw new MillraceError('COUNTS_DIFFER', `${kind} counted ${source.rows} records, but ${out} came`, { stage: kind });
  const { written, unchanged, superseded } = sink.counts;
  const counted = written + unchanged + superseded;
  const { records } = sink.settlement;
  if (sink.counts.areOwn && counted !== records) {
    throw new MillraceError('COUNTS_DIFFER', `${sinkKind} counted ${counted} records written, but ${records} were sent`, {
      stage: sinkKind,
    });
  }
}

/** In + made = out + dropped + rejected, each counted where it happens. */
function checkConservation({ counter }: RunningOperator): void {
  if (counter.in + counter.made !== counter.out + counter.dropped + counter.rejected) {
    throw new MillraceError(
      'COUNTS_DIFFER',
      `${counter.kind}: took ${counter.in} and made ${counter.made} records, but gave ${counter.out}, dropped ${counter.dropped} and rejected ${counter.rejected}; an operator says what it drops and makes by context.dropped and context.made`,
      { stage: counter.kind },
    );
  }
}

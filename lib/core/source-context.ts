import type { Codec, Position } from './batch/batch.ts';
import type { FollowingReport } from './delivery/following.ts';

/** What a source is told when it is asked for its schema. */
export interface DescribeContext {
  readonly signal: AbortSignal;
}

/** What a source is told when it is read, and where it says what it counts. */
export interface SourceContext {
  /** Aborted when the run fails, is cancelled, or needs no more. Then reading ends and everything is released, with or without an error. */
  readonly signal: AbortSignal;
  /** Read what comes after this position (exclusive). */
  readonly after?: Position;
  /** Read up to this position (inclusive). */
  readonly to?: Position;
  /** Only these columns are looked at by anybody; others need not be read. Undefined: all. */
  readonly columns?: readonly string[];
  /** The encodings that the sink takes as they are, when no function looks at whole rows on the way there. */
  readonly passthrough?: readonly Codec[];
  /** With `passthrough`: the columns that operators on the way decode all the same. */
  readonly looksAt?: readonly string[];
  /** Somebody keeps positions: give one about every so many records, also where that costs something. Undefined: nobody looks at them. */
  readonly positionEvery?: number;
  /** At most so many rows a batch. */
  readonly batchRows: number;
  /** About so many bytes a batch; a single longer row makes a batch of its own. */
  readonly batchBytes: number;
  /** How long a record that came alone may wait for others; 100 ms by default. */
  readonly batchDelayMs?: number;
  /** What the source itself counted (the server's command tag, rows and bytes consumed), apart from the batches it gave. Adds up. */
  counted(count: { rows?: number; bytes?: number }): void;
  /** How much there will be, about; for progress. */
  expects(total: { rows?: number; bytes?: number }): void;
  /** For the report. */
  warn(message: string): void;
  /** For the report: from where to where a source reads that follows. */
  follows?(told: FollowingReport): void;
}

/**
 * The typed face of Millrace: what users hold in their hands. The engine's side is in `define.ts`.
 * Row types are carried by two phantom members, so that In is contravariant and Out covariant, by structure.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Position } from './batch/batch.ts';
import type { Progress } from './run/progress.ts';
import type { Report } from './run/report.ts';

declare const IN: unique symbol;
declare const OUT: unique symbol;
/** What takes records of this type. A type only: nothing of it is there at run time. */
export interface Takes<in Row> {
  readonly [IN]: (row: Row) => void;
}
/** What gives records of this type. A type only. */
export interface Gives<out Row> {
  readonly [OUT]: () => Row;
}

type Signal = { signal?: AbortSignal };

/**
 * A Readable of rows. Node's own helpers are typed with `any`: without these, `source.filter(u => …)` compiles untyped, and runs row by row.
 * `read` stays as Node types it: any narrower, and Node's own pipeline() refuses the stage.
 */
export interface Rows<Row> extends Readable, Gives<Row> {
  pipe<Next>(operator: Operator<Row, Next>): Operator<Row, Next>;
  pipe(sink: Sink<Row>): Sink<Row>;
  pipe<W extends NodeJS.WritableStream>(foreign: W, options?: { end?: boolean }): W;
  filter(keep: (row: Row, options?: Signal) => boolean | Promise<boolean>): Rows<Row>;
  map<Next>(change: (row: Row, options?: Signal) => Next | Promise<Next>): Rows<Next>;
  take(count: number): Rows<Row>;
  drop(count: number): Rows<Row>;
  forEach(look: (row: Row, options?: Signal) => void | Promise<void>): Promise<void>;
  toArray(options?: Signal): Promise<Row[]>;
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<Row>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Node's pipeline() wants an iterator of string | Buffer
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<any>;
}

/** Where records come from. A Readable in object mode, one plain object a chunk; nothing is opened before it is read. */
export interface Source<Row> extends Rows<Row> {
  readonly role: 'source';
}

/** What changes records on their way. A Duplex in object mode. */
export interface Operator<In, Out> extends Rows<Out>, Takes<In>, Omit<Duplex, keyof Readable> {
  readonly role: 'operator';
}

/** What comes out of a sink: nothing that a further stage could take. */
export interface Done {
  readonly done: unique symbol;
}

/** Where records go. A Writable in object mode; `finish` comes after all of it is durable. */
export interface Sink<Row> extends Writable, Takes<Row>, Gives<Done> {
  readonly role: 'sink';
  /** Destroys it and waits until it is closed; what is not committed leaves nothing. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A record that was refused, and why. In a file one line of NDJSON, values as in the value table's JSON column. */
export interface DeadLetter {
  /** The stage that refused it, as the report names it. */
  readonly stage: string;
  /** For programs: an error code (docs/dead-letters.md), or one that an operator of one's own gives. */
  readonly code: string;
  /** For people: columns, types and rules, no values. */
  readonly reason: string;
  /** The record as that stage got it. */
  readonly record: unknown;
  /** Where it stood in the source, where the source can say. */
  readonly position?: Position;
}

/** How a pipeline is run. */
export interface RunOptions {
  /** Where refused records go. Without it the first one stops the run. */
  readonly deadLetter?: Sink<DeadLetter>;
  /** More rejects than this stop the run (TOO_MANY_REJECTED): a count, or a share of the records read (`'1%'`, judged at the end). */
  readonly maxRejected?: number | `${number}%`;
  /** Aborts at once; nothing uncommitted becomes visible. */
  readonly signal?: AbortSignal;
  /** Ends the reading; what was read is finished and committed, and the report says `stopped`. */
  readonly drain?: AbortSignal;
  /** Called about twice a second, and once at the end. */
  readonly onProgress?: (progress: Progress) => void;
  /** Milliseconds between two calls of `onProgress`; 500 by default. */
  readonly progressEveryMs?: number;
  /** Bytes of records on the way (the flow account): a number, or a size as `'16MiB'`, the default. */
  readonly memory?: number | string;
  /** Bytes that operators may keep (the state account); 64 MiB by default. */
  readonly stateMemory?: number | string;
  /** The folder where operators put aside what is more than that (sort); the system's folder for temporary files by default. */
  readonly spillFolder?: string;
  /** Records a batch, at most, where a source or a gathering makes batches of records; 4096 by default. */
  readonly batchRows?: number;
  /** Bytes a batch, about; 256 KiB by default, never more than a quarter of `memory`. */
  readonly batchBytes?: number | string;
  /** How long records that came out of a foreign stream are gathered before they go on; 100 ms by default. */
  readonly batchDelayMs?: number;
  /** A name that tells the job from others that look the same: needed where functions of yours have captured something. */
  readonly job?: string;
  /** Goes on where an earlier run of the same job was, where its target keeps that; else it begins at the beginning. */
  readonly resume?: boolean;
  /**
   * True, or `resume`, `job` or `checkpointEvery` given: the target keeps where the run stands, where it can, and a long run commits in between. Else, and
   * where it is false, nothing is kept to go on from, and nothing is committed before the end.
   */
  readonly checkpoint?: boolean;
  /** Records between two commits of a run that keeps a checkpoint, about; by default 100,000, and as many more as come within a second. */
  readonly checkpointEvery?: number;
  /**
   * How long a run that is lost on the way (a connection, a server that restarts) is begun again: milliseconds, or a length of time as `'5m'`; 1 minute by
   * default, from the first loss since the last commit. 0: never. It goes on behind its last commit, or begins at its beginning where nothing of it is to be
   * seen and its source can be read again. A server that was never reached is asked for 10 seconds at most.
   */
  readonly retryFor?: number | string;
  /** How long the stages may take to let go after a failure before the run gives up on them (NOT_SETTLED); 30 s by default. */
  readonly settleTimeoutMs?: number;
}

export type { ColumnPlan, PartPlan, Plan, PlannedRetry, PlanProblem, PlanStage, TypeChange } from './plan.ts';
export type { Progress, Report };

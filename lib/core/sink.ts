/** The engine's side of a sink. docs/writing-a-sink.md tells the same with examples. */
import type { z } from 'zod';
import type { Schema } from '../schema/schema.ts';
import type { Codec, Json } from './batch/batch.ts';
import type { AnyBatch, AnyRow, RejectedRow } from './define.ts';
import type { Checkpoint, CheckpointKeeper } from './delivery/checkpoint.ts';
import type { Guarantee } from './delivery/guarantee.ts';
import type { PartsOfSink } from './parts.ts';
import type { SinkPlan, SinkPlanContext } from './plan.ts';

/** What a sink is told when it is opened, and where it says what became of batches. */
export interface SinkContext {
  /** What comes; exact where the source is typed, inferred from the first records where a function made them. Undefined: no record and no schema. */
  readonly schema: Schema | undefined;
  /** Aborted as soon as the run fails, for whatever is waited for; `abort` is called after that. */
  readonly signal: AbortSignal;
  /** Milliseconds in which a request may be repeated that is safe to repeat; not there: it may not. */
  readonly retryForMs?: number;
  /** The same for the same source and target with the same between them. */
  readonly jobId: string;
  /** Where an earlier run of the job stood; not there when the run begins at the beginning. */
  readonly resume?: Checkpoint;
  /** What is kept of an earlier run that came to its end, and behind which this one begins. */
  readonly kept?: Checkpoint;
  /**
   * What `commit` of this sink returned there: the target goes back to that before anything is written, what an earlier run wrote behind it is taken away.
   * With `resume.done` there is nothing to be written: `close` is called next, which may have been missed.
   */
  readonly state?: Json;
  /**
   * Somebody keeps what `commit` returns, also past the end of this process. So `abort` keeps what is committed; and where there is no `state`, the run
   * begins at the beginning: what an earlier run of the job (`jobId`) left behind is taken away.
   */
  readonly keepsState?: true;
  /** Store what `commit` is given with the rows. */
  readonly keepsCheckpoint?: boolean;
  /** Why what comes is not all that the source has, where the stages tell that beforehand: for a sink that takes away what does not come. */
  readonly incomplete?: string;
  /** True when refused rows have a place to go: then keep what is needed to find the row at fault. False: a refusal stops the run. */
  readonly hasDeadLetters: boolean;
  /** Bytes that the sink may hold unsettled before it has to force an outcome: half of the flow account. */
  readonly segmentBytes: number;
  /** The outcome of a batch: once a batch, in any order, at the latest before flush() resolves. */
  settle(batch: AnyBatch, rejected?: readonly RejectedRow[]): void;
  /** The bytes of this batch are held no more; its outcome comes later, by settle. For sinks whose outcome is late but that need no replay. */
  release(batch: AnyBatch): void;
  /** What the sink itself counted (the server's command tag, a file's lines), apart from the batches it got. Adds up. */
  counted(count: { written?: number; unchanged?: number; superseded?: number; deleted?: number; bytes?: number }): void;
  /** For the report. */
  warn(message: string): void;
}

/** A target being written. Calls never overlap; what fails between two calls is thrown by the next. docs/writing-a-sink.md */
export interface Writer {
  /** Columns that have a type of their own, and judge each value: records that nobody described may have others there than the first ones had. */
  readonly judges?: readonly string[];
  /** Resolves when the next batch may come; says nothing of the outcome. */
  write(batch: AnyBatch): Promise<void>;
  /** Forces the outcome of all that was written (ends the COPY, awaits the requests). */
  flush(): Promise<void>;
  /**
   * Only after flush: makes it durable; returns what it takes to come back to exactly here (a file's length, uploaded parts). Several times in a run
   * that commits in parts: `done`, or `stopped`, is in the last one.
   */
  commit(checkpoint: Checkpoint): Promise<Json>;
  /** A new field or a wider type in mid run; refuse by throwing SCHEMA_MISMATCH. Absent: such records are rejected. */
  evolve?(schema: Schema): Promise<void>;
  /** The last commit made visible, then release. Exactly one of close and abort runs, never during a write. */
  close(): Promise<void>;
  /** Nothing uncommitted becomes visible; what a resume needs is kept; release. */
  abort(reason: unknown): Promise<void>;
}

/** Of a sink that comes back to what its `commit` returned: `SinkContext.state`. */
export interface StateKeeper<Options, Given> {
  /** Whether one with these options does. */
  goesBack(options: Options): boolean;
  /** Whether the target is still there as it was when this was returned, or further on. */
  stands(options: Options, state: Json, context: { readonly jobId: string; readonly signal: AbortSignal }, given: Given): Promise<boolean>;
}

/** What makes a kind of sink; give it to `defineSink`. docs/writing-a-sink.md */
export interface SinkDefinition<S extends z.ZodType, Given = undefined> {
  readonly kind: string;
  readonly options: S;
  open(options: z.output<S>, context: SinkContext, given: Given): Promise<Writer>;
  /**
   * Of a sink that takes objects of any shape (`needsSchema: false`) and does no more than call a function with each: that function. The engine
   * may then call it in the loop of the row operators before it, in place of `write`: one record after the other; a promise is waited for, what is
   * thrown rejects the record.
   */
  each?(options: z.output<S>, given: Given): ((row: AnyRow) => unknown) | undefined;
  /** Of one that is `all-or-nothing`: whether abort leaves this target as it was; true by default. */
  takesBack?(options: z.output<S>, given: Given): boolean | Promise<boolean>;
  readonly checkpoints?: CheckpointKeeper<z.output<S>, Given>;
  readonly states?: StateKeeper<z.output<S>, Given>;
  /** Of a sink that takes a source of parts. */
  readonly parts?: PartsOfSink<z.output<S>, Given>;
  /**
   * What `open` and the writer would do, without writing anything. What would be refused is told in `problems`; what is thrown is one too. Without it
   * `plan` tells nothing of the target.
   */
  plan?(options: z.output<S>, context: SinkPlanContext, given: Given): Promise<SinkPlan>;
  /** Of a settled batch it holds on to nothing: no view, no column, no bytes that are on their way to a socket. The batch's memory may be used again; `batch.keep()` says that one is kept. */
  readonly keepsNothing?: true;
  /** Encodings that it takes as they are (`batch.encoded`). */
  readonly takes?: readonly Codec[] | ((options: z.output<S>) => readonly Codec[]);
  /** True (the default): opened only when the schema is known. False: takes objects of any shape. */
  readonly needsSchema?: boolean | ((options: z.output<S>) => boolean);
  /** What the report promises of a run that was killed and started again. */
  readonly guarantee?: Guarantee;
  title?(options: z.output<S>): string;
  /** Where it writes, without secrets: what jobs are told apart by; the title by default. */
  place?(options: z.output<S>, given: Given): string;
}

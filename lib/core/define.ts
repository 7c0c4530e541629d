/**
 * The engine's side of the contracts: how a source, an operator and a sink are defined. docs/writing-a-source.md, writing-an-operator.md and
 * writing-a-sink.md tell the same with examples.
 *
 * A definition is a description that can be opened many times: it holds no connection, no file and no state. `options` is what can be
 * written as JSON (for the command line, for YAML and for `plan`); functions, iterables and clients are `given` beside it, by the typed
 * function that users call.
 */
import type { z } from 'zod';
import type { Field, Schema } from '../schema/schema.ts';
import type { Codec, Json, RecordBatch } from './batch/batch.ts';
import type { Checkpoint, CheckpointKeeper, KeeperContext, Stands } from './delivery/checkpoint.ts';
import type { Following, FollowingReport } from './delivery/following.ts';
import type { PartsOfSource } from './parts.ts';
import type { SourcePlan, SourcePlanContext } from './plan.ts';
import type { Absorbed, PushRequest } from './push-request.ts';
import { Rejected } from './rejected.ts';
import type { DescribeContext, SourceContext } from './source-context.ts';
import type { SpillFile } from './spill.ts';

/** A row whose shape only the user knows. */
export type AnyRow = Record<string, unknown>;
/** A batch of records whose shape only the user knows. */
export type AnyBatch = RecordBatch<AnyRow>;

export type { Absorbed, Checkpoint, CheckpointKeeper, Following, FollowingReport, KeeperContext, PushRequest, Stands };
export type { DescribeContext, SourceContext };
export { Rejected };
export type { SinkContext, SinkDefinition, StateKeeper, Writer } from './sink.ts';

/** A refused row of a batch. */
export interface RejectedRow {
  /** Row number in its batch, from 0. */
  readonly index: number;
  /** For programs: an error code, or one of the sink's own. */
  readonly code: string;
  /** For people: columns, types and rules, no values. */
  readonly reason: string;
}

// ---------------------------------------------------------------- source

/** What makes a kind of source; give it to `defineSource`. docs/writing-a-source.md */
export interface SourceDefinition<S extends z.ZodType, Given = undefined> {
  readonly kind: string;
  readonly options: S;
  /** The schema before the first row, where it can be known. */
  describe?(options: z.output<S>, context: DescribeContext, given: Given): Promise<Schema | undefined>;
  /**
   * Batches in order. `return()` of the iterator (a source that is needed no more) and an aborted signal release everything.
   * Batches are small enough for `batchBytes`, never empty, and carry a position where the source can be resumed there.
   */
  read(options: z.output<S>, context: SourceContext, given: Given): AsyncIterable<AnyBatch>;
  /** What it can do of the operators behind it with the very same records as outcome. `schema`: what it described. Nothing is opened. */
  absorb?(options: z.output<S>, requests: readonly PushRequest[], schema: Schema): Absorbed<z.output<S>>;
  /** Whether it can be read again after a run that was lost; by default only where nothing was read. */
  canReopen?(options: z.output<S>, given: Given): boolean | Promise<boolean>;
  /** Of a source that is many. */
  readonly parts?: PartsOfSource<z.output<S>, Given>;
  /** What it would ask of its server, how much it would give, and whether it can be read again. Without it `plan` tells nothing of these. */
  plan?(options: z.output<S>, context: SourcePlanContext, given: Given): Promise<SourcePlan>;
  /** Encodings that its batches have already (`batch.encoded`), for `plan`. */
  readonly gives?: readonly Codec[] | ((options: z.output<S>) => readonly Codec[]);
  /** What it reads, in a few words and without secrets, for `plan` and messages; the kind alone by default. */
  title?(options: z.output<S>): string;
  /** Where that is, without secrets: what jobs are told apart by; the title by default. */
  place?(options: z.output<S>, given: Given): string;
  /** What can be told of the input without reading all of it (length, time of change): compared before a run goes on where another one was. */
  input?(options: z.output<S>, context: DescribeContext, given: Given): Promise<Json>;
  /** How the input is read, where that may change the records (dialect, encoding): compared as the input is. No secrets. */
  reading?(options: z.output<S>): Json;
  /** Where it reads on in each run behind the position of the one before: then `after` is that, and the last batch has the next. */
  follows?(options: z.output<S>): Following | undefined;
}

// ---------------------------------------------------------------- operator

/** What an operator is told when it is opened, and where it says what becomes of records. */
export interface OperatorContext {
  /** Aborted when the run ends early, for whatever is waited for. */
  readonly signal: AbortSignal;
  /** Records, and about how many bytes, that a batch made here should have at most. */
  readonly batchRows: number;
  readonly batchBytes: number;
  /** How long a record that came alone may wait for others; 100 ms by default. */
  readonly batchDelayMs?: number;
  /** Input schema, where it is known. */
  readonly schema: Schema | undefined;
  /** For a row function: `return context.reject(code, reason)`. */
  reject(code: string, reason: string): Rejected;
  /** For batch and stream functions: refuses one row of a batch; the function leaves it out of what it gives on. */
  reject(batch: AnyBatch, index: number, code: string, reason: string): void;
  /** For stream functions: records left out, and records made beyond one for one. */
  dropped(count: number): void;
  made(count: number): void;
  /** Nothing more is needed: the stages before are asked to stop, and what still comes is not looked at. */
  stop(): void;
  /** Registers all that later output depends on (a count, keys seen, a seed), once, on opening. */
  keepState(state: OperatorState): void;
  /** Bytes on the state account: positive to take, negative to give back; STATE_TOO_LARGE when it is full. */
  charge(bytes: number): void;
  /** Whether so many more may be charged. */
  mayKeep(bytes: number): boolean;
  /** What all operators of the run may keep together. */
  readonly stateBytes: number;
  /** A place outside of memory for what may not be kept in it; close it. Undefined where the run has none (a plain stream). */
  openSpill?(): Promise<SpillFile>;
  /** Those behind it need no more than so many records, the first ones; undefined where that is not known. */
  readonly needs: number | undefined;
  /** For the report. */
  warn(message: string): void;
}

/** What `context.keepState` takes. */
export interface OperatorState {
  /** Undefined: too much for a checkpoint; the run commits nothing in between there. */
  save(): Json | undefined;
  load(state: Json): void;
}

/** A record, undefined (dropped), or what `context.reject` gives. Never the record that it got, changed. */
export type RowFunction = (row: AnyRow) => AnyRow | undefined | Rejected;
/** A batch with at most as many rows. */
export type BatchFunction = (batch: AnyBatch) => AnyBatch | Promise<AnyBatch>;
/** Any batches. */
export type StreamFunction = (batches: AsyncIterable<AnyBatch>) => AsyncIterable<AnyBatch>;

/**
 * What makes a kind of operator; give it to `defineOperator`. Exactly one of row, batch, stream. Adjacent operators of kinds row and batch run
 * in one loop, without a stream between them. docs/writing-an-operator.md
 */
export interface OperatorDefinition<S extends z.ZodType, Given = undefined> {
  readonly kind: string;
  readonly options: S;
  /** One row in; a row, undefined (dropped) or `context.reject(…)` out. */
  row?(options: z.output<S>, context: OperatorContext, given: Given): RowFunction;
  /** A batch in, a batch with at most as many rows out (views cost nothing); those that are missing count as dropped unless rejected. */
  batch?(options: z.output<S>, context: OperatorContext, given: Given): BatchFunction;
  /** All batches in, any batches out. Counts what it drops and makes; never holds more than about one batch but on the state account. */
  stream?(options: z.output<S>, context: OperatorContext, given: Given): StreamFunction;
  /** Of a batch operator: of a batch it holds on to nothing (a view, a column, bytes) but in what it gives on: the batch's memory may be used again when that has its outcome. */
  readonly keepsNothing?: true;
  /** Of a stream operator that passes positions on; without it they stop there until its input has ended. */
  readonly positions?: 'forwarded';
  /** Columns that it looks at; 'all' by default. */
  reads?(options: z.output<S>, given: Given): readonly string[] | 'all';
  /** The schema of what comes out, where it can be known. Not given: unknown from here on. */
  schema?(input: Schema, options: z.output<S>, given: Given): Schema | undefined;
  /** What a source can do in its place, all of it. */
  request?(options: z.output<S>): PushRequest;
  /** False: what it was given serves one run. */
  canReopen?(options: z.output<S>, given: Given): boolean;
  /** Columns that it gives a type, whatever comes: where the schema is found late, values that fit keep it. */
  sets?(options: z.output<S>, given: Given): readonly Field[];
  /** What it does, in a few words and without secrets; the kind alone by default. */
  title?(options: z.output<S>): string;
}

export { defineOperator, defineSink, defineSource, type OperatorKind, type SinkKind, type SourceKind } from './kinds.ts';

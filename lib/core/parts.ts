/** Sources that are many, and the sinks that take them part by part. */
import type { Schema } from '../schema/schema.ts';
import type { SinkStage, SourceStage } from './run/stage.ts';

/** What a kind calls its parts, for messages. */
export interface PartWords {
  /** `whole databases` */
  readonly wholes: string;
  /** `table` */
  readonly part: string;
  /** `tables` */
  readonly parts: string;
}

/** Of a source that is many (a database of tables): each part is a source of its own. Only a sink that makes parts takes it. */
export interface PartsOfSource<Options, Given> {
  readonly words: PartWords;
  open(options: Options, context: { readonly signal: AbortSignal }, given: Given): Promise<SourceParts>;
}

/** Of a sink that takes a source of parts: before the first of them. */
export interface PartsOfSink<Options, Given> {
  readonly words: PartWords;
  open(options: Options, context: SinkPartsContext, given: Given): Promise<SinkParts>;
}

/** A part of a source that is many: what a line of its own reads. */
export interface SourcePart {
  /** For the report. */
  readonly name: string;
  /** About. */
  readonly bytes: number;
  readonly source: SourceStage;
}

/** The parts of a source, open until `close`. */
export interface SourceParts {
  readonly parts: readonly SourcePart[];
  /** What a sink of the same kind needs to make the whole. */
  readonly whole: unknown;
  close(): Promise<void>;
}

/** Where the parts of a source go. */
export interface SinkParts {
  /** Parts, or steps of theirs, at a time. */
  readonly parallel: number;
  /** A part that fails keeps those that are not begun from it. */
  readonly stopOnFailure: boolean;
  /** Names of the parts whose rows have to be there before those of this one. */
  after(part: SourcePart): readonly string[];
  /** A sink for a part. */
  sink(part: SourcePart): SinkStage;
  /** What is left to do for a part that has its rows: steps that may run beside each other. One that fails fails the part. */
  steps(part: SourcePart): readonly (() => Promise<void>)[];
  /** When every part has its outcome: what the parts have in common. `written`: the names of those that are there, all of them. */
  finish(written: readonly string[]): Promise<void>;
  /** Instead of `finish`, or after it failed, when the run is cancelled: what it has made is taken away again. */
  abandon(): Promise<void>;
  /** Exactly once, in the end. */
  close(): Promise<void>;
}

/** What the parts of a source are, for a sink that is asked what it would do with them. */
export interface PlannedParts {
  /** As of `SourceParts`. */
  readonly whole: unknown;
  readonly parts: readonly { readonly name: string; readonly schema: Schema }[];
}

/** What a sink is told that is to take parts. */
export interface SinkPartsContext {
  readonly signal: AbortSignal;
  readonly whole: unknown;
  /** For the report. */
  warn(message: string): void;
}

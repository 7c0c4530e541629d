/** What a run would do, told beforehand: what `plan` gives, and what sources and sinks say for it. */
import type { ErrorCode, MillraceError } from '../errors.ts';
import type { Schema } from '../schema/schema.ts';
import type { Codec, Position } from './batch/batch.ts';
import type { AnyBatch } from './define.ts';
import type { PlannedParts } from './parts.ts';

/**
 * What would run. Source and target are asked, nothing is written, and no function of the user's is called; the first records are read where only
 * they say which types there are, and where that takes nothing away from a later run. JSON but for `explain`.
 */
export interface Plan {
  /** Source, operators, sink, in order. */
  readonly stages: readonly PlanStage[];
  /** Where refused records would go. */
  readonly deadLetter?: PlanStage;
  /** What the run would fail with, in the order in which it would be found; none: as far as can be told it would run. */
  readonly problems: readonly PlanProblem[];
  /** What the sink promises of a run that fails. */
  readonly guarantee: string;
  /** What would become of a run that is lost on the way. */
  readonly retry: PlannedRetry;
  /** Bytes that the run may hold, at most: of records on their way, and of what operators keep. */
  readonly memory: { readonly records: number; readonly state: number };
  /** The plan as text, for a person. */
  explain(): string;
}

export interface PlannedRetry {
  /** Milliseconds from the first loss (since the last commit) in which it would be begun again. */
  readonly forMs: number;
  /** Where; `never`: it would fail. */
  readonly from: 'last commit' | 'beginning' | 'never';
  /** Why never. */
  readonly reason?: string;
}

export interface PlanStage {
  readonly kind: string;
  /** What it does in a few words, without secrets. */
  readonly description: string;
  /** `bytes`: nothing decoded; `columns`: only those named; `rows`: every record is made an object. */
  readonly looksAt: 'bytes' | 'columns' | 'rows';
  readonly columns?: readonly string[];
  /** Done by the source, or, where the source can do a part of a filter only, also here. */
  readonly pushed?: true | 'part';
  /** Stages with the same number run in one loop; those that the source does have the source's. */
  readonly fusedGroup: number;
  /** What is sent to its server, in order. */
  readonly statements?: readonly string[];
  /** Of a source: records and bytes, about. */
  readonly estimatedRows?: number;
  readonly estimatedBytes?: number;
  /** Of a source: whether a later run could go on where another one stopped; not there where the source does not say. */
  readonly hasPositions?: boolean;
  /** Of a sink: whether its target is there. */
  readonly exists?: boolean;
  /** Of a sink: what becomes of each column's type. */
  readonly types?: readonly ColumnPlan[];
  /** What else is worth knowing, a sentence each. */
  readonly notes?: readonly string[];
  /** Of a sink that makes parts (tables of a database, and what they need): each of them, in the order in which they are made. */
  readonly parts?: readonly PartPlan[];
}

/** What becomes of a part of a target. */
export interface PartPlan extends Pick<PlanStage, 'exists' | 'statements' | 'types' | 'notes'> {
  /** table, type, sequence, view, … */
  readonly kind: string;
  /** As the report names it. */
  readonly name: string;
}

/**
 * none: the same type. widened: another one that has every value. checked: values are judged one by one, and one that does not fit is refused.
 * text: they go as their text. lossy: values may lose something, as the user allows. refused: values could be lost, or the column has no place.
 * left out: the target makes it itself.
 */
export type TypeChange = 'none' | 'widened' | 'checked' | 'text' | 'lossy' | 'refused' | 'left out';

export interface ColumnPlan {
  readonly name: string;
  /** The type that comes, as SQL names it. */
  readonly from: string;
  /** The type that takes it; not there where nothing does. */
  readonly to?: string;
  readonly change: TypeChange;
  /** What a value loses, of a column that may. */
  readonly loss?: string;
  /** Nobody declared the type: it was found in the first records. */
  readonly inferred?: true;
}

/** An error of the run, told before it. */
export interface PlanProblem {
  readonly code: ErrorCode;
  readonly stage: string | undefined;
  readonly message: string;
  readonly retryable: boolean;
}

/** What a source is told when it is asked what it would do. */
export interface SourcePlanContext {
  readonly signal: AbortSignal;
  /** Only these columns are looked at by anybody. Undefined: all. */
  readonly columns?: readonly string[];
  /** Of a source that follows: where it would begin. */
  readonly after?: Position;
}

/** What a source says of a run. It reads no record for it. */
export interface SourcePlan extends Pick<PlanStage, 'statements' | 'estimatedRows' | 'estimatedBytes' | 'notes'> {
  /** Its batches carry positions. */
  readonly hasPositions: boolean;
  /** Reading it takes nothing away: its first records may be looked at beforehand. */
  readonly isRepeatable: boolean;
  /** Of a source that is many. */
  readonly parts?: PlannedParts;
  /** What reading would fail with, where more than one thing is known. */
  readonly problems?: readonly MillraceError[];
}

/** What a sink is told when it is asked what it would do. */
export interface SinkPlanContext {
  readonly signal: AbortSignal;
  /** What would come; undefined where only the run will know. */
  readonly schema: Schema | undefined;
  /** The first batch, where the types of columns have to be found in it and it can be known. */
  readonly first: AnyBatch | undefined;
  /** The encoding in which batches would come as bytes. */
  readonly codec: Codec | undefined;
  /** Why that would not be all that the source has, where the stages tell. */
  readonly incomplete?: string | undefined;
  /** What would come part by part, to a sink that makes parts. */
  readonly parts?: PlannedParts | undefined;
}

/** What a sink says of a run. It writes nothing for it. */
export interface SinkPlan extends Pick<PlanStage, 'statements' | 'exists' | 'types' | 'notes' | 'parts'> {
  /** What it would refuse before the first row: all of it, not only what it finds first. */
  readonly problems?: readonly MillraceError[];
}

/** Millrace: typed pipelines that move records between places, on Node streams. */
import { openSpill } from './clients/file/spill.ts';
import type { RunOptions } from './core/contracts.ts';
import { type Chain, pipelineWith } from './core/run/pipeline.ts';
import type { Report } from './core/run/report.ts';

export type { Column } from './core/batch/column.ts';
export { ArrayColumn } from './core/batch/column.ts';
export { type Codec, type Json, type Position, RecordBatch } from './core/batch/batch.ts';
export type {
  ColumnPlan,
  DeadLetter,
  Done,
  Gives,
  Operator,
  PartPlan,
  Plan,
  PlanProblem,
  PlanStage,
  Progress,
  Report,
  Rows,
  RunOptions,
  Sink,
  Source,
  Takes,
  TypeChange,
} from './core/contracts.ts';
export {
  type Absorbed,
  type AnyBatch,
  type AnyRow,
  type BatchFunction,
  type Checkpoint,
  defineOperator,
  defineSink,
  defineSource,
  type DescribeContext,
  type OperatorContext,
  type OperatorDefinition,
  type OperatorKind,
  type OperatorState,
  type PushRequest,
  Rejected,
  type RejectedRow,
  type RowFunction,
  type SinkContext,
  type SinkDefinition,
  type SinkKind,
  type SourceContext,
  type SourceDefinition,
  type SourceKind,
  type StreamFunction,
  type Writer,
} from './core/define.ts';
export type { Finder, FinderContext, OpenFinder } from './core/finder.ts';
export type { SinkPlan, SinkPlanContext, SourcePlan, SourcePlanContext } from './core/plan.ts';
export { RecordRejected } from './core/delivery/rejects.ts';
export { compose, plan } from './core/run/pipeline.ts';
export type { SpillFile } from './core/spill.ts';
export type { RowDifference, RowDifferences } from './migration/compare-rows.ts';
export { type Verification, type VerifiedColumn, verify, type VerifyOptions } from './migration/verify.ts';
export { type TablesVerification, type TableVerification, verifyTables } from './migration/verify-tables.ts';
export { PipelineError } from './core/run/pipeline-error.ts';
export { ERROR_CODES, type ErrorCode, MillraceError } from './errors.ts';
export { fromHighland, toHighland } from './highland.ts';
export type { Where } from './query/where.ts';
export { type Field, Schema } from './schema/schema.ts';
export type { DataType, TypeKind } from './schema/types.ts';
export { JsonNull, JsonNumber, parseJson, printJson } from './values/json.ts';
export { Timestamp } from './values/timestamp.ts';
export * from '../operators/index.ts';
/**
 * Moves records from a source through operators into a sink. Resolves with the report when everything is committed and released; rejects
 * with a PipelineError (code, stage, retryable, report) when everything is released and nothing half written is left.
 */
export const pipeline: Chain<RunOptions, Report> = pipelineWith({ openSpill });
/** Sinks by kind: `to.file(…)`, `to.postgres(…)`, … */
export * as to from '../sinks/index.ts';
/** Sources by kind: `from.file(…)`, `from.postgres(…)`, … */
export * as from from '../sources/index.ts';

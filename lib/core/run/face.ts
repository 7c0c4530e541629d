/**
 * The face of a stage: what a user holds. A Readable, Duplex or Writable of plain objects that opens nothing before it is used, and beside it
 * the description (`stage`) of which `pipeline()` opens streams of its own, as often as it likes.
 */
import { MillraceError } from '../../errors.ts';
import type { Operator, RunOptions, Sink, Source } from '../contracts.ts';
import { OperatorFace } from './operator-face.ts';
import { SinkFace } from './sink-face.ts';
import { SourceFace } from './source-face.ts';
import type { OperatorStage, SinkStage, SourceStage, Stage } from './stage.ts';

/** The one place where row types are asserted. */
export function sourceFace<Row>(stage: SourceStage): Source<Row> {
  return new SourceFace(stage) as unknown as Source<Row>;
}

export function operatorFace<In, Out>(stage: OperatorStage): Operator<In, Out> {
  return new OperatorFace([stage]) as unknown as Operator<In, Out>;
}

export function sinkFace<Row>(stage: SinkStage): Sink<Row> {
  return new SinkFace(stage) as unknown as Sink<Row>;
}

/** Several operators as one. */
export function composedFace<In, Out>(operators: readonly unknown[]): Operator<In, Out> {
  const stages = operators.flatMap((operator, i) => {
    if (operator instanceof OperatorFace) return operator.stages;
    throw new MillraceError('PIPELINE_INVALID', `compose: argument ${i + 1} is not an operator`);
  });
  return new OperatorFace(stages) as unknown as Operator<In, Out>;
}

/** The descriptions behind a face; undefined for anything else. */
export function stagesOf(face: unknown): readonly Stage[] | undefined {
  if (face instanceof OperatorFace) return face.stages;
  return face instanceof SourceFace || face instanceof SinkFace ? [face.stage] : undefined;
}

export function stageOf(face: unknown): Stage | undefined {
  return stagesOf(face)?.[0];
}

/** A sink beside the pipeline. */
export function deadLetterStage(place: NonNullable<RunOptions['deadLetter']>): SinkStage {
  const stage = stageOf(place);
  if (stage?.role !== 'sink')
    throw new MillraceError('OPTION_INVALID', 'pipeline: option "deadLetter": a sink, such as to.file(\'rejects.ndjson\')');
  return stage;
}

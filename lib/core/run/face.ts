import type { DeadLetter, Operator, Sink, Source } from '../contracts.ts';
import type { OperatorStage, SinkStage, SourceStage } from './stage.ts';

export function sourceFace<Row>(stage: SourceStage): Source<Row> {
  return { stage } as unknown as Source<Row>;
}
export function operatorFace<In, Out>(stage: OperatorStage, onReject?: (letter: DeadLetter) => void): Operator<In, Out> {
  return { stage, onReject } as unknown as Operator<In, Out>;
}
export function sinkFace<Row>(stage: SinkStage): Sink<Row> {
  return { stage } as unknown as Sink<Row>;
}

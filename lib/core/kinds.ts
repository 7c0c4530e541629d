/** `defineSource`, `defineOperator` and `defineSink`, and what they give. */
import type { z } from 'zod';
import type { DeadLetter, Operator, Sink, Source } from './contracts.ts';
import type { OperatorDefinition, SinkDefinition, SourceDefinition } from './define.ts';
import { operatorFace, sinkFace, sourceFace } from './run/face.ts';
import { operatorStage, sinkStage, sourceStage } from './run/stage.ts';

/** A kind of source: its definition, and the one place where row types are asserted. */
export interface SourceKind<S extends z.ZodType = z.ZodType, Given = unknown> {
  readonly kind: string;
  readonly definition: SourceDefinition<S, Given>;
  /** A source of this kind; nothing is opened. OPTION_UNKNOWN, OPTION_INVALID. */
  create<Row>(options: z.input<S>, given: Given): Source<Row>;
}
/** A kind of operator: its definition, and the one place where row types are asserted. */
export interface OperatorKind<S extends z.ZodType = z.ZodType, Given = unknown> {
  readonly kind: string;
  readonly definition: OperatorDefinition<S, Given>;
  /** An operator of this kind. `onReject` takes rejects where it is used without pipeline(). OPTION_UNKNOWN, OPTION_INVALID. */
  create<In, Out>(options: z.input<S>, given: Given, onReject?: (letter: DeadLetter) => void): Operator<In, Out>;
}
/** A kind of sink: its definition, and the one place where row types are asserted. */
export interface SinkKind<S extends z.ZodType = z.ZodType, Given = unknown> {
  readonly kind: string;
  readonly definition: SinkDefinition<S, Given>;
  /** A sink of this kind; nothing is opened. OPTION_UNKNOWN, OPTION_INVALID. */
  create<Row>(options: z.input<S>, given: Given): Sink<Row>;
}

/** Makes a source of a definition. Options are checked when a stage is created: OPTION_UNKNOWN with the nearest name, OPTION_INVALID. */
export function defineSource<S extends z.ZodType, Given = undefined>(definition: SourceDefinition<S, Given>): SourceKind<S, Given> {
  return {
    kind: definition.kind,
    definition,
    create: <Row>(options: z.input<S>, given: Given) => sourceFace<Row>(sourceStage(definition, options, given)),
  };
}

/** Makes an operator of a definition. */
export function defineOperator<S extends z.ZodType, Given = undefined>(definition: OperatorDefinition<S, Given>): OperatorKind<S, Given> {
  return {
    kind: definition.kind,
    definition,
    create: <In, Out>(options: z.input<S>, given: Given, onReject?: (letter: DeadLetter) => void) =>
      operatorFace<In, Out>({ ...operatorStage(definition, options, given), onReject }),
  };
}

/** Makes a sink of a definition. */
export function defineSink<S extends z.ZodType, Given = undefined>(definition: SinkDefinition<S, Given>): SinkKind<S, Given> {
  return {
    kind: definition.kind,
    definition,
    create: <Row>(options: z.input<S>, given: Given) => sinkFace<Row>(sinkStage(definition, options, given)),
  };
}

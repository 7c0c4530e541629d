/** What `defineSource`, `defineOperator` and `defineSink` give. */
import type { z } from 'zod';
import type { DeadLetter, Operator, Sink, Source } from './contracts.ts';
import type { OperatorDefinition, SinkDefinition, SourceDefinition } from './define.ts';

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

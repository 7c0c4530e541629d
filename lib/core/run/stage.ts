import { z } from 'zod';
import { asMillraceError, MillraceError, suggestion } from '../../errors.ts';
import type { DeadLetter } from '../contracts.ts';
import type { OperatorDefinition, SinkDefinition, SourceDefinition } from '../define.ts';
import { checkArgument } from './check-argument.ts';
import { optionIssue } from './option-issue.ts';

/** A stage as it stands in a pipeline: a definition with its options (checked) and what was given. It can be opened many times. */
export interface SourceStage {
  readonly role: 'source';
  readonly kind: string;
  readonly definition: SourceDefinition<z.ZodType, unknown>;
  readonly options: unknown;
  readonly given: unknown;
}
export interface OperatorStage {
  readonly role: 'operator';
  readonly kind: string;
  readonly definition: OperatorDefinition<z.ZodType, unknown>;
  readonly options: unknown;
  readonly given: unknown;
  /** Takes its rejects where it is used as a plain stream. */
  readonly onReject?: ((letter: DeadLetter) => void) | undefined;
}
export interface SinkStage {
  readonly role: 'sink';
  readonly kind: string;
  readonly definition: SinkDefinition<z.ZodType, unknown>;
  readonly options: unknown;
  readonly given: unknown;
}
export type Stage = SourceStage | OperatorStage | SinkStage;

export function sourceStage<S extends z.ZodType, Given>(
  definition: SourceDefinition<S, Given>,
  options: z.input<S>,
  given: Given,
): SourceStage {
  return {
    role: 'source',
    kind: definition.kind,
    definition: naming(definition as unknown as SourceStage['definition'], ['describe', 'plan']),
    options: checkOptions(definition.kind, definition.options, options),
    given,
  };
}

export function operatorStage<S extends z.ZodType, Given>(
  definition: OperatorDefinition<S, Given>,
  options: z.input<S>,
  given: Given,
): OperatorStage {
  const faces = [definition.row, definition.batch, definition.stream].filter(face => face !== undefined).length;
  if (faces !== 1)
    throw new MillraceError('PIPELINE_INVALID', `operator ${definition.kind}: give exactly one of row, batch and stream, not ${faces}`);
  return {
    role: 'operator',
    kind: definition.kind,
    definition: naming(definition as unknown as OperatorStage['definition'], ['schema', 'row', 'batch', 'stream']),
    options: checkOptions(definition.kind, definition.options, options),
    given,
  };
}

export function sinkStage<S extends z.ZodType, Given>(definition: SinkDefinition<S, Given>, options: z.input<S>, given: Given): SinkStage {
  return {
    role: 'sink',
    kind: definition.kind,
    definition: naming(definition as unknown as SinkStage['definition'], ['open', 'plan', 'each']),
    options: checkOptions(definition.kind, definition.options, options),
    given,
  };
}

/** The same definition; what these functions of it throw before the first record names the stage. */
function naming<D extends { readonly kind: string }>(definition: D, names: readonly (keyof D)[]): D {
  const guarded: Record<PropertyKey, unknown> = {};
  for (const name of names) {
    const call: unknown = definition[name];
    if (typeof call === 'function') guarded[name] = guard(definition.kind, call as (...given: unknown[]) => unknown);
  }
  return { ...definition, ...guarded };
}

function guard(kind: string, call: (...given: unknown[]) => unknown): (...given: unknown[]) => unknown {
  const rethrow = (error: unknown): never => {
    throw asMillraceError(error, kind);
  };
  return (...given) => {
    try {
      const result = call(...given);
      return result instanceof Promise ? result.catch(rethrow) : result;
    } catch (error) {
      return rethrow(error);
    }
  };
}

/** Options with their defaults; OPTION_UNKNOWN with the nearest name, OPTION_INVALID with the place, the value and what is wanted. */
export function checkOptions<S extends z.ZodType>(kind: string, schema: S, options: z.input<S>): z.output<S> {
  checkArgument(kind, 'options', options, 'object');
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    if (issue.code === 'unrecognized_keys') {
      const name = issue.keys[0] ?? '';
      throw new MillraceError('OPTION_UNKNOWN', `${kind}: no option ${JSON.stringify(name)}${suggestion(name, optionNames(schema))}`, {
        stage: kind,
      });
    }
  }
  const [issue] = result.error.issues;
  const problem = issue === undefined ? 'invalid options' : optionIssue(issue, options);
  throw new MillraceError('OPTION_INVALID', `${kind}: ${problem}`, { stage: kind });
}

/** Names of the options of a kind, for suggestions and `kinds`. */
export function optionNames(schema: z.ZodType): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

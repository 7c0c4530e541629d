import type { Schema } from '../../schema/schema.ts';
import type { PushRequest } from '../define.ts';
import { MillraceError } from '../../errors.ts';
import type { Line, Schemas } from './layout.ts';
import type { OperatorStage } from './stage.ts';

/** A line of which the source does some stages itself. */
export interface PushedLine {
  /** What is left: the source as it does them, and the operators behind them. */
  readonly line: Line;
  /** How many operators, from the first on, the source does. */
  readonly count: number;
  /** It does a part of the next one too, which therefore runs on less. */
  readonly hasPart: boolean;
}

/** Offers the source the operators that follow it and can say what they do, as far as the first that can't. */
export function pushDown(line: Line, schema: Schema | undefined): PushedLine {
  const { source, operators } = line;
  const requests = requestsOf(operators);
  const { absorb } = source.definition;
  if (absorb === undefined || schema === undefined || requests.length === 0) return { line, count: 0, hasPart: false };
  const { options, taken, rest } = absorb(source.options, requests, schema);
  const count = requests.length - rest.length;
  const hasPart = taken.length > count;
  if (count < 0 || taken.length < count || taken.length > count + 1 || taken.length > requests.length) {
    throw new MillraceError(
      'INTERNAL',
      `source ${source.kind}: absorb took ${taken.length} of ${requests.length} requests and left ${rest.length}`,
    );
  }
  if (taken.length === 0) return { line, count: 0, hasPart: false };
  return { line: { ...line, source: { ...source, options }, operators: operators.slice(count) }, count, hasPart };
}

export function requestsOf(operators: readonly OperatorStage[]): readonly PushRequest[] {
  const requests: PushRequest[] = [];
  for (const { definition, options } of operators) {
    const request = definition.request?.(options);
    if (request === undefined) break;
    requests.push(request);
  }
  return requests;
}

/** How many records operators need at most, where a limit comes before anything that leaves some out. */
export function needsOf(operators: readonly OperatorStage[]): number | undefined {
  let skipped = 0;
  for (const request of requestsOf(operators)) {
    if ('limit' in request) return skipped + request.limit;
    if ('offset' in request) skipped += request.offset;
    else if (!('columns' in request)) return undefined;
  }
  return undefined;
}

/** The schemas behind the first `count` operators. */
export function schemasBehind({ inputs, output, hint }: Schemas, count: number): Schemas {
  return { inputs: inputs.slice(count), output, hint };
}

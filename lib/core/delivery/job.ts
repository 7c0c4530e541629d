import { createHash } from 'node:crypto';
import type { Schema } from '../../schema/schema.ts';
import { typeName } from '../../schema/types.ts';
import type { Json } from '../batch/batch.ts';
import type { Following } from './following.ts';
import type { Line } from '../run/layout.ts';
import type { OperatorStage, SinkStage, SourceStage } from '../run/stage.ts';

/** What a job is: what it goes by, and what has to be the same when it goes on. Plain JSON, no secrets. */
export interface Job {
  /** The same for the same source and the same target, whatever stands between them. */
  readonly id: string;
  /** What the user calls it. */
  readonly name?: string;
  readonly from: string;
  readonly to: string;
  /** What stands between them; of functions a hash of their text. */
  readonly operators: readonly string[];
  /** Names and types of what the source gives, where it can say. */
  readonly columns: readonly string[];
  /** What the source says of its input: length, time of change. */
  readonly input: Json;
  /** How it reads that: dialect, encoding. */
  readonly reading: Json;
  /** Of a source that follows: what it goes by, and how its records get into the target. */
  readonly follows?: { readonly by: string; readonly into: string };
}

export interface JobTraits {
  /** What the user calls it. */
  readonly name?: string | undefined;
  /** Of the source. */
  readonly schema?: Schema | undefined;
  readonly input?: Json | undefined;
  readonly following?: Following | undefined;
}

export function jobOf({ source, operators, sink }: Line, { name, schema, input = null, following }: JobTraits): Job {
  const [from, into] = [placeOf(source), placeOf(sink)];
  const to = following === undefined ? into : targetOf(sink);
  // What a limit leaves out the next run of a job that follows reads.
  const telling = operators.filter(stage => following === undefined || !isLimit(stage));
  const between = telling.map(operatorText);
  // A job that goes on for good is the same one when it is changed: what has changed can be named then.
  const parts = following === undefined ? [from, to, between] : ['follows', from, to];
  return {
    id: hash(name === undefined ? parts : [...parts, name]),
    ...(name === undefined ? {} : { name }),
    ...(following === undefined ? {} : { follows: { by: following.by, into } }),
    from,
    to,
    operators: between,
    columns: schema?.fields.map(({ name, type }) => `${name} ${typeName(type)}`) ?? [],
    input,
    reading: source.definition.reading?.(source.options) ?? null,
  };
}

/**
 * Why a job cannot be told from others; undefined where it can. An array has no place, and what a function has captured nobody sees from outside: two
 * runs that look the same may do different things.
 */
export function lookAlike({ source, operators }: Line, isNamed: boolean): string | undefined {
  if (source.definition.place === undefined) return `a source ${source.kind} has no place that the job could be known by`;
  const made = operators.find(({ given }) => hasFunction(given));
  return made === undefined || isNamed
    ? undefined
    : `what a function of ${made.kind} has captured cannot be seen; name the job by option "job"`;
}

/**
 * What is not as it was, in words. Of a source that follows columns may come and go between runs, and the mode may be another one when the last run
 * came to its end (`isDone`).
 */
export function differencesOf(was: Job, is: Job, isDone = false): string[] {
  const differences: string[] = [];
  if (!isSame(was.operators, is.operators))
    differences.push(`the operators are ${listed(is.operators)} instead of ${listed(was.operators)}`);
  if (is.follows !== undefined) {
    const { by = 'nothing', into = was.to } = was.follows ?? {};
    if (by !== is.follows.by) differences.push(`it goes on ${is.follows.by} instead of ${by}`);
    if (!isDone && into !== is.follows.into) differences.push(`the target is ${is.follows.into} instead of ${into}`);
    return differences;
  }
  const [gone, come] = [was.columns.filter(name => !is.columns.includes(name)), is.columns.filter(name => !was.columns.includes(name))];
  if (gone.length > 0) differences.push(`the source has no ${gone.join(', ')} any more`);
  if (come.length > 0) differences.push(`the source has ${come.join(', ')}, which it had not`);
  if (gone.length + come.length === 0 && !isSame(was.columns, is.columns))
    differences.push('the columns of the source are in another order');
  if (!isSame(was.input, is.input)) differences.push('the input has changed since (its length, its time or its beginning)');
  if (!isSame(was.reading, is.reading))
    differences.push(`the input is read by other options: ${JSON.stringify(is.reading)} instead of ${JSON.stringify(was.reading)}`);
  return differences;
}

function targetOf({ kind, definition, options, given }: SinkStage): string {
  return `${kind} ${definition.checkpoints?.target?.(options, given) ?? ''}`;
}

function placeOf({ kind, definition, options, given }: SourceStage | SinkStage): string {
  const title = definition.title?.(options);
  const place = definition.place?.(options, given) ?? title;
  return place === undefined ? kind : `${kind} ${place}`;
}

function isLimit({ definition, options }: OperatorStage): boolean {
  return 'limit' in (definition.request?.(options) ?? {});
}

function operatorText({ kind, definition, options, given }: OperatorStage): string {
  const title = definition.title?.(options) ?? '';
  const rest = hash([options, given]);
  return [kind, title, rest].filter(text => text !== '').join(' ');
}

/** Of functions their text counts; what cannot be written as text (a schema that refers to itself) does not. */
function hash(value: unknown): string {
  return createHash('sha256').update(textOf(value)).digest('hex').slice(0, 16);
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value, (_, part: unknown) => {
      if (typeof part === 'function') return String(part);
      return typeof part === 'bigint' ? `${part}n` : part;
    });
  } catch {
    return '';
  }
}

function hasFunction(value: unknown): boolean {
  let found = typeof value === 'function';
  try {
    JSON.stringify(value, (_, part: unknown) => {
      found ||= typeof part === 'function';
      return typeof part === 'bigint' ? null : part;
    });
  } catch {
    return true;
  }
  return found;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function listed(texts: readonly string[]): string {
  return texts.length === 0 ? 'none' : texts.join(', ');
}

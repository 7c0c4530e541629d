import { RE2JS } from 're2js';
import { MillraceError } from '../errors.ts';
import type { Schema } from '../schema/schema.ts';
import { comparing } from './compare.ts';
import { compileLike } from './like.ts';
import { type Path, printPath, walk } from './path.ts';
import { type Comparison, type Operand, pathsOf, type Predicate } from './predicate.ts';

/** A predicate as functions. */
export interface CompiledPredicate {
  /** Top-level columns that it reads, each once. */
  readonly columns: readonly string[];
  /** For a record. */
  row(record: Readonly<Record<string, unknown>>): boolean;
  /** For the values of `columns`, in that order. */
  values(values: readonly unknown[]): boolean;
}

type Test = (value: unknown) => boolean;
type Rule = (values: readonly unknown[]) => boolean;

/**
 * Compiles a predicate for records of a schema (or of none). Null and missing match `notExists` only, every other comparison is false for them;
 * `not` is the logical complement. A column that the schema does not have is COLUMN_UNKNOWN.
 */
export function compilePredicate(predicate: Predicate, schema?: Schema): CompiledPredicate {
  const columns = [...new Set(pathsOf(predicate).map(path => resolve(path, schema)[0]))];
  for (const column of columns) schema?.field(column);
  const rule = compile(predicate, columns, schema);
  return {
    columns,
    values: rule,
    row: record => rule(columns.map(column => (Object.hasOwn(record, column) ? record[column] : null))),
  };
}

/** A column whose own name holds dots wins over a path through a column. */
function resolve(path: Path, schema: Schema | undefined): Path {
  const whole = path.join('.');
  return path.length > 1 && schema?.has(whole) === true ? [whole] : path;
}

function compile(predicate: Predicate, columns: readonly string[], schema: Schema | undefined): Rule {
  if ('and' in predicate) return all(predicate.and.map(part => compile(part, columns, schema)));
  if ('or' in predicate) return any(predicate.or.map(part => compile(part, columns, schema)));
  if ('not' in predicate) {
    const rule = compile(predicate.not, columns, schema);
    return values => !rule(values);
  }
  const path = resolve(predicate.path, schema);
  const at = columns.indexOf(path[0]);
  const field = path.length === 1 ? schema?.fields[schema.indexOf(path[0])] : undefined;
  const test = compileTest(predicate.op, predicate.operands, value => comparing(value, field?.type, field?.untyped === true), path);
  return path.length === 1 ? values => test(values[at]) : values => test(walk(values[at], path.slice(1)));
}

function all(rules: readonly Rule[]): Rule {
  const [first, second] = rules;
  if (rules.length === 1 && first !== undefined) return first;
  if (rules.length === 2 && first !== undefined && second !== undefined) return values => first(values) && second(values);
  return values => rules.every(rule => rule(values));
}

function any(rules: readonly Rule[]): Rule {
  return values => rules.some(rule => rule(values));
}

function compileTest(op: Comparison, operands: readonly Operand[], compare: (operand: Operand) => (value: unknown) => number | undefined, path: Path): Test {
  const [first, second] = operands;
  const isNothing = (value: unknown): boolean => value === null || value === undefined;
  if (op === 'exists') return value => !isNothing(value);
  if (op === 'notExists') return isNothing;
  if (op === 'in' || op === 'notIn') return membership(op, operands.map(compare));
  if (first === undefined) throw new MillraceError('PREDICATE_INVALID', `predicate: ${printPath(path)} ${op} has nothing to compare with`);
  if (op === 'like' || op === 'notLike' || op === 'regex' || op === 'startsWith') return textTest(op, String(first), path);
  const against = compare(first);
  if (op === 'between' || op === 'notBetween') {
    if (second === undefined) throw new MillraceError('PREDICATE_INVALID', `predicate: ${printPath(path)} ${op} takes a pair`);
    return range(op, against, compare(second));
  }
  return ordered(op, against);
}

/** A value of another kind than the operand is different from it, and neither before nor after. */
function ordered(op: '=' | '!=' | '>' | '>=' | '<' | '<=', compare: (value: unknown) => number | undefined): Test {
  switch (op) {
    case '=':
      return value => compare(value) === 0;
    case '!=':
      return value => value !== null && value !== undefined && compare(value) !== 0;
    case '>':
      return value => (compare(value) ?? 0) > 0;
    case '>=':
      return value => (compare(value) ?? -1) >= 0;
    case '<':
      return value => (compare(value) ?? 0) < 0;
    case '<=':
      return value => (compare(value) ?? 1) <= 0;
  }
}

function range(op: 'between' | 'notBetween', least: (value: unknown) => number | undefined, most: (value: unknown) => number | undefined): Test {
  const isWithin: Test = value => (least(value) ?? -1) >= 0 && (most(value) ?? 1) <= 0;
  return op === 'between' ? isWithin : value => value !== null && value !== undefined && !isWithin(value);
}

function membership(op: 'in' | 'notIn', compares: readonly ((value: unknown) => number | undefined)[]): Test {
  const isIn: Test = value => compares.some(compare => compare(value) === 0);
  return op === 'in' ? isIn : value => value !== null && value !== undefined && !isIn(value);
}

function textTest(op: 'like' | 'notLike' | 'regex' | 'startsWith', pattern: string, path: Path): Test {
  if (op === 'startsWith') return value => typeof value === 'string' && value.startsWith(pattern);
  const matches = op === 'regex' ? compileRegex(pattern, path) : compileLike(pattern);
  return op === 'notLike' ? value => typeof value === 'string' && !matches(value) : value => typeof value === 'string' && matches(value);
}

/** Unanchored, in linear time; what such an engine can't do (back references, look-around) is refused. */
function compileRegex(pattern: string, path: Path): (text: string) => boolean {
  try {
    const regex = RE2JS.compile(pattern);
    return text => regex.matcher(text).find();
  } catch (error) {
    throw new MillraceError('PREDICATE_INVALID', `predicate: ${printPath(path)}: the regular expression is not understood: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

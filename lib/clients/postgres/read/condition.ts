/**
 * A predicate as a condition in SQL, which is TRUE of exactly the rows that the predicate keeps in memory (FALSE or NULL of all others, as WHERE has
 * it). Regular expressions are never asked of the server: its syntax is another one.
 */
import type { Comparison, Predicate, TextTest } from '../../../query/predicate.ts';
import { columnsAt } from '../../../query/resolve.ts';
import type { Schema } from '../../../schema/schema.ts';
import type { DataType } from '../../../schema/types.ts';
import { type LiteralScope, type Sides, sidesOf, textSides } from '../values/literal.ts';

export interface ConditionScope extends LiteralScope {
  readonly schema: Schema;
  /** A column as the statement names it. */
  columnSql(name: string): string;
}

/** Undefined where the server cannot say it with exactly the same outcome. */
export function conditionOf(predicate: Predicate, scope: ConditionScope): string | undefined {
  switch (predicate.op) {
    case 'and':
    case 'or':
      return connected(
        predicate.of.map(part => conditionOf(part, scope)),
        predicate.op,
      );
    case 'not': {
      const part = conditionOf(predicate.of[0], scope);
      return part === undefined ? undefined : `(${part}) IS NOT TRUE`;
    }
    default:
      return comparisonOf(predicate, scope);
  }
}

/** Of none: true for `and`, false for `or`. */
function connected(parts: readonly (string | undefined)[], op: 'and' | 'or'): string | undefined {
  if (parts.includes(undefined)) return undefined;
  if (parts.length === 0) return op === 'and' ? 'TRUE' : 'FALSE';
  return parts.map(part => (parts.length > 1 ? `(${part as string})` : part)).join(op === 'and' ? ' AND ' : ' OR ');
}

function comparisonOf(comparison: Comparison, scope: ConditionScope): string | undefined {
  const [way] = columnsAt(comparison.path, scope.schema);
  if (way?.field === undefined || way.rest.length > 0) return undefined;
  const { type } = way.field;
  const column = scope.columnSql(way.column);
  const asksEquality = EQUALITIES.has(comparison.op);
  const hasOwnCollation = way.field.collation === 'code point' || (asksEquality && way.field.collation === 'deterministic');
  const sides = (operand: Parameters<typeof sidesOf>[2]): Sides | undefined =>
    sidesOf(column, type, operand, { ...scope, hasOwnCollation, asksEquality });
  switch (comparison.op) {
    case 'exists':
    case 'notExists':
      return existence(comparison.op === 'exists', column, type);
    case 'in':
    case 'notIn':
      if (comparison.values.length === 0) return comparison.op === 'in' ? 'FALSE' : existence(true, column, type);
      return negatedIf(comparison.op === 'notIn', membership(comparison.values.map(sides)));
    case 'between':
    case 'notBetween':
      return negatedIf(
        comparison.op === 'notBetween',
        connected([ordered(sides(comparison.low), '>='), ordered(sides(comparison.high), '<=')], 'and'),
      );
    case 'like':
    case 'notLike':
    case 'startsWith':
    case 'regex':
      return textTest(comparison, column, type, { ...scope, hasOwnCollation });
    default:
      return ordered(sides(comparison.value), comparison.op === '!=' ? '<>' : comparison.op);
  }
}

/** What asks no more of a collation than which texts are the same; patterns are matched character by character. */
const EQUALITIES: ReadonlySet<string> = new Set(['=', '!=', 'in', 'notIn', 'like', 'notLike', 'startsWith']);

/** The JSON value null counts as null. Of a composite value `IS NOT NULL` asks for each of its fields. */
function existence(isThere: boolean, column: string, { kind }: DataType): string {
  if (kind === 'json' || kind === 'jsonb') {
    const isNull = `coalesce(pg_catalog.${kind}_typeof(${column}) = 'null', TRUE)`;
    return isThere ? `NOT ${isNull}` : isNull;
  }
  if (kind === 'other') return `pg_catalog.num_nonnulls(${column}) ${isThere ? '>' : '='} 0`;
  return `${column} IS ${isThere ? 'NOT ' : ''}NULL`;
}

/** A comparison is NULL of null alone, and its negation too. */
function negatedIf(isNegated: boolean, condition: string | undefined): string | undefined {
  return isNegated && condition !== undefined ? `NOT (${condition})` : condition;
}

function ordered(sides: Sides | undefined, operator: string): string | undefined {
  return sides === undefined ? undefined : `${sides.column} ${operator} ${sides.literal}`;
}

/** Literals of one type in one list: PostgreSQL would bring a mixed list to one type, and the column with it. */
function membership(all: readonly (Sides | undefined)[]): string | undefined {
  const lists = new Map<string, string[]>();
  for (const sides of all) {
    if (sides === undefined) return undefined;
    const key = `${sides.type} ${sides.column}`;
    lists.set(key, [...(lists.get(key) ?? [sides.column]), sides.literal]);
  }
  return connected(
    [...lists.values()].map(([column, ...literals]) => `${column as string} IN (${literals.join(', ')})`),
    'or',
  );
}

function textTest({ op, value }: TextTest, column: string, type: DataType, scope: ConditionScope): string | undefined {
  if (op === 'regex' || !TEXTUAL.has(type.kind)) return undefined;
  const pattern = op === 'startsWith' ? `${value.replaceAll(/[\\%_]/g, String.raw`\$&`)}%` : value;
  // Where text is not UTF-8 a pattern is matched byte by byte, and `_` would be one of them: such a pattern is matched as text, so it is ASCII.
  const hasAny = op !== 'startsWith' && value.includes('_');
  if (hasAny && !/^[\0-\x7f]*$/.test(value)) return undefined;
  const sides = textSides(column, type, pattern, hasAny ? { ...scope, isUtf8: true } : scope);
  return ordered(sides, op === 'notLike' ? 'NOT LIKE' : 'LIKE');
}

/** Kinds whose values are the very texts that a pattern is matched with. */
const TEXTUAL: ReadonlySet<string> = new Set(['text', 'varchar', 'enum', 'uuid']);

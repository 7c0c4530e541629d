import type { Order } from '../../../query/order.ts';
import { columnsAt } from '../../../query/resolve.ts';
import type { Field } from '../../../schema/schema.ts';
import { sortedText } from '../values/literal.ts';
import type { ConditionScope } from './condition.ts';

/**
 * The keys of an order as ORDER BY has them, so that the server's order is that of `sort`: text by code point, null last. Undefined where a key is of
 * a type that the server orders otherwise (json, arrays, intervals, types of its own), or lies inside a value.
 */
export function orderTerms(order: readonly Order[], scope: ConditionScope): string[] | undefined {
  const terms = new Map<string, string>();
  for (const { path, direction } of order) {
    const [way] = columnsAt(path, scope.schema);
    const value = way?.field === undefined || way.rest.length > 0 ? undefined : sortedValue(way.field, scope.columnSql(way.column), scope);
    if (way?.field === undefined || value === undefined) return undefined;
    // Descending, null would come first; where there is none an index can be read backwards.
    const suffix = direction === 'asc' ? '' : way.field.nullable ? ' DESC NULLS LAST' : ' DESC';
    if (!terms.has(value)) terms.set(value, value + suffix);
  }
  return [...terms.values()];
}

function sortedValue(field: Field, column: string, scope: ConditionScope): string | undefined {
  const { type, collation } = field;
  if (type.kind === 'numeric') return scope.numeric === 'text' ? column : undefined;
  if (SAME_ORDER.has(type.kind)) return column;
  return OF_TEXT.has(type.kind) ? sortedText(column, type, { ...scope, hasOwnCollation: collation === 'code point' }) : undefined;
}

/** Kinds whose values the server orders as they are ordered in records: NaN the greatest, -0 equal to 0, infinite dates at the ends. */
const SAME_ORDER: ReadonlySet<string> = new Set([
  'bool',
  'int2',
  'int4',
  'int8',
  'oid',
  'float4',
  'float8',
  'bytea',
  'uuid',
  'timestamptz',
  'timestamp',
  'date',
  'time',
]);
/** Kinds that are texts in records; of an enum its label, not its place in the declaration. */
const OF_TEXT: ReadonlySet<string> = new Set(['text', 'varchar', 'bpchar', 'enum']);

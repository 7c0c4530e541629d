/**
 * The column that a source goes by which reads only what is new, and the key that tells rows of one value apart.
 * Source: https://www.postgresql.org/docs/18/catalog-pg-index.html, functions-comparisons.html#ROW-WISE-COMPARISON
 */
import type pg from 'pg';
import { MillraceError, suggestion } from '../../../errors.ts';
import type { DataType } from '../../../schema/types.ts';
import { typeName } from '../../../schema/types.ts';
import { parseDuration } from '../../../values/durations.ts';
import { parseQualifiedName, quoteIdentifier, quoteQualifiedName } from '../../../values/identifiers.ts';
import { IS_KEY, KEY_COLUMNS, KEY_ORDER, type NamedType } from '../catalogue/unique-key.ts';
import type { ServerColumn } from '../catalogue/relation.ts';
import { limited } from '../connection/connect.ts';

/** What is asked for. */
export interface SinceWish {
  readonly table: string;
  readonly column: string;
  /** A length of time, or a number. */
  readonly overlap?: string | number | undefined;
}

/** How far back is read again. */
export type Overlap = { readonly ms: number } | { readonly count: number };

export interface SinceColumn extends NamedType {
  readonly dataType: DataType;
  readonly nullable: boolean;
  /** Values are times, that the clock gives; numbers; or texts. */
  readonly order: 'time' | 'number' | 'text';
  /** The table, for SQL, and as it was named. */
  readonly table: string;
  readonly shown: string;
  readonly oid: number;
  /** What tells rows with the same value apart, without the column itself. */
  readonly key: readonly NamedType[];
  readonly overlap: Overlap | undefined;
}

/** Types whose values have an order in which they can be expected to come, and a text that means the same on the way back. */
const ORDERS: Readonly<Partial<Record<DataType['kind'], SinceColumn['order']>>> = {
  timestamptz: 'time',
  timestamp: 'time',
  date: 'time',
  int2: 'number',
  int4: 'number',
  int8: 'number',
  numeric: 'number',
  text: 'text',
  varchar: 'text',
  uuid: 'text',
};
/** Of a key, also these. */
const IN_KEYS = new Set<DataType['kind']>([...(Object.keys(ORDERS) as DataType['kind'][]), 'oid', 'bool']);

/** COLUMN_UNKNOWN; OPTION_INVALID, with the reason, for a column that rows cannot be followed by. */
export async function sinceColumn(client: pg.Client, wish: SinceWish, columns: readonly ServerColumn[]): Promise<SinceColumn> {
  const { column: name, table: shown } = wish;
  const column = columns.find(each => each.name === name);
  if (column === undefined) {
    const names = columns.map(each => each.name);
    throw new MillraceError(
      'COLUMN_UNKNOWN',
      `since: table ${JSON.stringify(shown)} has no column ${JSON.stringify(name)}${suggestion(name, names)}`,
    );
  }
  const table = quoteQualifiedName(parseQualifiedName(shown));
  const order = ORDERS[column.type.kind];
  if (order === undefined)
    throw refused(
      wish,
      `it is of type ${typeName(column.type)}; wanted is a column that goes up as rows come: a time, a whole number, numeric, text or uuid`,
    );
  const { rows } = await client.query<Facts>(limited(FACTS, [table, name]));
  const [facts] = rows;
  if (facts === undefined) throw new MillraceError('NOT_FOUND', `table ${JSON.stringify(shown)} is gone`);
  const reason = reasonAgainst(facts, wish);
  if (reason !== undefined) throw refused(wish, reason);
  const key = (facts.key ?? []).filter(each => each.name !== name);
  const odd = key.find(each => !IN_KEYS.has(columns.find(one => one.name === each.name)?.type.kind ?? 'other'));
  if (odd !== undefined)
    throw refused(wish, `column ${JSON.stringify(odd.name)} of the table's key is of a type that is not gone by (${odd.type})`);
  const { type, oid } = facts;
  const overlap = overlapOf(wish, order);
  return { name, type, dataType: column.type, nullable: column.nullable, order, table, shown, oid, key, overlap };
}

function overlapOf({ overlap }: SinceWish, order: SinceColumn['order']): Overlap | undefined {
  if (overlap === undefined) return undefined;
  if (Number(overlap) === 0) return { count: 0 };
  if (order === 'time') {
    if (typeof overlap === 'number') throw badOverlap(overlap, 'a length of time such as 90s or 10m');
    return { ms: parseDuration(overlap) };
  }
  if (order === 'text')
    throw badOverlap(
      overlap,
      '0: how much comes before a text nobody can say; with 0 rows that come late with a lesser value are not read',
    );
  const count = Number(overlap);
  if (!Number.isFinite(count) || count < 0) throw badOverlap(overlap, 'a number: so far below the last value is read again');
  return { count };
}

function badOverlap(overlap: string | number, wanted: string): MillraceError {
  return new MillraceError('OPTION_INVALID', `postgres: option "overlap": found ${JSON.stringify(overlap)}, wanted is ${wanted}`);
}

function reasonAgainst({ relkind, hasChildren, isIndexed, key }: Facts, { column, table }: SinceWish): string | undefined {
  const kind = KINDS[relkind];
  if (kind !== undefined) return `${JSON.stringify(table)} is ${kind}; name the table that has the rows`;
  if (hasChildren) return 'other tables inherit from this one, and its keys and indexes are not theirs';
  if (key === null)
    return 'the table has no unique key without nulls, by which rows with the same value could be told apart; give it a primary key';
  if (isIndexed) return undefined;
  const names = [column, ...key.map(({ name }) => name).filter(name => name !== column)].map(quoteIdentifier);
  return `no index begins with it, so each run would read all rows; make one: CREATE INDEX ON ${quoteQualifiedName(parseQualifiedName(table))} (${names.join(', ')})`;
}

const KINDS: Readonly<Record<string, string>> = { v: 'a view', m: 'a materialized view', f: 'a foreign table' };

function refused({ column }: SinceWish, reason: string): MillraceError {
  return new MillraceError('OPTION_INVALID', `postgres: option "since": column ${JSON.stringify(column)}: ${reason}`);
}

interface Facts {
  readonly oid: number;
  readonly relkind: string;
  readonly hasChildren: boolean;
  readonly type: string;
  readonly isIndexed: boolean;
  readonly key: readonly NamedType[] | null;
}

/** An index without the nulls serves as well. */
const FACTS = `
  SELECT c.oid::int8::float8 AS oid, c.relkind::text AS relkind, pg_catalog.format_type(s.atttypid, s.atttypmod) AS type,
    c.relkind <> 'p' AND EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid) AS "hasChildren",
    EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[0]
      WHERE i.indrelid = c.oid AND i.indkey[0] = s.attnum AND i.indisvalid AND o.opcdefault AND i.indcollation[0] = s.attcollation
        AND x.relam = (SELECT oid FROM pg_catalog.pg_am WHERE amname = 'btree')
        AND (i.indpred IS NULL OR pg_catalog.pg_get_expr(i.indpred, c.oid) = pg_catalog.format('(%I IS NOT NULL)', s.attname))) AS "isIndexed",
    (SELECT ${KEY_COLUMNS} FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
      WHERE i.indrelid = c.oid AND ${IS_KEY} ORDER BY ${KEY_ORDER} LIMIT 1) AS key
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute s ON s.attrelid = c.oid AND s.attname = $2 AND s.attnum > 0 AND NOT s.attisdropped
  WHERE c.oid = pg_catalog.to_regclass($1)`;

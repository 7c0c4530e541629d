/**
 * A table read in the order of its key: then each row is a place where another run can go on, in whatever snapshot.
 * Source: https://www.postgresql.org/docs/18/catalog-pg-index.html, functions-comparisons.html#ROW-WISE-COMPARISON
 */
import type pg from 'pg';
import type { Position } from '../../../core/batch/batch.ts';
import { textPrinter } from '../../../schema/print.ts';
import type { DataType } from '../../../schema/types.ts';
import { quoteIdentifier, quoteLiteral } from '../../../values/identifiers.ts';
import { IS_KEY, KEY_COLUMNS, KEY_ORDER, type NamedType } from '../catalogue/unique-key.ts';
import { limited } from '../connection/connect.ts';
import type { CopyRows } from './copy-frames.ts';
import { CopyLayout } from './copy-layout.ts';
import { PgCopyOrigin } from './copy-origin.ts';
import type { ReadPlan } from './read-plan.ts';

export interface KeyedRead {
  readonly statement: string;
  /** Behind the last of these rows. */
  position(rows: CopyRows): Position;
}

/** A table of fewer rows than so many times those between two positions is read as it lies: to go by the key costs a little, and it is soon begun anew. */
export const READINGS_APART = 5;

/** Where the reading goes on: the texts of the key's columns. */
interface KeyPosition extends Position {
  readonly key: readonly string[];
}

/**
 * Where the table has a unique key without nulls, all of whose columns are read, and its rows lie about in that order: others would be got one by one
 * from all over the table. `after`: only the rows behind it. The statement is for a transaction of the client.
 */
export async function keyedRead(
  client: pg.Client,
  plan: ReadPlan,
  after: Position | undefined,
): Promise<KeyedRead | { readonly reason: string }> {
  const { ranged, columns } = plan;
  if ('reason' in ranged) return ranged;
  const { rows } = await client.query<KeyFacts>(limited(KEY, [ranged.table]));
  const [key] = rows;
  if (key === undefined) return { reason: 'the table has no unique key without nulls' };
  const places = key.columns.map(({ name }) => columns.findIndex(column => column.name === name));
  const types = places.map(place => columns[place]?.type);
  if (types.some(type => type === undefined || !KINDS.has(type.kind)))
    return {
      reason: `a column of its key (${key.columns.map(({ name }) => JSON.stringify(name)).join(', ')}) is not read, or of a type that is not gone by`,
    };
  if (after === undefined && !(await liesInOrder(client, ranged.table, key)))
    return { reason: 'its rows do not lie in the order of its key' };
  const names = key.columns.map(({ name }) => quoteIdentifier(name));
  const texts = (after as KeyPosition | undefined)?.key;
  const literals = key.columns.map((column, i) => typedText(texts?.[i] ?? '', column));
  const condition = texts === undefined ? 'TRUE' : `(${names.join(', ')}) > (${literals.join(', ')})`;
  await client.query(limited('SET LOCAL enable_sort = off'));
  const keyOf = lastTexts(columns, places);
  return { statement: ranged.statement(condition, names.join(', ')), position: rows => ({ key: keyOf(rows) }) };
}

/** The texts of columns of a row, as `typedText` takes them back; of the last of the rows, whatever the options say of big numbers. */
export function lastTexts(columns: ReadPlan['columns'], places: readonly number[]): (rows: CopyRows) => string[] {
  const layout = new CopyLayout(columns, { int8: 'bigint', numeric: 'text' });
  const types = places.map(place => (columns[place] as ReadPlan['columns'][number]).type);
  const printers = types.map(type => textPrinter(type));
  return ({ bytes, starts }) => {
    const last = new PgCopyOrigin({ bytes, starts: starts.subarray(starts.length - 1) }, layout);
    return places.map((place, i) => (printers[i] as (value: unknown) => string)(last.column(place, types[i] as DataType).get(0)));
  };
}

/** A value by its text. */
export function typedText(text: string, { type }: NamedType): string {
  return `${quoteLiteral(text)}::${type}`;
}

async function liesInOrder(client: pg.Client, table: string, { correlation, blocks, columns }: KeyFacts): Promise<boolean> {
  if (blocks <= FEW_BLOCKS) return true;
  if (correlation !== null) return Math.abs(correlation) > IN_ORDER;
  // Never analyzed: some blocks are looked at.
  const share = Math.min(100, (100 * SAMPLED_BLOCKS) / blocks);
  const name = quoteIdentifier(columns[0]?.name ?? '');
  const { rows } = await client.query<{ share: number | null }>(
    limited(`SELECT pg_catalog.avg((k >= before)::int4)::float8 AS share
      FROM (SELECT ${name} AS k, pg_catalog.lag(${name}) OVER () AS before FROM ${table} TABLESAMPLE SYSTEM (${share})) s`),
  );
  return (rows[0]?.share ?? 1) > IN_ORDER;
}

/** So many are soon read in any order. */
const FEW_BLOCKS = 1000;
const SAMPLED_BLOCKS = 50;
const IN_ORDER = 0.9;
/** Types whose text is one value's alone, and means the same on the way back. */
const KINDS = new Set<DataType['kind']>([
  'int2',
  'int4',
  'int8',
  'oid',
  'text',
  'uuid',
  'numeric',
  'date',
  'timestamp',
  'timestamptz',
  'bool',
]);

interface KeyFacts {
  readonly columns: readonly NamedType[];
  /** Of the first column, between its order and where rows lie; null without statistics. */
  readonly correlation: number | null;
  readonly blocks: number;
}

const KEY = `
  SELECT ${KEY_COLUMNS} AS columns,
    (SELECT s.correlation::float8 FROM pg_catalog.pg_stats s JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
      WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited) AS correlation,
    (pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int8)::float8 AS blocks
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_index i ON i.indrelid = c.oid
    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid)
    AND ${IS_KEY}
  ORDER BY ${KEY_ORDER} LIMIT 1`;

import type pg from 'pg';
import { MillraceError } from '../../errors.ts';
import type { Field } from '../../schema/schema.ts';
import { quoteIdentifier } from '../../values/identifiers.ts';
import type { PgTarget } from './connection-options.ts';
import type { CopyColumn } from './copy-layout.ts';
import { canDecode } from './decode.ts';
import { describeQuery, describeTable, fieldOf, type Relation, type ServerColumn } from './describe.ts';
import { portable } from './types.ts';

/** A table, or a query. */
export interface ReadTarget {
  readonly table?: string | undefined;
  readonly query?: string | undefined;
}

/** What a reading is asked for. */
export interface ReadWish {
  /** Only these columns, where that is possible. */
  readonly columns?: readonly string[] | undefined;
}

export interface ReadPlan {
  /** `COPY … TO STDOUT (FORMAT binary)`. */
  readonly statement: string;
  readonly columns: readonly (CopyColumn & Field)[];
  readonly estimatedRows: number | undefined;
}

/** `read table "users"`, for messages. */
export function doingOf({ table }: ReadTarget): string {
  return table === undefined ? 'read the query' : `read table ${JSON.stringify(table)}`;
}

/** The columns there are. Errors: NOT_FOUND, and what the server says of a query. */
export async function serverColumns(client: pg.Client, read: ReadTarget, target: PgTarget): Promise<readonly ServerColumn[]> {
  return read.table === undefined ? describeQuery(client, plain(read.query)) : (await describeTable(client, read.table, target)).columns;
}

/** How the rows are asked for: types that have no value of their own here come as the text that PostgreSQL prints. */
export async function readPlan(client: pg.Client, read: ReadTarget, target: PgTarget, wish: ReadWish): Promise<ReadPlan> {
  if (read.table === undefined) {
    const query = plain(read.query);
    const columns = (await describeQuery(client, query)).map(wireColumn);
    return { columns, estimatedRows: undefined, statement: copy(queryStatement(query, columns)) };
  }
  const relation = await describeTable(client, read.table, target);
  const wanted = wish.columns === undefined ? undefined : new Set(wish.columns);
  const columns = relation.columns.filter(({ name }) => wanted?.has(name) ?? true).map(wireColumn);
  return { columns, estimatedRows: relation.estimatedRows, statement: copy(tableStatement(relation, columns)) };
}

type PlannedColumn = ReadPlan['columns'][number];

function wireColumn(column: ServerColumn): PlannedColumn {
  const { type, server } = column;
  const isPortable = server.isPlain && server.hasBinary && portable(type);
  return { ...fieldOf(column), isPortable, wire: canDecode(type) ? 'binary' : 'text' };
}

function copy(what: string): string {
  return `COPY ${what} TO STDOUT (FORMAT binary)`;
}

function tableStatement({ name, isPlainTable }: Relation, columns: readonly PlannedColumn[]): string {
  const names = columns.map(column => quoteIdentifier(column.name));
  if (isPlainTable && columns.length > 0 && columns.every(column => column.wire === 'binary')) return `${name} (${names.join(', ')})`;
  return `(SELECT ${columns.map((column, i) => onWire(column, names[i] as string)).join(', ')} FROM ${name})`;
}

/** The query as it is; around it a cast where there is a column to be cast. Names of a result may be anything, so they are numbered. */
function queryStatement(query: string, columns: readonly PlannedColumn[]): string {
  if (columns.every(column => column.wire === 'binary')) return `(${query}\n)`;
  const aliases = columns.map((_, i) => `c${i}`).join(', ');
  const list = columns.map((column, i) => onWire(column, `c${i}`)).join(', ');
  // What changes rows may stand in a WITH only, and a WITH would keep the rest from being planned as one.
  if (/^\s*(?:insert|update|delete|merge)\b/i.test(query)) return `(WITH q(${aliases}) AS (${query}\n) SELECT ${list} FROM q)`;
  return `(SELECT ${list} FROM (${query}\n) AS q(${aliases}))`;
}

/**
 * The text is that of the type's output function. A cast is the same but where somebody made it otherwise: of inet it adds a mask, of a user's type
 * it may do anything.
 */
function onWire({ wire, type }: PlannedColumn, column: string): string {
  if (wire === 'binary') return column;
  if (type.name === 'inet') return `pg_catalog.inet_out(${column})::text`;
  if (type.name?.includes('.') !== true) return `${column}::text`;
  return `CASE WHEN pg_catalog.num_nonnulls(${column}) > 0 THEN pg_catalog.format('%s', ${column}) END`;
}

function plain(query: string | undefined): string {
  const text = (query ?? '').replace(/[;\s]+$/, '');
  if (text === '') throw new MillraceError('OPTION_INVALID', 'postgres: option "query": it is empty; write a SELECT');
  return text;
}

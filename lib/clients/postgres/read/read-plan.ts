import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { type Field, Schema } from '../../../schema/schema.ts';
import { type DataType, TEXT } from '../../../schema/types.ts';
import { quoteIdentifier } from '../../../values/identifiers.ts';
import { limited } from '../connection/connect.ts';
import type { PgTarget } from '../connection/connection-options.ts';
import type { CopyColumn } from './copy-layout.ts';
import { canDecode } from '../values/decode.ts';
import { queryParameters, type QueryParameters } from '../values/parameters.ts';
import { describeQuery, describeTable, fieldOf } from '../catalogue/describe.ts';
import type { ServerColumn } from '../catalogue/relation.ts';
import type { ColumnShape } from './built-query.ts';
import type { TablePart } from './table-part.ts';
import { clauses, orderOf, type Pushed, whereOf } from './pushdown.ts';
import { portable } from '../catalogue/types.ts';

/** A table, or a query. */
export interface ReadTarget {
  readonly table?: string | undefined;
  readonly query?: string | undefined;
  /** Of $1, $2, … in the query. */
  readonly values?: readonly unknown[] | undefined;
  /** What is made of the query's columns, in their order. */
  readonly shape?: readonly ColumnShape[] | undefined;
  /** Only the table's own rows. */
  readonly part?: TablePart | undefined;
}

/** What a reading is asked for. */
export interface ReadWish {
  /** Only these columns, where that is possible. */
  readonly columns?: readonly string[] | undefined;
  /** What the server does beside reading. */
  readonly pushed?: Pushed | undefined;
  /** These too, behind the others. */
  readonly also?: readonly string[] | undefined;
}

/** A table of which any rows can be asked for alone. */
export interface RangedRead {
  /** As SQL writes it. */
  readonly table: string;
  /** The rows, of those that are read, that meet this condition too; in this order, if one is given, and then perhaps no more than so many. */
  select(condition: string, order?: string, limit?: number): string;
  /** The same by COPY. */
  statement(condition: string, order?: string, limit?: number): string;
}

export interface ReadPlan {
  /** `COPY … TO STDOUT (FORMAT binary)`; with parameters the query itself. */
  readonly statement: string;
  /** The same rows as a statement that gives them; with the same parameters. */
  readonly select: string;
  readonly parameters?: QueryParameters | undefined;
  /** How the rows can be asked for a range at a time, or why they cannot. */
  readonly ranged: RangedRead | { readonly reason: string };
  readonly columns: readonly (CopyColumn & Field)[];
  readonly estimatedRows: number | undefined;
}

/** `read table "users"`, for messages. */
export function doingOf({ table }: ReadTarget): string {
  return table === undefined ? 'read the query' : `read table ${JSON.stringify(table)}`;
}

/** The columns there are. Errors: NOT_FOUND, and what the server says of a query. */
export async function serverColumns(client: pg.Client, read: ReadTarget, target: PgTarget): Promise<readonly ServerColumn[]> {
  if (read.table !== undefined) return (await describeTable(client, read.table, target)).columns;
  const { columns, parameters } = await describeQuery(client, plain(read.query));
  queryParameters(read.values ?? [], parameters);
  return shaped(columns, read.shape);
}

/** How the rows are asked for: types that have no value of their own here come as the text that PostgreSQL prints. */
export async function readPlan(client: pg.Client, read: ReadTarget, target: PgTarget, wish: ReadWish): Promise<ReadPlan> {
  const pushed = wish.pushed ?? NOTHING_PUSHED;
  const isUtf8 = (pushed.filters.length === 0 && pushed.order === undefined) || (await hasUtf8(client));
  if (read.table === undefined) return queryPlan(client, read, wish, isUtf8);
  const { part } = read;
  const relation = part?.relation ?? (await describeTable(client, read.table, target));
  const { name, columns, isPlainTable, estimatedRows, primaryKey } = relation;
  const all = columns.map(wireColumn).map(column => ({ column, sql: quoteIdentifier(column.name) }));
  const from = part === undefined ? name : `ONLY ${name}`;
  const wanted = wantedOf(all, wish);
  if (
    (isPlainTable || part !== undefined) &&
    pushed.filters.length === 0 &&
    pushed.order === undefined &&
    pushed.limit === undefined &&
    isBinary(wanted)
  ) {
    const list = wanted.map(({ sql }) => sql).join(', ');
    return {
      ranged: rangedRead(name, condition => `SELECT ${list} FROM ${from} WHERE ${condition}`),
      columns: wanted.map(({ column }) => column),
      estimatedRows,
      select: `SELECT ${list} FROM ${name}`,
      statement: copy(`${name} (${list})`),
    };
  }
  const { columns: chosen, select, within } = selectPlan({ from, all, primaryKey }, wish, isUtf8);
  const ranged = within === undefined ? WITH_ORDER : rangedRead(name, within);
  return { estimatedRows: expectedOf(pushed, estimatedRows), columns: chosen, select, statement: copy(`(${select})`), ranged };
}

async function queryPlan(client: pg.Client, read: ReadTarget, wish: ReadWish, isUtf8: boolean): Promise<ReadPlan> {
  const query = plain(read.query);
  const described = await describeQuery(client, query);
  const given = queryParameters(read.values ?? [], described.parameters);
  // COPY takes no parameters.
  const parameters = given.values.length > 0 ? given : undefined;
  const asked = (text: string): string => (parameters === undefined ? copy(`(${text}\n)`) : text);
  const aliases = described.columns.map((_, i) => `c${i}`);
  const all = shaped(described.columns, read.shape).map((column, i) => ({
    column: wireColumn(column),
    sql: castSql(aliases[i] as string, read.shape?.[i]),
  }));
  if (wish.pushed === undefined) {
    const select = queryStatement(query, aliases, all);
    const columns = all.map(({ column }) => column);
    return { columns, estimatedRows: undefined, select, statement: asked(select), parameters, ranged: OF_QUERY };
  }
  const from = `(${query}\n) AS q(${aliases.join(', ')})`;
  const { columns, select } = selectPlan({ from, all, primaryKey: [] }, wish, isUtf8);
  return { columns, estimatedRows: undefined, select, statement: asked(select), parameters, ranged: OF_QUERY };
}

const NOTHING_PUSHED: Pushed = { filters: [], numeric: 'text' };
const OF_QUERY = { reason: 'a query is run once' };
const WITH_ORDER = { reason: 'the server puts the rows in order, or counts them off' };

/** A column, and how SQL names it. */
interface NamedColumn {
  readonly column: PlannedColumn;
  readonly sql: string;
}

interface SelectPlan {
  readonly columns: ReadPlan['columns'];
  readonly select: string;
  /** The same with another condition; undefined where rows are put in order or counted off. */
  readonly within: ((condition: string) => string) | undefined;
}

/** What is selected from. */
interface Selected {
  readonly from: string;
  readonly all: readonly NamedColumn[];
  readonly primaryKey: readonly string[];
}

function selectPlan({ from, all, primaryKey }: Selected, wish: ReadWish, isUtf8: boolean): SelectPlan {
  const { pushed = NOTHING_PUSHED } = wish;
  const wanted = wantedOf(all, wish);
  const scope = {
    schema: new Schema(all.map(({ column }) => column)),
    isUtf8,
    columnSql: (name: string) => all.find(({ column }) => column.name === name)?.sql ?? quoteIdentifier(name),
  };
  const where = whereOf(pushed, scope);
  const list = wanted.map(({ column, sql }) => onWire(column, sql)).join(', ');
  const start = `SELECT ${list} FROM ${from}`;
  const hasEnd = pushed.order !== undefined || pushed.limit !== undefined || pushed.offset !== undefined;
  return {
    columns: wanted.map(({ column }) => column),
    select: start + clauses(where, orderOf(pushed, scope, primaryKey), pushed),
    within: hasEnd ? undefined : condition => `${start} WHERE ${where === undefined ? condition : `(${where}) AND (${condition})`}`,
  };
}

/** The columns that were projected, in that order; of them those that anybody looks at. Behind them what is wanted beside. */
function wantedOf(all: readonly NamedColumn[], { columns, pushed, also = [] }: ReadWish): readonly NamedColumn[] {
  const byName = new Map(all.map(named => [named.column.name, named]));
  const projected = pushed?.columns?.map(name => byName.get(name) ?? missing(name)) ?? all;
  const looked = columns === undefined ? undefined : new Set(columns);
  const wanted = projected.filter(({ column }) => looked?.has(column.name) ?? true);
  const known = new Set(wanted.map(({ column }) => column.name));
  return [...wanted, ...also.filter(name => !known.has(name)).map(name => byName.get(name) ?? missing(name))];
}

function missing(name: string): never {
  throw new MillraceError(
    'SCHEMA_MISMATCH',
    `column ${JSON.stringify(name)} was there when the run began, and is there no more; run it again`,
  );
}

function isBinary(columns: readonly NamedColumn[]): boolean {
  return columns.length > 0 && columns.every(({ column }) => column.wire === 'binary');
}

/** How many rows a filter leaves nobody knows beforehand, but a limit is the most. */
function expectedOf({ filters, limit }: Pushed, estimated: number | undefined): number | undefined {
  if (filters.length > 0) return undefined;
  return limit === undefined || estimated === undefined ? estimated : Math.min(limit, estimated);
}

async function hasUtf8(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ encoding: string }>(limited("SELECT pg_catalog.current_setting('server_encoding') AS encoding"));
  return rows[0]?.encoding === 'UTF8';
}

type PlannedColumn = ReadPlan['columns'][number];

function wireColumn(column: ServerColumn): PlannedColumn {
  const { type, server } = column;
  const isPortable = server.isPlain && server.hasBinary && portable(type);
  return { ...fieldOf(column), isPortable, wire: canDecode(type) ? 'binary' : 'text' };
}

function rangedRead(table: string, within: (condition: string) => string): RangedRead {
  const select: RangedRead['select'] = (condition, order, limit) =>
    `${within(condition)}${order === undefined ? '' : ` ORDER BY ${order}`}${limit === undefined ? '' : ` LIMIT ${limit}`}`;
  return { table, select, statement: (...given) => copy(`(${select(...given)})`) };
}

function copy(what: string): string {
  return `COPY ${what} TO STDOUT (FORMAT binary)`;
}

/** The query as it is; around it a cast where there is a column to be cast. Names of a result may be anything, so they are numbered. */
function queryStatement(query: string, aliases: readonly string[], columns: readonly NamedColumn[]): string {
  if (columns.every(({ column, sql }, i) => column.wire === 'binary' && sql === aliases[i])) return query;
  const list = columns.map(({ column, sql }) => onWire(column, sql)).join(', ');
  // What changes rows may stand in a WITH only, and a WITH would keep the rest from being planned as one.
  if (/^\s*(?:insert|update|delete|merge)\b/i.test(query)) return `WITH q(${aliases.join(', ')}) AS (${query}\n) SELECT ${list} FROM q`;
  return `SELECT ${list} FROM (${query}\n) AS q(${aliases.join(', ')})`;
}

/** Columns as a builder's records have them. */
function shaped(columns: readonly ServerColumn[], shape: readonly ColumnShape[] | undefined): readonly ServerColumn[] {
  if (shape === undefined) return columns;
  if (shape.length !== columns.length) {
    throw new MillraceError(
      'OPTION_INVALID',
      `postgres: option "query": its builder made ${shape.length} columns, and it has ${columns.length}`,
    );
  }
  return columns.map((column, i) => {
    const { name, as } = shape[i] as ColumnShape;
    if (as === undefined) return { ...column, name };
    const type: DataType = as === 'instant' ? { kind: 'timestamptz' } : TEXT;
    return { ...column, name, type, server: { type, isPlain: true, hasBinary: true } };
  });
}

function castSql(sql: string, shape: ColumnShape | undefined): string {
  if (shape?.as === undefined) return sql;
  return shape.as === 'text' ? `${sql}::text` : `(${sql}::timestamp AT TIME ZONE 'UTC')`;
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

/** Whether a SELECT can be put around a query: a statement that changes rows stands at the top or not at all. */
export function mayBeWrapped(query: string): boolean {
  return !/\b(?:insert|update|delete|merge)\b/i.test(query);
}

/** Whether rows come in an order that the query itself asks for, as far as its text tells: rather too often than not. */
export function hasOrder(query: string): boolean {
  return /\border\s+(?:\S+\s+)?by\b/i.test(query);
}

function plain(query: string | undefined): string {
  const text = (query ?? '').replace(/[;\s]+$/, '');
  if (text === '') throw new MillraceError('OPTION_INVALID', 'postgres: option "query": it is empty; write a SELECT');
  return text;
}

/**
 * Queries of query builders, by the shape of what they give: a text with $1, $2, … and its values. No builder is loaded here.
 * Source: https://kysely-org.github.io/kysely-apidoc/interfaces/Compilable.html, https://orm.drizzle.team/docs/goodies#printing-sql-query
 */
import { MillraceError } from '../../../errors.ts';

/** As Kysely has it, compiled. */
export interface CompiledQuery {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}
/** As Kysely has it. */
export interface CompilableQuery {
  compile(): CompiledQuery;
}
/** As Drizzle has it. */
export interface PrintableQuery {
  toSQL(): { readonly sql: string; readonly params: readonly unknown[] };
}
export type BuiltQuery = CompiledQuery | CompilableQuery | PrintableQuery;

/** The rows of a builder's query: what its own `execute`, or awaiting it, would give. */
export type RowOf<Query extends BuiltQuery> =
  Query extends PromiseLike<readonly (infer Row)[]>
    ? Row
    : Query extends { execute(): Promise<readonly (infer Row)[]> }
      ? Row
      : Record<string, unknown>;

/** What a builder makes of a column of the result, in the same place: another name, an instant of a local time (as UTC), a text of an instant. */
export interface ColumnShape {
  readonly name: string;
  readonly as?: 'instant' | 'text';
}

export interface QueryText {
  readonly query: string;
  readonly values: readonly unknown[];
  readonly shape?: readonly ColumnShape[];
  /** As its columns declare them. */
  readonly int8?: 'number' | 'bigint';
  readonly numeric?: 'text' | 'number';
}

/** Errors: OPTION_INVALID for what is no query, cannot be compiled, or gives rows that are no flat records. */
export function queryText(built: BuiltQuery): QueryText {
  if ('toSQL' in built) {
    const { sql, params } = compiled(() => built.toSQL());
    return { ...checked(sql, params), ...shapeOf(built) };
  }
  const { sql, parameters } = 'compile' in built ? compiled(() => built.compile()) : built;
  return checked(sql, parameters);
}

function compiled<T>(compile: () => T): T {
  try {
    return compile();
  } catch (cause) {
    throw invalid('the query cannot be compiled', cause);
  }
}

function checked(query: unknown, values: unknown): QueryText {
  if (typeof query !== 'string' || !Array.isArray(values)) {
    throw invalid('it is neither SQL nor the query of a builder (something with compile() or toSQL())');
  }
  return { query, values };
}

/** Drizzle's own: what a selection was asked for, under the names that it has in a record. */
interface DrizzleQuery {
  readonly _?: { readonly selectedFields?: object };
  readonly config?: { readonly returningFields?: object };
}

/** How Drizzle's classes name themselves, and where a table has its columns. */
const KIND = Symbol.for('drizzle:entityKind');
const COLUMNS = Symbol.for('drizzle:Columns');

/** Drizzle's SQL names columns as the table does; the names of a record go by place. Of a builder of others nothing is known. */
function shapeOf(query: PrintableQuery): Pick<QueryText, 'shape' | 'int8' | 'numeric'> {
  if (!(KIND in query.constructor)) return {};
  const { _, config } = query as DrizzleQuery;
  const fields = _?.selectedFields ?? config?.returningFields;
  if (fields === undefined) throw invalid('Drizzle makes the rows of this query itself; write it with db.select(…)');
  const entries: [string, unknown][] = Object.entries(fields);
  const nested = entries.find(([, field]) => !isColumn(field));
  if (nested !== undefined) {
    throw invalid(
      `${JSON.stringify(nested[0])} is a group of columns; name the columns that a record is to have: db.select({ id: users.id, … })`,
    );
  }
  return { shape: entries.map(([name, field]) => columnShape(name, field as DrizzleColumn)), ...modesOf(entries) };
}

interface DrizzleColumn {
  readonly columnType?: string;
  readonly withTimezone?: boolean;
  /** Of an array. */
  readonly baseColumn?: DrizzleColumn;
}

function columnShape(name: string, { columnType = '', withTimezone = false, baseColumn }: DrizzleColumn): ColumnShape {
  const isMade = DECODED.test(columnType) || (baseColumn !== undefined && columnShape(name, baseColumn).as !== undefined);
  if (isMade) throw invalid(`Drizzle makes the values of column ${JSON.stringify(name)} itself; select it as text, or leave it out`);
  if (columnType === 'PgDate' || (columnType === 'PgTimestamp' && !withTimezone)) return { name, as: 'instant' };
  return columnType === 'PgTimestampString' && withTimezone ? { name, as: 'text' } : { name };
}

/** Types whose values are objects or lists of Drizzle's, or of whoever made the type. */
const DECODED = /^Pg(?:Custom|Point|Line|Geometry|Vector|HalfVector|SparseVector|NumericBigInt)/;

function isColumn(field: unknown): boolean {
  return typeof field === 'object' && field !== null && KIND in field.constructor && !(COLUMNS in field);
}

/** One reading has one form for all its int8s, and one for all its numerics. */
function modesOf(entries: readonly [string, unknown][]): Pick<QueryText, 'int8' | 'numeric'> {
  const has = (pattern: RegExp): boolean => entries.some(([, field]) => pattern.test((field as DrizzleColumn).columnType ?? ''));
  const isBig = has(/^PgBig(?:Int|Serial)64$/);
  const isNumber = has(/^PgNumericNumber$/);
  if (isBig && has(/^PgBig(?:Int|Serial)53$/))
    throw invalid("int8 columns have mode 'number' and mode 'bigint'; one query has one of them");
  if (isNumber && has(/^PgNumeric$/)) throw invalid("numeric columns have mode 'number' and mode 'string'; one query has one of them");
  return { ...(isBig ? { int8: 'bigint' } : {}), ...(isNumber ? { numeric: 'number' } : {}) };
}

function invalid(problem: string, cause?: unknown): MillraceError {
  return new MillraceError('OPTION_INVALID', `postgres: option "query": ${problem}`, { cause });
}

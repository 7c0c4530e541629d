import type pg from 'pg';
import { MillraceError, suggestion } from '../../../errors.ts';
import type { Field, Schema } from '../../../schema/schema.ts';
import type { DataType } from '../../../schema/types.ts';
import { parseQualifiedName, quoteIdentifier, quoteLiteral, quoteQualifiedName } from '../../../values/identifiers.ts';
import { limited } from '../connection/connect.ts';
import type { ServerType } from './relation.ts';
import { TypeCatalogue } from './types.ts';

/** A column of a table that is written to. */
export interface TargetColumn {
  readonly name: string;
  readonly type: DataType;
  readonly server: ServerType;
  /** NOT NULL, and nothing fills it in where a row does not. */
  readonly isRequired: boolean;
  readonly isNotNull: boolean;
  /** GENERATED ALWAYS AS IDENTITY: its number is given once. */
  readonly isAlwaysNumbered: boolean;
  /** The expression of a generated column. */
  readonly generatedBy: string | undefined;
  /** The sequence that numbers it, as SQL writes it. */
  readonly sequence: string | undefined;
}

export interface TargetTable {
  /** Quoted, for SQL. */
  readonly name: string;
  /** `r`: a table, `p`: a partitioned one, `v`: a view, `f`: a foreign table. */
  readonly kind: string;
  readonly columns: readonly TargetColumn[];
}

/** The table (or view, or foreign table) of this name; undefined when there is none. TYPE_NOT_CARRIED for what cannot be written to. */
export async function loadTarget(client: pg.Client, table: string): Promise<TargetTable | undefined> {
  const name = quoteQualifiedName(parseQualifiedName(table));
  const { rows } = await client.query<ColumnRow>(limited(COLUMNS, [name]));
  const [first] = rows;
  if (first === undefined) return undefined;
  if (!'rpfv'.includes(first.relkind)) {
    throw new MillraceError(
      'EXISTS',
      `${JSON.stringify(table)} is ${RELATIONS[first.relkind] ?? 'no table'}, which cannot be written to; name a table`,
    );
  }
  const present = rows.filter(row => row.name !== null);
  const catalogue = new TypeCatalogue(client);
  await catalogue.load(present.map(row => row.oid));
  return { name, kind: first.relkind, columns: present.map(row => targetColumn(catalogue, row)) };
}

const RELATIONS: Readonly<Record<string, string>> = {
  m: 'a materialized view',
  S: 'a sequence',
  i: 'an index',
  I: 'an index',
  c: 'a composite type',
};

interface ColumnRow {
  readonly relkind: string;
  readonly name: string | null;
  readonly oid: number;
  readonly typmod: number;
  readonly notnull: boolean;
  readonly filled: boolean;
  readonly alwaysnumbered: boolean;
  readonly expression: string | null;
  readonly sequence: string | null;
  readonly knowsinfinity: boolean;
}

const COLUMNS = `
  SELECT c.relkind::text AS relkind, a.attname::text AS name, a.atttypid AS oid, a.atttypmod AS typmod,
    a.attnotnull AS notnull, a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL AS filled, a.attidentity = 'a' AS alwaysnumbered,
    pg_catalog.current_setting('server_version_num')::int4 >= 170000 AS knowsinfinity,
    CASE WHEN a.attgenerated <> '' THEN (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d
      WHERE d.adrelid = c.oid AND d.adnum = a.attnum) END AS expression,
    CASE WHEN a.attname IS NOT NULL AND c.relkind IN ('r', 'p') THEN pg_catalog.pg_get_serial_sequence($1, a.attname) END AS sequence
  FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  WHERE c.oid = pg_catalog.to_regclass($1) ORDER BY a.attnum`;

function targetColumn(catalogue: TypeCatalogue, row: ColumnRow): TargetColumn {
  const found = catalogue.type(row.oid, row.typmod);
  // In binary a server before 17 takes an infinite interval for one of 178956970 years; as text it refuses it.
  const server = row.knowsinfinity || !isOfIntervals(found.type) ? found : { ...found, hasBinary: false };
  return {
    name: row.name as string,
    type: server.type,
    server,
    isRequired: row.notnull && !row.filled,
    isNotNull: row.notnull,
    isAlwaysNumbered: row.alwaysnumbered,
    generatedBy: row.expression ?? undefined,
    sequence: row.sequence ?? undefined,
  };
}

function isOfIntervals({ kind, element }: DataType): boolean {
  return kind === 'interval' || (element !== undefined && isOfIntervals(element));
}

/** A column of the records and the one that it goes into. */
export interface ColumnPair {
  readonly field: Field;
  readonly column: TargetColumn;
}

export interface ColumnMatch {
  /** In the order of the schema; without those that the server makes by the same expression as the source's did. */
  readonly pairs: readonly ColumnPair[];
  /**
   * COLUMN_UNKNOWN with the nearest name; TYPE_NOT_CARRIED for another generated column; SCHEMA_MISMATCH where a column that must have a value gets
   * none.
   */
  readonly differences: readonly MillraceError[];
}

/** The target's columns for those of a schema, and all that stands in the way. `hint`: what to do about a column that it lacks. */
export function matchColumns(
  schema: Schema,
  { columns }: TargetTable,
  table: string,
  hint: (name: string) => string = () => '',
): ColumnMatch {
  const names = columns.map(column => column.name);
  const differences: MillraceError[] = [];
  const pairs: ColumnPair[] = [];
  let made = 0;
  for (const field of schema.fields) {
    const column = columns.find(candidate => candidate.name === field.name);
    if (column === undefined) {
      const place = `table ${table} has no column ${JSON.stringify(field.name)}`;
      differences.push(new MillraceError('COLUMN_UNKNOWN', `${place}${suggestion(field.name, names)}${hint(field.name)}`));
    } else if (column.generatedBy === undefined) pairs.push({ field, column });
    else if (column.generatedBy === field.generatedBy) made++;
    else {
      const place = `column ${JSON.stringify(field.name)} of table ${table}`;
      differences.push(new MillraceError('TYPE_NOT_CARRIED', `${place} is generated by the server and cannot be written; leave it out`));
    }
  }
  const missing = columns.filter(column => column.isRequired && !schema.has(column.name)).map(column => JSON.stringify(column.name));
  if (missing.length > 0) {
    const what = `table ${table} needs a value in ${missing.join(', ')} (not null, without a default), which the records do not have`;
    differences.push(new MillraceError('SCHEMA_MISMATCH', what));
  }
  const isWritable = columns.some(({ generatedBy }) => generatedBy === undefined);
  if (isWritable && pairs.length === 0 && (differences.length === 0 || made === schema.fields.length))
    differences.push(new MillraceError('SCHEMA_MISMATCH', `the records have no columns to write to table ${table}`));
  return { pairs, differences };
}

/** COPY leaves sequences behind: moves those of written columns on to what stands in the table, down where they count down. Never back. */
export function advanceSequence(table: TargetTable, column: TargetColumn): string {
  const name = quoteIdentifier(column.name);
  const sequence = column.sequence as string;
  const literal = quoteLiteral(sequence);
  return `SELECT pg_catalog.setval(${literal}, top) FROM pg_catalog.pg_sequence q, ${sequence} s,
      LATERAL (SELECT (CASE WHEN q.seqincrement > 0 THEN max(${name}) ELSE min(${name}) END)::int8 AS top FROM ${table.name}) t
    WHERE q.seqrelid = ${literal}::pg_catalog.regclass AND CASE WHEN top = s.last_value THEN NOT s.is_called
      WHEN q.seqincrement > 0 THEN top > s.last_value ELSE top < s.last_value END`;
}

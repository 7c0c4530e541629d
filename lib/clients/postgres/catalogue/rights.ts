import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { quoteLiteral } from '../../../values/identifiers.ts';
import { limited } from '../connection/connect.ts';
import type { QualifiedName } from '../../../values/identifiers.ts';
import type { TargetTable } from './target-table.ts';

/** What is to be done with columns of a table. */
export type ColumnRight = 'INSERT' | 'UPDATE' | 'SELECT';

/** Rights that this user lacks on columns of a table that is there: NOT_PERMITTED, by name. */
export async function lackingRights(
  client: pg.Client,
  { name }: TargetTable,
  wanted: Readonly<Partial<Record<ColumnRight, readonly string[]>>>,
  shown: string,
): Promise<MillraceError[]> {
  const lacking: MillraceError[] = [];
  for (const [right, columns] of Object.entries(wanted)) {
    const { rows } = await client.query<{ name: string }>(
      limited(LACKING.replace('RIGHT', quoteLiteral(right)), [name, JSON.stringify(columns)]),
    );
    if (rows.length === 0) continue;
    const names = rows.length === columns.length ? '' : ` (${rows.map(row => JSON.stringify(row.name)).join(', ')})`;
    lacking.push(new MillraceError('NOT_PERMITTED', `this user may not ${right}${names} in table ${shown}; grant it`));
  }
  return lacking;
}

/** A schema where a table cannot be made: NOT_FOUND, NOT_PERMITTED. */
export async function lackingSchema(client: pg.Client, { schema }: QualifiedName): Promise<MillraceError[]> {
  const { rows } = await client.query<{ name: string | null; there: boolean; creates: boolean | null }>(limited(SCHEMA, [schema ?? null]));
  const { name, there, creates } = rows[0] as (typeof rows)[number];
  const shown = JSON.stringify(schema ?? name);
  if (name === null)
    return [new MillraceError('NOT_FOUND', 'no schema of the search path is there, so a table has no place; name its schema')];
  if (!there) return [new MillraceError('NOT_FOUND', `there is no schema ${shown}; make it first`)];
  return creates === true ? [] : [new MillraceError('NOT_PERMITTED', `this user may not CREATE in schema ${shown}; grant it`)];
}

/** Tables (by their oids) of which this user may not read every row: NOT_PERMITTED, one each. */
export async function lackingSelect(client: pg.Client, tables: ReadonlyMap<number, string>): Promise<MillraceError[]> {
  const { rows } = await client.query<{ oid: number; uses: boolean; hides: boolean }>(
    limited(UNREADABLE, [`{${[...tables.keys()].join(',')}}`]),
  );
  return rows.map(({ oid, uses, hides }) => {
    const why = hides
      ? 'row-level security may hide rows of it from this user'
      : `this user may not ${uses ? 'SELECT from it' : 'use its schema'}; grant it`;
    return new MillraceError('NOT_PERMITTED', `${tables.get(oid) ?? ''}: ${why}`);
  });
}

/** Whether this user may make schemas in the database: NOT_PERMITTED. */
export async function lackingDatabase(client: pg.Client): Promise<MillraceError[]> {
  const { rows } = await client.query<{ may: boolean }>(
    limited("SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS may"),
  );
  return rows[0]?.may === true ? [] : [new MillraceError('NOT_PERMITTED', 'this user may not CREATE schemas in the database; grant it')];
}

/** Which of these tables (quoted) this user may not empty: NOT_PERMITTED. */
export async function lackingTruncate(client: pg.Client, names: readonly string[]): Promise<MillraceError[]> {
  const { rows } = await client.query<{ name: string }>(limited(TRUNCATES, [JSON.stringify(names)]));
  if (rows.length === 0) return [];
  const what = rows.map(({ name }) => name).join(', ');
  return [new MillraceError('NOT_PERMITTED', `this user may not TRUNCATE these tables: ${what}; grant it`)];
}

/** What keeps a whole server or database from being written to: NOT_PERMITTED. */
export async function readOnlyServer(client: pg.Client): Promise<MillraceError[]> {
  const { rows } = await client.query<{ standby: boolean; readonly: boolean }>(limited(READ_ONLY));
  const { standby, readonly } = rows[0] as (typeof rows)[number];
  if (standby) return [standbyError()];
  if (!readonly) return [];
  return [
    new MillraceError('NOT_PERMITTED', 'transactions are read-only here (default_transaction_read_only); set it off for this user', {
      retryable: true,
    }),
  ];
}

/** Whether the transaction may write: NOT_PERMITTED. */
export async function checkWritable(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ standby: boolean; readonly: boolean }>(limited(WRITABLE));
  const { standby, readonly } = rows[0] as (typeof rows)[number];
  if (standby) throw standbyError();
  if (readonly)
    throw new MillraceError(
      'NOT_PERMITTED',
      'the transaction is read-only; set default_transaction_read_only off for this user, or write in another one',
      { retryable: true },
    );
}

/** Whether rows of a table may be deleted by this user: NOT_PERMITTED. */
export async function lackingDelete(client: pg.Client, target: TargetTable, shown: string): Promise<MillraceError[]> {
  return (await mayDelete(client, target))
    ? []
    : [new MillraceError('NOT_PERMITTED', `this user may neither TRUNCATE table ${shown} nor DELETE its rows; grant it`)];
}

/** Whether rows that the source no longer has may be deleted, or marked in this column, by this user: NOT_PERMITTED. */
export async function lackingRemoval(
  client: pg.Client,
  target: TargetTable,
  mark: string | undefined,
  shown: string,
): Promise<MillraceError[]> {
  if (mark !== undefined) return lackingRights(client, target, { UPDATE: [mark], SELECT: [mark] }, shown);
  if (await mayDelete(client, target)) return [];
  return [new MillraceError('NOT_PERMITTED', `this user may not DELETE rows of table ${shown}; grant it`)];
}

/** Whether this user may make temporary tables: NOT_PERMITTED. */
export async function lackingTemporary(client: pg.Client): Promise<MillraceError[]> {
  const { rows } = await client.query<{ may: boolean }>(
    limited("SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY') AS may"),
  );
  return rows[0]?.may === true
    ? []
    : [new MillraceError('NOT_PERMITTED', 'this user may make no TEMPORARY tables in the database; grant it')];
}

/** Whether this user may change the columns of a table: NOT_PERMITTED. */
export async function lackingOwnership(client: pg.Client, { name }: TargetTable, shown: string): Promise<MillraceError[]> {
  const { rows } = await client.query<{ may: boolean }>(
    limited(
      "SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') AS may FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)",
      [name],
    ),
  );
  return rows[0]?.may === true ? [] : [new MillraceError('NOT_PERMITTED', `only the owner of table ${shown} may change its columns`)];
}

async function mayDelete(client: pg.Client, { name }: TargetTable): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean }>(
    limited("SELECT pg_catalog.has_table_privilege(pg_catalog.to_regclass($1)::pg_catalog.oid, 'DELETE') AS may", [name]),
  );
  return rows[0]?.may === true;
}

function standbyError(): MillraceError {
  return new MillraceError('NOT_PERMITTED', 'the server is a standby and cannot be written to; name its primary', { retryable: true });
}

const LACKING = `
  SELECT a.attname::text AS name FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attname IN (SELECT pg_catalog.jsonb_array_elements_text($2::jsonb))
    AND NOT pg_catalog.has_column_privilege(a.attrelid, a.attnum, RIGHT) ORDER BY a.attnum`;

const UNREADABLE = `
  SELECT c.oid, uses, uses AND reads AND pg_catalog.row_security_active(c.oid) AS hides
  FROM pg_catalog.unnest($1::oid[]) WITH ORDINALITY t(oid, place) JOIN pg_catalog.pg_class c ON c.oid = t.oid,
    LATERAL (SELECT pg_catalog.has_table_privilege(c.oid, 'SELECT') OR NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND NOT pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')) AS reads,
      pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE') AS uses) r
  WHERE NOT reads OR NOT uses OR pg_catalog.row_security_active(c.oid) ORDER BY place`;

const TRUNCATES = `
  SELECT name FROM pg_catalog.jsonb_array_elements_text($1::jsonb) WITH ORDINALITY n(name, place)
  WHERE NOT pg_catalog.has_table_privilege(pg_catalog.to_regclass(name)::pg_catalog.oid, 'TRUNCATE') ORDER BY place`;

const SCHEMA = `
  SELECT s.name, n.oid IS NOT NULL AS there, pg_catalog.has_schema_privilege(n.oid, 'CREATE') AS creates
  FROM (SELECT coalesce($1::text, pg_catalog.current_schema()::text) AS name) s LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = s.name`;

const READ_ONLY = `
  SELECT pg_catalog.pg_is_in_recovery() AS standby, pg_catalog.current_setting('default_transaction_read_only')::bool AS readonly`;

const WRITABLE = READ_ONLY.replace('default_transaction_read_only', 'transaction_read_only');

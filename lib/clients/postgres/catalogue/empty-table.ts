import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { limited } from '../connection/connect.ts';
import type { TargetTable } from './target-table.ts';

/**
 * Empties a table within the transaction: by TRUNCATE, or by DELETE where that is not allowed. Nobody else adds rows until the transaction ends.
 * OPTION_INVALID, by name, where more than the table would be emptied or others refer to its rows; NOT_PERMITTED where rows would stay behind.
 */
export async function emptyTable(client: pg.Client, target: TargetTable, shown: string): Promise<void> {
  const { name, kind } = target;
  const statement = await emptyingStatement(client, target, shown);
  if (statement.startsWith('TRUNCATE')) {
    await client.query(statement);
    return;
  }
  if (kind !== 'f') await client.query(`LOCK TABLE ${name} IN SHARE ROW EXCLUSIVE MODE`);
  await client.query(statement);
  const left = await client.query(`SELECT 1 FROM ${name} LIMIT 1`);
  if (left.rowCount !== 0)
    throw new MillraceError('SERVER_REFUSED', `table ${shown} cannot be replaced: a trigger or rule keeps rows from being deleted`);
}

/** What would empty it, looked up only. Errors: OPTION_INVALID, NOT_PERMITTED, as `emptyTable`. */
export async function emptyingStatement(client: pg.Client, { name, kind }: TargetTable, shown: string): Promise<string> {
  const { rows } = await client.query<Dependence>(limited(DEPENDENCE, [name]));
  const { references, children, truncates, hides } = rows[0] as Dependence;
  if (references !== null) {
    throw refused(`foreign keys refer to table ${shown}: ${references.join(', ')}; change its rows with upsert, or drop these first`);
  }
  if (kind === 'r' && children !== null)
    throw refused(`tables inherit from table ${shown} and would be emptied too: ${children.join(', ')}; empty what you mean yourself`);
  if ('rp'.includes(kind) && truncates) return `TRUNCATE ${name}`;
  if (hides)
    throw new MillraceError('NOT_PERMITTED', `table ${shown} cannot be replaced: row-level security may hide rows of it from this user`);
  return `DELETE FROM ${name}`;
}

interface Dependence {
  readonly references: string[] | null;
  readonly children: string[] | null;
  readonly truncates: boolean;
  readonly hides: boolean;
}

/** A key that refers to a partitioned table is there once more for each partition: of these only what nobody else stands for. */
const DEPENDENCE = `
  WITH RECURSIVE tree AS (
    SELECT pg_catalog.to_regclass($1)::pg_catalog.oid AS oid
    UNION SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
  ), keys AS (
    SELECT c.* FROM pg_catalog.pg_constraint c
    WHERE c.contype = 'f' AND c.confrelid IN (SELECT oid FROM tree) AND c.conrelid NOT IN (SELECT oid FROM tree)
  )
  SELECT
    (SELECT pg_catalog.array_agg(pg_catalog.format('%s (%s)', conrelid::pg_catalog.regclass, pg_catalog.quote_ident(conname)) ORDER BY conrelid, conname)
      FROM keys WHERE conparentid NOT IN (SELECT oid FROM keys)) AS references,
    (SELECT pg_catalog.array_agg(oid::pg_catalog.regclass::text ORDER BY oid) FROM tree WHERE oid <> pg_catalog.to_regclass($1)) AS children,
    pg_catalog.has_table_privilege(pg_catalog.to_regclass($1)::pg_catalog.oid, 'TRUNCATE') AS truncates,
    pg_catalog.row_security_active(pg_catalog.to_regclass($1)::pg_catalog.oid) AS hides`;

function refused(why: string): MillraceError {
  return new MillraceError('OPTION_INVALID', `postgres: option "mode": replace is not possible, because ${why}`);
}

/** Checkpoints, in the database of the rows: one small table, made when the first one is kept. */
import type pg from 'pg';
import type { Checkpoint } from '../../../core/define.ts';
import type { Job } from '../../../core/delivery/job.ts';
import { quoteLiteral } from '../../../values/identifiers.ts';
import { limited } from '../connection/connect.ts';

/** For SQL. */
export const CHECKPOINT_TABLE = 'millrace.checkpoint';

/** Why this user can keep none in this database; undefined where that is possible. */
export async function lackingCheckpoints(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ reason: string | null }>(limited(LACKING));
  return rows[0]?.reason ?? undefined;
}

/** Where a job stands, or else one with the same source and target that is not done; `void` where its table is not the one that it was. */
export async function loadCheckpoint(client: pg.Client, { id, from, to }: Job, table: string): Promise<Checkpoint | 'void' | undefined> {
  if (!(await isThere(client))) return undefined;
  const { rows } = await client.query<{ checkpoint: Checkpoint; stands: boolean }>(limited(LOAD, [id, table, from, to]));
  const [row] = rows;
  return row === undefined ? undefined : row.stands ? row.checkpoint : 'void';
}

/** Whether a job stands where it is thought to. */
export async function standsAt(client: pg.Client, job: string, checkpoint: Checkpoint | undefined): Promise<boolean> {
  if (!(await isThere(client))) return checkpoint === undefined;
  const { rows } = await client.query<{ checkpoint: Checkpoint }>(
    limited(`SELECT checkpoint FROM ${CHECKPOINT_TABLE} WHERE job = $1`, [job]),
  );
  return JSON.stringify(rows[0]?.checkpoint) === JSON.stringify(checkpoint);
}

export async function forgetCheckpoint(client: pg.Client, job: string): Promise<void> {
  if (await isThere(client)) await client.query(limited(`DELETE FROM ${CHECKPOINT_TABLE} WHERE job = $1`, [job]));
}

/** Makes the table where it is missing, in the transaction that needs it. Sessions that come to make it at once wait for each other. */
export async function provideCheckpoints(client: pg.Client): Promise<void> {
  if (await isThere(client)) return;
  await client.query(limited(`SELECT pg_catalog.pg_advisory_xact_lock(${MAKING_LOCK})`));
  const { rows } = await client.query<{ is: boolean }>(limited(HAS_SCHEMA));
  if (rows[0]?.is !== true) await client.query(limited('CREATE SCHEMA millrace'));
  await client.query(limited(MAKE));
}

/** For the transaction of the rows. */
export function storeSql(checkpoint: Checkpoint, table: string): string {
  const { job, identity, done } = checkpoint;
  const [from, to] = [identity?.from ?? '', identity?.to ?? ''];
  const values = [job, from, to, table, String(done === true), JSON.stringify(checkpoint)].map(quoteLiteral);
  return STORE.replace(/\$(\d)/g, (_, number: string) => values[Number(number) - 1] as string);
}

/** Whether nothing at a table looks at a load as a whole: rows that refer to later ones, what is checked or told at the end. */
export async function takesParts(client: pg.Client, table: string): Promise<boolean> {
  const { rows } = await client.query<{ takes: boolean }>(limited(TAKES_PARTS, [table]));
  return rows[0]?.takes === true;
}

/** Whether any was ever kept in this database. */
export async function isThere(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ is: boolean }>(limited(IS_THERE));
  return rows[0]?.is === true;
}

/** The letters MILLRACE, as a number. */
const MAKING_LOCK = '5569066304901563205';

const LACKING = `SELECT CASE
    WHEN n.oid IS NULL THEN CASE WHEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') THEN NULL
      ELSE 'this user may not CREATE schema millrace in the database' END
    WHEN NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') THEN 'this user may not use schema millrace'
    WHEN c.oid IS NULL THEN CASE WHEN pg_catalog.has_schema_privilege(n.oid, 'CREATE') THEN NULL ELSE 'this user may not CREATE in schema millrace' END
    WHEN pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'INSERT')
      AND pg_catalog.has_table_privilege(c.oid, 'UPDATE') AND pg_catalog.has_table_privilege(c.oid, 'DELETE') THEN NULL
    ELSE 'this user may not read and write table ${CHECKPOINT_TABLE}' END AS reason
  FROM (SELECT) s LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = 'millrace'
    LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = 'checkpoint'`;

const IS_THERE = `SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'millrace' AND c.relname = 'checkpoint') AS is`;

/** To say IF NOT EXISTS takes the right to make it. */
const HAS_SCHEMA = "SELECT pg_catalog.to_regnamespace('millrace') IS NOT NULL AS is";

const MAKE = `CREATE TABLE IF NOT EXISTS ${CHECKPOINT_TABLE} (job text PRIMARY KEY, source text NOT NULL, target text NOT NULL, target_oid oid NOT NULL,
    done boolean NOT NULL, checkpoint json NOT NULL, updated_at timestamptz NOT NULL);
  COMMENT ON TABLE ${CHECKPOINT_TABLE} IS 'where the runs of Millrace stand: each row was committed with the rows that it speaks of'`;

const TAKES_PARTS = `SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_constraint f WHERE f.conrelid = pg_catalog.to_regclass($1)
    AND (f.condeferrable OR (f.contype = 'f' AND f.confrelid = f.conrelid)))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = pg_catalog.to_regclass($1) AND NOT g.tgisinternal
    AND (g.tgtype & 1 = 0 OR g.tgconstraint <> 0)) AS takes`;

const LOAD = `SELECT checkpoint, target_oid IS NOT DISTINCT FROM pg_catalog.to_regclass($2)::pg_catalog.oid AS stands
  FROM ${CHECKPOINT_TABLE} WHERE job = $1 OR (source = $3 AND target = $4 AND NOT done AND target_oid = pg_catalog.to_regclass($2)::pg_catalog.oid)
  ORDER BY job = $1 DESC, updated_at DESC LIMIT 1`;

const STORE = `INSERT INTO ${CHECKPOINT_TABLE} (job, source, target, target_oid, done, checkpoint, updated_at)
  VALUES ($1, $2, $3, pg_catalog.to_regclass($4)::pg_catalog.oid, $5, $6, pg_catalog.clock_timestamp())
  ON CONFLICT (job) DO UPDATE SET source = excluded.source, target = excluded.target, target_oid = excluded.target_oid, done = excluded.done,
    checkpoint = excluded.checkpoint, updated_at = excluded.updated_at`;

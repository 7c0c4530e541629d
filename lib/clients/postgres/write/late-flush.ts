/**
 * Commits that do not wait for the disk, and one that does it for all before it: the log is written in its order. An empty transaction would not, and
 * neither would one that has a number only: it has to log something.
 * Source: https://www.postgresql.org/docs/18/wal-async-commit.html, RecordTransactionCommit of src/backend/access/transam/xact.c
 */
import type pg from 'pg';
import { limited } from '../connection/connect.ts';

/** Whether this user may log something that changes nothing. */
export async function mayFlushLater(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean | null }>(limited(MAY_LOG));
  return rows[0]?.may === true;
}

/** Within a transaction: its commit waits for all that was committed before it. */
export async function flushWithCommit(client: pg.Client): Promise<void> {
  await client.query(limited(`SELECT pg_catalog.pg_logical_emit_message(true, 'millrace', ''::text)`));
}

const MAY_LOG = `SELECT pg_catalog.bool_and(pg_catalog.has_function_privilege(oid, 'EXECUTE')) AS may FROM pg_catalog.pg_proc
  WHERE proname = 'pg_logical_emit_message' AND pronamespace = 'pg_catalog'::pg_catalog.regnamespace`;

/** One snapshot for many sessions. Source: https://www.postgresql.org/docs/18/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION */
import type pg from 'pg';
import { quoteLiteral } from '../../../values/identifiers.ts';
import { limited } from './connect.ts';

/** What the transaction sees now, for others to join as long as it is open. A standby may refuse. */
export async function exportSnapshot(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ snapshot: string }>(limited('SELECT pg_catalog.pg_export_snapshot() AS snapshot'));
  return rows[0]?.snapshot ?? '';
}

/** Begins a transaction that sees what the snapshot sees, also after the one that exported it has ended. */
export function joinSnapshot(snapshot: string): string {
  return `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshot)}`;
}

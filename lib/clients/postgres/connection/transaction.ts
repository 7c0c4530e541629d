import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { describeTarget, type PgTarget } from './connection-options.ts';

/** Commits; a transaction that had failed is rolled back by a COMMIT, without an error. */
export async function commit(client: pg.Client, target: PgTarget): Promise<void> {
  const { command } = await client.query('COMMIT');
  if (command === 'COMMIT') return;
  throw new MillraceError('INTERNAL', `the transaction was rolled back instead of committed (${describeTarget(target)})`);
}

import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { describeTarget, type PgTarget } from './connection-options.ts';

export interface TransactionWish {
  /** How long a lock is waited for; the server's own limit by default. */
  readonly lockTimeoutMs?: number;
  readonly isReadOnly?: boolean;
  /** That another session exported: the transaction reads only, and sees what that one saw. */
  readonly snapshot?: string;
}

/** What is set for a transaction that has begun, or a part of one; empty where there is no wish. */
export function wishSql({ lockTimeoutMs, isReadOnly }: TransactionWish): string {
  const statements = isReadOnly === true ? ['SET TRANSACTION READ ONLY'] : [];
  if (lockTimeoutMs !== undefined) statements.push(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
  return statements.join('; ');
}

/** Commits; a transaction that had failed is rolled back by a COMMIT, without an error. */
export async function commit(client: pg.Client, target: PgTarget): Promise<void> {
  const { command } = await client.query('COMMIT');
  if (command === 'COMMIT') return;
  throw new MillraceError('INTERNAL', `the transaction was rolled back instead of committed (${describeTarget(target)})`);
}

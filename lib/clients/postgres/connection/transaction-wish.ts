export interface TransactionWish {
  /** How long a lock is waited for; the server's own limit by default. */
  readonly lockTimeoutMs?: number;
  readonly isReadOnly?: boolean;
  /** That another session exported: the transaction reads only, and sees what that one saw. */
  readonly snapshot?: string;
  /** Rows that a policy hides are an error, instead of missing. */
  readonly seesAllRows?: boolean;
  /** More memory for building indexes and for looking through rows that refer to others, where the server allows less. */
  readonly isMaintenance?: boolean;
  /** The commit does not wait for the disk: a later one does it for both. */
  readonly isFlushedLater?: boolean;
}

/** What is set for a transaction that has begun, or a part of one; empty where there is no wish. */
export function wishSql({ lockTimeoutMs, isReadOnly, seesAllRows, isMaintenance, isFlushedLater }: TransactionWish): string {
  const statements = isReadOnly === true ? ['SET TRANSACTION READ ONLY'] : [];
  if (lockTimeoutMs !== undefined) statements.push(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
  if (seesAllRows === true) statements.push('SET LOCAL row_security = off');
  if (isFlushedLater === true) statements.push('SET LOCAL synchronous_commit = off');
  if (isMaintenance === true) statements.push(RAISE_MEMORY);
  return statements.join('; ');
}

const RAISE_MEMORY = `SELECT pg_catalog.set_config('maintenance_work_mem',
  (greatest(pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')), 134217728) / 1024) || 'kB', true)`;

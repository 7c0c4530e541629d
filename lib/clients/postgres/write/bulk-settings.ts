import type pg from 'pg';

interface Settings {
  readonly work_mem: string;
  readonly enable_hashagg: string;
  readonly jit: string;
}

/**
 * Runs statements over all rows of a load with what the administrator grants to one session for building an index (at most 256 MB) instead of what
 * each query may take; keys are grouped by sorting, because a hash of a temporary table that nobody analyzed starts for 200 of them and is twice
 * as slow. Within a transaction: an error that rolls it, or its savepoint, back takes the settings back too.
 */
export async function withBulkSettings<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  const { rows } = await client.query<Settings>(READ);
  await client.query(RAISE);
  const result = await work();
  const { work_mem, enable_hashagg, jit } = rows[0] as Settings;
  await client.query(RESTORE, [work_mem, enable_hashagg, jit]);
  return result;
}

const READ = `SELECT pg_catalog.current_setting('work_mem') AS work_mem, pg_catalog.current_setting('enable_hashagg') AS enable_hashagg,
  pg_catalog.current_setting('jit') AS jit`;

const RAISE = `SELECT pg_catalog.set_config('enable_hashagg', 'off', true), pg_catalog.set_config('jit', 'off', true),
  pg_catalog.set_config('work_mem', (greatest(pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')),
    least(pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')), 268435456)) / 1024) || 'kB', true)`;

const RESTORE = `SELECT pg_catalog.set_config('work_mem', $1, true), pg_catalog.set_config('enable_hashagg', $2, true), pg_catalog.set_config('jit', $3, true)`;

import type pg from 'pg';

/** What the planner is to leave alone. */
export type Avoided = 'nestloop' | 'hashjoin' | 'mergejoin' | 'seqscan';

/**
 * Runs statements over all rows of a load with what the administrator grants to one session for building an index (at most 256 MB) instead of what
 * each query may take; keys are grouped by sorting, because a hash of a temporary table that nobody analyzed starts for 200 of them and is twice
 * as slow. Within a transaction: an error that rolls it, or its savepoint, back takes the settings back too.
 */
export async function withBulkSettings<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  return withSettings(client, BULK, work);
}

/** Runs statements whose plan is known better than the planner's statistics say. */
export async function withoutPlans<T>(client: pg.Client, avoided: readonly Avoided[], work: () => Promise<T>): Promise<T> {
  return withSettings(client, Object.fromEntries(avoided.map(plan => [`enable_${plan}`, "'off'"])), work);
}

/** By name, as SQL. */
async function withSettings<T>(client: pg.Client, settings: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
  const names = Object.keys(settings);
  const { rows } = await client.query<Record<string, string>>(
    `SELECT ${names.map(name => `pg_catalog.current_setting('${name}') AS ${name}`).join(', ')}`,
  );
  await client.query(`SELECT ${names.map(name => `pg_catalog.set_config('${name}', ${settings[name] ?? ''}, true)`).join(', ')}`);
  const result = await work();
  const restored = names.map((name, i) => `pg_catalog.set_config('${name}', $${i + 1}, true)`).join(', ');
  await client.query(
    `SELECT ${restored}`,
    names.map(name => rows[0]?.[name]),
  );
  return result;
}

const BULK = {
  enable_hashagg: "'off'",
  jit: "'off'",
  work_mem: `(greatest(pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')),
    least(pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')), 268435456)) / 1024) || 'kB'`,
};

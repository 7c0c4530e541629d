import type pg from 'pg';
import { isBorrowed } from '../../connection/borrowed-client.ts';
import { limited } from '../../connection/connect.ts';

/** Runs work while search_path is empty, so that the server qualifies every name it prints; afterwards it is as it was. */
export async function withQualifiedNames<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  const { rows } = await client.query<{ path: string }>(limited("SELECT pg_catalog.current_setting('search_path') AS path"));
  // A client of the user's is in a transaction, and its session is not ours to set.
  const isLocal = isBorrowed(client);
  await client.query(limited(SET, ['', isLocal]));
  try {
    return await work();
  } finally {
    // In a transaction that failed it comes back with the rollback.
    await client.query(limited(SET, [rows[0]?.path ?? '', isLocal])).catch(() => undefined);
  }
}

const SET = "SELECT pg_catalog.set_config('search_path', $1, $2)";

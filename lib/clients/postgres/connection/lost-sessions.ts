/**
 * Sessions that were hung up on in the middle of something. The server may not have noticed: behind a network that swallows everything it waits for hours, and
 * the session keeps its locks, its transaction and its table half made. So the next connection of this process ends them before it does anything.
 */
import type pg from 'pg';
import type { PgTarget } from './connection-options.ts';
import { internalsOf } from './pg-internals.ts';
import { isPooled } from './settings.ts';

/** A process number is used again: only with the time of its start it is this session. */
interface Backend {
  readonly pid: number;
  readonly began: string;
}

const began = new WeakMap<pg.Client, string>();
const lost = new Map<string, Backend[]>();

export function noteStart(client: pg.Client, start: string | null | undefined): void {
  if (typeof start === 'string') began.set(client, start);
}

/** Of a pooler's connection nobody knows whose session it is. */
export function noteLost(client: pg.Client, target: PgTarget): void {
  const { processID: pid } = internalsOf(client);
  const start = began.get(client);
  if (pid === null || start === undefined || isPooled(client)) return;
  const key = keyOf(target);
  lost.set(key, [...(lost.get(key) ?? []), { pid, began: start }]);
}

/** Ends those that are still there, and waits until they are gone, though not for ever. */
export async function endLost(
  client: pg.Client,
  target: PgTarget,
  limited: (text: string, values: unknown[]) => pg.QueryConfig,
): Promise<void> {
  const key = keyOf(target);
  const backends = lost.get(key);
  if (backends === undefined || isPooled(client)) return;
  lost.delete(key);
  const values = [backends.map(({ pid }) => pid), backends.map(({ began: start }) => start)];
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const { rows } = await client.query<{ ended: boolean }>(limited(looks === 0 ? END : LOOK, values));
    if (rows.length === 0) return;
    await new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function keyOf({ host, port, user }: PgTarget): string {
  return `${user}@${host}:${port}`;
}

const LOOK_EVERY_MS = 20;
const MOST_LOOKS = 150;

const THERE = `FROM ROWS FROM (pg_catalog.unnest($1::int4[]), pg_catalog.unnest($2::text[])) AS l (pid, began), pg_catalog.pg_stat_get_activity(l.pid) AS a
  WHERE extract(epoch FROM a.backend_start)::text = l.began`;
const LOOK = `SELECT true AS ended ${THERE}`;
const END = `SELECT pg_catalog.pg_terminate_backend(l.pid) AS ended ${THERE}`;

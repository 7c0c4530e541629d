import { expect } from 'chai';
import { sql } from '../services/postgres.ts';

/** The longer version: `npm run test:faults`. */
export const IS_LONG = process.env['MILLRACE_FAULTS'] !== undefined;
export const SEED = Number(process.env['MILLRACE_SEED'] ?? Date.now() % 1_000_000);

/** Numbers from 0 to 1 that a seed decides. */
export function randomBy(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** In the gate some of many, the first and the last with them; all of them in the long version. */
export function someOf(count: number, most: number, random: () => number): number[] {
  const all = Array.from({ length: count }, (_, i) => i);
  if (IS_LONG || count <= most) return all;
  const chosen = new Set([0, count - 1]);
  while (chosen.size < most) chosen.add(Math.floor(random() * count));
  return all.filter(i => chosen.has(i));
}

/** Sessions, transactions and locks of Millrace in a database: none, once they had time to go. */
export async function expectNothingLeft(url: string): Promise<void> {
  const query = `SELECT a.pid, a.state, a.query, (SELECT count(*)::int FROM pg_locks l WHERE l.pid = a.pid) AS locks FROM pg_stat_activity a
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'millrace%'`;
  let left: unknown[] = [];
  for (let i = 0; i < 400; i++) {
    left = await sql(url, query);
    if (left.length === 0) break;
  }
  expect(left).to.deep.equal([]);
  expect(await sql(url, "SELECT * FROM pg_locks WHERE locktype = 'advisory'")).to.deep.equal([]);
  expect(await sql(url, 'SELECT * FROM pg_prepared_xacts')).to.deep.equal([]);
}

/** What this process holds open: sockets, timers, files. Taken again after a run, it is the same. */
export function held(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** As `before`, once sockets had time to close. */
export async function expectHeld(before: Readonly<Record<string, number>>): Promise<void> {
  const kinds = ['TCPSocketWrap', 'Timeout', 'FSReqPromise', 'TTYWrap'];
  const pick = (counts: Readonly<Record<string, number>>): number[] => kinds.map(kind => counts[kind] ?? 0);
  for (let i = 0; i < 200 && pick(held()).some((count, at) => count > (pick(before)[at] as number)); i++)
    await new Promise(resolve => setTimeout(resolve, 10));
  const now = pick(held());
  for (const [at, kind] of kinds.entries()) expect(now[at], kind).to.be.at.most(pick(before)[at] as number);
}

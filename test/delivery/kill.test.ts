/**
 * kill -9 at random moments of a command, which is then run again with --resume until it ends: nothing is lost and nothing comes twice. A few kills of
 * each here; `npm run test:kill` has many. MILLRACE_SEED repeats a run.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { folderFor, start } from '../cli/millrace.ts';
import { freshDatabase, sql } from '../services/postgres.ts';

const KILLS = Number(process.env['MILLRACE_KILLS'] ?? 5);
const SEED = Number(process.env['MILLRACE_SEED'] ?? Date.now() % 1_000_000);
const ROWS = 1_000_000;
/** A process is killed so many milliseconds after its start, at most: about as long as a run takes. */
const LONGEST_MS = 3500;
/** After so many kills a run is left to end. */
const KILLS_EACH = 4;

/** Numbers from 0 to 1 that a seed decides. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe(`kill -9 and resume (seed ${SEED})`, function () {
  this.timeout(KILLS * 60_000 + 60_000);
  const folder = folderFor({ after });
  const csv = path.join(folder, 'items.csv');
  const next = random(SEED);
  let source: string;
  let target: string;

  before(async () => {
    source = await freshDatabase('kill_source_test');
    target = await freshDatabase('kill_target_test');
    await sql(
      source,
      `CREATE TABLE items (id int8 PRIMARY KEY, name text NOT NULL, score float8);
       INSERT INTO items SELECT i, 'name ' || i, i / 7.0 FROM generate_series(1, ${ROWS}) i; CREATE INDEX ON items (name)`,
    );
    writeFileSync(csv, `id,name,score\n${Array.from({ length: ROWS }, (_, i) => `${i + 1},name ${i + 1},${(i + 1) / 8}\n`).join('')}`);
  });

  const at = (url: string): string => `${url}?table=items`;
  const hash = async (url: string): Promise<unknown> =>
    (
      await sql(url, 'SELECT count(*)::int AS n, sum(id)::text AS sum, md5(string_agg(t::text, chr(10) ORDER BY id)) AS rows FROM items t')
    )[0];

  /** Runs until it is done, killed now and then; gives how often. */
  async function killedRun(args: readonly string[]): Promise<number> {
    for (let kills = 0; ; kills++) {
      const { child, ended } = start(['copy', ...args, '--quiet', ...(kills > 0 ? ['--resume'] : [])]);
      const timer = kills < KILLS_EACH ? setTimeout(() => child.kill('SIGKILL'), 300 + next() * LONGEST_MS) : undefined;
      const [{ status, err }] = await Promise.all([ended, once(child, 'close')]);
      clearTimeout(timer);
      if (child.signalCode === 'SIGKILL') continue;
      expect(status, err).to.equal(0);
      return kills;
    }
  }

  async function rounds(prepare: string, args: () => readonly string[], wanted: unknown): Promise<void> {
    for (let kills = 0; kills < KILLS;) {
      await sql(target, `DROP TABLE IF EXISTS items; ${prepare}`);
      kills += Math.max(1, await killedRun(args()));
      expect(await hash(target), `after ${kills} kills`).to.deep.equal(wanted);
    }
  }

  const OLD = `CREATE TABLE items (id int8 PRIMARY KEY, name text NOT NULL, score float8); INSERT INTO items SELECT i, 'old', 0 FROM generate_series(1, ${ROWS}, 3) i`;

  it('PostgreSQL to a new table', async () => rounds('', () => [at(source), at(target)], await hash(source)));
  it('PostgreSQL into a table, by key', async () => rounds(OLD, () => [at(source), at(target), '--mode', 'upsert'], await hash(source)));
  it('PostgreSQL and a table made the same', async () => {
    const more = `${OLD}; INSERT INTO items SELECT i, 'gone', 0 FROM generate_series(${ROWS + 1}, ${ROWS + 100_000}) i`;
    await rounds(more, () => [at(source), at(target), '--mode', 'sync'], await hash(source));
  });
  it('PostgreSQL in place of a table', async () => rounds(OLD, () => [at(source), at(target), '--mode', 'replace'], await hash(source)));
  it('CSV into a table', async () => {
    const empty = 'CREATE TABLE items (id int8 PRIMARY KEY, name text NOT NULL, score float8)';
    await sql(
      target,
      `DROP TABLE IF EXISTS items; ${empty}; INSERT INTO items SELECT i, 'name ' || i, i / 8.0 FROM generate_series(1, ${ROWS}) i`,
    );
    await rounds(empty, () => [csv, at(target), '--mode', 'append'], await hash(target));
  });
});

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Job, Place } from '../job.ts';
import { connect } from '../peers.ts';

const ROWS = 10_000_000;
const NEW = 1000;
/** Later than all rows that are made, earlier than now. */
const LAST = '2024-01-01';

const millrace = fileURLToPath(new URL('cli/main.js', import.meta.resolve('millrace')));
const table = (url: string): string => Object.assign(new URL(url), { search: '?table=followed' }).href;
const since = ['--since', 'updated', '--mode', 'upsert', '--key', 'id', '--json', '--quiet'];

/** Both databases with the same rows, and a job that has read them all. */
async function follow({ source, target }: Place): Promise<void> {
  const there = await connect(source);
  const { rows } = await there.query<{ n: string | null }>("SELECT pg_catalog.to_regclass('followed')::text AS n");
  if (rows[0]?.n === null) {
    for (const url of [source, target]) {
      const client = await connect(url);
      await client.query(
        `CREATE TABLE followed (id int8, amount int4 NOT NULL, updated timestamptz NOT NULL);
         INSERT INTO followed SELECT i, (i % 1000)::int4, timestamptz '${LAST}' - i * interval '1 s' FROM generate_series(0, ${ROWS - 1}) i`,
      );
      await client.query('ALTER TABLE followed ADD PRIMARY KEY (id)');
      await client.query('CREATE INDEX ON followed (updated, id)');
      await client.end();
    }
    await there.query('VACUUM ANALYZE followed');
    await copyNew({ source, target });
  }
  // Rows from all over the table, others in each round.
  await there.query(
    `UPDATE followed SET amount = amount + 1, updated = now() WHERE id % ${ROWS / NEW} = (SELECT count(*) / ${NEW} FROM followed WHERE updated > '${LAST}')`,
  );
  await there.end();
}

async function copyNew({ source, target }: Pick<Place, 'source' | 'target'>): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [millrace, 'copy', table(source), table(target), ...since]);
  return (JSON.parse(stdout) as { written: number }).written;
}

export const incremental: Job = {
  name: 'incremental',
  title: `PostgreSQL to PostgreSQL, ${NEW} rows that are new of ${ROWS / 1e6} million (the whole command, --since)`,
  bars: [{ seconds: 2 }],
  expected: () => NEW,
  contenders: [{ name: 'Millrace', isOurs: true, prepare: follow, run: async place => ({ rows: await copyNew(place) }) }],
};

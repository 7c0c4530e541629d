import { from, pipeline, to } from 'millrace';
import { CREATE_ITEMS, type Item } from '../data.ts';
import type { Contender, Job, Place } from '../job.ts';
import { connect } from '../peers.ts';

/** The source with a key, in whose order it is read: without one nobody could go on in the middle. */
async function addKey({ source, rows }: Place): Promise<void> {
  const client = await connect(source);
  const { rows: there } = await client.query<{ n: string }>("SELECT pg_catalog.to_regclass('kept')::text AS n");
  if (typeof there[0]?.n !== 'string') {
    await client.query(
      `${CREATE_ITEMS.replace('items (', 'kept (')}; INSERT INTO kept SELECT * FROM items; ALTER TABLE kept ADD PRIMARY KEY (id)`,
    );
    await client.query('VACUUM ANALYZE kept');
  }
  const count = await client.query<{ n: number }>('SELECT count(*)::int4 AS n FROM kept');
  if (count.rows[0]?.n !== rows) throw new Error('table kept has other rows than items');
  await client.end();
}

const copying = (name: string, options: { readonly checkpoint?: false; readonly checkpointEvery?: number }): Contender => ({
  name,
  isOurs: true,
  prepare: addKey,
  run: async ({ source, target }) => {
    const report = await pipeline(
      from.postgres<Item>({ url: source, table: 'kept' }),
      to.postgres<Item>({ url: target, table: 'items', mode: 'append' }),
      options,
    );
    return { rows: report.written };
  },
});

export const checkpoints: Job = {
  name: 'pg-pg-checkpoints',
  title: 'PostgreSQL to PostgreSQL with a commit and a checkpoint every 100,000 records',
  bars: [{ against: 'Millrace, all in one transaction', atMost: 1.05 }],
  fills: 'items',
  expected: ({ rows }) => rows,
  contenders: [copying('Millrace', { checkpointEvery: 100_000 }), copying('Millrace, all in one transaction', { checkpoint: false })],
};

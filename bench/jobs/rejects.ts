import { join } from 'node:path';
import { type DeadLetter, from, pipeline, to } from 'millrace';
import { CREATE_ITEMS, type Item } from '../data.ts';
import type { Contender, Job, Place } from '../job.ts';
import { connect } from '../peers.ts';

interface Refusals {
  readonly name: string;
  readonly table: string;
  /** What a row has to hold to be taken: all contenders pay for looking. */
  readonly check: string;
  readonly refused: (rows: number) => number;
  readonly hasPlace?: boolean;
}

const copying = ({ name, table, check, refused, hasPlace = true }: Refusals): Contender => ({
  name,
  isOurs: true,
  fills: table,
  expected: ({ rows }) => rows - refused(rows),
  prepare: async ({ target }: Place) => {
    const client = await connect(target);
    await client.query(
      `DROP TABLE IF EXISTS ${table}; ${CREATE_ITEMS.replace('items (', `${table} (`)}; ALTER TABLE ${table} ADD CHECK (${check})`,
    );
    await client.query('CHECKPOINT');
    await client.end();
  },
  run: async ({ source, target, folder, rows }) => {
    const report = await pipeline(
      from.postgres<Item>({ url: source, table: 'items' }),
      to.postgres<Item>({ url: target, table, mode: 'append' }),
      hasPlace ? { deadLetter: to.file<DeadLetter>(join(folder, 'letters.ndjson'), { mode: 'replace' }) } : {},
    );
    if (report.rejected !== refused(rows)) throw new Error(`${report.rejected} rows were rejected`);
    return { rows: report.written };
  },
});

const NONE = 'Millrace, none refused';
const none = copying({ name: NONE, table: 'takes_all', check: 'id % 1000 <> 1017', refused: () => 0 });
const noPlace = copying({
  name: 'Millrace, none refused, no place for dead letters',
  table: 'takes_all',
  check: 'id % 1000 <> 1017',
  refused: () => 0,
  hasPlace: false,
});
const thousandth = (rows: number): number => Math.floor(rows / 1000) + (rows % 1000 >= 17 ? 1 : 0);

export const oneInThousand: Job = {
  name: 'pg-rejects-thousand',
  title: 'PostgreSQL to PostgreSQL where the target refuses one row in 1,000, which goes to the dead letters',
  bars: [{ against: NONE, atMost: 4 }],
  expected: ({ rows }) => rows - thousandth(rows),
  contenders: [copying({ name: 'Millrace', table: 'takes_most', check: 'id % 1000 <> 17', refused: thousandth }), none, noPlace],
};

export const oneInMillion: Job = {
  name: 'pg-rejects-million',
  title: 'PostgreSQL to PostgreSQL where the target refuses one row, which goes to the dead letters',
  bars: [{ against: NONE, atMost: 1.05 }],
  expected: ({ rows }) => rows - 1,
  contenders: [copying({ name: 'Millrace', table: 'takes_but_one', check: 'id <> 777777', refused: () => 1 }), none, noPlace],
};

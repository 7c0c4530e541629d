import { from, pipeline, to } from 'millrace';
import { COLUMNS, type Item } from '../data.ts';
import type { Job } from '../job.ts';
import { MultiRowInsert, queryStream } from '../peers.ts';

export const pgUpsert: Job = {
  name: 'pg-upsert',
  title: 'PostgreSQL to PostgreSQL, merged by key into a table that has half of the rows, each in an older version',
  bars: [{ against: 'pg-query-stream, INSERT … ON CONFLICT', timesAsFast: 5 }],
  fills: 'keyed',
  expected: ({ rows }) => rows,
  contenders: [
    {
      name: 'Millrace',
      isOurs: true,
      run: async ({ source, target }) => {
        const report = await pipeline(
          from.postgres<Item>({ url: source, table: 'items' }),
          to.postgres<Item>({ url: target, table: 'keyed', mode: 'upsert' }),
        );
        return { rows: report.written };
      },
    },
    {
      name: 'pg-query-stream, INSERT … ON CONFLICT',
      run: async ({ source, target }) => {
        const sink = await MultiRowInsert.open(target, COLUMNS, { table: 'keyed', key: 'id' });
        return { rows: await sink.insertAll(await queryStream(source, 'SELECT * FROM items')) };
      },
    },
  ],
};

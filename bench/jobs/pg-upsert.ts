import { from, pipeline, to } from 'millrace';
import { COLUMNS, type Item } from '../data.ts';
import type { Job } from '../job.ts';
import { INSERT_ROWS, MultiRowInsert, queryStream } from '../peers.ts';

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
        let rows: Item[] = [];
        for await (const row of await queryStream(source, 'SELECT * FROM items')) {
          if (rows.push(row as Item) < INSERT_ROWS) continue;
          await sink.insert(rows);
          rows = [];
        }
        if (rows.length > 0) await sink.insert(rows);
        return { rows: await sink.close() };
      },
    },
  ],
};

import { from, pipeline, to } from 'millrace';
import type { Item } from '../data.ts';
import type { Job } from '../job.ts';
import { connect, queryStream } from '../peers.ts';

export const pgRead: Job = {
  name: 'pg-read',
  title: 'PostgreSQL read to plain objects',
  bars: [{ against: 'pg-query-stream', timesAsFast: 2.5 }],
  expected: ({ rows }) => rows,
  contenders: [
    {
      name: 'Millrace',
      isOurs: true,
      run: async ({ source }) => {
        let rows = 0;
        await pipeline(
          from.postgres<Item>({ url: source, table: 'items' }),
          to.function<Item>(item => void (rows += item.email.length > 0 ? 1 : 0)),
        );
        return { rows };
      },
    },
    {
      name: 'Millrace, for await',
      run: async ({ source }) => {
        let rows = 0;
        for await (const item of from.postgres<Item>({ url: source, table: 'items' })) rows += item.email.length > 0 ? 1 : 0;
        return { rows };
      },
    },
    {
      name: 'pg-query-stream',
      run: async ({ source }) => {
        let rows = 0;
        for await (const item of (await queryStream(source, 'SELECT * FROM items')) as AsyncIterable<Item>)
          rows += item.email.length > 0 ? 1 : 0;
        return { rows };
      },
    },
  ],
};

/** The clock starts when a connection has been made: by a first look at a table of one row, on the pool that the big one is read by. */
export const firstRecord: Job = {
  name: 'first-record',
  title: 'First record of a table of many rows, after connecting',
  bars: [{ seconds: 0.1 }],
  needs: ['big'],
  rounds: 5,
  expected: () => 1,
  contenders: [
    {
      name: 'Millrace',
      isOurs: true,
      prepare: async ({ source }) => {
        for await (const _row of from.postgres({ url: source, query: 'SELECT 1 AS one' }));
      },
      run: async ({ source }) => {
        const start = performance.now();
        for await (const _row of from.postgres({ url: source, table: 'big' }))
          return { rows: 1, seconds: (performance.now() - start) / 1000 };
        return { rows: 0 };
      },
    },
    {
      name: 'pg-query-stream',
      prepare: async ({ source }) => (await connect(source)).end(),
      run: async ({ source }) => {
        const start = performance.now();
        for await (const _row of await queryStream(source, 'SELECT * FROM big'))
          return { rows: 1, seconds: (performance.now() - start) / 1000 };
        return { rows: 0 };
      },
    },
  ],
};

import { filter, from, map, pipeline, to } from 'millrace';
import highland from 'highland';
import { COLUMNS, type Item } from '../data.ts';
import type { Job } from '../job.ts';
import { INSERT_ROWS, MultiRowInsert, queryStream, shell } from '../peers.ts';

const isKept = (item: Item): boolean => item.customer % 2 === 0;
const changed = (item: Item): Item => ({ ...item, email: item.email.toUpperCase(), score: item.score / 2 });

/** Of 1 … rows, those whose customer number (id × 7919 mod 100003) is even. */
const evenCustomers = (rows: number): number => {
  let count = 0;
  for (let id = 1; id <= rows; id++) if (((id * 7919) % 100003) % 2 === 0) count++;
  return count;
};

export const pgToPg: Job = {
  name: 'pg-pg',
  title: 'PostgreSQL to PostgreSQL, no operators',
  bars: [{ against: 'psql COPY binary', atMost: 1.3 }],
  fills: 'items',
  expected: ({ rows }) => rows,
  contenders: [
    {
      name: 'Millrace',
      isOurs: true,
      run: async ({ source, target }) => {
        const report = await pipeline(
          from.postgres<Item>({ url: source, table: 'items' }),
          to.postgres<Item>({ url: target, table: 'items', mode: 'append' }),
        );
        return { rows: report.written };
      },
    },
    {
      name: 'psql COPY binary',
      needsPsql: true,
      run: async place => {
        await shell(
          place,
          `$PSQL -d "$SOURCE" -c 'COPY items TO STDOUT (FORMAT binary)' | $PSQL -d "$TARGET" -c 'COPY items FROM STDIN (FORMAT binary)'`,
        );
        return { rows: place.rows };
      },
    },
  ],
};

export const pgToPgFunctions: Job = {
  name: 'pg-pg-functions',
  title: 'PostgreSQL to PostgreSQL through functions over whole rows: a filter, and a map that changes two fields',
  bars: [{ against: 'pg-query-stream, highland, INSERT', timesAsFast: 3 }],
  fills: 'items',
  expected: ({ rows }) => evenCustomers(rows),
  contenders: [
    {
      name: 'Millrace',
      isOurs: true,
      run: async ({ source, target }) => {
        const report = await pipeline(
          from.postgres<Item>({ url: source, table: 'items' }),
          filter(isKept),
          map(changed),
          to.postgres<Item>({ url: target, table: 'items', mode: 'append' }),
        );
        return { rows: report.written };
      },
    },
    {
      name: 'pg-query-stream, highland, INSERT',
      run: async ({ source, target }) => {
        const sink = await MultiRowInsert.open(target, COLUMNS);
        const batches = highland<Item>(await queryStream(source, 'SELECT * FROM items'))
          .filter(isKept)
          .map(changed)
          .batch(INSERT_ROWS);
        await new Promise<void>((resolve, reject) => {
          batches
            .flatMap(rows => highland(sink.insert(rows)))
            .stopOnError(reject)
            .done(resolve);
        });
        return { rows: await sink.close() };
      },
    },
  ],
};

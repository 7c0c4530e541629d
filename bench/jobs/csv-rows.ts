import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse';
import { coerce, from, pipeline, to } from 'millrace';
import type { Job } from '../job.ts';

interface Row {
  id: string;
  customer: string;
  name: string | null;
  email: string;
  amount: string;
  score: string;
  active: string | null;
  created: string;
  born: string;
  meta: string | null;
}

const NUMBERS: ReadonlySet<unknown> = new Set(['id', 'customer', 'score']);

/** The same types as those that `coerce` gives; amounts stay digits, dates text. */
function typed(value: string, { column, header }: { column: unknown; header: boolean }): unknown {
  if (header) return value;
  if (value === '') return null;
  if (NUMBERS.has(column)) return Number(value);
  if (column === 'active') return value === 'true';
  if (column === 'created') return new Date(value);
  return column === 'meta' ? (JSON.parse(value) as unknown) : value;
}

export const csvRows: Job = {
  name: 'csv-rows',
  title: 'CSV file to typed rows in memory',
  bars: [{ against: 'csv-parse, columns and cast', timesAsFast: 3 }],
  needs: ['csv'],
  // csv-parse takes three quarters of a minute.
  rounds: 1,
  expected: ({ rows }) => rows,
  contenders: [
    {
      name: 'Millrace',
      isOurs: true,
      run: async ({ folder }) => {
        let rows = 0;
        await pipeline(
          from.file<Row>(join(folder, 'items.csv')),
          coerce({ id: 'integer', customer: 'integer', score: 'float', active: 'boolean', created: 'datetime', meta: 'json' }),
          to.function(row => void (rows += row.score > -Infinity ? 1 : 0)),
        );
        return { rows };
      },
    },
    {
      name: 'csv-parse, columns and cast',
      run: async ({ folder }) => {
        let rows = 0;
        const records = createReadStream(join(folder, 'items.csv'), { highWaterMark: 1 << 18 }).pipe(parse({ columns: true, cast: typed }));
        for await (const row of records as AsyncIterable<{ score: number }>) rows += row.score > -Infinity ? 1 : 0;
        return { rows };
      },
    },
  ],
};

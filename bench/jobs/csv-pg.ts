import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse';
import { from, pipeline, to, validate } from 'millrace';
import { z } from 'zod';
import { COLUMNS } from '../data.ts';
import type { Job } from '../job.ts';
import { MultiRowInsert, shell } from '../peers.ts';

/** Every empty field is NULL: to tell `""` from nothing, csv-parse's `cast` would be needed, which takes twice as long. */
async function* withNulls(rows: AsyncIterable<Record<string, string | null>>): AsyncGenerator<object> {
  for await (const row of rows) {
    for (const name of COLUMNS) if (row[name] === '') row[name] = null;
    yield row;
  }
}

const csvParseInsert: Job['contenders'][number] = {
  name: 'csv-parse, INSERT',
  run: async ({ folder, target }) => {
    const sink = await MultiRowInsert.open(target, COLUMNS);
    const records = createReadStream(join(folder, 'items.csv'), { highWaterMark: 1 << 18 }).pipe(parse({ columns: true }));
    return { rows: await sink.insertAll(withNulls(records)) };
  },
};

const VALID_ITEM = z.object({
  id: z.coerce.number().int().positive(),
  customer: z.coerce.number().int(),
  name: z.string().max(200).nullable(),
  email: z.string().includes('@'),
  amount: z.string().regex(/^-?\d+\.\d\d$/),
  score: z.coerce.number(),
  active: z
    .enum(['true', 'false'])
    .transform(text => text === 'true')
    .nullable(),
  created: z.coerce.date(),
  born: z.iso.date(),
  meta: z
    .string()
    .transform(text => JSON.parse(text) as unknown)
    .nullable(),
});
type CsvItem = Record<keyof z.input<typeof VALID_ITEM>, string>;

export const csvToPg: Job = {
  name: 'csv-pg',
  title: 'CSV into a PostgreSQL table with typed columns',
  bars: [
    { against: 'csv-parse, INSERT', timesAsFast: 2 },
    { against: 'psql \\copy', atMost: 1 },
  ],
  fills: 'items',
  needs: ['csv'],
  expected: ({ rows }) => rows,
  contenders: [
    {
      name: 'Millrace',
      isOurs: true,
      run: async ({ folder, target }) => {
        const report = await pipeline(from.file(join(folder, 'items.csv')), to.postgres({ url: target, table: 'items', mode: 'append' }));
        return { rows: report.written };
      },
    },
    {
      name: 'psql \\copy',
      needs: 'psql',
      run: async place => {
        await shell(place, `$PSQL -d "$TARGET" -c "\\\\copy items FROM '${join(place.folder, 'items.csv')}' (FORMAT csv, HEADER true)"`);
        return { rows: place.rows };
      },
    },
    csvParseInsert,
  ],
};

export const csvToPgValidated: Job = {
  name: 'csv-pg-zod',
  title: 'CSV into a PostgreSQL table, every row coerced and validated by a zod schema',
  bars: [{ against: 'csv-parse, INSERT', timesAsFast: 3 }],
  fills: 'items',
  needs: ['csv'],
  expected: ({ rows }) => rows,
  contenders: [
    {
      name: 'Millrace',
      isOurs: true,
      run: async ({ folder, target }) => {
        const report = await pipeline(
          from.file<CsvItem>(join(folder, 'items.csv')),
          validate(VALID_ITEM),
          to.postgres({ url: target, table: 'items', mode: 'append' }),
        );
        return { rows: report.written };
      },
    },
    csvParseInsert,
  ],
};

// How much memory each way of moving records takes: one process each, nothing but Millrace in it.
import { join } from 'node:path';
import { from, map, pipeline, to } from 'millrace';
import type { Item } from '../data.ts';
import type { Job, Outcome, Place } from '../job.ts';
import { csvToPg, csvToPgValidated } from './csv-pg.ts';
import { csvRows } from './csv-rows.ts';
import { expected, memoryOperators } from './operators.ts';
import { pgDatabase } from './pg-database.ts';
import { pgToCsv, pgToNdjson } from './pg-files.ts';
import { pgToPg, pgToPgColumns, pgToPgFunctions } from './pg-pg.ts';
import { pgRead } from './pg-read.ts';
import { pgUpsert } from './pg-upsert.ts';

/** The most that a run may take, whatever the number of its rows; rows of a megabyte may take more. */
const MEGABYTES = 150;
const WIDE_MEGABYTES = 250;

/** The same job as elsewhere, for its memory only. */
function memoryOf(job: Job): Job {
  const ours = job.contenders.filter(({ isOurs }) => isOurs);
  return { ...job, name: `memory-${job.name}`, contenders: ours, bars: [{ megabytes: MEGABYTES }], rounds: 1, isAlsoTenfold: true };
}

function memory(name: string, title: string, run: (place: Place) => Promise<Outcome>, more: Partial<Job> = {}): Job {
  const contenders = [{ name: 'Millrace', isOurs: true, run }];
  return { name: `memory-${name}`, title, contenders, bars: [{ megabytes: MEGABYTES }], rounds: 1, expected: ({ rows }) => rows, ...more };
}

const objects = memory(
  'operators',
  'Objects of a generator through five row operators',
  async ({ rows }) => ({ rows: await memoryOperators(rows) }),
  { isAlsoTenfold: true, expected: ({ rows }) => expected(rows) },
);

/** A source gives about 500,000 rows a second, this sink takes 5,000: so many of them only, or it would take minutes. */
const SLOW_ROWS = 100_000;

const slowSink = memory(
  'slow-sink',
  'PostgreSQL to a function 100 × slower than the source',
  async ({ source }) => {
    let rows = 0;
    const slowly = (): Promise<void> | undefined => (++rows % 100 === 0 ? new Promise(resolve => setTimeout(resolve, 20)) : undefined);
    await pipeline(from.postgres<Item>({ url: source, query: `SELECT * FROM items LIMIT ${SLOW_ROWS}` }), to.function<Item>(slowly));
    return { rows };
  },
  { expected: ({ rows }) => Math.min(rows, SLOW_ROWS) },
);

/** The reader of the table is quick, and the one of the socket is not: what is read piles up in nobody's memory. */
const slowStream = memory(
  'slow-for-await',
  'PostgreSQL read by a slow for await',
  async ({ source }) => {
    let rows = 0;
    for await (const _row of from.postgres<Item>({ url: source, query: `SELECT * FROM items LIMIT ${SLOW_ROWS}` })) {
      if (++rows % 100 === 0) await new Promise(resolve => setTimeout(resolve, 20));
    }
    return { rows };
  },
  { expected: ({ rows }) => Math.min(rows, SLOW_ROWS) },
);

const wide: Partial<Job> = { needs: ['wide'], bars: [{ megabytes: WIDE_MEGABYTES }], expected: ({ wideRows }) => wideRows };

const wideToPg = memory(
  'wide-pg-pg',
  'PostgreSQL to PostgreSQL, rows of 1 MB',
  async ({ source, target }) => {
    const report = await pipeline(
      from.postgres({ url: source, table: 'wide' }),
      to.postgres({ url: target, table: 'wide', mode: 'append' }),
    );
    return { rows: report.written };
  },
  { ...wide, fills: 'wide' },
);

const wideThroughMap = memory(
  'wide-map',
  'PostgreSQL to PostgreSQL through a function, rows of 1 MB',
  async ({ source, target }) => {
    const report = await pipeline(
      from.postgres<{ id: number; body: string }>({ url: source, table: 'wide' }),
      map(row => ({ id: row.id + 1, body: row.body })),
      to.postgres({ url: target, table: 'wide', mode: 'append' }),
    );
    return { rows: report.written };
  },
  { ...wide, fills: 'wide' },
);

const wideToFile = memory(
  'wide-ndjson',
  'PostgreSQL to NDJSON, rows of 1 MB',
  async ({ source, folder }) => {
    const report = await pipeline(from.postgres({ url: source, table: 'wide' }), to.file(join(folder, `wide-${process.pid}.ndjson`)));
    return { rows: report.written };
  },
  wide,
);

export const memoryJobs: readonly Job[] = [
  ...[pgToPg, pgToPgColumns, pgToPgFunctions, pgUpsert, pgDatabase, pgRead, csvToPg, csvToPgValidated, csvRows, pgToCsv, pgToNdjson].map(
    memoryOf,
  ),
  objects,
  slowSink,
  slowStream,
  wideToPg,
  wideThroughMap,
  wideToFile,
];

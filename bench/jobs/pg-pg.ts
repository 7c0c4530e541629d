import { coerce, filter, from, map, pipeline, project, rename, to } from 'millrace';
import highland from 'highland';
import { COLUMNS, type Item } from '../data.ts';
import type { Contender, Job } from '../job.ts';
import { INSERT_ROWS, MultiRowInsert, pipeCopy, pipePsql, queryStream } from '../peers.ts';
import { runPython } from '../python.ts';

const isKept = (item: Item): boolean => item.customer % 2 === 0;
const changed = (item: Item): Item => ({ ...item, email: item.email.toUpperCase(), score: item.score / 2 });

/** Of 1 … rows, those whose customer number (id × 7919 mod 100003) is even. */
const evenCustomers = (rows: number): number => {
  let count = 0;
  for (let id = 1; id <= rows; id++) if (((id * 7919) % 100003) % 2 === 0) count++;
  return count;
};

/** All rows and columns as they are: what the servers take. */
const psqlPipe: Contender = { name: 'psql COPY binary', needs: 'psql', fills: 'items', expected: ({ rows }) => rows, run: pipePsql };

export const pgToPg: Job = {
  name: 'pg-pg',
  title: 'PostgreSQL to PostgreSQL, no operators',
  bars: [{ against: 'psql COPY binary', atMost: 1.15 }],
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
    psqlPipe,
    { name: 'pg-copy-streams', run: pipeCopy },
    { name: 'ADBC', needs: 'python', fills: 'adbc_items', run: place => runPython(place, 'adbc_copy.py', 'copy') },
  ],
};

export const pgToPgColumns: Job = {
  name: 'pg-pg-columns',
  title:
    'PostgreSQL to PostgreSQL through operators on columns: a filter that runs here, project, rename, coerce, a function over two fields',
  bars: [
    { against: 'psql COPY binary', atMost: 1.5 },
    { against: 'ADBC, pyarrow.compute', atMost: 1 },
  ],
  fills: 'picked',
  expected: ({ rows }) => evenCustomers(rows),
  contenders: [
    {
      name: 'Millrace',
      isOurs: true,
      run: async ({ source, target }) => {
        const report = await pipeline(
          from.postgres<Item>({ url: source, table: 'items' }),
          filter(['customer'], ({ customer }) => customer % 2 === 0),
          project('id', 'customer', 'name', 'email', 'amount', 'score', 'created', 'born'),
          rename({ customer: 'client' }),
          coerce({ client: 'string' }),
          map(['email', 'score'], ({ email, score }) => ({ email: email.toUpperCase(), score: score / 2 })),
          to.postgres({ url: target, table: 'picked', mode: 'append' }),
        );
        return { rows: report.written };
      },
    },
    psqlPipe,
    {
      name: 'ADBC, pyarrow.compute',
      needs: 'python',
      fills: 'adbc_items',
      run: place => runPython(place, 'adbc_copy.py', 'columns'),
    },
  ],
};

export const pgToPgFunctions: Job = {
  name: 'pg-pg-functions',
  title: 'PostgreSQL to PostgreSQL through functions over whole rows: a filter, and a map that changes two fields',
  bars: [
    { against: 'psql COPY binary', atMost: 2.5 },
    { against: 'pg-query-stream, highland, INSERT', timesAsFast: 3 },
  ],
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
    psqlPipe,
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

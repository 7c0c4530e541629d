/** The conversation of the source with its server is cut once, at each of its messages: after that all records are there once, and nothing is left. */
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { from, pipeline, to } from '../../lib/index.ts';
import type { Report } from '../../lib/index.ts';
import { folderFor } from '../cli/millrace.ts';
import { freshDatabase, sql, startPostgres } from '../services/postgres.ts';
import { type ProtocolProxy, protocolProxy } from '../services/protocol-proxy.ts';
import { expectHeld, expectNothingLeft, held, randomBy, SEED, someOf } from './harness.ts';

interface Item {
  id: number;
  name: string;
}

const ROWS = 1500;
const CUTS = 8;

describe(`a source whose conversation is cut (seed ${SEED})`, function () {
  this.timeout(600_000);
  const random = randomBy(SEED);
  const folder = folderFor({ after });
  const file = path.join(folder, 'items.csv');
  let url: string;
  let proxy: ProtocolProxy;

  before(async () => {
    url = await freshDatabase('source_messages_test');
    await sql(
      url,
      `CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL);
       INSERT INTO items SELECT i, 'name ' || i FROM generate_series(1, ${ROWS}) i; ANALYZE items`,
    );
  });
  beforeEach(async () => {
    proxy = await protocolProxy((await startPostgres()).port);
  });
  afterEach(() => proxy.close());

  const through = (): string => `postgres://postgres@127.0.0.1:${proxy.port}/source_messages_test?sslmode=disable`;
  const options = { retryFor: 20_000, batchRows: 100 };
  const array: Item[] = [];

  const kinds: readonly { readonly what: string; readonly run: () => Promise<Report>; readonly rows: () => Promise<unknown> }[] = [
    {
      what: 'a table into an array',
      run: () => pipeline(from.postgres<Item>({ url: through(), table: 'items' }), to.memory(array), options),
      rows: () => Promise.resolve(array.splice(0)),
    },
    {
      what: 'a table, read by two connections, into a file',
      run: () =>
        pipeline(from.postgres<Item>({ url: through(), table: 'items', parallel: 2 }), to.file<Item>(file, { mode: 'replace' }), options),
      rows: () => {
        const [, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
        rmSync(file);
        const items = lines.map(line => ({ id: Number(line.split(',')[0]), name: line.split(',')[1] as string }));
        return Promise.resolve(items.sort((a, b) => a.id - b.id));
      },
    },
    {
      what: 'a query with values into an array',
      run: () =>
        pipeline(
          from.postgres<Item>({ url: through(), query: 'SELECT * FROM items WHERE id > $1 ORDER BY id', values: [0] }),
          to.memory(array),
          options,
        ),
      rows: () => Promise.resolve(array.splice(0)),
    },
    {
      what: 'a table into another one, with checkpoints',
      run: () =>
        pipeline(from.postgres<Item>({ url: through(), table: 'items' }), to.postgres<Item>({ url, table: 'copy' }), {
          ...options,
          job: 'cut',
          checkpointEvery: 300,
        }),
      rows: async () => {
        const rows = await sql(url, 'SELECT id, name FROM copy ORDER BY id');
        await sql(url, 'DROP TABLE copy');
        return rows;
      },
    },
  ];

  for (const { what, run, rows } of kinds) {
    it(`gives ${what} whole, whichever message is cut`, async () => {
      const wanted = await sql(url, 'SELECT id, name FROM items ORDER BY id');
      await run();
      expect(await rows()).to.deep.equal(wanted);
      const whole = [...proxy.seen];
      await proxy.close();
      for (const at of someOf(whole.length, CUTS, random)) {
        const how = random() < 0.5 ? 'reset' : 'half';
        proxy = await protocolProxy((await startPostgres()).port);
        const before = held();
        proxy.cutAt(at, how);
        const report = await run();
        const told = `${how} at message ${at} of ${whole.length}: ${whole[at]}`;
        expect(await rows(), told).to.deep.equal(wanted);
        expect(report, told).to.include({ status: 'ok', read: ROWS, written: ROWS });
        await expectNothingLeft(url);
        await proxy.close();
        await expectHeld(before);
      }
    });
  }
});

import { appendFileSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { type DeadLetter, from, map, mapAsync, pipeline, type Report, type RunOptions, type Sink, to } from '../../lib/index.ts';
import { folderFor } from '../cli/millrace.ts';
import { freshDatabase, sql } from '../services/postgres.ts';

interface Item {
  id: number;
  name: string;
}

const ROWS = 4000;
const OFTEN = { job: 'test', checkpointEvery: 200, batchRows: 50, resume: true } satisfies RunOptions;

describe('dead letters of a run that goes on', () => {
  const folder = folderFor({ after });
  let number = 0;
  let dir: string;
  let source: string;
  let target: string;
  before(async () => {
    source = await freshDatabase('letters_source_test');
    await sql(
      source,
      `CREATE TABLE items (id int8 PRIMARY KEY, name text NOT NULL);
       INSERT INTO items SELECT i, 'name ' || i FROM generate_series(1, ${ROWS}) i; ANALYZE items`,
    );
    target = await freshDatabase('letters_target_test');
  });
  beforeEach(async () => {
    dir = path.join(folder, String(number++));
    mkdirSync(dir);
    // What the server refuses comes in letters of the sink.
    await sql(target, 'CREATE TABLE items (id int8 PRIMARY KEY, name text CHECK (id % 13 <> 0))');
  });
  afterEach(() => sql(target, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS millrace CASCADE'));

  const at = (name: string): string => path.join(dir, name);
  const refuses = (id: number): boolean => id % 7 === 0 && id % 13 !== 0;
  const isLost = (id: number): boolean => id % 7 === 0 || id % 13 === 0;
  const wanted = Array.from({ length: ROWS }, (_, i) => i + 1).filter(isLost);

  /** Breaks off when this record comes. */
  async function run(deadLetter: Sink<DeadLetter>, breaksAt = 0, isAsync = false): Promise<Report | undefined> {
    const abort = new AbortController();
    const look = (item: Item): Item => {
      if (item.id === breaksAt) abort.abort();
      if (refuses(item.id)) throw new Error('not this one');
      return item;
    };
    try {
      return await pipeline(
        from.postgres<Item>({ url: source, table: 'items' }),
        isAsync ? mapAsync((item: Item) => Promise.resolve().then(() => look(item)), { concurrency: 200, ordered: true }) : map(look),
        to.postgres<Item>({ url: target, table: 'items', mode: 'append' }),
        { ...OFTEN, deadLetter, signal: abort.signal },
      );
    } catch (error) {
      if (breaksAt === 0) throw error;
      return undefined;
    }
  }
  const idsOf = (file: string): number[] =>
    readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .filter(line => line !== '')
      .map(line => (JSON.parse(line) as { record: { id: number } }).record.id);
  const sorted = (ids: readonly number[]): number[] => [...ids].sort((a, b) => a - b);
  const rows = async (): Promise<number> => (await sql(target, 'SELECT count(*)::int AS n FROM items'))[0]?.['n'] as number;

  for (const mode of ['create', 'append', 'replace'] as const) {
    it(`are each there once in a file that is there already or not, mode ${mode}`, async () => {
      const file = at('refused.ndjson');
      if (mode !== 'create') writeFileSync(file, '{"record":{"id":0}}\n');
      const place = () => to.file<DeadLetter>(file, { mode });
      for (const breaksAt of [500, 1300, 2750]) await run(place(), breaksAt);
      expect(await rows(), 'parts are committed').to.be.greaterThan(1000);
      await run(place());
      expect(await rows()).to.equal(ROWS - wanted.length);
      expect(sorted(idsOf(file))).to.deep.equal(mode === 'append' ? [0, ...wanted] : wanted);
      expect(readdirSync(dir), 'nothing is left beside it').to.deep.equal(['refused.ndjson']);
    });
  }

  it('are those of what is committed, also behind an operator that looks ahead', async () => {
    const file = at('refused.ndjson');
    for (const breaksAt of [700, 1500, 2900, 0]) await run(to.file(file), breaksAt, true);
    expect(sorted(idsOf(file))).to.deep.equal(wanted);
  });

  it('begin anew with the run that does, and leave what is not theirs', async () => {
    const file = at('refused.ndjson');
    writeFileSync(file, '{"record":{"id":0}}\n');
    await run(to.file(file, { mode: 'append' }), 2000);
    expect(idsOf(file).length).to.be.greaterThan(100);
    await sql(target, 'DROP TABLE items; CREATE TABLE items (id int8 PRIMARY KEY, name text CHECK (id % 13 <> 0))');
    const report = await run(to.file(file, { mode: 'append' }));
    expect(report?.warnings.join()).to.contain('not there any more');
    expect(sorted(idsOf(file))).to.deep.equal([0, ...wanted]);
  });

  it('are not cut off with what somebody else wrote behind them, and that is said', async () => {
    const file = at('refused.ndjson');
    writeFileSync(file, '{"record":{"id":0}}\n');
    await run(to.file(file, { mode: 'append' }), 2000);
    appendFileSync(file, '{"record":{"id":-1}}\n'.repeat(2000));
    await run(to.file(file, { mode: 'append' }), 3000);
    await run(to.file(file, { mode: 'append' }));
    const ids = idsOf(file);
    expect(ids.filter(id => id === -1)).to.have.length(2000);
    expect([...new Set(sorted(ids))]).to.deep.equal([-1, 0, ...wanted]);
  });

  it('go on in a file that somebody emptied, and that is said', async () => {
    const file = at('refused.ndjson');
    writeFileSync(file, '{"record":{"id":0}}\n');
    await run(to.file(file, { mode: 'append' }), 2000);
    truncateSync(file);
    const report = await run(to.file(file, { mode: 'append' }));
    expect(report?.warnings.join()).to.contain('not as the job had left it');
    expect(sorted(idsOf(file))).to.deep.equal(wanted.filter(id => id > Number((report?.resumedFrom as { key: [string] }).key[0])));
  });
});

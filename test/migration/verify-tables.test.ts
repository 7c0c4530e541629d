import { expect } from 'chai';
import { from, pipeline, to, verifyTables } from '../../lib/index.ts';
import { millrace } from '../cli/millrace.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { failure } from '../sinks/postgres-harness.ts';

describe('verify, of whole databases', () => {
  let [a, b] = ['', ''];
  before(async () => {
    a = await freshDatabase('verify_a');
    await sql(
      a,
      `CREATE SCHEMA "Odd.one"; CREATE TABLE customer (id int PRIMARY KEY, big int8, name text, upper text GENERATED ALWAYS AS (upper(name)) STORED);
      CREATE TABLE "Odd.one".t (x int REFERENCES customer); CREATE TABLE nothing (); CREATE TABLE empty (y int);
      INSERT INTO customer SELECT i, 9007199254740993 + i, 'n' || i FROM generate_series(1, 300) i; INSERT INTO "Odd.one".t SELECT i FROM generate_series(1, 7) i;
      INSERT INTO nothing SELECT FROM generate_series(1, 5)`,
    );
  });
  beforeEach(async () => {
    b = await freshDatabase('verify_b');
    await pipeline(from.postgres.tables({ url: a }), to.postgres.tables({ url: b }));
  });
  const verified = (tables?: string): ReturnType<typeof verifyTables> =>
    verifyTables(from.postgres.tables({ url: a, ...(tables === undefined ? {} : { tables }) }), from.postgres.tables({ url: b }));

  it('finds a copy equal, table by table', async () => {
    const { equal, tables, onlyInA, onlyInB } = await verified();
    expect([equal, onlyInA, onlyInB]).to.deep.equal([true, [], []]);
    expect(Object.fromEntries(tables.map(({ table, records }) => [table, records]))).to.deep.equal({
      'public.customer': [300, 300],
      '"Odd.one".t': [7, 7],
      'public.nothing': [5, 5],
      'public.empty': [0, 0],
    });
    expect(await millrace(['verify', a, b])).to.deep.include({ status: 0, out: 'equal: 4 tables, 312 records\n', err: '' });
  });

  it('names each table that differs, and tables that only one side has', async () => {
    await sql(
      b,
      `UPDATE customer SET big = big + 1 WHERE id = 7; INSERT INTO nothing DEFAULT VALUES; DROP TABLE empty; CREATE TABLE more (z int)`,
    );
    const { equal, tables, onlyInA, onlyInB } = await verified();
    expect([equal, onlyInA, onlyInB]).to.deep.equal([false, ['public.empty'], ['public.more']]);
    expect(
      tables.filter(one => !one.equal).map(({ table, columns }) => [table, columns.filter(one => !one.equal).map(({ name }) => name)]),
    ).to.deep.equal([
      ['public.customer', ['big']],
      ['public.nothing', []],
    ]);
    const { status, out } = await millrace(['verify', a, b]);
    expect(status).to.equal(65);
    expect(out.split('\n').slice(3)).to.deep.equal([
      'table public.empty: only in A',
      'table public.more: only in B',
      'table public.customer: 300 records',
      '  column big: other values',
      'table public.nothing: 5 records in A, 6 in B',
      '',
    ]);
    const json = JSON.parse((await millrace(['verify', a, b, '--json'])).out) as { tables: { table: string; equal: boolean }[] };
    expect(json.tables.find(({ table }) => table === 'public.customer')?.equal).to.equal(false);
  });

  it('compares a part with a part, and refuses what is no database', async () => {
    await sql(b, 'DELETE FROM "Odd.one".t');
    const part = from.postgres.tables({ url: b, tables: 'customer' });
    expect((await verifyTables(from.postgres.tables({ url: a, tables: 'customer' }), part)).equal).to.equal(true);
    expect((await millrace(['verify', `${a}?tables=public.*`, `${b}?tables=public.*`])).status).to.equal(0);
    const error = await failure(verifyTables(part, from.records([{ x: 1 }]) as never));
    expect([error.code, error.message]).to.deep.equal(['PIPELINE_INVALID', error.message]);
    expect((await millrace(['verify', a, b, '--key', 'id'])).err)
      .to.include('--key')
      .and.to.include('[USAGE]');
    const open = `SELECT FROM pg_stat_activity WHERE application_name = 'millrace' AND datname IN ('verify_a', 'verify_b')`;
    while ((await sql(b, open)).length > 0) await new Promise(resolve => setTimeout(resolve, 10));
  });
});

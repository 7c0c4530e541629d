import { expect } from 'chai';
import { from, pipeline, plan, to } from '../../lib/index.ts';
import { millrace } from '../cli/millrace.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { failure } from './postgres-harness.ts';

describe('whole databases into tables that are there', () => {
  let [source, target] = ['', ''];
  before(async () => {
    source = await freshDatabase('options_source');
    await sql(
      source,
      `CREATE SCHEMA "Odd.one"; CREATE TABLE price (id int PRIMARY KEY, n numeric, name text); CREATE TABLE "Odd.one".t (n float8);
      INSERT INTO price SELECT i, i + 0.125, 'n' || i FROM generate_series(1, 200) i; INSERT INTO "Odd.one".t VALUES (0.123456789), (0.5)`,
    );
  });
  beforeEach(async () => {
    target = await freshDatabase('options_target');
    await sql(
      target,
      `CREATE SCHEMA "Odd.one"; CREATE TABLE price (id int PRIMARY KEY, n numeric(8,1), name text); CREATE TABLE "Odd.one".t (n float4);
      CREATE INDEX by_name ON price (name) WHERE id > 3; COMMENT ON INDEX by_name IS 'finds'`,
    );
  });
  const lossy = ['price.n', '"Odd.one".t.n'];
  const copy = (options: object): Promise<{ warnings: readonly string[] }> =>
    pipeline(from.postgres.tables({ url: source }), to.postgres.tables({ url: target, mode: 'append', ...options }));

  it('loses what it may, column by column, and counts it for each table', async () => {
    const refused = await failure(copy({}));
    expect([refused.code, refused.message]).to.deep.equal(['ROW_REFUSED', refused.message]);
    expect(refused.message)
      .to.match(/^2 of 2 tables failed/)
      .and.to.include('would round away');
    const { warnings } = await copy({ lossy });
    expect([...warnings].sort()).to.deep.equal([
      'column "n" of table "\\"Odd.one\\".t": 1 value changed on the way into float4 (lossy)',
      'column "n" of table "public.price": 200 values changed on the way into numeric(8,1) (lossy)',
    ]);
    expect(await sql(target, 'SELECT count(*)::int AS c, sum(n)::text AS sum FROM price')).to.deep.equal([{ c: 200, sum: '20120.0' }]);
  });

  it('refuses, before anything is written, a column that is not among those copied', async () => {
    for (const [name, code, said] of [
      ['price.m', 'COLUMN_UNKNOWN', 'did you mean "public.price.n"?'],
      ['other.n', 'COLUMN_UNKNOWN', 'no table that is copied has the column public.other.n'],
      ['n', 'OPTION_INVALID', 'write schema.table.column'],
      ['a.b.c.d', 'OPTION_INVALID', 'write schema.table.column'],
    ] as const) {
      const error = await failure(copy({ lossy: [name] }));
      expect([error.code, error.message]).to.deep.equal([code, error.message]);
      expect(error.message).to.include(said);
    }
    expect(await sql(target, 'SELECT count(*)::int AS c FROM price')).to.deep.equal([{ c: 0 }]);
  });

  it('builds secondary indexes of tables that are there anew, with what is said of them', async () => {
    const indexes = `SELECT c.relname::text AS name, c.oid::int, obj_description(c.oid, 'pg_class') AS said, pg_get_indexdef(c.oid) AS made
      FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE i.indrelid = 'price'::regclass ORDER BY 1`;
    const before = await sql<{ name: string; oid: number; said: string }>(target, indexes);
    await copy({ lossy, indexes: 'rebuild' });
    const after = await sql<{ name: string; oid: number; said: string }>(target, indexes);
    const told = (rows: typeof before): unknown[] => rows.map(({ oid: _oid, ...rest }) => rest);
    expect(told(after)).to.deep.equal(told(before));
    expect(after.map(({ oid }, i) => oid === before[i]?.oid)).to.deep.equal([false, true]);
    await copy({ lossy, mode: 'replace', indexes: 'rebuild' });
    expect(await sql(target, 'SELECT count(*)::int AS c FROM price')).to.deep.equal([{ c: 200 }]);
    expect((await failure(Promise.resolve().then(() => copy({ mode: 'create', indexes: 'rebuild' })))).code).to.equal('OPTION_INVALID');
  });

  it('takes both from the command line', async () => {
    const { status, out } = await millrace([
      ...['copy', source, `${target}?indexes=rebuild`, '--mode', 'append'],
      ...['--lossy', 'public.price.n,"""Odd.one"".t.n"', '--json', '--quiet'],
    ]);
    expect([status, (JSON.parse(out) as { warnings: string[] }).warnings.length]).to.deep.equal([0, 2]);
  });

  it('is refused by a server that only reads, before anything is read; plan says so', async () => {
    await sql(target, 'ALTER DATABASE options_target SET default_transaction_read_only = on');
    const error = await failure(copy({ lossy }));
    expect([error.code, error.message]).to.deep.equal(['NOT_PERMITTED', error.message]);
    expect(error.message).to.include('read-only');
    const planned = await plan(from.postgres.tables({ url: source }), to.postgres.tables({ url: target }));
    expect(planned.problems.map(({ code }) => code)).to.deep.equal(['NOT_PERMITTED', 'EXISTS']);
  });
});

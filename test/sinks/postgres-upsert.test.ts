import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MillraceError } from '../../lib/errors.ts';
import type { AnyBatch, AnyRow } from '../../lib/core/define.ts';
import { from, pipeline, type Report } from '../../lib/index.ts';
import { Schema } from '../../lib/schema/schema.ts';
import type { DataType } from '../../lib/schema/types.ts';
import { postgres } from '../../sinks/postgres.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { batchesOf, failure, type Opened, type OpenSettings, openWriter, type Options, rejectsOf, writeAll } from './postgres-harness.ts';

const schemaOf = (columns: Record<string, DataType['kind'] | DataType>): Schema =>
  new Schema(
    Object.entries(columns).map(([name, type]) => ({ name, type: typeof type === 'string' ? { kind: type } : type, nullable: true })),
  );
const ITEMS = schemaOf({ id: 'int8', name: 'text', n: 'int4' });
const items = (ids: readonly number[], version = ''): AnyRow[] => ids.map(id => ({ id, name: `name ${id}${version}`, n: id % 10 }));
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('sink postgres, mode upsert', () => {
  let url: string;
  before(async () => {
    url = await freshDatabase('sink_upsert_test');
  });
  afterEach(() => sql(url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public'));

  async function upsert(
    batches: readonly AnyBatch[],
    given: Partial<Options> = {},
    schema = ITEMS,
    settings: OpenSettings = {},
  ): Promise<Opened> {
    const opened = await openWriter({ url, table: 't', mode: 'upsert', ...given }, schema, settings);
    await writeAll(opened, batches);
    return opened;
  }
  const counts = ({ counted: { written, unchanged, superseded } }: Opened): number[] => [written, unchanged, superseded];
  const rows = (text = 'SELECT id::int, name, n FROM t ORDER BY id'): Promise<AnyRow[]> => sql(url, text) as Promise<AnyRow[]>;
  /** Where each row lies: another place means that it was written again. */
  const places = async (): Promise<Map<unknown, unknown>> =>
    new Map((await rows('SELECT id::int, ctid::text || xmin::text || xmax::text AS place FROM t')).map(row => [row['id'], row['place']]));

  for (const hasDeadLetters of [false, true]) {
    describe(hasDeadLetters ? 'with dead letters' : 'without dead letters', () => {
      it('adds what is new, changes what differs, and does not touch what is equal', async () => {
        await sql(url, 'CREATE TABLE t (id int8 PRIMARY KEY, name text, n int4)');
        await upsert(batchesOf(items(range(0, 2000)), ITEMS));
        const before = await places();
        const changed = [...items(range(0, 500)), ...items(range(500, 1000), '!'), ...items(range(3000, 3010))];
        const opened = await upsert(batchesOf(changed, ITEMS, 300), {}, ITEMS, { hasDeadLetters });
        expect(counts(opened)).to.deep.equal([510, 500, 0]);
        expect(await rows()).to.deep.equal([
          ...items(range(0, 500)),
          ...items(range(500, 1000), '!'),
          ...items(range(1000, 2000)),
          ...items(range(3000, 3010)),
        ]);
        const after = await places();
        expect([...before].filter(([id, place]) => after.get(id) !== place).map(([id]) => id)).to.have.members(range(500, 1000));
      });

      it('keeps the last record of a key', async () => {
        await sql(url, "CREATE TABLE t (id int8 PRIMARY KEY, name text, n int4); INSERT INTO t VALUES (1, 'old', 0)");
        const versions = ['a', 'b', 'c', 'd'].flatMap(version => items(range(0, 700), version));
        const opened = await upsert(batchesOf(versions, ITEMS, 450), {}, ITEMS, { hasDeadLetters });
        expect(counts(opened)).to.deep.equal([700, 0, 2100]);
        expect(await rows()).to.deep.equal(items(range(0, 700), 'd'));
        const again = await upsert(batchesOf([...items([5], 'x'), ...items([5, 6], 'd')], ITEMS), {}, ITEMS, { hasDeadLetters });
        expect(counts(again)).to.deep.equal([0, 2, 1]);
      });

      it('makes a table that is not there, with the key', async () => {
        const opened = await upsert(batchesOf(items([1, 2, 1], 'v'), ITEMS), { key: ['id'] }, ITEMS, { hasDeadLetters });
        expect(counts(opened)).to.deep.equal([2, 0, 1]);
        expect(await rows("SELECT contype::text AS c FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'p'")).to.have.length(
          1,
        );
        expect(counts(await upsert(batchesOf(items([2, 3], 'v'), ITEMS)))).to.deep.equal([1, 1, 0]);
      });

      it('leaves an aborted run without a trace', async () => {
        await sql(url, "CREATE TABLE t (id int8 PRIMARY KEY, name text, n int4); INSERT INTO t VALUES (1, 'old', 0)");
        const opened = await openWriter({ url, table: 't', mode: 'upsert' }, ITEMS, { hasDeadLetters });
        await opened.writer.write(batchesOf(items([1, 2]), ITEMS)[0]!);
        await opened.writer.flush();
        await opened.writer.abort(new Error('enough'));
        expect(await rows()).to.deep.equal([{ id: 1, name: 'old', n: 0 }]);
      });

      it('goes on after a commit', async () => {
        const opened = await openWriter({ url, table: 't', mode: 'upsert', key: ['id'] }, ITEMS, { hasDeadLetters });
        for (const version of ['a', 'b']) {
          await opened.writer.write(batchesOf(items([1, 2], version), ITEMS)[0]!);
          await opened.writer.flush();
          await opened.writer.commit({ job: 'test', operators: {}, sinks: {} });
        }
        await opened.writer.close();
        expect(await rows()).to.deep.equal(items([1, 2], 'b'));
        expect(counts(opened)).to.deep.equal([4, 0, 0]);
      });

      it('goes by several columns, whatever their names, and leaves columns alone that the records do not have', async () => {
        await sql(
          url,
          `CREATE TABLE t (more int DEFAULT 7, "millrace_row" int4, "a ""b""" text, "C" int8, v text, UNIQUE ("C", "a ""b""")); INSERT INTO t VALUES (1, 1, 'x', 1, 'old')`,
        );
        const schema = schemaOf({ 'a "b"': 'text', millrace_row: 'int4', v: 'text', C: 'int8' });
        const records = [
          { 'a "b"': 'x', millrace_row: 2, v: 'first', C: 1 },
          { 'a "b"': 'y', millrace_row: 1, v: 'other', C: 1 },
          { 'a "b"': 'x', millrace_row: 0, v: 'new', C: 1 },
        ];
        const opened = await upsert(batchesOf(records, schema), { key: ['a "b"', 'C'] }, schema, { hasDeadLetters });
        expect(counts(opened)).to.deep.equal([2, 0, 1]);
        expect(await rows('SELECT more, millrace_row AS m, "a ""b""" AS a, v FROM t ORDER BY 3')).to.deep.equal([
          { more: 1, m: 0, a: 'x', v: 'new' },
          { more: 7, m: 1, a: 'y', v: 'other' },
        ]);
      });
    });
  }

  it('changes only the columns that are to be updated, and calls equal what is equal in them', async () => {
    await sql(url, "CREATE TABLE t (id int8 PRIMARY KEY, name text, n int4); INSERT INTO t VALUES (1, 'mine', 1), (2, 'mine', 2)");
    const opened = await upsert(
      batchesOf(
        [
          { id: 1, name: 'yours', n: 1 },
          { id: 2, name: 'yours', n: 3 },
          { id: 3, name: 'yours', n: 3 },
        ],
        ITEMS,
      ),
      {
        update: ['n'],
      },
    );
    expect(counts(opened)).to.deep.equal([2, 1, 0]);
    expect(await rows()).to.deep.equal([
      { id: 1, name: 'mine', n: 1 },
      { id: 2, name: 'mine', n: 3 },
      { id: 3, name: 'yours', n: 3 },
    ]);
  });

  it('adds only, where nothing is to be updated or all is key', async () => {
    await sql(url, "CREATE TABLE t (id int8 PRIMARY KEY, name text, n int4); INSERT INTO t VALUES (1, 'mine', 1)");
    expect(counts(await upsert(batchesOf(items([1, 2, 2]), ITEMS), { update: [] }))).to.deep.equal([1, 1, 1]);
    expect(await rows('SELECT name FROM t ORDER BY id')).to.deep.equal([{ name: 'mine' }, { name: 'name 2' }]);
    const ids = schemaOf({ id: 'int8' });
    expect(counts(await upsert(batchesOf([{ id: 2 }, { id: 9 }], ids), {}, ids))).to.deep.equal([1, 1, 0]);
  });

  it('compares what is stored, also where = says the same of different values or there is none', async () => {
    await sql(
      url,
      `CREATE EXTENSION IF NOT EXISTS citext; CREATE TABLE t (id int8 PRIMARY KEY, i interval, j json, c citext, b box, num numeric, f float8, x xml);
       INSERT INTO t VALUES (1, '1 month', '{"a": 1}', 'ab', '(1,1),(0,0)', 1.0, 0, '<a/>'), (2, '30 days', '{"a":1}', 'AB', '(2,1),(1,0)', 1.00, '-0', NULL)`,
    );
    const source = await freshDatabase('sink_upsert_source');
    await sql(
      source,
      `CREATE EXTENSION citext; CREATE TABLE t (id int8 PRIMARY KEY, i interval, j json, c citext, b box, num numeric, f float8, x xml);
       INSERT INTO t VALUES (1, '1 month', '{"a": 1}', 'ab', '(1,1),(0,0)', 1.0, 0, '<a/>'), (2, '1 month', '{"a": 1}', 'ab', '(1,1),(0,0)', 1.0, 0, '<a/>')`,
    );
    const copyOver = async (): Promise<number[]> => {
      const report = await pipeline(
        from.postgres<{ id: number }>({ url: source, table: 't' }),
        postgres({ url, table: 't', mode: 'upsert' }),
      );
      return [report.read, report.written, report.unchanged, report.superseded];
    };
    expect(await copyOver()).to.deep.equal([2, 1, 1, 0]);
    expect(await rows('SELECT DISTINCT i::text, j::text, c::text, b::text, num::text, f::text, x::text FROM t')).to.have.length(1);
    expect(await copyOver()).to.deep.equal([2, 0, 2, 0]);
    for (const column of ['i', 'j', 'c', 'b', 'num', 'f', 'x']) {
      await sql(
        url,
        `UPDATE t SET ${column} = ${({ i: "'30 days'", j: `'{"a":1}'`, c: "'AB'", b: "'(2,1),(1,0)'", num: '1.00', f: "'-0'", x: 'NULL' } as Record<string, string>)[column]!} WHERE id = 1`,
      );
      expect(await copyOver(), column).to.deep.equal([2, 1, 1, 0]);
    }
  });

  it('sees a change in a column of each kind, from and to null too, and none where there is none', async () => {
    const values: Record<string, readonly [string, string]> = {
      int2: ['1', '2'],
      int4: ['1', '2'],
      int8: ['9007199254740993', '9007199254740992'],
      oid: ['1', '2'],
      bool: ['t', 'f'],
      date: ['infinity', '2024-01-01'],
      timestamp: ['2024-01-01 00:00:00.000001', '2024-01-01'],
      timestamptz: ['-infinity', '2024-01-01Z'],
      uuid: ['00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002'],
      float4: ['NaN', '1'],
      float8: ['0', '-0'],
      numeric: ['1.0', '1.00'],
      text: ['', 'a'],
    };
    const types = Object.keys(values);
    const list = (place: 0 | 1): string => types.map(type => `'${values[type]![place]}'`).join(', ');
    await sql(url, `CREATE TABLE t (id int8 PRIMARY KEY, ${types.map(type => `c_${type} ${type}`).join(', ')})`);
    await sql(url, `CREATE TABLE s AS TABLE t; INSERT INTO s VALUES (1, ${list(0)})`);
    const copyOver = async (): Promise<number[]> => {
      const report = await pipeline(from.postgres({ url, table: 's' }), postgres({ url, table: 't', mode: 'upsert' }));
      return [report.written, report.unchanged];
    };
    expect(await copyOver()).to.deep.equal([1, 0]);
    expect(await copyOver()).to.deep.equal([0, 1]);
    for (const type of types) {
      for (const other of [`'${values[type]![1]}'`, 'NULL']) {
        await sql(url, `UPDATE t SET c_${type} = ${other}`);
        expect(await copyOver(), `${type} ${other}`).to.deep.equal([1, 0]);
      }
      await sql(url, `UPDATE s SET c_${type} = NULL`);
      expect(await copyOver(), `${type} to null`).to.deep.equal([1, 0]);
      expect(await copyOver(), `${type} null`).to.deep.equal([0, 1]);
    }
  });

  it('keeps numbers that the server always gives, takes those of new rows, and leaves generated columns to it', async () => {
    await sql(
      url,
      `CREATE TABLE t (code text PRIMARY KEY, id int8 GENERATED ALWAYS AS IDENTITY, n int4, twice int4 GENERATED ALWAYS AS (n * 2) STORED);
       INSERT INTO t (code, n) VALUES ('a', 1)`,
    );
    const schema = schemaOf({ id: 'int8', code: 'text', n: 'int4' });
    const opened = await upsert(
      batchesOf(
        [
          { id: 50, code: 'a', n: 5 },
          { id: 60, code: 'b', n: 6 },
        ],
        schema,
      ),
      {},
      schema,
    );
    expect(counts(opened)).to.deep.equal([2, 0, 0]);
    await sql(url, "INSERT INTO t (code, n) VALUES ('c', 0)");
    expect(await rows('SELECT id::int, code, n, twice FROM t ORDER BY code')).to.deep.equal([
      { id: 1, code: 'a', n: 5, twice: 10 },
      { id: 60, code: 'b', n: 6, twice: 12 },
      { id: 61, code: 'c', n: 0, twice: 0 },
    ]);
    const fixed = await failure(upsert([], { update: ['id'] }, schema));
    expect([fixed.code, fixed.message]).to.deep.equal([
      'OPTION_INVALID',
      'postgres: option "update": column "id" is always numbered by the server; leave it out',
    ]);
  });

  it('goes into partitions', async () => {
    await sql(
      url,
      `CREATE TABLE t (id int8 PRIMARY KEY, name text, n int4) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10);
       CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20); INSERT INTO t VALUES (1, 'old', 0), (11, 'name 11', 1)`,
    );
    expect(counts(await upsert(batchesOf(items([1, 11, 12]), ITEMS)))).to.deep.equal([2, 1, 0]);
    expect(await rows()).to.deep.equal(items([1, 11, 12]));
  });

  it('refuses a record whose key is null, and no other', async () => {
    await sql(url, 'CREATE TABLE t (id int8 UNIQUE, name text, n int4)');
    const records = [...items([1, 2]), { id: null, name: 's3cret', n: 0 }, ...items([3])];
    const opened = await upsert(batchesOf(records, ITEMS), { key: ['id'] }, ITEMS, { hasDeadLetters: true });
    expect(counts(opened)).to.deep.equal([3, 0, 0]);
    const [reject, ...others] = rejectsOf(opened, 'name');
    expect(others).to.deep.equal([]);
    expect(reject).to.include({ key: 's3cret', code: 'ROW_REFUSED' });
    expect(reject?.reason).to.contain('column "id"').and.contain('SQLSTATE 23502').and.not.contain('s3cret');
    const error = await failure(upsert(batchesOf(records, ITEMS), { key: ['id'] }));
    expect(error.code).to.equal('ROW_REFUSED');
    expect(error.message).to.contain('table "t"').and.contain('(in.ndjson, line 3)').and.contain('column "id"').and.not.contain('s3cret');
    expect(await rows()).to.deep.equal(items([1, 2, 3]));
  });

  it('finds the records that only the table refuses: checks, foreign keys, other unique keys', async () => {
    await sql(
      url,
      `CREATE TABLE p (id int4 PRIMARY KEY); INSERT INTO p SELECT generate_series(0, 9);
       CREATE TABLE t (id int8 PRIMARY KEY, name text UNIQUE CHECK (name <> 'bad'), n int4 NOT NULL REFERENCES p);
       INSERT INTO t VALUES (5000, 'taken', 0)`,
    );
    const records = items(range(0, 1500)).map(row => ({ ...row }) as AnyRow);
    records[100]!['name'] = 'bad';
    records[700]!['n'] = 99;
    records[701]!['n'] = null;
    records[1499]!['name'] = 'taken';
    const opened = await upsert(batchesOf(records, ITEMS, 400), {}, ITEMS, { hasDeadLetters: true });
    expect(rejectsOf(opened, 'id').map(({ key, code }) => [key, code])).to.deep.equal([100, 700, 701, 1499].map(id => [id, 'ROW_REFUSED']));
    expect(rejectsOf(opened, 'id').map(({ reason }) => /SQLSTATE (\d+)/.exec(reason)?.[1])).to.deep.equal([
      '23514',
      '23503',
      '23502',
      '23505',
    ]);
    expect(counts(opened)).to.deep.equal([1496, 0, 0]);
    expect((await rows('SELECT count(*)::int AS n FROM t'))[0]).to.deep.equal({ n: 1497 });
    const error = await failure(upsert(batchesOf(records.slice(0, 200), ITEMS)));
    expect(error.code).to.equal('ROW_REFUSED');
    expect(error.message).to.contain('table "t" refused a row').and.contain('t_name_check');
  });

  it('fails where a trigger leaves rows out', async () => {
    await sql(
      url,
      `CREATE TABLE t (id int8 PRIMARY KEY, name text, n int4);
       CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 2 THEN RETURN NULL; END IF; RETURN NEW; END';
       CREATE TRIGGER f BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()`,
    );
    expect((await failure(upsert(batchesOf(items([1, 2, 3]), ITEMS)))).code).to.equal('COUNTS_DIFFER');
    expect(await rows()).to.deep.equal([]);
  });

  it('says before the first row what it cannot go by', async () => {
    await sql(
      url,
      `CREATE TABLE t (id int8, name text, n int4 UNIQUE); CREATE UNIQUE INDEX ON t (id) WHERE n > 0; CREATE UNIQUE INDEX ON t (lower(name));
       ALTER TABLE t ADD UNIQUE (name) DEFERRABLE; CREATE VIEW v AS SELECT * FROM t; CREATE TABLE k (id int8 PRIMARY KEY, name text, n int4)`,
    );
    const refused = async (given: Partial<Options>, schema = ITEMS): Promise<string[]> => {
      const { code, message } = await failure(openWriter({ url, table: 't', mode: 'upsert', ...given }, schema));
      return [code, message];
    };
    expect(await refused({})).to.deep.equal([
      'OPTION_INVALID',
      'postgres: option "key": table "t" has no primary key, but is unique by ("n"); name the columns of a unique index, or make one',
    ]);
    for (const key of ['id', 'name']) {
      expect(await refused({ key: [key] })).to.deep.equal([
        'OPTION_INVALID',
        `postgres: option "key": table "t" has no unique index on ("${key}"), but is unique by ("n"); deferrable and partial ones do not count`,
      ]);
    }
    expect((await refused({ table: 'v', key: ['n'] }))[1]).to.contain('view');
    expect(await refused({ table: 'none' })).to.deep.equal([
      'OPTION_INVALID',
      'postgres: option "key": table "none" is not there yet, and an upsert needs the primary key that it is to have; name its columns',
    ]);
    expect((await refused({ table: 'none', key: ['idd'] }))[1]).to.contain('did you mean "id"');
    expect(await refused({ table: 'k' }, schemaOf({ name: 'text' }))).to.deep.equal([
      'SCHEMA_MISMATCH',
      'table "k" needs a value in "id" (not null, without a default), which the records do not have',
    ]);
    expect((await refused({ table: 't', key: ['n'] }, schemaOf({ id: 'int8' })))[0]).to.equal('COLUMN_UNKNOWN');
    expect((await refused({ table: 'k', update: ['nmae'] }))[1]).to.contain('did you mean "name"');
    expect((await refused({ table: 'k', update: ['id'] }))[1]).to.contain('of the key');
    expect(() => postgres({ url, table: 'k', update: ['id'] } as never))
      .to.throw(MillraceError)
      .with.property('code', 'OPTION_INVALID');
  });

  it('merges the lines of a CSV file, and records that nobody described', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-upsert-'));
    const path = join(folder, 'in.csv');
    writeFileSync(path, 'id,name,n\n1,name 1,1\n2,name 2,2\n3,"first\nof it",3\n3,last,3\n');
    await sql(url, "CREATE TABLE t (id int8 PRIMARY KEY, name text, n int4); INSERT INTO t VALUES (1, 'old', 0), (2, 'name 2', 2)");
    const told = ({ read, written, unchanged, superseded }: Report): number[] => [read, written, unchanged, superseded];
    const target = postgres<{ id: number }>({ url, table: 't', mode: 'upsert' });
    expect(told(await pipeline(from.file<{ id: number }>(path), target))).to.deep.equal([4, 2, 1, 1]);
    rmSync(folder, { recursive: true });
    expect(await rows()).to.deep.equal([...items([1, 2]), { id: 3, name: 'last', n: 3 }]);
    const records = [...items([1, 2, 4]), { id: 4, name: 'last', n: 4 }] as { id: number }[];
    expect(told(await pipeline(from.records(records), target))).to.deep.equal([4, 1, 2, 1]);
    expect(await rows()).to.deep.equal([...items([1, 2]), { id: 3, name: 'last', n: 3 }, { id: 4, name: 'last', n: 4 }]);
  });
});

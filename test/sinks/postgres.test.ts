import { expect } from 'chai';
import { MillraceError } from '../../lib/errors.ts';
import type { AnyBatch, AnyRow } from '../../lib/core/define.ts';
import { RecordBatch } from '../../lib/core/batch/batch.ts';
import { ArrayColumn } from '../../lib/core/batch/column.ts';
import { Schema } from '../../lib/schema/schema.ts';
import type { DataType } from '../../lib/schema/types.ts';
import { Timestamp } from '../../lib/values/timestamp.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { batchesOf, type Opened, openWriter, writeAll } from './postgres-harness.ts';

const type = (kind: DataType['kind'], rest: Partial<DataType> = {}): DataType => ({ kind, ...rest });
const schemaOf = (columns: Record<string, DataType>, required: readonly string[] = []): Schema =>
  new Schema(Object.entries(columns).map(([name, columnType]) => ({ name, type: columnType, nullable: !required.includes(name) })));

const USERS = schemaOf({ id: type('int8'), name: type('text'), amount: type('numeric', { precision: 10, scale: 2 }) }, ['id']);
const users = (count: number, from = 0): AnyRow[] =>
  Array.from({ length: count }, (_, i) => ({ id: from + i, name: `user ${from + i}`, amount: `${i}.50` }));

async function failure(work: Promise<unknown>): Promise<MillraceError> {
  try {
    await work;
  } catch (error) {
    expect(error).to.be.instanceOf(MillraceError);
    return error as MillraceError;
  }
  throw new Error('it did not fail');
}

async function write(options: Parameters<typeof openWriter>[0], schema: Schema, batches: readonly AnyBatch[]): Promise<Opened> {
  const opened = await openWriter(options, schema);
  await writeAll(opened, batches);
  return opened;
}

describe('sink postgres', () => {
  let url: string;
  before(async () => {
    url = await freshDatabase('sink_test');
  });
  afterEach(async () => {
    await sql(url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    expect(await backends()).to.equal(0);
  });
  const count = async (table: string): Promise<number> => Number((await sql(url, `SELECT count(*) AS n FROM ${table}`))[0]?.['n']);
  const exists = async (table: string): Promise<boolean> =>
    (await sql(url, `SELECT to_regclass('${table}') IS NOT NULL AS there`))[0]?.['there'] === true;
  /** Connections of the sink that are still there, once they had time to go. */
  const backends = async (): Promise<number> => {
    for (let i = 0; ; i++) {
      const [row] = await sql(
        url,
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'millrace' AND datname = current_database()`,
      );
      if (row?.['n'] === 0 || i === 200) return row?.['n'] as number;
    }
  };

  describe('makes a table', () => {
    it('with the exact types, not null and the primary key', async () => {
      const schema = schemaOf(
        {
          ...Object.fromEntries(USERS.fields.map(f => [f.name, f.type])),
          at: type('timestamptz', { precision: 3 }),
          tags: type('array', { element: type('varchar', { length: 9 }) }),
          c: type('bpchar', { length: 2 }),
        },
        ['id'],
      );
      const opened = await write(
        { url, table: 'made', key: ['id'] },
        schema,
        batchesOf(
          [
            { id: 1, name: 'a', amount: '1.5', at: new Date(5), tags: ['x', null], c: 'ab' },
            { id: 2, name: null, amount: null, at: null, tags: null, c: null },
          ],
          schema,
        ),
      );
      expect(opened.counted.written).to.equal(2);
      expect(opened.counted.bytes).to.be.greaterThan(50);
      expect(
        await sql(
          url,
          `SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull FROM pg_attribute WHERE attrelid = 'made'::regclass AND attnum > 0 ORDER BY attnum`,
        ),
      ).to.deep.equal([
        { attname: 'id', type: 'bigint', attnotnull: true },
        { attname: 'name', type: 'text', attnotnull: false },
        { attname: 'amount', type: 'numeric(10,2)', attnotnull: false },
        { attname: 'at', type: 'timestamp(3) with time zone', attnotnull: false },
        { attname: 'tags', type: 'character varying(9)[]', attnotnull: false },
        { attname: 'c', type: 'character(2)', attnotnull: false },
      ]);
      expect(await sql(url, `SELECT id::text, name, amount::text, tags::text FROM made ORDER BY id`)).to.deep.equal([
        { id: '1', name: 'a', amount: '1.50', tags: '{x,NULL}' },
        { id: '2', name: null, amount: null, tags: null },
      ]);
      expect(await sql(url, `SELECT conname FROM pg_constraint WHERE conrelid = 'made'::regclass AND contype = 'p'`)).to.have.length(1);
    });

    it('with odd names: quotes, dots, keywords, prototypes, and many columns', async () => {
      const names = ['select', 'a.b', 'say "hi"', '__proto__', 'constructor', '10', 'Ünï', ' ', "it's"];
      const schema = schemaOf({});
      const odd = new Schema(names.map(name => ({ name, type: type('int4'), nullable: true })));
      expect(schema.fields).to.deep.equal([]);
      const columns = names.map((_, i) => new ArrayColumn(type('int4'), [i]));
      let batch = RecordBatch.of([{}], new Schema([])) as AnyBatch;
      for (const [i, name] of names.entries()) batch = batch.withColumn(name, columns[i]!);
      await write({ url, table: 'public."Odd ""T"" . x"' }, odd, [batch]);
      const [row] = await sql(
        url,
        `SELECT array_to_json(array_agg(attname ORDER BY attnum)) AS names FROM pg_attribute WHERE attrelid = 'public."Odd ""T"" . x"'::regclass AND attnum > 0`,
      );
      expect(row?.['names']).to.deep.equal(names);
      expect(await sql(url, `SELECT "__proto__" AS p, "10" AS t FROM "Odd ""T"" . x"`)).to.deep.equal([{ p: 3, t: 5 }]);
    });

    it('empty, when there is a schema and no record', async () => {
      const { counted } = await write({ url, table: 'made' }, USERS, []);
      expect(counted.written).to.equal(0);
      expect(await count('made')).to.equal(0);
    });

    it('with an enum that the target lacks, and no other type of a user', async () => {
      const mood = type('enum', { name: 'public.mood', labels: ["it's", 'ok'] });
      const schema = schemaOf({ m: mood, ms: type('array', { element: mood }) });
      await write({ url, table: 'made' }, schema, batchesOf([{ m: 'ok', ms: ["it's", null, 'ok'] }], schema));
      expect(await sql(url, 'SELECT m::text, ms::text FROM made')).to.deep.equal([{ m: 'ok', ms: "{it's,NULL,ok}" }]);
      const more = schemaOf({ m: { ...mood, labels: ['ok', 'new'] } });
      expect((await failure(openWriter({ url, table: 'second' }, more))).message).to.match(
        /TYPE_NOT|column "m".*public\.mood.*lacks "new"/,
      );
      const other = schemaOf({ g: type('other', { name: 'gis.geometry' }) });
      const refused = await failure(openWriter({ url, table: 'second' }, other));
      expect(refused.code).to.equal('TYPE_NOT_CARRIED');
      expect(refused.message).to.contain('column "g"').and.contain('gis.geometry');
      expect(await exists('second')).to.equal(false);
    });

    it('with types inferred from the first records, where they are text of a file', async () => {
      const csv = new Schema(['n', 'd', 't', 'e'].map(name => ({ name, type: type('text'), nullable: true, untyped: true as const })));
      const rows = [
        { n: '12', d: '2024-01-31', t: 'x', e: null },
        { n: null, d: '2024-02-29', t: '5', e: null },
      ];
      await write({ url, table: 'made' }, csv, batchesOf(rows, csv));
      expect(
        await sql(
          url,
          `SELECT pg_typeof(n)::text AS n, pg_typeof(d)::text AS d, pg_typeof(t)::text AS t, pg_typeof(e)::text AS e FROM made LIMIT 1`,
        ),
      ).to.deep.equal([{ n: 'bigint', d: 'date', t: 'text', e: 'text' }]);
      await write({ url, table: 'none' }, csv, []);
      expect(
        await sql(
          url,
          `SELECT count(*)::int AS n FROM pg_attribute WHERE attrelid = 'none'::regclass AND attnum > 0 AND atttypid = 'text'::regtype`,
        ),
      ).to.deep.equal([{ n: 4 }]);
    });

    it('with types inferred, never of what may be a name: zeros in front, long numbers, telephone numbers', async () => {
      const names = ['zip', 'long', 'phone', 'n', 'exact', 'spaced'];
      const csv = new Schema(names.map(name => ({ name, type: type('text'), nullable: true, untyped: true as const })));
      const rows = [
        { zip: '0150', long: '1234567890123456', phone: '+47 22 33 44 55', n: '123456789012345', exact: '1.50', spaced: '1 000' },
        { zip: '9999', long: '1', phone: '22334455', n: '-1', exact: '12345678901234.5', spaced: '5' },
      ];
      await write({ url, table: 'made' }, csv, batchesOf(rows, csv));
      const [found] = await sql(url, `SELECT ${names.map(name => `pg_typeof(${name})::text AS ${name}`).join(', ')} FROM made LIMIT 1`);
      expect(found).to.deep.equal({ zip: 'text', long: 'text', phone: 'text', n: 'bigint', exact: 'numeric', spaced: 'text' });
      expect(await sql(url, `SELECT ${names.map(name => `${name}::text`).join(', ')} FROM made`)).to.deep.equal(rows);
    });

    it('with types inferred, and says so where a later record does not fit them', async () => {
      const csv = new Schema(['id', 'n'].map(name => ({ name, type: type('text'), nullable: true, untyped: true as const })));
      const rows = (values: readonly string[]) => values.map((n, id) => ({ id: String(id), n }));
      const batches = [...batchesOf(rows(['1', '2', '3']), csv), ...batchesOf(rows(['4', '007x']), csv)];
      const error = await failure(write({ url, table: 'made' }, csv, batches));
      expect(error.code).to.equal('ROW_REFUSED');
      expect(error.message).to.match(
        /refused a row .*: column "n": .*; its type was inferred as int8 from the first 3 records; make it text/,
      );
      expect(error.message).not.to.contain('007x');
      expect(await exists('made')).to.equal(false);
    });

    it('only where there is none: EXISTS says how to add to it', async () => {
      await sql(url, 'CREATE TABLE made (id int8); CREATE VIEW seen AS SELECT 1 AS id');
      for (const table of ['made', 'public.made', 'seen']) {
        const error = await failure(openWriter({ url, table }, USERS));
        expect(error.code).to.equal('EXISTS');
        expect(error.message).to.contain('--mode append');
      }
    });

    it('never in a schema that is not there, without columns, without a schema, or with a name that SQL cuts', async () => {
      const nowhere = await failure(openWriter({ url, table: 'nowhere.made' }, USERS));
      expect([nowhere.code, nowhere.message]).to.satisfy(
        ([code, message]: string[]) => code === 'NOT_FOUND' && message!.includes('"nowhere"'),
      );
      expect((await failure(openWriter({ url, table: 'made' }, new Schema([])))).code).to.equal('SCHEMA_UNKNOWN');
      expect((await failure(openWriter({ url, table: 'made' }, undefined))).code).to.equal('SCHEMA_UNKNOWN');
      expect((await failure(openWriter({ url, table: 'made', key: ['idd'] }, USERS))).message).to.contain('did you mean "id"');
      expect((await failure(openWriter({ url, table: 'made' }, schemaOf({ ['x'.repeat(64)]: type('int4') })))).code).to.equal(
        'VALUE_NOT_CARRIED',
      );
      expect((await failure(openWriter({ url, table: 'x'.repeat(64) }, USERS))).code).to.equal('VALUE_NOT_CARRIED');
    });
  });

  describe('adds to a table', () => {
    it('by name, in any order, leaving out what has a default', async () => {
      await sql(
        url,
        `CREATE TABLE t (made timestamptz DEFAULT now(), amount numeric, extra text, name varchar(50), id int8 NOT NULL, double numeric GENERATED ALWAYS AS (amount * 2) STORED)`,
      );
      const { counted } = await write({ url, table: 't', mode: 'append' }, USERS, batchesOf(users(2500), USERS));
      expect(counted.written).to.equal(2500);
      expect(
        await sql(
          url,
          `SELECT count(*)::int AS n, count(made)::int AS made, sum(double)::text AS double, count(extra)::int AS extra FROM t`,
        ),
      ).to.deep.equal([{ n: 2500, made: 2500, double: String(2 * (2499 * 1250 + 1250)) + '.00', extra: 0 }]);
    });

    it('makes it where it is not there', async () => {
      await write({ url, table: 't', mode: 'append' }, USERS, batchesOf(users(3), USERS));
      expect(await count('t')).to.equal(3);
    });

    it('moves sequences on behind the numbers that were written', async () => {
      await sql(
        url,
        `CREATE TABLE t (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, amount numeric); INSERT INTO t (name) VALUES ('first')`,
      );
      await write({ url, table: 't', mode: 'append' }, USERS, batchesOf(users(10, 100), USERS));
      expect(await sql(url, `INSERT INTO t (name) VALUES ('next') RETURNING id::text`)).to.deep.equal([{ id: '110' }]);
    });

    it('moves a sequence that counts down, and none back', async () => {
      await sql(
        url,
        `CREATE TABLE t (id int8 GENERATED BY DEFAULT AS IDENTITY (INCREMENT -1) PRIMARY KEY, other int8 GENERATED BY DEFAULT AS IDENTITY, name text);
        CREATE SEQUENCE far START 500; ALTER TABLE t ALTER other DROP IDENTITY, ALTER other SET DEFAULT nextval('far'); ALTER SEQUENCE far OWNED BY t.other;
        INSERT INTO t (name) VALUES ('first')`,
      );
      const schema = schemaOf({ id: type('int8'), other: type('int8') });
      await write(
        { url, table: 't', mode: 'append' },
        schema,
        batchesOf(
          [-2, -3, -4].map(id => ({ id, other: -id })),
          schema,
        ),
      );
      expect(await sql(url, `INSERT INTO t (name) VALUES ('next') RETURNING id::text, other::text`)).to.deep.equal([
        { id: '-5', other: '501' },
      ]);
    });

    it('refuses before the first row what has no place, or lacks a value, or is generated', async () => {
      await sql(url, `CREATE TABLE t (id int8, named text, amount numeric, must int NOT NULL, g int GENERATED ALWAYS AS (1) STORED)`);
      const unknown = await failure(openWriter({ url, table: 't', mode: 'append' }, USERS));
      expect([unknown.code, unknown.message]).to.deep.equal([
        'COLUMN_UNKNOWN',
        'table "t" has no column "name"; did you mean "named"?; onDrift (--on-drift) add adds it, ignore leaves it out; and table "t" needs a value in "must" (not null, without a default), which the records do not have',
      ]);
      const missing = await failure(openWriter({ url, table: 't', mode: 'append' }, USERS.project(['id', 'amount'])));
      expect(missing.code).to.equal('SCHEMA_MISMATCH');
      expect(missing.message).to.contain('"must"');
      const generated = await failure(openWriter({ url, table: 't', mode: 'append' }, schemaOf({ must: type('int4'), g: type('int4') })));
      expect(generated.message).to.contain('column "g"').and.contain('generated');
    });
  });

  const CARRIED: readonly [from: DataType, to: string, value: unknown, text: string][] = [
    [type('int2'), 'int8', 5, '5'],
    [type('int8'), 'int4', 7, '7'],
    [type('int8'), 'numeric(10,2)', 2n, '2.00'],
    [type('float8'), 'numeric(10,2)', 9.99, '9.99'],
    [type('float8'), 'float4', 9.99, '9.99'],
    [type('float8'), 'int4', 3, '3'],
    [type('float4'), 'numeric', Math.fround(9.99), '9.99'],
    [type('numeric'), 'float8', '9.99', '9.99'],
    [type('numeric', { precision: 8, scale: 2 }), 'numeric(10,4)', '1.25', '1.2500'],
    [type('varchar', { length: 5 }), 'text', 'abc', 'abc'],
    [type('text'), 'varchar(3)', 'abc', 'abc'],
    [type('text'), 'bpchar(4)', 'ab', 'ab'],
    [type('text'), 'timestamptz', '2024-01-01 10:00+02', '2024-01-01 08:00:00+00'],
    [type('text'), 'int4', ' 12 ', '12'],
    [type('text'), 'jsonb', '{"a": 1}', '{"a": 1}'],
    [type('text'), 'uuid', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
    [type('text'), 'inet', '10.0.0.1/8', '10.0.0.1/8'],
    [type('text'), 'int4[]', '{1,NULL}', '{1,NULL}'],
    [type('text'), 'bool', 'yes', 'true'],
    [type('other', { name: 'inet' }), 'inet', '::1', '::1/128'],
    [type('other', { name: 'int4range' }), 'int4range', '[1,5)', '[1,5)'],
    [type('int4'), 'text', 5, '5'],
    [type('timestamptz'), 'text', new Timestamp(0, 5), '1970-01-01T00:00:00.000005Z'],
    [type('jsonb'), 'json', { a: [1] }, '{"a":[1]}'],
    [type('jsonb'), 'text[]', ['x', null], '{x,NULL}'],
    [type('jsonb'), 'text', { a: 1 }, '{"a":1}'],
    [type('date'), 'timestamp', '2024-02-29', '2024-02-29 00:00:00'],
    [type('timestamptz'), 'timestamptz(3)', new Timestamp(1, 0), '1970-01-01 00:00:00.001+00'],
    [type('array', { element: type('int4') }), 'int8[]', [1, null], '{1,NULL}'],
    [type('array', { element: type('other', { name: 'inet' }) }), 'inet[]', ['10.0.0.1', null], '{10.0.0.1,NULL}'],
    [type('text'), 'text', 'tab\t, "quotes" \\ and\nlines\r\v\f\b', 'tab\t, "quotes" \\ and\nlines\r\v\f\b'],
  ];
  for (const [from, into, value, text] of CARRIED) {
    for (const withText of [false, true]) {
      it(`carries ${from.name ?? from.kind} into ${into}${withText ? ', as text' : ''}`, async () => {
        await sql(url, `CREATE TABLE t (n int4, v ${into}, x cidr)`);
        const schema = schemaOf({ n: type('int4'), v: from, ...(withText ? { x: type('text') } : {}) });
        const { counted } = await write(
          { url, table: 't', mode: 'append' },
          schema,
          batchesOf(
            [
              { n: 1, v: value, x: '10.0.0.0/8' },
              { n: 2, v: null, x: null },
            ],
            schema,
          ),
        );
        expect(counted.written).to.equal(2);
        expect(await sql(url, `SET TimeZone = 'UTC'; SELECT v::text AS v FROM t ORDER BY n`)).to.deep.equal([{ v: text }, { v: null }]);
      });
    }
  }

  const REFUSED_PAIRS: readonly [DataType, string][] = [
    [type('timestamptz'), 'timestamp'],
    [type('timestamptz'), 'date'],
    [type('timestamp'), 'timestamptz'],
    [type('timestamp'), 'date'],
    [type('date'), 'timestamptz'],
    [type('bool'), 'int4'],
    [type('int4'), 'bool'],
    [type('jsonb'), 'int4'],
    [type('numeric', { precision: 10, scale: 4 }), 'numeric(10,2)'],
    [type('timestamptz', { precision: 6 }), 'timestamptz(3)'],
    [type('interval'), 'interval year to month'],
    [type('bytea'), 'jsonb'],
    [type('other', { name: 'inet' }), 'cidr'],
    [type('int4'), 'int4[]'],
    [type('array', { element: type('bool') }), 'int4[]'],
    [type('time'), 'timetz'],
  ];
  for (const [from, into] of REFUSED_PAIRS) {
    it(`refuses ${from.name ?? from.kind} into ${into}, by the column's name, before the first row`, async () => {
      await sql(url, `CREATE TABLE t (v ${into})`);
      const error = await failure(openWriter({ url, table: 't', mode: 'append' }, schemaOf({ v: from })));
      expect(error.code).to.equal('TYPE_NOT_CARRIED');
      expect(error.message).to.contain('column "v"');
    });
  }

  const REFUSED_VALUES: readonly [DataType, string, unknown][] = [
    [type('float8'), 'int4', 1.5],
    [type('float8'), 'numeric(10,2)', 1.005],
    [type('numeric'), 'numeric(10,2)', '1.005'],
    [type('text'), 'numeric(10,2)', '1.005'],
    [type('text'), 'varchar(3)', 'abc '],
    [type('text'), 'bpchar(3)', 'abc '],
    [type('text'), 'timestamptz(0)', '2024-01-01 00:00:00.5+00'],
    [type('timestamptz'), 'timestamptz(3)', new Timestamp(0, 1)],
    [type('int8'), 'int2', 40000],
    [type('float8'), 'float4', 0.1234567890123],
    [type('text'), 'int4', '1.5'],
  ];
  for (const [from, into, value] of REFUSED_VALUES) {
    for (const withText of [false, true]) {
      it(`refuses the row whose ${from.kind} would change in ${into}${withText ? ', as text' : ''}`, async () => {
        await sql(url, `CREATE TABLE t (v ${into}, x cidr)`);
        const schema = schemaOf({ v: from, ...(withText ? { x: type('text') } : {}) });
        const error = await failure(
          write(
            { url, table: 't', mode: 'append' },
            schema,
            batchesOf(
              [
                { v: null, x: null },
                { v: value, x: null },
              ],
              schema,
            ),
          ),
        );
        expect(error.code).to.equal('ROW_REFUSED');
        expect(error.message).to.contain('(in.ndjson, line 2)').and.contain('column "v"');
        expect(error.message).to.not.contain(String(value));
        expect(await count('t')).to.equal(0);
      });
    }
  }

  it('writes columns that were laid over others, and rows that were picked', async () => {
    const [batch] = batchesOf(users(10), USERS);
    const view = batch!.select(Uint32Array.of(2, 5, 9)).withColumn('name', new ArrayColumn(type('text'), ['a', null, 'c']));
    await write({ url, table: 't' }, view.schema, [view]);
    expect(await sql(url, 'SELECT id::int, name FROM t ORDER BY id')).to.deep.equal([
      { id: 2, name: 'a' },
      { id: 5, name: null },
      { id: 9, name: 'c' },
    ]);
  });

  it('follows a schema that grows, in a table of its own', async () => {
    const opened = await openWriter({ url, table: 't' }, schemaOf({ id: type('int4') }));
    const wider = schemaOf({ id: type('numeric'), more: type('text') });
    await opened.writer.write(batchesOf([{ id: 1 }], schemaOf({ id: type('int4') }))[0]!);
    await opened.writer.evolve?.(wider);
    await writeAll(opened, batchesOf([{ id: 1.5, more: 'x' }], wider));
    expect(await sql(url, 'SELECT id::text, more FROM t ORDER BY id')).to.deep.equal([
      { id: '1', more: null },
      { id: '1.5', more: 'x' },
    ]);
    const other = await openWriter({ url, table: 't', mode: 'append' }, wider);
    expect((await failure(other.writer.evolve!(schemaOf({ id: type('numeric'), most: type('text') })))).code).to.equal('SCHEMA_MISMATCH');
    await other.writer.abort(new Error('done'));
  });

  it('shows nothing before the commit, and everything after it', async () => {
    const opened = await openWriter({ url, table: 't' }, USERS);
    for (const batch of batchesOf(users(5000), USERS)) await opened.writer.write(batch);
    await opened.writer.flush();
    expect(await exists('t')).to.equal(false);
    expect([...opened.settled.values()]).to.deep.equal(Array(5).fill([]));
    await opened.writer.commit({ job: 'x', operators: {}, sinks: {} });
    expect(await count('t')).to.equal(5000);
    await opened.writer.write(batchesOf(users(10, 9000), USERS)[0]!);
    await opened.writer.flush();
    expect(await count('t')).to.equal(5000);
    await opened.writer.commit({ job: 'x', operators: {}, sinks: {} });
    await opened.writer.close();
    expect(await count('t')).to.equal(5010);
    expect(opened.counted.written).to.equal(5010);
  });
});

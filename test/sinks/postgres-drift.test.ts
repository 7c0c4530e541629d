import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { AnyRow } from '../../lib/core/define.ts';
import { from, pipeline, plan, PipelineError, type Report, to } from '../../lib/index.ts';
import { freshDatabase, sql } from '../services/postgres.ts';

describe('sink postgres, onDrift', () => {
  let url: string;
  const folder = mkdtempSync(join(tmpdir(), 'millrace-drift-'));
  before(async () => {
    url = await freshDatabase('sink_drift_test');
  });
  after(() => rmSync(folder, { recursive: true }));
  afterEach(() => sql(url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS millrace CASCADE'));

  type Options = Parameters<typeof to.postgres<AnyRow>>[0];
  const target = (given: Partial<Options> = {}) => to.postgres<AnyRow>({ url, table: 't', mode: 'append', ...given } as Options);
  const source = () => from.postgres<AnyRow>({ url, table: 's' });
  const run = (given: Partial<Options> = {}): Promise<Report> => pipeline(source(), target(given));
  const rows = (text = 'SELECT * FROM t ORDER BY id'): Promise<AnyRow[]> => sql(url, text) as Promise<AnyRow[]>;
  const columns = async (table = 't'): Promise<string[]> =>
    (
      await rows(
        `SELECT attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END AS text FROM pg_attribute WHERE attrelid = '${table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
      )
    ).map(row => row['text'] as string);
  const failure = async (work: Promise<unknown>): Promise<PipelineError> => {
    try {
      await work;
    } catch (error) {
      if (error instanceof PipelineError) return error;
      throw error;
    }
    throw new Error('it did not fail');
  };
  const csv = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  /** A source with two columns more than the table, and one that is wider. */
  const drifted = (): Promise<unknown> =>
    sql(
      url,
      `CREATE TYPE mood AS ENUM ('fine', 'tired');
       CREATE TABLE s (id int8 PRIMARY KEY, name text NOT NULL, price numeric(14,4) NOT NULL DEFAULT 1, feels mood);
       INSERT INTO s SELECT i, 'name ' || i, (i - 3000000000) / 8.0, 'fine' FROM generate_series(3000000001, 3000000010) i;
       CREATE TABLE t (id int4 PRIMARY KEY, name varchar(5)); INSERT INTO t VALUES (1, 'old')`,
    );

  it('refuse, the default, names all that differs, and what could be done', async () => {
    await drifted();
    const { code, message } = await failure(run());
    expect(code).to.equal('COLUMN_UNKNOWN');
    expect(message).to.equal(
      'table "t" has no column "price"; there is id, name; onDrift (--on-drift) add adds it, ignore leaves it out; and table "t" has no column "feels"; there is id, name; onDrift (--on-drift) add adds it, ignore leaves it out',
    );
    const { problems } = await plan(source(), target());
    expect(problems.map(problem => problem.code)).to.deep.equal(['COLUMN_UNKNOWN', 'COLUMN_UNKNOWN']);
    expect(await columns()).to.deep.equal(['id integer not null', 'name character varying(5)']);
  });

  it('add adds columns, null in the rows that are there, with their exact types', async () => {
    await drifted();
    await sql(url, 'UPDATE s SET id = id - 3000000000 + 1, name = left(name, 4)');
    const planned = await plan(source(), target({ onDrift: 'add' }));
    expect(planned.problems).to.deep.equal([]);
    const statement = 'ALTER TABLE "t" ADD COLUMN "price" numeric(14,4), ADD COLUMN "feels" public.mood';
    expect(planned.stages.at(-1)?.statements).to.include(statement);
    const report = await run({ onDrift: 'add' });
    expect(report.written).to.equal(10);
    const notes = ['column "price" numeric(14,4) is added to table "t"', 'column "feels" public.mood is added to table "t"'];
    expect(report.warnings).to.deep.equal(notes);
    expect(planned.stages.at(-1)?.notes).to.include.members(notes);
    expect(await columns()).to.deep.equal(['id integer not null', 'name character varying(5)', 'price numeric(14,4)', 'feels mood']);
    expect((await rows()).slice(0, 2)).to.deep.equal([
      { id: 1, name: 'old', price: null, feels: null },
      { id: 2, name: 'name', price: '0.1250', feels: 'fine' },
    ]);
    const again = await run({ onDrift: 'add', mode: 'upsert' });
    expect([again.unchanged, again.warnings]).to.deep.equal([10, []]);
  });

  it('widen makes types wider too, and keeps the values', async () => {
    await drifted();
    expect((await failure(run({ onDrift: 'add' }))).code).to.equal('ROW_REFUSED');
    expect(await columns()).to.have.length(2);
    for (const mode of ['append', 'upsert', 'sync'] as const) {
      await sql(url, "DROP TABLE t; CREATE TABLE t (id int4 PRIMARY KEY, name varchar(5)); INSERT INTO t VALUES (1, 'old')");
      const planned = await plan(source(), target({ onDrift: 'widen', mode }));
      expect(planned.problems, mode).to.deep.equal([]);
      const report = await run({ onDrift: 'widen', mode });
      expect([report.written, report.deleted], mode).to.deep.equal([10, mode === 'sync' ? 1 : 0]);
      expect(report.warnings).to.include.members([
        'column "id" of table "t" becomes int8 (it is int4)',
        'column "name" of table "t" becomes text (it is varchar(5))',
      ]);
      expect(await columns()).to.deep.equal(['id bigint not null', 'name text', 'price numeric(14,4)', 'feels mood']);
      expect(await rows("SELECT count(*)::int AS n FROM t WHERE id > 3000000000 AND feels = 'fine'")).to.deep.equal([{ n: 10 }]);
    }
  });

  it('makes only types wider that keep each value, and none that nobody declared', async () => {
    const cases: [there: string, comes: string, becomes: string][] = [
      ['int2', 'int4', 'integer'],
      ['int4', 'int2', 'integer'],
      ['int4', 'numeric(20,2)', 'numeric(20,2)'],
      ['int8', 'numeric(4,0)', 'bigint'],
      ['float4', 'float8', 'double precision'],
      ['varchar(3)', 'varchar(9)', 'character varying(9)'],
      ['varchar(9)', 'varchar(3)', 'character varying(9)'],
      ['numeric(6,4)', 'numeric(8,2)', 'numeric(10,4)'],
      ['numeric(6,4)', 'int2', 'numeric(9,4)'],
      ['numeric(6,2)', 'numeric', 'numeric'],
      ['timestamptz(0)', 'timestamptz(3)', 'timestamp(3) with time zone'],
      ['time(0)', 'time', 'time without time zone'],
      ['int4[]', 'int8[]', 'bigint[]'],
    ];
    const list = (which: 0 | 1): string => cases.map((each, i) => `c${i} ${each[which]}`).join(', ');
    await sql(url, `CREATE TABLE t (${list(0)}); CREATE TABLE s (${list(1)})`);
    expect((await plan(source(), target({ onDrift: 'widen' }))).problems).to.deep.equal([]);
    await run({ onDrift: 'widen' });
    expect((await columns()).map(text => text.replace(/^c\d+ /, ''))).to.deep.equal(cases.map(([, , becomes]) => becomes));
    await sql(url, 'DROP TABLE t; CREATE TABLE t (id int2, price float4)');
    await pipeline(from.records([{ id: 1, price: 2.5 }]), to.postgres({ url, table: 't', mode: 'append', onDrift: 'widen' }));
    await pipeline(from.file<AnyRow>(csv('narrow.csv', 'id,price\n7,1.5\n')), target({ onDrift: 'widen' }));
    expect(await columns()).to.deep.equal(['id smallint', 'price real']);
  });

  it('ignore leaves columns out, and says which', async () => {
    await drifted();
    await sql(url, "UPDATE s SET id = id - 3000000000 + 1, name = 'new'; UPDATE t SET id = 100");
    const planned = await plan(source(), target({ onDrift: 'ignore' }));
    expect([planned.problems, planned.stages.at(-1)?.types?.map(({ name, change }) => `${name} ${change}`)]).to.deep.equal([
      [],
      ['id checked', 'name checked', 'price left out', 'feels left out'],
    ]);
    for (const mode of ['append', 'upsert', 'replace', 'sync'] as const) {
      const report = await run({ onDrift: 'ignore', mode });
      expect(report.warnings, mode).to.deep.equal(['left out of the records, because table "t" has no such column: "price", "feels"']);
      expect(report.written + report.unchanged).to.equal(10);
    }
    expect(await columns()).to.deep.equal(['id integer not null', 'name character varying(5)']);
    expect(await rows('SELECT count(*)::int AS n FROM t')).to.deep.equal([{ n: 10 }]);
    await sql(url, 'ALTER TABLE s RENAME id TO key');
    expect((await failure(run({ onDrift: 'ignore', mode: 'upsert' }))).message).to.contain('needs a value in "id"');
  });

  it('tells of a column that may be another one renamed, and never drops one', async () => {
    await sql(url, 'CREATE TABLE s (id int8, mail text); CREATE TABLE t (id int8, email text)');
    const hint = 'if it is "email" under another name, rename that in the table';
    expect((await failure(run())).message).to.contain(hint);
    expect((await run({ onDrift: 'ignore' })).warnings[0]).to.contain(hint);
    expect((await run({ onDrift: 'add' })).warnings[0]).to.contain(hint);
    expect(await columns()).to.deep.equal(['id bigint', 'email text', 'mail text']);
  });

  it('replaces a table with more columns, by truncate and by swap', async () => {
    await drifted();
    for (const replace of ['truncate', 'swap'] as const) {
      await sql(url, "DROP TABLE t; CREATE TABLE t (id int4 PRIMARY KEY, name varchar(5)); INSERT INTO t VALUES (1, 'old')");
      const planned = await plan(source(), target({ onDrift: 'widen', mode: 'replace', replace }));
      expect(planned.problems, replace).to.deep.equal([]);
      expect((await run({ onDrift: 'widen', mode: 'replace', replace })).written).to.equal(10);
      expect(await columns()).to.deep.equal(['id bigint not null', 'name text', 'price numeric(14,4)', 'feels mood']);
      expect(await rows('SELECT count(*)::int AS n FROM t')).to.deep.equal([{ n: 10 }]);
    }
  });

  it('is a part of the transaction: a run that fails has changed nothing', async () => {
    await drifted();
    await sql(url, 'ALTER TABLE t ADD CHECK (id < 3000000005)');
    expect((await failure(run({ onDrift: 'widen' }))).code).to.equal('ROW_REFUSED');
    expect(await columns()).to.deep.equal(['id integer not null', 'name character varying(5)']);
  });

  it('names what hangs on a column that would have to be wider', async () => {
    await drifted();
    await sql(url, 'CREATE VIEW v AS SELECT id FROM t');
    const { code, message } = await failure(run({ onDrift: 'widen' }));
    expect([code, message]).to.deep.equal([
      'SCHEMA_MISMATCH',
      message.match(
        /^change the columns of table "t": cannot alter type of a column used by a view or rule .*view v depends on column "id"/,
      ) === null
        ? ''
        : message,
    ]);
    expect(await columns()).to.have.length(2);
  });

  it('is only for the owner of the table', async () => {
    await drifted();
    await sql(
      url,
      'DROP ROLE IF EXISTS drift_loader; CREATE ROLE drift_loader LOGIN; GRANT USAGE ON SCHEMA public TO drift_loader; GRANT ALL ON t TO drift_loader',
    );
    const as = Object.assign(new URL(url), { username: 'drift_loader' }).href;
    const { code, message } = await failure(run({ url: as, onDrift: 'add' }));
    expect([code, message.includes('must be owner of table t')], message).to.deep.equal(['NOT_PERMITTED', true]);
    const { problems } = await plan(source(), target({ url: as, onDrift: 'add' }));
    expect(problems.map(problem => problem.message)).to.deep.equal(['only the owner of table "t" may change its columns']);
    await sql(url, 'DROP OWNED BY drift_loader; DROP ROLE drift_loader');
  });

  describe('from files', () => {
    it('infers the types of new CSV columns from the first records', async () => {
      await sql(url, "CREATE TABLE t (id int8, name text); INSERT INTO t VALUES (1, 'old')");
      const file = csv('wide.csv', 'id,name,price,at,"__proto__"\n2,x,1.5,2024-01-01T00:00:00Z,p\n3,y,2.25,2024-01-02T00:00:00Z,q\n');
      const planned = await plan(from.file<AnyRow>(file), target({ onDrift: 'add' }));
      expect(planned.problems).to.deep.equal([]);
      const report = await pipeline(from.file<AnyRow>(file), target({ onDrift: 'add' }));
      expect(report.written).to.equal(2);
      const added = ['price numeric', 'at timestamp with time zone', '__proto__ text'];
      expect(await columns()).to.deep.equal(['id bigint', 'name text', ...added]);
      expect(planned.stages.at(-1)?.statements).to.include(
        'ALTER TABLE "t" ADD COLUMN "price" numeric, ADD COLUMN "at" timestamptz, ADD COLUMN "__proto__" text',
      );
      expect(await rows('SELECT id::int, price::float8, "__proto__" AS p FROM t ORDER BY id')).to.deep.equal([
        { id: 1, price: null, p: null },
        { id: 2, price: 1.5, p: 'p' },
        { id: 3, price: 2.25, p: 'q' },
      ]);
      const failed = await failure(pipeline(from.file<AnyRow>(csv('wider.csv', 'id,more\n1,2\n')), target()));
      expect(failed.code).to.equal('COLUMN_UNKNOWN');
      const left = await pipeline(from.file<AnyRow>(csv('wider.csv', 'id,more\n9,2\n')), target({ onDrift: 'ignore' }));
      expect([left.written, left.warnings]).to.deep.equal([1, ['left out of the records, because table "t" has no such column: "more"']]);
    });

    const late = (): string =>
      csv(
        'late.ndjson',
        Array.from({ length: 3000 }, (_, i) => JSON.stringify(i < 2000 ? { id: i, name: 'x' } : { id: i, name: 'x', more: i })).join('\n'),
      );

    it('does the same for columns that only later records have', async () => {
      for (const [onDrift, written, shape] of [
        ['add', 3000, ['id bigint not null', 'name text', 'more bigint']],
        ['ignore', 3000, ['id bigint not null', 'name text']],
        ['refuse', 2000, ['id bigint not null', 'name text']],
      ] as const) {
        for (const mode of ['append', 'upsert'] as const) {
          await sql(url, 'DROP TABLE IF EXISTS t; CREATE TABLE t (id int8 PRIMARY KEY, name text)');
          const letters: unknown[] = [];
          const report = await pipeline(from.file<AnyRow>(late()), target({ onDrift, mode }), { deadLetter: to.memory(letters) });
          expect([report.written, letters.length], `${onDrift} ${mode}`).to.deep.equal([written, 3000 - written]);
          expect(await columns()).to.deep.equal(shape);
        }
      }
      expect(await rows('SELECT count(*)::int AS n FROM t')).to.deep.equal([{ n: 2000 }]);
      await sql(url, 'DROP TABLE t; CREATE TABLE t (id int8 PRIMARY KEY, name text)');
      await pipeline(from.file<AnyRow>(late()), target({ onDrift: 'add', mode: 'sync' }));
      expect(await rows('SELECT count(*)::int AS n, count(more)::int AS more FROM t')).to.deep.equal([{ n: 3000, more: 1000 }]);
    });
  });

  it('adds the column that marks rows of a sync', async () => {
    await sql(url, 'CREATE TABLE s (id int8); CREATE TABLE t (id int8 PRIMARY KEY); INSERT INTO t VALUES (1)');
    const planned = await plan(source(), target({ mode: 'sync', deletedColumn: 'gone', onDrift: 'add' }));
    expect(planned.problems).to.deep.equal([]);
    expect((await run({ mode: 'sync', deletedColumn: 'gone', onDrift: 'add' })).deleted).to.equal(1);
    expect(await columns()).to.deep.equal(['id bigint not null', 'gone timestamp with time zone']);
  });

  it('goes on with what it has changed when the run was stopped', async () => {
    await sql(
      url,
      `CREATE TABLE s (id int8 PRIMARY KEY, name text, n int4); INSERT INTO s SELECT i, 'x', i FROM generate_series(1, 600000) i; ANALYZE s;
       CREATE TABLE t (id int8 PRIMARY KEY, name text)`,
    );
    for (const onDrift of ['add', 'ignore'] as const) {
      await sql(url, 'DROP TABLE t; CREATE TABLE t (id int8 PRIMARY KEY, name text)');
      const stop = new AbortController();
      const options = { resume: true, checkpointEvery: 50_000 };
      const onProgress = ({ written }: { written: number }): void => void (written > 100_000 && stop.abort());
      const first = await pipeline(source(), target({ onDrift }), { ...options, drain: stop.signal, onProgress, progressEveryMs: 5 });
      expect(first.status).to.equal('stopped');
      const second = await pipeline(source(), target({ onDrift }), options);
      expect([first.written + second.written, second.resumedFrom === null]).to.deep.equal([600_000, false]);
      expect(await columns()).to.have.length(onDrift === 'add' ? 3 : 2);
    }
  });
});

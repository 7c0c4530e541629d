import pg from 'pg';
import { expect } from 'chai';
import type { AnyRow } from '../../lib/core/define.ts';
import { filter, from, map, pipeline, plan, PipelineError, type Report, skip, take, to } from '../../lib/index.ts';
import { freshDatabase, sql } from '../services/postgres.ts';

describe('sink postgres, mode sync', () => {
  let url: string;
  before(async () => {
    url = await freshDatabase('sink_sync_test');
  });
  afterEach(() => sql(url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public'));

  type Options = Parameters<typeof to.postgres<AnyRow>>[0];
  type Stages = Parameters<typeof pipeline>;
  const items = (ids: readonly number[], version = ''): AnyRow[] => ids.map(id => ({ id, name: `name ${id}${version}` }));
  const range = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, i) => first + i);
  const target = (given: Partial<Options> = {}) => to.postgres<AnyRow>({ url, table: 't', mode: 'sync', ...given } as Options);
  const source = (query = 'SELECT * FROM s') => from.postgres<AnyRow>({ url, query });
  const sync = (given: Partial<Options> = {}, options = {}): Promise<Report> => pipeline(source(), target(given), options);
  const rows = (text = 'SELECT id::int, name FROM t ORDER BY id'): Promise<AnyRow[]> => sql(url, text) as Promise<AnyRow[]>;
  const counts = ({ written, unchanged, superseded, deleted }: Report): number[] => [written, unchanged, superseded, deleted];
  const TABLE = 'CREATE TABLE t (id int8 PRIMARY KEY, name text)';
  /** A source of so many rows, and a table that has some of them, others, and some that differ. */
  const tables = (table = TABLE): Promise<unknown> =>
    sql(
      url,
      `CREATE TABLE s AS SELECT i::int8 AS id, 'name ' || i AS name FROM generate_series(1, 100) i; ${table};
       INSERT INTO t (id, name) SELECT i, CASE WHEN i <= 20 THEN 'old' ELSE 'name ' || i END FROM generate_series(1, 50) i UNION ALL SELECT i, 'gone' FROM generate_series(201, 230) i`,
    );
  const failure = async (work: Promise<unknown>): Promise<PipelineError> => {
    try {
      await work;
    } catch (error) {
      if (error instanceof PipelineError) return error;
      throw error;
    }
    throw new Error('it did not fail');
  };
  const letters = (): { deadLetter: ReturnType<typeof to.memory>; list: unknown[] } => {
    const list: unknown[] = [];
    return { deadLetter: to.memory(list), list };
  };

  for (const hasLetters of [false, true]) {
    const options = (): object => (hasLetters ? { deadLetter: letters().deadLetter } : {});
    describe(hasLetters ? 'with dead letters' : 'without dead letters', () => {
      it('writes what differs and deletes what did not come', async () => {
        await tables();
        expect(counts(await sync({}, options()))).to.deep.equal([70, 30, 0, 30]);
        expect(await rows()).to.deep.equal(items(range(1, 101)));
        expect(counts(await sync({}, options()))).to.deep.equal([0, 100, 0, 0]);
      });

      it('marks them instead, once, and takes the mark off what comes back', async () => {
        for (const [type, isMarked] of [
          ['timestamptz', 'IS NOT NULL'],
          ['boolean', 'IS TRUE'],
          ['boolean NOT NULL DEFAULT false', 'IS TRUE'],
        ] as const) {
          await tables(`CREATE TABLE t (id int8 PRIMARY KEY, name text, gone ${type})`);
          const marked = (): Promise<AnyRow[]> => rows(`SELECT id::int, xmin::text AS version FROM t WHERE gone ${isMarked} ORDER BY id`);
          expect(counts(await sync({ deletedColumn: 'gone' }, options()))).to.deep.equal([70, 30, 0, 30]);
          const first = await marked();
          expect(first.map(row => row['id'])).to.deep.equal(range(201, 231));
          expect(counts(await sync({ deletedColumn: 'gone' }, options()))).to.deep.equal([0, 100, 0, 0]);
          expect(await marked(), type).to.deep.equal(first);
          await sql(url, "INSERT INTO s VALUES (201, 'gone'), (202, 'new')");
          expect(counts(await sync({ deletedColumn: 'gone' }, options()))).to.deep.equal([2, 100, 0, 0]);
          expect((await marked()).map(row => row['id'])).to.deep.equal(range(203, 231));
          await sql(url, 'DROP TABLE s, t');
        }
      });

      it('counts a record of the same key once, and keeps the last one', async () => {
        await tables();
        await sql(url, "INSERT INTO s SELECT i, 'again' FROM generate_series(1, 10) i");
        expect(counts(await sync({}, options()))).to.deep.equal([70, 30, 10, 30]);
        expect((await rows()).slice(0, 11)).to.deep.equal([...range(1, 11).map(id => ({ id, name: 'again' })), ...items([11])]);
      });

      it('deletes everything where the source has come to its end without a record', async () => {
        await tables();
        await sql(url, 'TRUNCATE s');
        expect(counts(await sync({}, options()))).to.deep.equal([0, 0, 0, 80]);
        expect(await rows()).to.deep.equal([]);
      });

      it('makes a table that is not there, with the column that marks', async () => {
        await sql(url, "CREATE TABLE s AS SELECT i::int8 AS id, 'name ' || i AS name FROM generate_series(1, 3) i");
        const first = await sync({ key: ['id'], deletedColumn: 'deleted at' }, options());
        expect(counts(first)).to.deep.equal([3, 0, 0, 0]);
        await sql(url, 'DELETE FROM s WHERE id = 2');
        expect(counts(await sync({ key: ['id'], deletedColumn: 'deleted at' }, options()))).to.deep.equal([0, 2, 0, 1]);
        expect(await rows('SELECT id::int FROM t WHERE "deleted at" <= now()')).to.deep.equal([{ id: 2 }]);
      });
    });
  }

  it('goes by several columns, of any type and name', async () => {
    await sql(
      url,
      `CREATE TABLE s (a text, "B c" numeric, v int); INSERT INTO s VALUES ('x', 1.0, 1), ('x', 2, 2), ('y', 1, 3);
       CREATE TABLE t (a text, "B c" numeric, v int, PRIMARY KEY ("B c", a)); INSERT INTO t VALUES ('x', 1.00, 1), ('x', 3, 2), ('z', 1, 3)`,
    );
    expect(counts(await sync())).to.deep.equal([2, 1, 0, 2]);
    expect(await rows('SELECT a, "B c"::text AS b, v FROM t ORDER BY a, b')).to.deep.equal([
      { a: 'x', b: '1.00', v: 1 },
      { a: 'x', b: '2', v: 2 },
      { a: 'y', b: '1', v: 3 },
    ]);
  });

  it('merges many rows in parts, staged by a second connection, and deletes the rest', async () => {
    await sql(
      url,
      `CREATE TABLE s AS SELECT i::int8 AS id, 'name ' || i AS name FROM generate_series(1, 300000) i;
       ${TABLE}; INSERT INTO t SELECT i, 'name ' || i FROM generate_series(1, 150000) i UNION ALL SELECT i, 'gone' FROM generate_series(400001, 410000) i`,
    );
    expect(counts(await sync())).to.deep.equal([150000, 150000, 0, 10000]);
    expect(await rows('SELECT count(*)::int AS n, (SELECT count(*)::int FROM (TABLE s EXCEPT TABLE t) d) AS missing FROM t')).to.deep.equal(
      [{ n: 300000, missing: 0 }],
    );
    expect(await rows("SELECT relname FROM pg_class WHERE relname LIKE 'millrace%'")).to.deep.equal([]);
  });

  it('works the same where rows go in by ON CONFLICT, because a trigger stands before each row', async () => {
    const trigger = `CREATE TABLE t (id int8 PRIMARY KEY, name text, gone timestamptz);
      CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER g BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()`;
    await tables(trigger);
    expect(counts(await sync({ deletedColumn: 'gone' }))).to.deep.equal([70, 30, 0, 30]);
    await sql(url, "INSERT INTO s VALUES (201, 'gone')");
    expect(counts(await sync({ deletedColumn: 'gone', update: [] }))).to.deep.equal([1, 100, 0, 0]);
    expect(await rows('SELECT count(gone)::int AS n FROM t')).to.deep.equal([{ n: 29 }]);
  });

  it('takes the mark off with `update: []`, and changes nothing else', async () => {
    await tables('CREATE TABLE t (id int8 PRIMARY KEY, name text, gone boolean)');
    expect(counts(await sync({ deletedColumn: 'gone', update: [] }))).to.deep.equal([50, 50, 0, 30]);
    await sql(url, "INSERT INTO s VALUES (201, 'other')");
    expect(counts(await sync({ deletedColumn: 'gone', update: [] }))).to.deep.equal([1, 100, 0, 0]);
    expect(await rows('SELECT name, gone FROM t WHERE id IN (1, 201) ORDER BY id')).to.deep.equal([
      { name: 'old', gone: null },
      { name: 'gone', gone: false },
    ]);
  });

  it('leaves rows alone that have null in the key, and says so', async () => {
    await tables('CREATE TABLE t (id int8 UNIQUE, name text)');
    await sql(url, "INSERT INTO t VALUES (NULL, 'a'), (NULL, 'b')");
    const report = await sync({ key: ['id'] });
    expect(counts(report)).to.deep.equal([70, 30, 0, 30]);
    expect(report.warnings).to.deep.equal(['rows of table "t" with null in the key are left as they are: 2']);
    expect(await rows('SELECT count(*)::int AS n FROM t WHERE id IS NULL')).to.deep.equal([{ n: 2 }]);
  });

  it('deletes from all partitions, and not from tables that inherit', async () => {
    await tables(
      'CREATE TABLE t (id int8 PRIMARY KEY, name text) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (210); CREATE TABLE t2 PARTITION OF t DEFAULT',
    );
    expect(counts(await sync())).to.deep.equal([70, 30, 0, 30]);
    await sql(url, 'DROP TABLE s, t');
    await tables(`${TABLE}; CREATE TABLE child () INHERITS (t); INSERT INTO child VALUES (999, 'of the child')`);
    expect(counts(await sync())).to.deep.equal([70, 30, 0, 30]);
    expect(await rows('SELECT id::int FROM ONLY t WHERE id > 100 UNION ALL SELECT id::int FROM child')).to.deep.equal([{ id: 999 }]);
  });

  it('stops at a row that others refer to, by the name of the foreign key, and nothing is done', async () => {
    await tables();
    await sql(url, 'CREATE TABLE child (t int8 CONSTRAINT child_of_t REFERENCES t); INSERT INTO child VALUES (201)');
    for (const deadLetter of [undefined, letters().deadLetter]) {
      const failed = await failure(sync({}, deadLetter === undefined ? {} : { deadLetter }));
      expect(failed.code).to.equal('ROW_REFUSED');
      expect(failed.message).to.contain('refused the removal of a row that the source no longer has').and.contain('child_of_t');
      expect([failed.report.written, failed.report.deleted]).to.deep.equal([0, 0]);
      expect(await rows('SELECT count(*)::int AS n FROM t WHERE name IN ($$old$$, $$gone$$)')).to.deep.equal([{ n: 50 }]);
    }
    await sql(url, 'ALTER TABLE child DROP CONSTRAINT child_of_t, ADD FOREIGN KEY (t) REFERENCES t ON DELETE CASCADE');
    expect(counts(await sync())).to.deep.equal([70, 30, 0, 30]);
    expect(await rows('TABLE child')).to.deep.equal([]);
  });

  it('runs SQL before and after around it, in the same transaction', async () => {
    await tables('CREATE TABLE log (n int8); CREATE TABLE t (id int8 PRIMARY KEY, name text)');
    const count = 'INSERT INTO log SELECT count(*) FROM t';
    await sync({ before: count, after: count });
    expect(await rows('SELECT n::int FROM log')).to.deep.equal([{ n: 80 }, { n: 100 }]);
  });

  it('is a part of the transaction of a client', async () => {
    await tables();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query('BEGIN');
    const mine = (): Promise<Report> => pipeline(source(), to.postgres({ client, table: 't', mode: 'sync' }));
    expect(counts(await mine())).to.deep.equal([70, 30, 0, 30]);
    expect(counts(await mine())).to.deep.equal([0, 100, 0, 0]);
    await client.query('ROLLBACK');
    await client.end();
    expect(await rows('SELECT count(*)::int AS n FROM t')).to.deep.equal([{ n: 80 }]);
  });

  it('rebuilds indexes', async () => {
    await tables(`${TABLE}; CREATE INDEX by_name ON t (name)`);
    expect(counts(await sync({ indexes: 'rebuild' }))).to.deep.equal([70, 30, 0, 30]);
    expect(await rows("SELECT 1 AS one FROM pg_class WHERE relname = 'by_name'")).to.deep.equal([{ one: 1 }]);
  });

  describe('where not all records come, deletes nothing', () => {
    const untouched = async (): Promise<void> => {
      expect(await rows("SELECT count(*)::int AS n FROM t WHERE name = 'gone'")).to.deep.equal([{ n: 30 }]);
    };

    it('is refused behind a count of records, pushed down or not, before anything is written', async () => {
      await tables();
      const lines: Stages[] = [
        [source(), take(10), target()],
        [source(), map(row => row), take(10), target()],
        [source(), skip(1), target()],
      ] as never;
      for (const line of lines) {
        const failed = await failure((pipeline as (...stages: unknown[]) => Promise<Report>)(...line));
        expect(failed.code).to.equal('OPTION_INVALID');
        expect(failed.message).to.match(/sync deletes what does not come, and not all will: (take|skip) lets a number/);
        const { problems } = await (plan as (...stages: unknown[]) => ReturnType<typeof plan>)(...line);
        expect(problems.map(({ code }) => code)).to.deep.equal(['OPTION_INVALID']);
      }
      await untouched();
      expect((await rows()).filter(row => row['name'] === 'old')).to.have.length(20);
    });

    it('where the run is stopped', async () => {
      await tables();
      const stop = new AbortController();
      const slow = map((row: AnyRow) => {
        if (row['id'] === 5) stop.abort();
        return row;
      });
      const report = await pipeline(source(), slow, target(), { drain: stop.signal, batchRows: 10 });
      expect([report.status, report.deleted]).to.deep.equal(['stopped', 0]);
      expect(report.warnings).to.include('rows of table "t" that the source no longer has are left there: the run was stopped');
      await untouched();
    });

    it('where a record was rejected, by a stage or by the table', async () => {
      await tables('CREATE TABLE t (id int8 PRIMARY KEY, name text CHECK (name <> $$name 7$$))');
      const byTable = await sync({}, { deadLetter: letters().deadLetter });
      expect([byTable.rejected, byTable.deleted]).to.deep.equal([1, 0]);
      expect(byTable.warnings).to.include('rows of table "t" that the source no longer has are left there: 1 record was rejected');
      await untouched();
      const throws = map((row: AnyRow) => {
        if (row['name'] === 'name 7' || row['name'] === 'name 8') throw new Error('no');
        return row;
      });
      const byStage = await pipeline(source(), throws, target(), { deadLetter: letters().deadLetter });
      expect([byStage.rejected, byStage.deleted]).to.deep.equal([2, 0]);
      await untouched();
    });

    it('where the source breaks off', async () => {
      await tables();
      async function* broken(): AsyncGenerator<AnyRow> {
        yield* items(range(1, 50));
        throw new Error('lost');
      }
      await failure(pipeline(from.records(broken()), target()));
      await failure(pipeline(source('SELECT id, name, 1 / (id - 60) AS n FROM s'), target()));
      await untouched();
    });
  });

  it('takes what a filter leaves out for what is not there', async () => {
    await tables();
    expect(
      counts(
        await pipeline(
          source(),
          filter((row: AnyRow) => Number(row['id']) <= 40),
          target(),
        ),
      ),
    ).to.deep.equal([20, 20, 0, 40]);
  });

  it('refuses a column that cannot mark, before the first row', async () => {
    await tables(
      'CREATE TABLE t (id int8 PRIMARY KEY, name text, n int, at timestamptz NOT NULL DEFAULT now(), g boolean GENERATED ALWAYS AS (id > 0) STORED)',
    );
    for (const [deletedColumn, code, text] of [
      ['gon', 'COLUMN_UNKNOWN', 'table "t" has no column "gon"'],
      ['n', 'OPTION_INVALID', 'is int4; it has to be boolean or timestamptz'],
      ['at', 'OPTION_INVALID', 'must not be null'],
      ['g', 'OPTION_INVALID', 'is generated by the server'],
      ['name', 'OPTION_INVALID', 'comes with the records'],
    ] as const) {
      const failed = await failure(sync({ deletedColumn }));
      expect([failed.code, failed.message.includes(text)], failed.message).to.deep.equal([code, true]);
      const { problems } = await plan(source(), target({ deletedColumn }));
      expect(problems[0]?.message).to.contain(text);
    }
    expect(() => to.postgres({ url, table: 't', mode: 'upsert', deletedColumn: 'gone' })).to.throw('only mode sync takes away');
  });

  it('asks for the right to delete, or to mark, before the first row', async () => {
    await tables('CREATE TABLE t (id int8 PRIMARY KEY, name text, gone boolean)');
    await sql(
      url,
      `DROP ROLE IF EXISTS sync_loader; CREATE ROLE sync_loader LOGIN; GRANT USAGE ON SCHEMA public TO sync_loader; GRANT SELECT ON s TO sync_loader;
       GRANT SELECT, INSERT ON t TO sync_loader; GRANT UPDATE (id, name) ON t TO sync_loader`,
    );
    const as = Object.assign(new URL(url), { username: 'sync_loader' }).href;
    const run = (given: Partial<Options>): Promise<Report> => pipeline(source(), target({ url: as, ...given }));
    expect((await failure(run({}))).message).to.contain('this user may not DELETE rows of table "t"');
    expect((await failure(run({ deletedColumn: 'gone' }))).message).to.contain('this user may not UPDATE');
    const { problems } = await plan(source(), target({ url: as }));
    expect(problems.map(({ code }) => code)).to.deep.equal(['NOT_PERMITTED']);
    await sql(url, 'GRANT UPDATE ON t TO sync_loader');
    expect(counts(await run({ deletedColumn: 'gone' }))).to.deep.equal([70, 30, 0, 30]);
    await sql(url, 'DROP OWNED BY sync_loader; DROP ROLE sync_loader');
  });

  it('is planned: what is deleted, by which statement, and what refers to it', async () => {
    await tables();
    await sql(url, 'CREATE TABLE child (t int8 CONSTRAINT child_of_t REFERENCES t ON DELETE CASCADE)');
    const planned = await plan(source(), target());
    expect(planned.problems).to.deep.equal([]);
    const { notes = [], statements = [] } = planned.stages.at(-1) ?? {};
    expect(notes).to.include('foreign key child_of_t of child refers to it: rows that refer to deleted ones are deleted too');
    expect(notes.some(note => note.startsWith('rows of which no record comes are deleted'))).to.equal(true);
    expect(statements.at(-1)).to.equal(
      'DELETE FROM ONLY "t" t WHERE NOT EXISTS (SELECT FROM pg_temp.millrace_seen s WHERE s."id" = t."id") AND t."id" IS NOT NULL',
    );
    await sql(url, 'ALTER TABLE t ADD gone boolean');
    const marking = await plan(source(), target({ deletedColumn: 'gone' }));
    expect(marking.stages.at(-1)?.statements?.at(-1)).to.match(
      /^UPDATE ONLY "t" t SET "gone" = true WHERE .* AND NOT \(t\."gone" IS TRUE\)$/,
    );
  });

  it('agrees with a model, whatever was there and whatever comes', async () => {
    await sql(url, 'CREATE TABLE s (id int8, name text); CREATE TABLE t (id int8 PRIMARY KEY, name text, gone boolean)');
    let state = 7;
    const random = (below: number): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % below;
    const model = new Map<number, { name: string; gone: boolean }>();
    for (let round = 0; round < 12; round++) {
      const come = Array.from({ length: random(40) }, () => [random(30), `v${random(3)}`] as const);
      const values = come.map(([id, name]) => `(${id}, '${name}')`).join(', ');
      await sql(url, `TRUNCATE s; ${values === '' ? '' : `INSERT INTO s VALUES ${values}`}`);
      const last = new Map(come);
      const [written, deleted] = [
        [...last].filter(([id, name]) => model.get(id)?.name !== name || model.get(id)?.gone === true).length,
        [...model].filter(([id, { gone }]) => !last.has(id) && !gone).length,
      ];
      for (const [id, row] of model) if (!last.has(id)) model.set(id, { ...row, gone: true });
      for (const [id, name] of last) model.set(id, { name, gone: false });
      const report = await sync({ deletedColumn: 'gone' }, round % 2 === 0 ? {} : { deadLetter: letters().deadLetter });
      expect(counts(report)).to.deep.equal([written, last.size - written, come.length - last.size, deleted]);
      expect(await rows('SELECT id::int, name, coalesce(gone, false) AS gone FROM t ORDER BY id')).to.deep.equal(
        [...model].sort(([a], [b]) => a - b).map(([id, row]) => ({ id, ...row })),
      );
    }
  });
});

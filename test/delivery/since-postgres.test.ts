import { expect } from 'chai';
import pg from 'pg';
import { filter, from, map, pipeline, PipelineError, plan, project, rename, skip, sort, take, to } from '../../lib/index.ts';
import type { Report, RunOptions, Sink } from '../../lib/index.ts';
import { freshDatabase, sql, startAnother } from '../services/postgres.ts';

interface Item {
  id: number;
  name: string;
  updated: Date;
}

const ROWS = 1000;

describe('a table of which only what is new is read (since)', () => {
  let source: string;
  let target: string;
  const open: pg.Client[] = [];

  before(async () => {
    source = await freshDatabase('since_source_test');
    target = await freshDatabase('since_target_test');
  });
  beforeEach(() =>
    sql(
      source,
      `DROP TABLE IF EXISTS items CASCADE; CREATE TABLE items (id int8 PRIMARY KEY, name text NOT NULL, updated timestamptz NOT NULL);
       CREATE INDEX items_updated ON items (updated, id);
       INSERT INTO items SELECT i, 'name ' || i, timestamptz '2024-01-01' + i / 3 * interval '1 s' FROM generate_series(1, ${ROWS}) i; ANALYZE items`,
    ),
  );
  afterEach(async () => {
    await Promise.all(open.splice(0).map(client => client.end()));
    await sql(target, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS millrace CASCADE');
  });

  const read = (more: object = {}) => from.postgres<Item>({ url: source, table: 'items', since: 'updated', ...more });
  const into = (more: object = {}) => to.postgres<Item>({ url: target, table: 'items', mode: 'upsert', key: ['id'], ...more });
  const run = (from = read(), sink = into(), options: RunOptions = {}): Promise<Report> => pipeline(from, sink, options);
  const rowsOf = (url: string, table = 'items') => sql(url, `SELECT id::int, name, updated FROM ${table} t ORDER BY id`);
  const same = async (): Promise<void> => {
    expect(await rowsOf(target)).to.deep.equal(await rowsOf(source));
  };
  const failure = async (work: Promise<unknown>): Promise<PipelineError> => {
    const error: unknown = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(PipelineError);
    return error as PipelineError;
  };
  const session = async (url = source): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    open.push(client);
    return client;
  };
  const isThere = async (): Promise<boolean> => (await sql(target, `SELECT to_regclass('items') AS t`))[0]?.['t'] !== null;

  it('reads all at first, nothing when there is nothing new, then what was added and changed', async () => {
    const first = await run();
    expect(first).to.include({ written: ROWS, resumedFrom: null });
    expect(first.since).to.include({ column: 'updated', after: null });
    expect(Date.parse(first.since?.upTo ?? '')).to.be.closeTo(Date.now(), 10_000);
    expect(await run()).to.include({ read: 0, written: 0 });
    await sql(
      source,
      `INSERT INTO items SELECT i, 'new', now() FROM generate_series(2001, 2010) i; UPDATE items SET name = 'changed', updated = now() WHERE id <= 5`,
    );
    const third = await run();
    expect(third).to.include({ read: 15, written: 15 });
    expect(third.since?.after).to.equal('2024-01-01T00:05:33Z');
    await same();
    expect(third.warnings).to.deep.equal([]);
  });

  it('does not miss rows that are committed late, and says what it was held back by', async () => {
    await run();
    const late = await session();
    await late.query("BEGIN; SET LOCAL application_name = 'slow job'; INSERT INTO items VALUES (5000, 'late', now())");
    await sql(source, `INSERT INTO items SELECT i, 'soon', clock_timestamp() FROM generate_series(2001, 2010) i`);
    expect(await run()).to.include({ read: 0 });
    await late.query('COMMIT');
    expect(await run()).to.include({ read: 11, written: 11 });
    await same();
  });

  it('is not held back by transactions of other databases, nor by sessions that are idle', async () => {
    await run();
    const other = await session(target);
    await other.query('BEGIN; SELECT 1');
    await session();
    await sql(source, `INSERT INTO items VALUES (2001, 'new', now())`);
    expect(await run()).to.include({ read: 1 });
  });

  it('adds what is new in mode append, once, and goes on when the mode changes', async () => {
    await run(read(), to.postgres({ url: target, table: 'items' }));
    await sql(source, `INSERT INTO items SELECT i, 'new', now() FROM generate_series(2001, 2010) i`);
    expect(await run(read(), into({ mode: 'append', key: undefined }))).to.include({ written: 10 });
    await sql(source, `UPDATE items SET updated = now(), name = 'again' WHERE id = 7`);
    expect(await run()).to.include({ written: 1 });
    await same();
  });

  it('begins at the beginning, and says so, when the target was dropped', async () => {
    await run();
    await sql(target, 'DROP TABLE items');
    const report = await run();
    expect(report.written).to.equal(ROWS);
    expect(report.warnings.join()).to.contain('not there any more');
    expect(await run()).to.include({ read: 0 });
  });

  it('goes on behind the last commit of a run that failed, without being asked to', async () => {
    let breaksAt = 777;
    const breaking = () =>
      filter<Item>(({ id }) => {
        if (id === breaksAt) throw new Error('broken off');
        return true;
      });
    const options = { job: 'test', checkpointEvery: 200, batchRows: 100 };
    const { report } = await failure(pipeline(read(), breaking(), into(), options));
    expect(report.written).to.be.within(200, 776);
    breaksAt = 0;
    const rest = await pipeline(read(), breaking(), into(), options);
    expect(rest.written).to.equal(ROWS - report.written);
    await same();
    expect(await pipeline(read(), breaking(), into(), options)).to.include({ read: 0 });
  });

  it('reads rows of one time in the order of the key, with a commit among them', async () => {
    await sql(
      source,
      `UPDATE items SET updated = '2024-02-02'; INSERT INTO items SELECT i, 'x', '2024-02-03' FROM generate_series(3000, 3100) i`,
    );
    const stop = new AbortController();
    const stopping = map<Item, Item>(item => {
      if (item.id === 500) stop.abort();
      return item;
    });
    const stopped = await pipeline(read(), stopping, into({ mode: 'create', key: undefined }), {
      job: 'ties',
      batchRows: 50,
      drain: stop.signal,
    });
    expect(stopped.status).to.equal('stopped');
    expect(stopped.written).to.be.within(500, 900);
    const rest = await pipeline(
      read(),
      map<Item, Item>(item => {
        if (item.id === 500) stop.abort();
        return item;
      }),
      into({ mode: 'create', key: undefined }),
      { job: 'ties', batchRows: 50 },
    );
    expect(rest.written).to.equal(ROWS + 101 - stopped.written);
    await same();
  });

  it('leaves out columns that are not selected, also its own', async () => {
    const names = () => pipeline(read(), project('name'), to.postgres({ url: target, table: 'names', mode: 'append' }));
    expect((await names()).written).to.equal(ROWS);
    await sql(source, `INSERT INTO items VALUES (2001, 'new', now())`);
    expect((await names()).written).to.equal(1);
    expect(await sql(target, 'SELECT count(*)::int AS n, count(DISTINCT name)::int AS d FROM names')).to.deep.equal([
      { n: ROWS + 1, d: ROWS + 1 },
    ]);
    expect(Object.keys((await sql(target, 'SELECT * FROM names LIMIT 1'))[0] ?? {})).to.deep.equal(['name']);
  });

  it('works behind filters that the server does, functions, renames and sorts', async () => {
    const job = () =>
      pipeline(
        read(),
        filter<Item>({ id: { gt: 10 } }),
        map<Item, Item>(item => ({ ...item, name: item.name.toUpperCase() })),
        sort<Item>('-id'),
        rename({ name: 'label' }),
        to.postgres({ url: target, table: 'items', mode: 'upsert', key: ['id'] }),
        { job: 'made' },
      );
    expect((await job()).written).to.equal(ROWS - 10);
    expect((await job()).read).to.equal(0);
    await sql(source, `UPDATE items SET updated = now() WHERE id IN (3, 30, 300)`);
    expect((await job()).read).to.equal(2);
  });

  it('a limit takes what comes first, and the next run what is left', async () => {
    const some = () => pipeline(read(), filter<Item>({ id: { gt: 100 } }), take(400), into());
    expect([(await some()).written, (await some()).written, (await some()).written, (await some()).written]).to.deep.equal([
      400, 400, 100, 0,
    ]);
    expect(await sql(target, 'SELECT count(*)::int AS n FROM items')).to.deep.equal([{ n: 900 }]);
  });

  it('refuses what would leave rows out for good, before anything is written', async () => {
    const cases: [Promise<unknown>, string, RegExp][] = [
      [pipeline(read(), sort<Item>('name'), take(5), into()), 'OPTION_INVALID', /take/],
      [pipeline(read(), skip(5), into()), 'OPTION_INVALID', /skip/],
      [run(read(), into({ mode: 'replace', key: undefined })), 'OPTION_INVALID', /append or upsert/],
      [run(read(), into(), { checkpoint: false }), 'OPTION_INVALID', /checkpoint/],
      [pipeline(read(), to.null()), 'OPTION_INVALID', /keeps no position/],
      [
        pipeline(
          read(),
          map<Item, Item>(x => x),
          into(),
        ),
        'OPTION_INVALID',
        /"job"/,
      ],
      [run(read({ since: 'nam' })), 'COLUMN_UNKNOWN', /did you mean "name"/],
      [run(read({ since: 'name' })), 'OPTION_INVALID', /CREATE INDEX ON "items" \("name", "id"\)/],
      [run(read({ overlap: 5 })), 'OPTION_INVALID', /90s/],
      [run(read({ overlap: 'soon' })), 'OPTION_INVALID', /no length of time/],
      [run(read({ overlap: '5m' }), into({ mode: 'append', key: undefined })), 'OPTION_INVALID', /upsert, or overlap 0/],
      [pipeline(read({ overlap: '5m' }), take(3), into()), 'OPTION_INVALID', /limit/],
    ];
    for (const [work, code, message] of cases) {
      const error = await failure(work);
      expect(error.message).to.match(message);
      expect(error.code).to.equal(code);
    }
    expect(await isThere()).to.equal(false);
  });

  it('an operator that needs no more is refused at the end, and nothing is written', async () => {
    const error = await failure(
      pipeline(
        read(),
        map<Item, Item>(x => x),
        take(5),
        into(),
        { job: 'few' },
      ),
    );
    expect(error.message).to.contain('take');
    expect(await isThere()).to.equal(false);
  });

  it('a column of a type without order, a table without a key, and what is no table are refused with the reason', async () => {
    await sql(
      source,
      `DROP TABLE IF EXISTS odd, keyless, whole, part CASCADE; DROP VIEW IF EXISTS seen;
       CREATE TABLE odd (id int PRIMARY KEY, j jsonb, p point, f float8, a int4[]); CREATE INDEX ON odd (j); CREATE INDEX ON odd (f); CREATE INDEX ON odd (a);
       CREATE TABLE keyless (id int, at timestamptz); CREATE INDEX ON keyless (at); CREATE VIEW seen AS SELECT * FROM items;
       CREATE TABLE whole (id int PRIMARY KEY, at timestamptz); CREATE INDEX ON whole (at); CREATE TABLE part () INHERITS (whole)`,
    );
    const refusal = async (table: string, since: string): Promise<string> =>
      (await failure(pipeline(from.postgres({ url: source, table, since }), to.postgres({ url: target, table: 'x', mode: 'append' }))))
        .message;
    for (const column of ['j', 'p', 'f', 'a'])
      expect(await refusal('odd', column)).to.match(/is of type .* wanted is a column that goes up/);
    expect(await refusal('keyless', 'at')).to.contain('no unique key without nulls');
    expect(await refusal('seen', 'updated')).to.contain('a view');
    expect(await refusal('whole', 'at')).to.contain('inherit');
    expect(() => from.postgres({ query: 'SELECT 1', since: 'x' } as never)).to.throw(/only a table/);
    expect(() => from.postgres({ table: 'x', since: 'a', parallel: 2 })).to.throw(/one connection/);
    expect(() => from.postgres({ table: 'x', overlap: '5m' })).to.throw(/only since/);
  });

  it('names what has changed, and goes on when it is as it was', async () => {
    const selected = (...names: ('id' | 'name' | 'updated')[]) => pipeline(read(), project(...names), into() as unknown as Sink<object>);
    await selected('id', 'name');
    const error = await failure(selected('id'));
    expect(error.code).to.equal('CHECKPOINT_DIFFERS');
    expect(error.message).to.match(/the operators are project .* instead of project .*millrace state reset [0-9a-f]{16}/);
    const other = await failure(
      pipeline(
        from.postgres<Item>({ url: source, table: 'items', since: 'id', overlap: 10 }),
        project('id', 'name'),
        into() as unknown as Sink<object>,
      ),
    );
    expect(other.message).to.contain('since "id" instead of since "updated"');
    expect((await selected('id', 'name')).read).to.equal(0);
  });

  it('counts rows that have no value in the column', async () => {
    await sql(
      source,
      `ALTER TABLE items ALTER updated DROP NOT NULL; INSERT INTO items VALUES (2001, 'never', NULL), (2002, 'never', NULL)`,
    );
    const report = await run();
    expect(report.written).to.equal(ROWS);
    expect(report.warnings.join()).to.contain('2 rows of table "items" without a value in "updated"').and.contain('are not read');
  });

  it('times that never end do not end it', async () => {
    await sql(source, `INSERT INTO items VALUES (2001, 'for good', 'infinity'), (2002, 'always', '-infinity')`);
    expect((await run()).written).to.equal(ROWS + 1);
    await sql(source, `INSERT INTO items VALUES (2003, 'new', now())`);
    expect((await run()).written).to.equal(1);
  });

  describe('by a number', () => {
    const byId = (more: object = {}) => from.postgres<Item>({ url: source, table: 'items', since: 'id', ...more });
    it('needs an overlap, and reads it again', async () => {
      const error = await failure(run(byId()));
      expect(error.message).to.contain('bigint').and.contain('"overlap"');
      expect(await isThere()).to.equal(false);
      expect((await run(byId({ overlap: 100 }))).written).to.equal(ROWS);
      await sql(source, `DELETE FROM items WHERE id IN (950, 5)`);
      await run(byId({ overlap: 100 }));
      await sql(source, `INSERT INTO items VALUES (950, 'late', now()), (5, 'too late', now()), (1001, 'new', now())`);
      const report = await run(byId({ overlap: 100 }));
      expect(report).to.include({ read: 102, written: 2, unchanged: 100 });
      expect(report.since).to.deep.equal({ column: 'id', after: '1000', upTo: null });
    });

    it('adds with overlap 0', async () => {
      const added = () => run(byId({ overlap: 0 }), into({ mode: 'append', key: undefined }));
      await added();
      await sql(source, `INSERT INTO items VALUES (1001, 'new', now())`);
      expect((await added()).written).to.equal(1);
      expect((await added()).written).to.equal(0);
      await same();
    });

    it('stays where it was when a run is broken off among the rows that are read again', async () => {
      await run(byId({ overlap: 500 }), into(), { job: 'x' });
      await sql(source, `INSERT INTO items SELECT i, 'new', now() FROM generate_series(1001, 1100) i`);
      const stop = new AbortController();
      const source2 = byId({ overlap: 500 });
      let seen = 0;
      const report = await pipeline(source2, into(), {
        job: 'x',
        batchRows: 50,
        drain: stop.signal,
        progressEveryMs: 1,
        onProgress: () => {
          if (seen++ === 0) stop.abort();
        },
      });
      const [kept] = await sql<{ since: string }>(target, `SELECT checkpoint->'source'->>'since' AS since FROM millrace.checkpoint`);
      expect(Number(kept?.since)).to.be.at.least(1000);
      expect(report.status).to.be.oneOf(['stopped', 'ok']);
      await run(byId({ overlap: 500 }), into(), { job: 'x' });
      await same();
    });

    it('small and large integers, numeric, text, uuid and dates are gone by', async () => {
      await sql(
        source,
        `DROP TABLE IF EXISTS kinds; CREATE TABLE kinds (id int PRIMARY KEY, i2 int2, i4 int4, i8 int8, n numeric, t text, v varchar(20), u uuid, d date, ts timestamp, tz0 timestamptz(0));
         CREATE INDEX ON kinds (i2); CREATE INDEX ON kinds (i4); CREATE INDEX ON kinds (i8); CREATE INDEX ON kinds (n); CREATE INDEX ON kinds (t); CREATE INDEX ON kinds (v); CREATE INDEX ON kinds (u);
         CREATE INDEX ON kinds (d); CREATE INDEX ON kinds (ts); CREATE INDEX ON kinds (tz0)`,
      );
      const add = (first: number, last: number, now = 'now()') =>
        sql(
          source,
          `INSERT INTO kinds SELECT i, i - 32768, i, i * 9007199254740993, i / 7.0, 'Ä''\\ ' || lpad(i::text, 5, '0'), 'v' || lpad(i::text, 5, '0'), lpad(i::text, 32, '0')::uuid,
             (${now} - interval '3 days')::date, ${now}, ${now} FROM generate_series(${first}, ${last}) i`,
        );
      await add(1, 100, "timestamptz '2024-05-05 05:05:05.123456'");
      for (const [column, overlap] of [
        ['i2', 0],
        ['i4', 2],
        ['i8', '1'],
        ['n', '0.5'],
        ['t', 0],
        ['v', '0'],
        ['u', 0],
        ['d', undefined],
        ['ts', undefined],
        ['tz0', undefined],
      ] as const) {
        const job = () =>
          pipeline(
            from.postgres({ url: source, table: 'kinds', since: column, int8: 'bigint', ...(overlap === undefined ? {} : { overlap }) }),
            to.postgres({ url: target, table: `kinds_${column}`, mode: 'upsert', key: ['id'] }),
          );
        const first = await job();
        const idle = await job();
        expect([first.written, idle.written], column).to.deep.equal([100, 0]);
      }
      await add(101, 120, "now() - interval '5 seconds'");
      for (const column of ['i2', 'i4', 'i8', 'n', 't', 'v', 'u', 'd', 'ts', 'tz0']) {
        const overlap = ['d', 'ts', 'tz0'].includes(column) ? {} : { overlap: 0 };
        const report = await pipeline(
          from.postgres({ url: source, table: 'kinds', since: column, int8: 'bigint', ...overlap }),
          to.postgres({ url: target, table: `kinds_${column}`, mode: 'upsert', key: ['id'] }),
        );
        expect(report.written, column).to.equal(20);
      }
    });
  });

  it('follows a partitioned table', async () => {
    await sql(
      source,
      `DROP TABLE IF EXISTS parted; CREATE TABLE parted (id int, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
       CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (MINVALUE) TO ('2024-01-02'); CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2024-01-02') TO (MAXVALUE);
       CREATE INDEX ON parted (at); INSERT INTO parted SELECT i, timestamptz '2024-01-01' + i * interval '1 min' FROM generate_series(1, 3000) i`,
    );
    const job = () =>
      pipeline(
        from.postgres({ url: source, table: 'parted', since: 'at' }),
        to.postgres({ url: target, table: 'parted', mode: 'upsert', key: ['id', 'at'] }),
      );
    expect((await job()).written).to.equal(3000);
    await sql(source, 'INSERT INTO parted VALUES (5000, now())');
    expect([(await job()).written, (await job()).written]).to.deep.equal([1, 0]);
  });

  it('asks for an overlap where a role may not see what others do, and goes by it', async () => {
    await sql(source, `DROP ROLE IF EXISTS since_reader; CREATE ROLE since_reader LOGIN; GRANT SELECT ON items TO since_reader`);
    const url = source.replace('postgres@', 'since_reader@');
    const reading = (more: object = {}) => from.postgres<Item>({ url, table: 'items', since: 'updated', ...more });
    const other = await session();
    await other.query('BEGIN; SELECT 1');
    const error = await failure(run(reading()));
    expect(error.message).to.contain('may not see').and.contain('pg_read_all_stats').and.contain('--overlap 10m');
    expect(await isThere()).to.equal(false);
    expect((await run(reading({ overlap: '10m' }))).written).to.equal(ROWS);
    await sql(source, 'GRANT pg_read_all_stats TO since_reader');
    expect((await run(reading())).read).to.equal(0);
    await sql(source, 'DROP OWNED BY since_reader; DROP ROLE since_reader');
  });

  it('the plan shows the condition, and where it would start', async () => {
    const first = await plan(read(), into());
    expect(first.problems).to.deep.equal([]);
    await run();
    const later = await plan(read(), into());
    const [statement = ''] = later.stages[0]?.statements ?? [];
    const after = `('2024-01-01T00:05:33Z'::timestamp with time zone, '${ROWS}'::bigint)`;
    expect(statement).to.contain(`WHERE ("updated", "id") > ${after} AND "updated" < `);
    expect(statement).to.match(/ORDER BY "updated", "id"\) TO STDOUT/);
    expect(later.explain())
      .to.contain('after 2024-01-01T00:05:33Z, where the last run ended')
      .and.contain('before the beginning of the oldest');
    expect((await plan(read(), sort<Item>('name'), take(3), into())).problems[0]?.message).to.contain('take');
    expect((await plan(read(), into({ mode: 'replace', key: undefined }))).problems.map(({ code }) => code)).to.include('OPTION_INVALID');
    expect((await run()).read).to.equal(0);
  });

  it('does not read past what a prepared transaction may still bring', async () => {
    const server = await startAnother([], { settings: ['max_prepared_transactions=4'] });
    try {
      const url = server.url('postgres');
      await sql(
        url,
        `CREATE TABLE items (id int8 PRIMARY KEY, name text NOT NULL, updated timestamptz NOT NULL); CREATE INDEX ON items (updated); INSERT INTO items VALUES (1, 'a', '2024-01-01')`,
      );
      const job = () => run(from.postgres<Item>({ url, table: 'items', since: 'updated' }));
      expect((await job()).written).to.equal(1);
      await sql(url, `BEGIN; INSERT INTO items VALUES (2, 'in doubt', now()); PREPARE TRANSACTION 'doubt'`);
      await sql(url, `CREATE TABLE other (id int)`);
      await sql(url, `BEGIN; INSERT INTO other VALUES (2); PREPARE TRANSACTION 'other'`);
      await sql(url, `INSERT INTO items VALUES (3, 'later', now())`);
      const held = await job();
      expect(held.written).to.equal(0);
      await sql(url, `COMMIT PREPARED 'doubt'`);
      expect((await job()).written).to.equal(2);
      await sql(url, `ROLLBACK PREPARED 'other'`);
      expect(await sql(target, 'SELECT id::int FROM items ORDER BY id')).to.deep.equal(
        await sql(url, 'SELECT id::int FROM items ORDER BY id'),
      );
    } finally {
      await server.stop();
    }
  });
});

import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { filter, from, map, pipeline, PipelineError, skip, sort, take, to } from '../../lib/index.ts';
import type { Report, RunOptions } from '../../lib/index.ts';
import { sessionName } from '../../lib/clients/postgres/delivery/job-lock.ts';
import { freshDatabase, sql } from '../services/postgres.ts';

interface Item {
  id: number;
  name: string;
  score: number;
}

const ROWS = 5000;
/** Few records between commits, and few a batch. */
const OFTEN = { job: 'test', checkpointEvery: 200, batchRows: 100 } satisfies RunOptions;

describe('a run that goes on where it was, into PostgreSQL', () => {
  let source: string;
  let target: string;
  before(async () => {
    source = await freshDatabase('resume_source_test');
    await sql(
      source,
      `CREATE TABLE items (id int8 PRIMARY KEY, name text NOT NULL, score float8);
       INSERT INTO items SELECT i, 'name ' || i, i / 7.0 FROM generate_series(1, ${ROWS}) i;
       CREATE INDEX items_name ON items (name); COMMENT ON TABLE items IS 'things'; COMMENT ON COLUMN items.score IS 'of seven'; ANALYZE items`,
    );
    target = await freshDatabase('resume_target_test');
  });
  afterEach(() => sql(target, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS millrace CASCADE'));

  const read = () => from.postgres<Item>({ url: source, table: 'items' });
  const into = (more: object = {}) => to.postgres<Item>({ url: target, table: 'items', ...more });
  const rowsOf = (url: string, table = 'items') => sql(url, `SELECT id::int, name, score FROM ${table} t ORDER BY id`);
  const counted = async (): Promise<number> => {
    const [row] = await sql(target, `SELECT CASE WHEN to_regclass('items') IS NULL THEN -1 ELSE 0 END AS n`);
    if (row?.['n'] === -1) return -1;
    return (await sql(target, 'SELECT count(*)::int AS n FROM items'))[0]?.['n'] as number;
  };
  const checkpoints = async (): Promise<readonly Record<string, unknown>[]> => {
    const there = await sql(target, "SELECT 1 WHERE to_regclass('millrace.checkpoint') IS NOT NULL");
    return there.length === 0 ? [] : sql(target, 'SELECT job, source, target, done, checkpoint FROM millrace.checkpoint');
  };

  /** Breaks off at this record. */
  let breaksAt = 0;
  const breaking = () =>
    filter<Item>(item => {
      if (item.id === breaksAt) throw new Error('broken off');
      return true;
    });
  const run = (sink = into(), options: RunOptions = {}): Promise<Report> => pipeline(read(), breaking(), sink, { ...OFTEN, ...options });
  async function broken(at: number, sink = into(), options: RunOptions = {}): Promise<PipelineError> {
    breaksAt = at;
    try {
      await run(sink, options);
    } catch (error) {
      expect(error).to.be.instanceOf(PipelineError);
      return error as PipelineError;
    } finally {
      breaksAt = 0;
    }
    throw new Error('it did not break');
  }

  it('keeps what it had committed, and ends with each record once, and all that hangs on the table', async () => {
    const { report } = await broken(3210);
    expect(report.written).to.be.within(2000, 3209);
    expect(await counted()).to.equal(report.written);
    const [kept] = await checkpoints();
    expect(kept).to.deep.include({ done: false });
    expect(`${String(kept?.['source'])} ${String(kept?.['target'])}`)
      .to.contain('resume_source_test')
      .and.contain('resume_target_test');
    const rest = await run(into(), { resume: true });
    expect(rest.written).to.equal(ROWS - report.written);
    expect(rest.resumedFrom).to.deep.equal({ key: [String(report.written)] });
    expect(await rowsOf(target)).to.deep.equal(await rowsOf(source));
    const hangs = `SELECT (SELECT json_agg(indexdef ORDER BY indexdef) FROM pg_indexes WHERE tablename = 'items') AS indexes,
      obj_description('items'::regclass) AS table, col_description('items'::regclass, 3) AS column`;
    expect(await sql(target, hangs)).to.deep.equal(await sql(source, hangs));
  });

  it('breaks again and again, at whatever record', async () => {
    let written = (await broken(1)).report.written;
    for (const at of [700, 701, 1900, 3333, 4999]) written += (await broken(at, into(), { resume: true })).report.written;
    written += (await run(into(), { resume: true })).written;
    expect(written).to.equal(ROWS);
    expect(await rowsOf(target)).to.deep.equal(await rowsOf(source));
  });

  it('does nothing when the job was finished, and begins anew without resume', async () => {
    await run();
    const again = await run(into(), { resume: true });
    expect(again).to.include({ status: 'ok', read: 0, written: 0 });
    expect(again.warnings.join()).to.contain('finished');
    const error = (await run().catch((thrown: unknown) => thrown)) as PipelineError;
    expect(error.code).to.equal('EXISTS');
    expect(await checkpoints()).to.deep.equal([]);
  });

  it('begins at the beginning where there is no checkpoint, or its table is another one', async () => {
    expect((await run(into(), { resume: true })).written).to.equal(ROWS);
    await sql(target, 'DROP TABLE items');
    const anew = await run(into(), { resume: true });
    expect(anew.written).to.equal(ROWS);
    expect(anew.warnings.join()).to.contain('not there any more');
    expect(await rowsOf(target)).to.deep.equal(await rowsOf(source));
  });

  it('goes on with what operators keep', async () => {
    breaksAt = 3210;
    const made = () =>
      pipeline(
        read(),
        filter<Item>(({ id }) => id > 0),
        skip(10),
        breaking(),
        take(4000),
        into(),
        { ...OFTEN, resume: true },
      );
    await made().catch(() => undefined);
    breaksAt = 0;
    expect(await counted()).to.be.within(2000, 3209);
    await made();
    expect(await rowsOf(target)).to.deep.equal((await rowsOf(source)).slice(10, 4010));
  });

  it('goes on into a table that was there, in modes append and upsert', async () => {
    for (const mode of ['append', 'upsert'] as const) {
      await sql(
        target,
        `DROP TABLE IF EXISTS items; CREATE TABLE items (id int8 PRIMARY KEY, name text, score float8);
        INSERT INTO items SELECT -i, 'old', 0 FROM generate_series(1, 10) i`,
      );
      const { report } = await broken(2600, into({ mode }));
      expect(report.written, mode).to.be.within(2000, 2599);
      await run(into({ mode }), { resume: true });
      expect((await rowsOf(target)).slice(10), mode).to.deep.equal(await rowsOf(source));
      expect(await counted(), mode).to.equal(ROWS + 10);
    }
  });

  it('runs SQL before with all rows in one transaction, and SQL after once', async () => {
    await sql(target, 'CREATE TABLE log (what text)');
    const hooked = () => into({ before: "INSERT INTO log VALUES ('before')", after: "INSERT INTO log VALUES ('after')" });
    await broken(2600, hooked());
    expect(await sql(target, 'SELECT what FROM log')).to.deep.equal([]);
    await run(hooked(), { resume: true });
    await run(hooked(), { resume: true });
    expect(await sql(target, 'SELECT what FROM log')).to.deep.equal([{ what: 'before' }, { what: 'after' }]);
    const after = () => into({ mode: 'append', after: "INSERT INTO log VALUES ('last')" });
    await sql(target, 'TRUNCATE items, log');
    await broken(2600, after());
    await run(after(), { resume: true });
    expect(await sql(target, 'SELECT what FROM log')).to.deep.equal([{ what: 'last' }]);
  });

  it('leaves nothing of a run that broke off where nothing is kept, or all is to come at once', async () => {
    await broken(4000, into(), { checkpoint: false });
    expect(await counted()).to.equal(-1);
    expect(await checkpoints()).to.deep.equal([]);
    await sql(target, "CREATE TABLE items (id int8 PRIMARY KEY, name text, score float8); INSERT INTO items VALUES (-1, 'old', 0)");
    for (const replace of ['swap', 'truncate']) {
      await broken(4000, into({ mode: 'replace', replace }));
      expect(await counted(), replace).to.equal(1);
    }
    expect((await run(into({ mode: 'replace' }), { resume: true })).written).to.equal(ROWS);
    expect((await run(into({ mode: 'replace' }), { resume: true })).written).to.equal(0);
  });

  it('names what is not as it was', async () => {
    await broken(2600);
    const other = pipeline(
      read(),
      map<Item, Item>(item => item),
      into(),
      { ...OFTEN, resume: true },
    );
    const error = (await other.catch((thrown: unknown) => thrown)) as PipelineError;
    expect(error.code).to.equal('CHECKPOINT_DIFFERS');
    expect(error.message).to.contain('map').and.contain('filter');
    await sql(source, 'ALTER TABLE items ADD extra int');
    const grown = (await run(into(), { resume: true }).catch((thrown: unknown) => thrown)) as PipelineError;
    await sql(source, 'ALTER TABLE items DROP extra');
    expect(grown.code).to.equal('CHECKPOINT_DIFFERS');
    expect(grown.message).to.contain('extra int4');
    await run(into(), { resume: true });
    expect(await rowsOf(target)).to.deep.equal(await rowsOf(source));
  });

  it('goes on in a file only where it is read as before', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-resume-'));
    const path = join(folder, 'items.csv');
    await writeFile(path, `id,name\n${Array.from({ length: 500 }, (_, i) => `${i},'n'`).join('\n')}\n`);
    const copied = (quote: string, breaks: boolean): Promise<Report> =>
      pipeline(
        from.file<{ id: string; name: string }>(path, { quote }),
        filter(({ id }) => {
          if (breaks && id === '400') throw new Error('broken off');
          return true;
        }),
        to.postgres({ url: target, table: 'items' }),
        { ...OFTEN, resume: true, job: 'quoted', batchBytes: 512 },
      );
    try {
      await copied("'", true).catch(() => undefined);
      expect(await counted()).to.be.within(100, 400);
      const error = (await copied('"', true).catch((thrown: unknown) => thrown)) as PipelineError;
      expect(error.code).to.equal('CHECKPOINT_DIFFERS');
      expect(error.message).to.contain(
        `the input is read by other options: {"quote":"\\"","provenance":false} instead of {"quote":"'","provenance":false}`,
      );
      expect((await copied("'", false)).resumedFrom).to.not.equal(null);
      expect(await counted()).to.equal(500);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('goes by keys of several columns and of other types, in whatever order they sort', async () => {
    const key = 'chr(97 + i % 26) || chr(200 + i % 50) || i % 7';
    const keys: Record<string, string> = {
      'a text, n int4': `SELECT ${key} AS a, i AS n`,
      'a uuid, n int4': 'SELECT md5(i::text)::uuid AS a, i AS n',
      'a timestamptz, n int4': "SELECT timestamptz '2020-01-01' + i / 3 * interval '1.000001 s' AS a, i AS n",
      'a date, n numeric(20, 5)': "SELECT date '0044-03-15 BC' + i / 5 AS a, i / 3.0 AS n",
      'a bool, n int8': 'SELECT i % 2 = 0 AS a, 9007199254740993 + i AS n',
    };
    for (const [columns, rows] of Object.entries(keys)) {
      await sql(
        source,
        `DROP TABLE IF EXISTS keyed; CREATE TABLE keyed (${columns}, v int, PRIMARY KEY (a, n));
        INSERT INTO keyed SELECT a, n, row_number() OVER (ORDER BY a, n) FROM (${rows} FROM generate_series(1, 3000) i) r ORDER BY a, n; ANALYZE keyed`,
      );
      await sql(target, 'DROP TABLE IF EXISTS keyed');
      const keyed = (at: number) =>
        pipeline(
          from.postgres<{ v: number }>({ url: source, table: 'keyed', int8: 'bigint' }),
          filter(['v'], ({ v }) => {
            if (v === at) throw new Error('broken off');
            return true;
          }),
          to.postgres<object>({ url: target, table: 'keyed' }),
          { ...OFTEN, resume: true },
        );
      const failed = (await keyed(2100).catch((error: unknown) => error)) as PipelineError;
      expect(failed.message, columns).to.contain('broken off');
      const { report } = failed;
      expect(report.written, columns).to.be.within(1000, 2999);
      await keyed(0);
      const content = 'SELECT count(*)::int AS n, md5(string_agg(k::text, chr(10) ORDER BY k::text)) AS h FROM keyed k';
      expect(await sql(target, content), columns).to.deep.equal(await sql(source, content));
    }
  });

  it('starts again, with nothing left, where a table has no key, or its rows lie in no order', async () => {
    await sql(source, `DROP TABLE IF EXISTS loose; CREATE TABLE loose AS SELECT * FROM items`);
    const loose = (at: number) => {
      breaksAt = at;
      return pipeline(from.postgres<Item>({ url: source, table: 'loose' }), breaking(), into(), { ...OFTEN, resume: true });
    };
    await loose(4000).catch(() => undefined);
    expect(await counted()).to.equal(-1);
    expect((await loose(0)).written).to.equal(ROWS);
  });

  it('keeps nothing of what it could not tell from another job, unless that has a name', async () => {
    const limited = (most: number, options: RunOptions) =>
      pipeline(
        read(),
        filter<Item>(({ id }) => id <= most),
        into({ mode: 'append' }),
        options,
      );
    await sql(target, 'CREATE TABLE items (id int8, name text, score float8)');
    await Promise.all([limited(10, {}), limited(20, {})]);
    await pipeline(from.records([{ id: 1, name: 'a', score: 0 }]), into({ mode: 'append' }));
    expect(await checkpoints()).to.deep.equal([]);
    expect((await limited(10, { job: 'ten', resume: true })).written).to.equal(10);
    expect((await limited(20, { job: 'twenty', resume: true })).written).to.equal(20);
    expect((await limited(20, { job: 'twenty', resume: true })).written).to.equal(0);
    expect(await counted()).to.equal(61);
  });

  it('refuses a second run of a job while the first is at work, and ends one whose process is dead', async function () {
    this.timeout(60_000);
    await run();
    const [{ job = '' } = {}] = (await checkpoints()) as readonly { job?: string }[];
    const holder = new pg.Client(target);
    holder.on('error', () => undefined);
    await holder.connect();
    await holder.query("SELECT pg_advisory_lock(hashtextextended('millrace job ' || $1, 0))", [job]);
    const nameIt = (pid: number) => holder.query("SELECT set_config('application_name', $1, false)", [sessionName('millrace', pid)]);
    await nameIt(process.pid);
    const second = (await run(into(), { resume: true }).catch((error: unknown) => error)) as PipelineError;
    expect(second.code).to.equal('JOB_RUNNING');
    expect(second.message).to.contain(`millrace ${process.pid}@`);
    // A session that nobody is behind any more.
    await nameIt(spawnSync(process.execPath, ['-e', '0']).pid);
    expect((await run(into(), { resume: true })).written).to.equal(0);
  });

  it('loads in one transaction what would be refused in parts, and without the right to keep anything', async () => {
    const tree = to.postgres<object>({ url: target, table: 'tree', mode: 'append' });
    await sql(target, 'CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree)');
    const records = from.postgres<object>({
      url: source,
      query: 'SELECT i AS id, CASE WHEN i < 4000 THEN 4000 END AS parent FROM generate_series(1, 4000) i ORDER BY 1',
    });
    expect((await pipeline(records, tree, { ...OFTEN, resume: true })).written).to.equal(4000);
    await sql(target, 'DROP TABLE tree; DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN; GRANT ALL ON SCHEMA public TO stranger');
    const stranger = Object.assign(new URL(target), { username: 'stranger', password: '' }).href;
    const asStranger = () => run(to.postgres<Item>({ url: stranger, table: 'items', mode: 'append' }), { resume: true });
    const told = (await asStranger()).warnings.join();
    expect(told).to.contain('may not use schema millrace');
    await sql(target, 'DROP SCHEMA millrace CASCADE; DROP TABLE items; CREATE SCHEMA millrace AUTHORIZATION stranger');
    expect((await asStranger()).written).to.equal(ROWS);
    expect((await asStranger()).warnings.join()).to.contain('finished');
    await sql(target, 'DROP OWNED BY stranger CASCADE; DROP ROLE stranger');
  });

  it('takes another mode for another job', async () => {
    await sql(target, "CREATE TABLE items (id int8 PRIMARY KEY, name text, score float8); INSERT INTO items VALUES (-1, 'old', 0)");
    await broken(2600, into({ mode: 'append' }));
    expect((await run(into({ mode: 'replace' }), { resume: true })).written).to.equal(ROWS);
    expect(await rowsOf(target)).to.deep.equal(await rowsOf(source));
  });

  it('goes on where it was stopped, and only then makes keys and indexes', async () => {
    let drain = new AbortController();
    const stoppable = () =>
      pipeline(
        read(),
        filter<Item>(({ id }) => {
          if (id === 3000) drain.abort();
          return true;
        }),
        into(),
        { ...OFTEN, resume: true, drain: drain.signal },
      );
    const stopped = await stoppable();
    expect(stopped.status).to.equal('stopped');
    expect(stopped.written).to.be.within(3000, ROWS - 1);
    expect(stopped.warnings.join()).to.contain('it goes on');
    expect(await counted()).to.equal(stopped.written);
    drain = new AbortController();
    expect((await stoppable()).written).to.equal(ROWS - stopped.written);
    expect(await rowsOf(target)).to.deep.equal(await rowsOf(source));
    const indexes = "SELECT indexdef FROM pg_indexes WHERE tablename = 'items' ORDER BY 1";
    expect(await sql(target, indexes)).to.deep.equal(await sql(source, indexes));
  });

  it('says where a run that was stopped cannot go on', async () => {
    const drain = new AbortController();
    const sorted = () =>
      pipeline(
        read(),
        filter<Item>(({ id }) => {
          if (id === 1000) drain.abort();
          return true;
        }),
        sort('-id'),
        into({ mode: 'append' }),
        { ...OFTEN, resume: true, drain: drain.signal },
      );
    const report = await sorted();
    expect(report.status).to.equal('stopped');
    expect(report.warnings.join()).to.contain('cannot go on');
    expect(await checkpoints()).to.deep.equal([]);
  });
});

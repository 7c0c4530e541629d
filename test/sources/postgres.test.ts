import { expect } from 'chai';
import { valibotUser, zodUser } from './postgres-schemas.ts';
import type { RecordBatch } from '../../lib/core/batch/batch.ts';
import type { SourceContext } from '../../lib/core/define.ts';
import { pipeline } from '../../lib/index.ts';
import { sourceCases } from '../../lib/testing/index.ts';
import { memory } from '../../sinks/memory.ts';
import { postgres } from '../../sources/postgres.ts';
import { heldBytes } from '../held-bytes.ts';
import { freshDatabase, PASSWORD_USER, sql, startPostgres } from '../services/postgres.ts';
import { tcpProxy } from '../services/tcp-proxy.ts';
import { allBatches, failureOf, openSessions, readingPostgres, until } from './postgres-reading.ts';

const APP = 'source-test';

describe('source postgres', () => {
  let url = '';
  before(async () => {
    url = await freshDatabase('source_test');
    await sql(
      url,
      `CREATE TABLE users (id int8 PRIMARY KEY, name text, born date, net inet); CREATE SCHEMA crm; CREATE TABLE crm."Odd.Name" (n int);
       CREATE TABLE many AS SELECT i AS id, repeat(md5(i::text), 8) AS filler FROM generate_series(1, 100000) i; CREATE TABLE nothing (a int); CREATE TABLE bare ();
       CREATE VIEW grown AS SELECT name FROM users; CREATE TABLE parts (id int) PARTITION BY RANGE (id); CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (9);
       CREATE TABLE parent (id int); CREATE TABLE child (more int) INHERITS (parent); CREATE TABLE made (a int, b int GENERATED ALWAYS AS (a * 2) STORED);
       INSERT INTO users SELECT i, 'user ' || i, date '2000-01-01' + i, '10.0.0.1' FROM generate_series(1, 9) i; INSERT INTO crm."Odd.Name" VALUES (1), (2);
       INSERT INTO parts VALUES (3); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 3); INSERT INTO made VALUES (4); INSERT INTO bare DEFAULT VALUES;
       ANALYZE many; CREATE TABLE secret (a int)`,
    );
  });

  const users = Array.from({ length: 9 }, (_, i) => ({ id: i + 1, name: `user ${i + 1}` }));
  for (const { name, run } of sourceCases({
    open: () => postgres<{ id: number; name: string }>({ url, query: 'SELECT id, name FROM users ORDER BY id' }),
    expected: users,
  }))
    it(name, run);

  it('reads tables, views, partitions, children, generated columns and odd names', async () => {
    expect(await rows({ table: 'users' })).to.deep.include({ id: 9, name: 'user 9', born: '2000-01-10', net: '10.0.0.1' });
    expect(await rows({ table: 'public.grown' })).to.have.length(9);
    expect(await rows({ table: 'crm."Odd.Name"' })).to.deep.equal([{ n: 1 }, { n: 2 }]);
    expect(await rows({ table: 'parts' })).to.deep.equal([{ id: 3 }]);
    expect(await rows({ table: 'parent' })).to.deep.equal([{ id: 1 }, { id: 2 }]);
    expect(await rows({ table: 'made' })).to.deep.equal([{ a: 4, b: 8 }]);
    expect(await rows({ table: 'nothing' })).to.deep.equal([]);
    expect(await rows({ table: 'bare' })).to.deep.equal([{}]);
  });

  it('reads queries of every form, comments and semicolons included', async () => {
    expect(await rows({ query: 'SELECT 1 AS a ; ' })).to.deep.equal([{ a: 1 }]);
    expect(await rows({ query: 'SELECT \'10.0.0.1\'::inet AS a, 2 AS "?" -- the end' })).to.deep.equal([{ a: '10.0.0.1', '?': 2 }]);
    expect(await rows({ query: "VALUES (1, '(1,2)'::point)" })).to.deep.equal([{ column1: 1, column2: '(1,2)' }]);
    expect(await rows({ query: "INSERT INTO nothing VALUES (7) RETURNING a, '::1'::inet AS b" })).to.deep.equal([{ a: 7, b: '::1' }]);
    expect(await rows({ query: 'DELETE FROM nothing RETURNING a' })).to.deep.equal([{ a: 7 }]);
    expect(await rows({ query: 'WITH x AS (SELECT 3 AS a) SELECT * FROM x' })).to.deep.equal([{ a: 3 }]);
  });

  it('names what is wrong with a table, a query or its options', async () => {
    expect(await failure({ table: 'usres' })).to.match(
      /^NOT_FOUND no table "usres" in database "source_test" at 127\.0\.0\.1:\d+; did you mean "users"\?/,
    );
    expect(await failure({ table: 'crm.odd_name' })).to.match(/^NOT_FOUND .*did you mean "crm\."Odd\.Name""/);
    expect(await failure({ query: 'SELECT nmae FROM users' })).to.match(/^COLUMN_UNKNOWN .*"nmae" does not exist/);
    expect(await failure({ query: 'SELECT 1 FROM nowhere' })).to.match(/^NOT_FOUND .*"nowhere" does not exist/);
    expect(await failure({ query: 'SELEC 1' })).to.match(/^OPTION_INVALID .*syntax error at or near "SELEC"/);
    expect(await failure({ query: 'SELECT 1; DROP TABLE users' })).to.match(/^OPTION_INVALID .*multiple commands/);
    expect(await failure({ query: 'SELECT 1 AS a, 2 AS a' })).to.match(/^COLUMN_DUPLICATE .*"a"/);
    expect(await failure({ query: 'CREATE TABLE x (a int)' })).to.match(/^OPTION_INVALID .*gives no rows/);
    expect(await failure({ query: ' ; ' })).to.match(/^OPTION_INVALID .*empty/);
    expect(await failure({ table: 'a.b.c.d' })).to.match(/^OPTION_INVALID /);
    expect(await failure({})).to.match(/^OPTION_INVALID .*either table or query/);
    expect(await failure({ table: 'users', query: 'SELECT 1' })).to.match(/^OPTION_INVALID .*either table or query/);
    expect(await failure({ tabel: 'users' })).to.match(/^OPTION_UNKNOWN .*did you mean "table"/);
    const locked = url.replace('postgres@', `${PASSWORD_USER.user}:${PASSWORD_USER.password}@`);
    expect(await failure({ url: locked, table: 'secret' })).to.match(/^NOT_PERMITTED read table "secret": permission denied/);
    expect(await failure({ query: 'SELECT 1 / (id - 50000) FROM many' })).to.match(/^ROW_REFUSED read the query: division by zero/);
    expect(await failure({ query: "SELECT ('x' || id)::int FROM many" })).to.match(/^ROW_REFUSED .*integer: … \(/);
    expect(await failure({ query: 'SELECT pg_sleep(5)', statementTimeoutMs: 20 })).to.match(/^TIMEOUT .*statement timeout/);
    expect(await openSessions(url, APP)).to.equal(0);
  });

  it('takes a schema for the type of its rows, and says which field is no column', async () => {
    const [first] = await postgres({ url, query: 'SELECT id, name FROM users ORDER BY id', schema: zodUser }).toArray();
    expect(first?.name.toUpperCase()).to.equal('USER 1');
    for (const schema of [zodUser, valibotUser]) {
      const source = postgres({ url, query: 'SELECT id, name AS nmae FROM users', schema });
      expect(await failureOf(() => pipeline(source, memory<object>([])))).to.match(/^SCHEMA_MISMATCH .*"name".*did you mean "nmae"/);
    }
  });

  it('reads only the columns that are asked for', async () => {
    const { batches, seen } = reading({ table: 'users' }, { columns: ['name', 'id'] });
    const [batch] = await allBatches(batches);
    expect(batch?.schema.names).to.deep.equal(['id', 'name']);
    expect(batch?.rows[0]).to.deep.equal({ id: 1, name: 'user 1' });
    expect(seen).to.deep.include({ rows: 9 });
  });

  it('passes the server’s own bytes on where it reads them in binary form itself', async () => {
    const [batch] = await allBatches(reading({ table: 'users' }, { passthrough: ['pg-copy'], looksAt: ['net'] }).batches);
    const bytes = Buffer.concat(batch?.encoded('pg-copy') as Uint8Array[]);
    expect(bytes.subarray(0, 7)).to.deep.equal(Buffer.from([0x64, 0, 0, 0, bytes.readInt32BE(1), 0, 4]));
    expect(batch?.column('net').get(0)).to.equal('10.0.0.1');
    const [queried] = await allBatches(
      reading({ query: "SELECT 1 AS id, 'a & b'::tsquery AS words" }, { passthrough: ['pg-copy'] }).batches,
    );
    expect(queried?.encoded('pg-copy')).to.equal(undefined);
    expect(queried?.column('words').get(0)).to.equal("'a' & 'b'");
    expect(queried?.project(['id']).encoded('pg-copy')).to.have.length(1);
  });

  it('says how many rows there will be, about, and counts what the server counted', async () => {
    const { batches, seen } = reading({ table: 'many' }, {});
    const read = await allBatches(batches);
    expect(read.reduce((sum, batch) => sum + batch.length, 0)).to.equal(100_000);
    expect(Math.max(...read.map(batch => batch.bytes))).to.be.below(512 * 1024);
    expect(seen.expected).to.be.within(90_000, 110_000);
    expect(seen.rows).to.equal(100_000);
    expect(seen.bytes).to.be.above(100_000 * 256);
  });

  it('gives the rows of a slow query as they come, without waiting for a full batch', async () => {
    const { batches, abort } = reading({
      // The server itself sends what it has by 8 KiB.
      query: "SELECT i, repeat('x', 20000) || pg_sleep(CASE WHEN i = 4 THEN 60 ELSE 0 END)::text FROM generate_series(1, 9) i",
    });
    const first = await batches.next();
    expect((first.value as RecordBatch).column('i').get(0)).to.equal(1);
    abort.abort();
    expect(await failureOf(() => batches.next())).to.match(/^CANCELLED |^done/);
    expect(await openSessions(url, APP)).to.equal(0);
  });

  it('cancels its statement when it is aborted at any point, and leaves nothing', async () => {
    for (const after of [0, 1, 5]) {
      const { batches, abort } = reading({ table: 'many' });
      for (let i = 0; i < after; i++) expect((await batches.next()).done).to.equal(false);
      abort.abort();
      expect(await failureOf(() => batches.next())).to.match(/^CANCELLED /);
      expect(await openSessions(url, APP), `after ${after}`).to.equal(0);
    }
    const { batches, abort } = reading({ query: 'SELECT pg_sleep(60)::text' });
    const pending = failureOf(() => batches.next());
    await until(async () => (await running()) === 1);
    abort.abort();
    expect(await pending).to.match(/^CANCELLED /);
    expect(await openSessions(url, APP)).to.equal(0);
  });

  it('cancels its statement when no more is needed', async () => {
    const { batches } = reading({ query: 'SELECT a.id FROM many a, many b' });
    await batches.next();
    await batches.return?.();
    expect(await openSessions(url, APP)).to.equal(0);
  });

  it('waits for a lock no longer than its signal, or than it is allowed to', async () => {
    const held = sql(url, 'BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60); COMMIT').catch(() => undefined);
    await until(
      async () =>
        (await sql(url, "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'users'::regclass")).length >
        0,
    );
    const short = reading({ table: 'users', lockTimeoutMs: 50 });
    expect(await failureOf(() => short.batches.next())).to.match(/^TIMEOUT read table "users": .*another session holds the lock/);
    const { batches, abort } = reading({ table: 'users' });
    const pending = failureOf(() => batches.next());
    await until(async () => (await running()) === 1);
    abort.abort();
    expect(await pending).to.match(/^CANCELLED /);
    await sql(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%'");
    await held;
    expect(await openSessions(url, APP)).to.equal(0);
  });

  it('rejects, and never ends short, when the connection is reset in the middle', async () => {
    const { port } = await startPostgres();
    for (const bytes of [200_000, 3_000_000]) {
      const proxy = await tcpProxy(port);
      proxy.resetAfter(bytes);
      const { batches } = reading({ url: url.replace(`:${port}`, `:${proxy.port}`), table: 'many' });
      const reason = await failureOf(() => allBatches(batches));
      expect(reason).to.match(/^CONNECTION_LOST read table "many": the connection to .* was lost/);
      await proxy.close();
    }
    expect(await openSessions(url, APP)).to.equal(0);
  });

  it('rejects when its backend is terminated, or its statement cancelled by somebody else', async () => {
    for (const [means, code] of [
      ['pg_terminate_backend', 'CONNECTION_LOST'],
      ['pg_cancel_backend', 'TIMEOUT'],
    ] as const) {
      const { batches } = reading({ query: 'SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 2000000) i' });
      await batches.next();
      await sql(url, `SELECT ${means}(pid) FROM pg_stat_activity WHERE application_name = $1`, [APP]);
      const error = await failureOf(() => allBatches(batches));
      expect(error).to.match(new RegExp(`^${code} read the query: `));
      expect(await openSessions(url, APP)).to.equal(0);
    }
  });

  it('holds two batches at most while its consumer sleeps', async () => {
    const held = heldBytes();
    const { batches, abort } = reading({ query: 'SELECT i, repeat(md5(i::text), 300) FROM generate_series(1, 1000000) i' });
    await batches.next();
    const [before] = await sentBytes();
    await until(async () => (await sentBytes())[1] === 'ClientWrite');
    expect(before).to.equal(1);
    expect(heldBytes() - held).to.be.below(8 * 1024 * 1024);
    abort.abort();
    expect(await failureOf(() => batches.next())).to.match(/^CANCELLED /);
    expect(await openSessions(url, APP)).to.equal(0);
  });

  it('carries rows longer than a batch, each in a batch of its own', async () => {
    const { batches } = reading(
      { query: "SELECT i, repeat('x', 300000 * (i % 3)) AS x FROM generate_series(1, 9) i" },
      { batchBytes: 65_536 },
    );
    const lengths = (await allBatches(batches)).flatMap(batch => batch.rows.map(row => (row['x'] as string).length));
    expect(lengths).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9].map(i => 300_000 * (i % 3)));
  });

  it('runs in a pipeline, and in several at once', async () => {
    const targets: object[][] = [[], [], []];
    const reports = await Promise.all(targets.map(target => pipeline(postgres({ url, table: 'many' }), memory(target))));
    expect(reports.map(report => [report.read, report.written])).to.deep.equal(targets.map(() => [100_000, 100_000]));
    expect(targets.map(target => target.length)).to.deep.equal([100_000, 100_000, 100_000]);
  });

  function reading(options: object, context: Partial<SourceContext> = {}) {
    return readingPostgres({ url, applicationName: APP, ...options }, context);
  }

  async function rows(options: object): Promise<object[]> {
    return postgres<object>({ url, ...options }).toArray();
  }

  function failure(options: object): Promise<string> {
    return failureOf(() => pipeline(postgres({ url, applicationName: APP, ...options }), memory<object>([])));
  }

  async function running(): Promise<number> {
    return (
      await sql(url, "SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND state = 'active' AND query !~ 'set_config'", [APP])
    ).length;
  }

  async function sentBytes(): Promise<[number, string | undefined]> {
    const found = await sql<{ wait: string }>(url, 'SELECT wait_event AS wait FROM pg_stat_activity WHERE application_name = $1', [APP]);
    return [found.length, found[0]?.wait];
  }
});

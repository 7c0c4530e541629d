import { expect } from 'chai';
import pg from 'pg';
import type { AnyRow } from '../../lib/core/define.ts';
import { Schema } from '../../lib/schema/schema.ts';
import { endSessions, freshDatabase, sql } from '../services/postgres.ts';
import { protocolProxy } from '../services/protocol-proxy.ts';
import { batchesOf, failure, openWriter, writeAll } from './postgres-harness.ts';

const ITEMS = new Schema([
  { name: 'id', type: { kind: 'int8' }, nullable: false },
  { name: 'name', type: { kind: 'text' }, nullable: true },
]);
const rows: AnyRow[] = Array.from({ length: 20_000 }, (_, id) => ({ id, name: 'x'.repeat(50) }));

describe('sink postgres, faults', () => {
  let url: string;
  before(async () => {
    url = await freshDatabase('sink_faults_test');
  });
  afterEach(async () => {
    expect(await left()).to.equal(0);
    await sql(url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  });

  const exists = async (table: string): Promise<boolean> =>
    (await sql(url, `SELECT to_regclass('${table}') IS NOT NULL AS there`))[0]?.['there'] === true;
  const OURS = `FROM pg_stat_activity WHERE application_name = 'millrace' AND datname = current_database()`;
  /** Backends of the sink that are still there, once they had time to go. */
  async function left(): Promise<number> {
    for (let i = 0; ; i++) {
      const [row] = await sql<{ n: number }>(url, `SELECT count(*)::int AS n ${OURS}`);
      if (row?.n === 0 || i === 300) return row?.n ?? -1;
    }
  }
  async function locked(url: string, table: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url, application_name: 'locker' });
    await client.connect();
    await client.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    return client;
  }
  /** Until a backend of the sink waits for a lock. */
  async function waitsForLock(): Promise<void> {
    while ((await sql(url, `SELECT 1 ${OURS} AND wait_event_type = 'Lock'`)).length === 0);
  }

  for (const hasDeadLetters of [false, true]) {
    const what = hasDeadLetters ? ', with dead letters' : '';

    it(`leaves no table and no backend when it is aborted in mid COPY${what}`, async () => {
      const opened = await openWriter({ url, table: 't' }, ITEMS, { hasDeadLetters });
      for (const batch of batchesOf(rows, ITEMS)) await opened.writer.write(batch);
      const start = performance.now();
      await opened.writer.abort(new Error('the run failed'));
      expect(performance.now() - start).to.be.lessThan(1500);
      expect(await left()).to.equal(0);
      expect(await exists('t')).to.equal(false);
    });

    it(`ends at once when the signal aborts while it writes${what}`, async () => {
      const opened = await openWriter({ url, table: 't' }, ITEMS, { hasDeadLetters });
      const endless = async (): Promise<void> => {
        for (;;) for (const batch of batchesOf(rows, ITEMS, 5000)) await opened.writer.write(batch);
      };
      const writing = failure(endless());
      setTimeout(() => opened.abort.abort(), 100);
      expect((await writing).code).to.equal('CANCELLED');
      await opened.writer.abort(new Error('aborted'));
      expect(await exists('t')).to.equal(false);
    });

    it(`rejects cleanly when the server ends the connection in mid COPY${what}`, async () => {
      const opened = await openWriter({ url, table: 't' }, ITEMS, { hasDeadLetters });
      const batches = batchesOf(rows, ITEMS);
      await opened.writer.write(batches[0]!);
      await endSessions(url, OURS);
      const error = await failure(
        (async () => {
          for (const batch of batches.slice(1)) await opened.writer.write(batch);
          await opened.writer.flush();
        })(),
      );
      expect(error.code).to.equal('CONNECTION_LOST');
      expect(error.retryable).to.equal(true);
      await opened.writer.abort(error);
      expect(await exists('t')).to.equal(false);
    });

    it(`ends as DISK_FULL when the server's disk is full in mid COPY, and leaves nothing${what}`, async () => {
      await sql(
        url,
        `CREATE TABLE t (id int8, name text); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.id = 15000 THEN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()`,
      );
      const opened = await openWriter({ url, table: 't', mode: 'append' }, ITEMS, { hasDeadLetters });
      const error = await failure(writeAll(opened, batchesOf(rows, ITEMS)));
      expect([error.code, error.retryable]).to.deep.equal(['DISK_FULL', false]);
      expect(await sql(url, 'SELECT count(*)::int AS n FROM t')).to.deep.equal([{ n: 0 }]);
    });

    it(`gives up on a lock that another session holds, and says which table${what}`, async () => {
      await sql(url, 'CREATE TABLE t (id int8, name text)');
      const locker = await locked(url, 't');
      const opened = await openWriter({ url, table: 't', mode: 'append', lockTimeoutMs: 100 }, ITEMS, { hasDeadLetters });
      const error = await failure(writeAll(opened, batchesOf(rows, ITEMS)));
      expect([error.code, error.retryable]).to.deep.equal(['TIMEOUT', true]);
      expect(error.message).to.contain('"t"');
      await locker.end();
    });

    it(`cancels a statement that waits for a lock when the signal aborts${what}`, async () => {
      await sql(url, 'CREATE TABLE t (id int8, name text)');
      const locker = await locked(url, 't');
      const opened = await openWriter({ url, table: 't', mode: 'append' }, ITEMS, { hasDeadLetters });
      const writing = failure(writeAll(opened, batchesOf(rows, ITEMS)));
      await waitsForLock();
      opened.abort.abort();
      expect((await writing).code).to.equal('CANCELLED');
      expect(await left()).to.equal(0);
      await locker.end();
    });
  }

  it('makes a table once when two runs come to make it', async () => {
    const first = await openWriter({ url, table: 't' }, ITEMS);
    const second = await failure(openWriter({ url, table: 'public.t' }, ITEMS));
    expect(second.code).to.equal('EXISTS');
    expect(second.message).to.contain('another run is making table "public.t"');
    const third = openWriter({ url, table: 't', mode: 'append' }, ITEMS);
    await waitsForLock();
    await writeAll(first, batchesOf(rows, ITEMS));
    await writeAll(await third, batchesOf(rows, ITEMS));
    expect(await sql(url, 'SELECT count(*)::int AS n FROM t')).to.deep.equal([{ n: 40_000 }]);
  });

  it('makes a table itself when the run that was making it gives up', async () => {
    const first = await openWriter({ url, table: 't' }, ITEMS);
    const second = openWriter({ url, table: 't', mode: 'append' }, ITEMS);
    await waitsForLock();
    await first.writer.abort(new Error('it failed'));
    await writeAll(await second, batchesOf(rows, ITEMS));
    expect(await sql(url, 'SELECT count(*)::int AS n FROM t')).to.deep.equal([{ n: 20_000 }]);
  });

  it('finds the table that somebody else made in the same moment, and waits for them no longer than allowed', async () => {
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    await other.query('BEGIN; CREATE TABLE t (id int8)');
    expect((await failure(openWriter({ url, table: 't', lockTimeoutMs: 100 }, ITEMS))).code).to.equal('TIMEOUT');
    const opening = failure(openWriter({ url, table: 't' }, ITEMS));
    await waitsForLock();
    await other.query('COMMIT');
    await other.end();
    expect((await opening).code).to.equal('EXISTS');
  });

  it('cancels a row that waits for another transaction when it is aborted without a signal', async () => {
    await sql(url, 'CREATE TABLE t (id int8 PRIMARY KEY, name text)');
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    await other.query('BEGIN; INSERT INTO t VALUES (3)');
    const opened = await openWriter({ url, table: 't', mode: 'append', stallTimeoutMs: 500 }, ITEMS);
    const error = await failure(
      (async () => {
        for (const batch of batchesOf(rows, ITEMS)) await opened.writer.write(batch);
        await opened.writer.flush();
      })(),
    );
    expect(error.code).to.equal('TIMEOUT');
    await opened.writer.abort(error);
    expect(await left()).to.equal(0);
    await other.end();
  });

  it('says that nothing is committed where the connection was lost before the commit', async () => {
    const opened = await openWriter({ url, table: 't' }, ITEMS);
    await opened.writer.write(batchesOf(rows, ITEMS)[0]!);
    await opened.writer.flush();
    await endSessions(url, OURS);
    const error = await failure(opened.writer.commit({ job: 'x', operators: {}, sinks: {} }));
    expect([error.code, error.retryable]).to.deep.equal(['CONNECTION_LOST', true]);
    await opened.writer.abort(error);
    expect(await exists('t')).to.equal(false);
  });

  for (const { what, isFoundOut } of [
    { what: 'finds out that a commit happened whose reply was lost', isFoundOut: true },
    { what: 'says that nobody knows where a server that committed cannot be asked', isFoundOut: false },
  ]) {
    it(what, async () => {
      const proxy = await protocolProxy(Number(new URL(url).port));
      const through = Object.assign(new URL(url), { port: String(proxy.port), search: '?sslmode=disable' }).href;
      const opened = await openWriter({ url: through, table: 't' }, ITEMS);
      await opened.writer.write(batchesOf(rows, ITEMS)[0]!);
      await opened.writer.flush();
      proxy.cutWhere(message => message === '< CommandComplete COMMIT');
      if (!isFoundOut) proxy.shut(true);
      const committing = opened.writer.commit({ job: 'x', operators: {}, sinks: {} });
      if (isFoundOut) {
        await committing;
        await opened.writer.close();
      } else {
        const error = await failure(committing);
        expect([error.code, error.retryable]).to.deep.equal(['CONNECTION_LOST', false]);
        expect(error.message).to.contain('may have committed');
        await opened.writer.abort(error);
      }
      expect(await exists('t')).to.equal(true);
      await proxy.close();
    });
  }

  it('finds out that a commit did not happen whose request was lost', async () => {
    const proxy = await protocolProxy(Number(new URL(url).port));
    const through = Object.assign(new URL(url), { port: String(proxy.port), search: '?sslmode=disable' }).href;
    const opened = await openWriter({ url: through, table: 't' }, ITEMS);
    await opened.writer.write(batchesOf(rows, ITEMS)[0]!);
    await opened.writer.flush();
    proxy.cutWhere(message => message === '> Query COMMIT');
    const error = await failure(opened.writer.commit({ job: 'x', operators: {}, sinks: {} }));
    expect([error.code, error.retryable]).to.deep.equal(['CONNECTION_LOST', true]);
    expect(error.message).to.contain('nothing was committed');
    await opened.writer.abort(error);
    expect(await exists('t')).to.equal(false);
    await proxy.close();
  });

  it('tells a wrong address, database, password and missing right apart, and holds no connection', async () => {
    const refused = async (options: Partial<Parameters<typeof openWriter>[0]>): Promise<string> =>
      (await failure(openWriter({ url, table: 't', ...options }, ITEMS))).code;
    const { port } = new URL(url);
    await sql(url, 'GRANT USAGE ON SCHEMA public TO PUBLIC');
    expect(await refused({ url: 'postgres://postgres@127.0.0.1:1/x' })).to.equal('UNREACHABLE');
    expect(await refused({ url: `postgres://postgres@127.0.0.1:${port}/nowhere` })).to.equal('NOT_FOUND');
    expect(await refused({ url: `postgres://locked:wrong@127.0.0.1:${port}/sink_faults_test` })).to.equal('AUTHENTICATION_FAILED');
    expect(await refused({ url: `postgres://locked:correct-horse-7@127.0.0.1:${port}/sink_faults_test` })).to.equal('NOT_PERMITTED');
  });
});

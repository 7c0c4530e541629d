// A client of the user's: in its transaction, as it was afterwards, and usable whatever has happened.
import { expect } from 'chai';
import pg from 'pg';
import { filter, from, pipeline, plan, to } from '../../../lib/index.ts';
import { failureOf } from '../../sources/postgres-reading.ts';
import { freshDatabase, sql } from '../../services/postgres.ts';

interface Row {
  id: number;
}
const rows = (...ids: number[]): Row[] => ids.map(id => ({ id }));

describe("a client of the user's", () => {
  let url = '';
  let client: pg.Client;

  before(async () => {
    url = await freshDatabase('borrowed_client_test');
  });
  beforeEach(async () => {
    await sql(
      url,
      `DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE t (id int8 PRIMARY KEY, note text);
      CREATE TABLE many AS SELECT i::int8 AS id FROM generate_series(1, 200000) i`,
    );
    client = new pg.Client(url);
    await client.connect();
    await client.query(
      `SET TimeZone = 'Asia/Kathmandu'; SET DateStyle = 'German'; SET lock_timeout = 12345; SET statement_timeout = 54321`,
    );
  });
  afterEach(() => client.end());

  const settings = async (): Promise<unknown> =>
    (await client.query("SELECT name, setting FROM pg_settings WHERE name <> 'transaction_read_only' ORDER BY name")).rows;
  const ids = async (): Promise<number[]> =>
    (await client.query<{ id: string }>('SELECT id FROM t ORDER BY id')).rows.map(({ id }) => Number(id));
  const committed = async (): Promise<number[]> =>
    (await sql<{ id: string }>(url, 'SELECT id FROM t ORDER BY id')).map(({ id }) => Number(id));
  const status = (): string | null => client.getTransactionStatus();
  const listeners = (): unknown => {
    const { connection } = client as unknown as { connection: NodeJS.EventEmitter & { stream: NodeJS.EventEmitter } };
    return [client, connection, connection.stream].map(emitter =>
      Object.fromEntries(emitter.eventNames().map(name => [name, emitter.listenerCount(name)])),
    );
  };
  /** Settings, listeners, transaction: what has to be the same afterwards. */
  const state = async (): Promise<unknown> => {
    const found = await settings();
    return [found, listeners(), status()];
  };

  it('adds rows to the transaction that it is in, which are kept or lost with it', async () => {
    await client.query('BEGIN');
    const before = await state();
    const report = await pipeline(from.records(rows(1, 2)), to.postgres({ client, table: 't', mode: 'append' }));
    expect(report.written).to.equal(2);
    expect(await state()).to.deep.equal(before);
    expect([await ids(), await committed()]).to.deep.equal([[1, 2], []]);
    await client.query('ROLLBACK');
    expect(await ids()).to.deep.equal([]);

    await client.query('BEGIN');
    await pipeline(from.records(rows(3)), to.postgres({ client, table: 't', mode: 'append' }));
    await client.query('COMMIT');
    expect(await committed()).to.deep.equal([3]);
  });

  it('reads what its transaction has written, and nobody else sees', async () => {
    await client.query('BEGIN; INSERT INTO t VALUES (7)');
    const before = await state();
    expect(await from.postgres<Row>({ client, table: 't' }).toArray()).to.deep.equal([{ id: 7, note: null }]);
    const query = from.postgres<Row>({ client, query: 'SELECT id FROM t WHERE id = $1', values: [7] });
    expect(await query.toArray()).to.deep.equal([{ id: 7 }]);
    expect(await state()).to.deep.equal(before);
    await client.query('ROLLBACK');
    expect(await from.postgres({ client, table: 't' }).toArray()).to.deep.equal([]);
  });

  it('has a transaction of the run where it is in none', async () => {
    const before = await state();
    await pipeline(from.records(rows(1, 2)), to.postgres({ client, table: 't', mode: 'append' }));
    expect(await committed()).to.deep.equal([1, 2]);
    expect(await from.postgres({ client, query: 'INSERT INTO t VALUES ($1) RETURNING id', values: [9] }).toArray()).to.deep.equal([
      { id: 9 },
    ]);
    expect(await committed()).to.deep.equal([1, 2, 9]);
    expect(await failureOf(() => pipeline(from.records(rows(3, 3)), to.postgres({ client, table: 't', mode: 'append' })))).to.match(
      /^ROW_REFUSED/,
    );
    expect(await committed()).to.deep.equal([1, 2, 9]);
    expect(await state()).to.deep.equal(before);
  });

  for (const given of [
    { mode: 'create', table: 'made', key: ['id'] },
    { mode: 'append', table: 't' },
    { mode: 'replace', table: 't', replace: 'swap' },
    { mode: 'replace', table: 't', replace: 'truncate' },
    { mode: 'upsert', table: 't' },
  ] as const) {
    it(`leaves its settings, those of the transaction too, after ${JSON.stringify(given)}, with dead letters and without`, async () => {
      for (const deadLetter of [undefined, to.null()]) {
        await client.query(`BEGIN; SET LOCAL search_path = pg_temp, public; SET LOCAL work_mem = '7MB'; SET LOCAL TimeZone = 'Asia/Tokyo'`);
        await client.query('INSERT INTO public.t VALUES (1)');
        const before = await state();
        const table = `public.${given.table}`;
        const run = pipeline(
          from.postgres<Row>({ url, query: 'SELECT i::int8 AS id FROM generate_series(5, 6) i' }),
          to.postgres({ client, ...given, table }),
          {
            ...(deadLetter === undefined ? {} : { deadLetter }),
          },
        );
        expect((await run).written).to.equal(2);
        expect(await state()).to.deep.equal(before);
        expect((await client.query(`SELECT id FROM ${table} WHERE id > 4`)).rows).to.have.length(2);
        await client.query('ROLLBACK');
        expect(await committed()).to.deep.equal([]);
      }
    });
  }

  it('leaves deferred constraints deferred in a transaction that was there', async () => {
    await sql(url, 'CREATE TABLE child (id int8 REFERENCES t DEFERRABLE INITIALLY DEFERRED)');
    await client.query('BEGIN');
    const report = await pipeline(from.records(rows(1)), to.postgres({ client, table: 'child', mode: 'append' }), {
      deadLetter: to.null(),
    });
    expect(report.written).to.equal(1);
    await client.query('INSERT INTO child VALUES (2); INSERT INTO t VALUES (1), (2)');
    await client.query('COMMIT');
    expect(await committed()).to.deep.equal([1, 2]);
  });

  it('goes on with its transaction after a run that failed, which leaves nothing', async () => {
    await client.query('BEGIN; INSERT INTO t VALUES (1)');
    const before = await state();
    const write = (given: Row[], more = {}): Promise<string> =>
      failureOf(() => pipeline(from.records(given), to.postgres({ client, table: 't', mode: 'append', ...more })));
    expect(await write(rows(2, 1))).to.match(/^ROW_REFUSED/);
    expect(await write(rows(2), { table: 'nowhere.t' })).to.match(/^NOT_FOUND/);
    expect(await write(rows(2), { after: 'SELEC 1' })).to.match(/^OPTION_INVALID/);
    expect(await failureOf(() => from.postgres({ client, table: 'nowhere' }).toArray())).to.match(/^NOT_FOUND/);
    expect(await failureOf(() => from.postgres({ client, query: 'SELECT 1 / (3 - id) AS x FROM many' }).toArray())).to.match(
      /^ROW_REFUSED/,
    );
    expect(await state()).to.deep.equal(before);
    await client.query('COMMIT');
    expect(await committed()).to.deep.equal([1]);
  });

  it('puts refused rows away, and keeps the others', async () => {
    await client.query('BEGIN; INSERT INTO t VALUES (1)');
    const letters: unknown[] = [];
    const deadLetter = to.memory(letters);
    const report = await pipeline(from.records(rows(1, 2, 3)), to.postgres({ client, table: 't', mode: 'append' }), { deadLetter });
    expect([report.written, letters.length]).to.deep.equal([2, 1]);
    await client.query('COMMIT');
    expect(await committed()).to.deep.equal([1, 2, 3]);
  });

  for (const isJoined of [true, false]) {
    describe(isJoined ? 'in a transaction' : 'in none', () => {
      const first = async (): Promise<void> => void (await client.query(`${isJoined ? 'BEGIN; ' : ''}INSERT INTO t VALUES (1)`));
      const last = async (): Promise<void> => {
        if (isJoined) await client.query('COMMIT');
        expect(await committed()).to.deep.equal([1]);
      };

      it('is usable after a source that was stopped early', async () => {
        await first();
        const before = await state();
        for (const source of [
          from.postgres<Row>({ client, table: 'many' }),
          from.postgres<Row>({ client, query: 'SELECT id FROM many WHERE id > $1', values: [0] }),
        ]) {
          let seen = 0;
          for await (const row of source) if (row.id > 0 && ++seen === 5) break;
          expect(await state()).to.deep.equal(before);
        }
        await last();
      });

      it('is usable after a run that was aborted while it read', async () => {
        await first();
        const before = await state();
        const abort = new AbortController();
        const source = from.postgres<Row>({ client, query: 'SELECT id, pg_sleep(CASE id WHEN 50000 THEN 60 ELSE 0 END) FROM many' });
        const stop = filter((row: Row) => (row.id === 100 && abort.abort(), true));
        expect(await failureOf(() => pipeline(source, stop, to.null(), { signal: abort.signal }))).to.match(/^CANCELLED/);
        expect(await state()).to.deep.equal(before);
        await last();
      });

      for (const hasDeadLetters of [false, true])
        it(`is usable after a run that was aborted in the middle of a COPY${hasDeadLetters ? ', with dead letters' : ''}`, async () => {
          await first();
          const before = await state();
          const abort = new AbortController();
          async function* endless(): AsyncGenerator<Row> {
            for (let id = 2; ; id++) {
              if (id === 50_000) abort.abort();
              if (id > 50_000) await new Promise(resolve => setImmediate(resolve));
              yield { id };
            }
          }
          const more = hasDeadLetters ? { deadLetter: to.null() } : {};
          const run = pipeline(from.records(endless()), to.postgres({ client, table: 't', mode: 'append' }), {
            signal: abort.signal,
            ...more,
          });
          expect(await failureOf(() => run)).to.match(/^CANCELLED/);
          expect(await state()).to.deep.equal(before);
          await last();
        });

      it('is usable after a run that was aborted while it waited for a lock', async () => {
        await first();
        const other = new pg.Client(url);
        await other.connect();
        await other.query('BEGIN; LOCK TABLE many');
        const before = await state();
        for (const run of [
          (signal: AbortSignal) => pipeline(from.records(rows(2)), to.postgres({ client, table: 'many', mode: 'append' }), { signal }),
          (signal: AbortSignal) => pipeline(from.postgres({ client, table: 'many' }), to.null(), { signal }),
        ])
          expect(await failureOf(() => run(AbortSignal.timeout(200)))).to.match(/^(CANCELLED|TIMEOUT)/);
        expect(await state()).to.deep.equal(before);
        await other.end();
        await last();
      });

      it('is usable after a source that could not be cancelled, which is read to its end', async () => {
        await first();
        // As behind a tunnel: the address that it names is not the server's.
        Object.assign(client, { port: 1 });
        let seen = 0;
        for await (const row of from.postgres<Row>({ client, table: 'many' })) if (row.id > 0 && ++seen === 5) break;
        await last();
      });

      it('is asked by plan, which writes nothing and leaves its transaction alone', async () => {
        await first();
        const before = await state();
        const made = await plan(from.postgres<Row>({ client, table: 'many' }), to.postgres({ url, table: 't2' }));
        expect(JSON.stringify(made)).to.contain('many');
        await plan(from.postgres<Row>({ url, table: 'many' }), to.postgres({ client, table: 't', mode: 'replace' }));
        expect(await state()).to.deep.equal(before);
        if (isJoined) await client.query('INSERT INTO t VALUES (2); DELETE FROM t WHERE id = 2');
        await last();
      });
    });
  }

  it('makes a table with all that hangs on the one that it reads', async () => {
    await sql(url, 'CREATE INDEX by_note ON t (note); INSERT INTO t VALUES (1)');
    await client.query('BEGIN');
    await pipeline(from.postgres({ client, table: 't' }), to.postgres({ url, table: 'copied' }));
    const indexes = await sql(url, "SELECT 1 FROM pg_indexes WHERE tablename = 'copied'");
    expect(indexes).to.have.length(2);
    await client.query('COMMIT');
  });

  it('is refused by name while another stage or run uses it, and free afterwards', async () => {
    const both = (): unknown =>
      pipeline(from.postgres<Row>({ client, table: 'many' }), to.postgres({ client, table: 't', mode: 'append' }));
    expect(await failureOf(both)).to.match(/^OPTION_INVALID .*"client": another stage or run uses this client already/);
    const other = from.postgres<Row>({ client, table: 'many' })[Symbol.asyncIterator]();
    await other.next();
    expect(await failureOf(() => from.postgres({ client, table: 't' }).toArray())).to.match(
      /another stage or run uses this client already/,
    );
    await other.return?.();
    expect(await from.postgres({ client, table: 't' }).toArray()).to.deep.equal([]);
  });

  it('is refused while its transaction has failed', async () => {
    await client.query('BEGIN');
    await client.query('SELEC 1').catch(() => undefined);
    expect(await failureOf(() => from.postgres({ client, table: 't' }).toArray())).to.match(
      /^OPTION_INVALID .*its transaction has failed; roll it back first/,
    );
    await client.query('ROLLBACK');
    expect(await from.postgres({ client, table: 't' }).toArray()).to.deep.equal([]);
  });

  it('is refused when it is not connected, or not any more', async () => {
    const closed = new pg.Client(url);
    const read = (): Promise<string> => failureOf(() => from.postgres({ client: closed, table: 't' }).toArray());
    expect(await read()).to.match(/^OPTION_INVALID .*this client is not connected; connect it first/);
    await closed.connect();
    await closed.end();
    expect(await read()).to.match(/^OPTION_INVALID .*this client was closed/);
  });

  it('must be a client of pg, and needs no address', async () => {
    const given = (wrong: unknown, more = {}): Promise<string> =>
      failureOf(() => from.postgres({ client: wrong as pg.Client, table: 't', ...more }));
    const pool = new pg.Pool({ connectionString: url });
    expect(await given(pool)).to.match(/^OPTION_INVALID .*this is a Pool: take a client of it \(await pool\.connect\(\)\)/);
    const promised = pool.connect();
    expect(await given(promised)).to.match(/await it/);
    const pooled = await promised;
    expect(await from.postgres({ client: pooled, table: 't' }).toArray()).to.deep.equal([]);
    pooled.release();
    await pool.end();
    const postgresJs = Object.assign(() => undefined, { unsafe: () => undefined, begin: () => undefined });
    expect(await given(postgresJs)).to.match(/^OPTION_INVALID .*client of postgres\.js/);
    expect(await given({})).to.match(/^OPTION_INVALID /);
    expect(await given('postgres:///')).to.match(/^OPTION_INVALID .*this is no client/);
    expect(await given(client, { url })).to.match(/^OPTION_INVALID .*leave option "url" out/);
    expect(await given(client, { password: () => 'x' })).to.match(/leave option "password" out/);
    expect(await failureOf(() => to.postgres({ client, table: 't', host: 'x' }))).to.match(/leave option "host" out/);
    const whole = { client, tables: ['public.*'] } as object;
    expect(await failureOf(() => from.postgres.tables(whole))).to.match(/^OPTION_UNKNOWN .*client/);
    expect(await from.postgres({ client, table: 't', statementTimeoutMs: 5000 }).toArray()).to.deep.equal([]);
  });

  it('fails the run, and not the process, when its connection is lost', async () => {
    const { rows: found } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    let lost: Promise<unknown> | undefined;
    client.once('end', () => client.on('error', () => undefined));
    const kill = filter((row: Row) => ((lost ??= sql(url, `SELECT pg_terminate_backend(${found[0]?.pid})`)), row.id > 0));
    const slow = from.postgres<Row>({ client, query: 'SELECT id, pg_sleep(CASE id WHEN 50000 THEN 60 ELSE 0 END) FROM many' });
    expect(await failureOf(() => pipeline(slow, kill, to.null()))).to.match(/^CONNECTION_LOST/);
    await lost;
  });
});

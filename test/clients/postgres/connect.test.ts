import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import { MillraceError } from '../../../lib/errors.ts';
import { connect } from '../../../lib/clients/postgres/connection/connect.ts';
import { resolveTarget } from '../../../lib/clients/postgres/connection/connection-options.ts';
import { postgresError, printable, type ServerError } from '../../../lib/clients/postgres/connection/errors.ts';
import { openPool } from '../../../lib/clients/postgres/connection/pool.ts';
import { freshDatabase, PASSWORD_USER, sql, startPostgres } from '../../services/postgres.ts';

describe('connecting to PostgreSQL', () => {
  let url = '';
  before(async () => {
    url = await freshDatabase('connect_test');
  });

  it('takes an address, options over it, and the environment under it', () => {
    const env = { PGHOST: 'elsewhere', PGPASSWORD: 'from the environment', PGSSLMODE: 'require', PGPORT: '1234' };
    const target = resolveTarget(
      { url: 'postgresql://me:p%40ss@db.example/app%20one?application_name=x&sslmode=disable', user: 'you' },
      env,
    );
    expect(target).to.include({ host: 'db.example', port: 1234, user: 'you', password: 'p@ss', database: 'app one', sslmode: 'disable' });
    expect(target.applicationName).to.equal('x');
    expect(resolveTarget({ url: 'postgres:///app', user: 'u' }, env)).to.include({
      host: 'elsewhere',
      password: 'from the environment',
      sslmode: 'require',
    });
    expect(resolveTarget({ url: 'postgres://u@%2Ftmp%2Fsocket/app' }, {})).to.include({ host: '/tmp/socket', database: 'app', user: 'u' });
    expect(resolveTarget({ url: 'postgres://u@[::1]:77/app' }, {})).to.include({ host: '::1', port: 77, sslmode: 'allow' });
  });

  it('finds a password in a passfile as libpq does, and in none that others may read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'passfile-'));
    const passfile = join(folder, 'pass');
    await writeFile(passfile, '# notes\nh:1:db:me:no\nh\\:x:5432:*:me:es\\:c\\\\aped:tail\n*:*:app:me:by stars\nlocalhost:*:*:*:here\n', {
      mode: 0o600,
    });
    const found = (url: string): string | undefined => resolveTarget({ url }, { PGPASSFILE: passfile }).password;
    expect(found('postgres://me@h:1/db')).to.equal('no');
    expect(found('postgres://me@h/app')).to.equal('by stars');
    expect(found('postgres://me:own@h/app')).to.equal('own');
    expect(found('postgres://you@h/app')).to.equal(undefined);
    expect(found('postgres://you@%2Ftmp/app')).to.equal('here');
    expect(resolveTarget({ host: 'h:x', user: 'me', database: 'd', passfile }, {}).password).to.equal('es:c\\aped:tail');
    await chmod(passfile, 0o644);
    expect(found('postgres://me@h/app')).to.equal(undefined);
    await rm(folder, { recursive: true });
  });

  it('refuses an address that is none and a parameter that nobody knows, without showing the password', () => {
    expect(codeAndMessage(() => resolveTarget({ url: 'postgres://u:se cret@host:port/app' }, {}))).to.match(
      /^ADDRESS_INVALID (?!.*se cret)/,
    );
    expect(codeAndMessage(() => resolveTarget({ url: 'postgres://u:p@h/app?sslmod=require' }, {}))).to.match(
      /^OPTION_UNKNOWN .*did you mean "sslmode"/,
    );
    expect(codeAndMessage(() => resolveTarget({ url: 'postgres://u:p@h/app?sslmode=maybe' }, {}))).to.match(/^OPTION_INVALID .*maybe/);
  });

  it('reads the same whatever the role and the database are set to', async () => {
    const hostile = await freshDatabase('hostile_test');
    await sql(
      hostile,
      `ALTER DATABASE hostile_test SET "DateStyle" = 'German'; ALTER DATABASE hostile_test SET "TimeZone" = 'Asia/Tokyo';
      ALTER DATABASE hostile_test SET bytea_output = 'escape'; ALTER DATABASE hostile_test SET extra_float_digits = -15;
      ALTER DATABASE hostile_test SET "IntervalStyle" = 'sql_standard'; ALTER DATABASE hostile_test SET statement_timeout = 100;
      ALTER DATABASE hostile_test SET standard_conforming_strings = off; ALTER DATABASE hostile_test SET array_nulls = off;
      ALTER DATABASE hostile_test SET xmloption = document; ALTER DATABASE hostile_test SET client_encoding = 'LATIN1'`,
    );
    const client = await connect(resolveTarget({ url: hostile }));
    const { rows } = await client.query<
      Record<string, string>
    >(`SELECT timestamptz '2024-01-02 03:04:05Z'::text AS t, '\\x00ff'::bytea::text AS b,
      (0.1::float8 + 0.2::float8)::text AS f, interval '1 day 2 hours'::text AS i, current_setting('statement_timeout') AS s, 'a\\b' AS e,
      current_setting('application_name') AS name,
      array_position('{a,NULL}'::text[], NULL)::text AS n, ''::xml::text AS x, current_setting('client_encoding') AS c, current_setting('synchronize_seqscans') AS y FROM pg_sleep(0.15)`);
    await client.end();
    expect(rows).to.deep.equal([
      {
        t: '2024-01-02 03:04:05+00',
        b: '\\x00ff',
        f: '0.30000000000000004',
        i: '1 day 02:00:00',
        s: '0',
        e: 'a\\b',
        name: 'millrace',
        n: '2',
        x: '',
        c: 'UTF8',
        y: 'off',
      },
    ]);
  });

  it('says what was wrong with user, password, database, host and port, and never the password', async () => {
    const { port } = await startPostgres();
    const at = `127.0.0.1:${port}`;
    const { user, password } = PASSWORD_USER;
    expect(await failure(`postgres://${user}:wr0ng-secret@${at}/connect_test`)).to.match(/^AUTHENTICATION_FAILED .*"locked" is wrong/);
    expect(await failure(`postgres://${user}@${at}/connect_test`)).to.match(/^AUTHENTICATION_FAILED .*wants a password/);
    expect(await failure(`postgres://nobody_here:x@${at}/connect_test`)).to.match(/^AUTHENTICATION_FAILED .*"nobody_here"/);
    expect(await failure(`postgres://postgres:s3@${at}/no_such_db`)).to.match(/^NOT_FOUND .*no_such_db/);
    expect(await failure(`postgres://u:s3@127.0.0.1:1/app`)).to.match(
      /^UNREACHABLE .*127\.0\.0\.1:1 cannot be reached: nothing listens there/,
    );
    expect(await failure(`postgres://u:s3@no-such-host.invalid/app`)).to.match(/^UNREACHABLE .*no-such-host\.invalid:5432/);
    expect(await failure(`postgres://postgres@${at}/connect_test?sslmode=require`)).to.match(/^UNREACHABLE .*does not support SSL/);
    const client = await connect(resolveTarget({ url: `postgres://${user}:${password}@${at}/connect_test?sslmode=prefer` }));
    await client.end();
  });

  it('gives up on a server that takes connections and says nothing', async () => {
    const silent = await listen();
    const url = `postgres://u:s3cret@127.0.0.1:${silent.port}/app`;
    expect(await failure(url, { connectTimeoutMs: 50 })).to.match(/^UNREACHABLE .*no answer .* within 50 ms/);
    const controller = new AbortController();
    const attempt = connect(resolveTarget({ url }), controller.signal).then(
      () => 'connected',
      (error: unknown) => described(error),
    );
    await silent.connected(2);
    controller.abort();
    expect(await attempt).to.match(/^CANCELLED /);
    await silent.close();
  });

  it('shares connections, drops those that broke, and lets go of all with the last user', async () => {
    const target = resolveTarget({ url, applicationName: 'pool-test' });
    const [one, two] = [openPool(target), openPool({ ...target })];
    const first = await one.acquire();
    const pid = (await first.client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
    first.release();
    const second = await two.acquire();
    expect((await second.client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid).to.equal(pid);
    second.release();
    const ended = new Promise(resolve => second.client.once('end', resolve));
    await sql(url, 'SELECT pg_terminate_backend($1)', [pid]);
    await ended;
    const third = await one.acquire();
    expect((await third.client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid).to.not.equal(pid);
    await third.client.query('BEGIN');
    third.release();
    const fourth = await one.acquire();
    expect(fourth.client).to.not.equal(third.client);
    fourth.release();
    void one.close();
    expect(await sessions('pool-test')).to.equal(1);
    const last = new Promise(resolve => fourth.client.once('end', resolve));
    void two.close();
    await last;
    expect(await untilNone('pool-test')).to.equal(0);
  });

  it('is closed when its connections count no more: a role that may have one connection has it again', async () => {
    await sql(url, 'DROP ROLE IF EXISTS single; CREATE ROLE single LOGIN CONNECTION LIMIT 1');
    const { port } = await startPostgres();
    // What a client says last is long on its way.
    const slow = (): Socket => {
      const socket = connectSocket(port, '127.0.0.1');
      const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
      socket.write = (...args: unknown[]) => {
        if ((args[0] as Uint8Array)[0] !== GOODBYE) return write(...args);
        setTimeout(() => write(...args), 50);
        return true;
      };
      return socket;
    };
    const target = { ...resolveTarget({ url: url.replace('postgres@', 'single@'), sslmode: 'disable' }), means: { socket: slow } };
    for (let i = 0; i < 3; i++) {
      const pool = openPool(target);
      (await pool.acquire()).release();
      expect(await connect(target).then(() => 'connected', described)).to.match(/^UNREACHABLE .*too many connections for role/);
      await pool.close();
    }
    await sql(url, 'DROP ROLE single');
  });

  it('makes a waiting user wait for a free connection, and no longer than its signal', async () => {
    const pool = openPool(resolveTarget({ url, applicationName: 'crowd' }));
    const taken = await Promise.all(Array.from({ length: 32 }, () => pool.acquire()));
    const controller = new AbortController();
    const impatient = pool.acquire(controller.signal).then(
      () => 'connected',
      (error: unknown) => described(error),
    );
    const patient = pool.acquire();
    controller.abort();
    expect(await impatient).to.match(/^CANCELLED /);
    taken[0]?.release();
    (await patient).release();
    for (const session of taken) session.release();
    void pool.close();
    expect(await untilNone('crowd')).to.equal(0);
  });

  it('never quotes a value of a row in a message', () => {
    const shown = (code: string, message: string, fields: object = {}): string =>
      printable(Object.assign(new Error(message), { code, severity: 'ERROR', ...fields }) as ServerError);
    expect(shown('22P02', 'invalid input syntax for type integer: "abc"')).to.equal('invalid input syntax for type integer: …');
    expect(shown('22003', 'value "99999999999" is out of range for type integer')).to.equal('value … is out of range for type integer');
    expect(shown('22P02', 'invalid input syntax for type integer: "5" of "secret"')).to.equal('invalid input syntax for type integer: …');
    expect(shown('22021', 'invalid byte sequence for encoding "UTF8": 0xff')).to.equal('invalid byte sequence for encoding "UTF8": …');
    expect(shown('23505', 'duplicate key value violates unique constraint "t_pkey"', { constraint: 't_pkey' })).to.contain('"t_pkey"');
    expect(shown('23502', 'null value in column "a" of relation "t" violates not-null constraint', { column: 'a', table: 't' })).to.contain(
      'column "a" of relation "t"',
    );
    expect(shown('P0001', 'no more secret')).to.not.contain('secret');
    expect(shown('42P01', 'relation "users" does not exist')).to.equal('relation "users" does not exist');
    const raw = Object.assign(new Error('duplicate key value violates unique constraint "k"'), {
      code: '23505',
      severity: 'ERROR',
      detail: 'Key (a)=(secret) exists.',
      constraint: 'k',
    });
    const mapped = postgresError(raw, 'write table "t"', resolveTarget({ url: 'postgres://u:hidden@h/app' }, {}));
    expect(mapped.code).to.equal('ROW_REFUSED');
    expect(JSON.stringify([mapped.message, mapped, mapped.cause, String(mapped.cause)])).to.not.match(/secret|hidden/);
  });

  async function failure(address: string, options: object = {}): Promise<string> {
    try {
      await (await connect(resolveTarget({ url: address, ...options }, {}))).end();
      return 'connected';
    } catch (error) {
      const text = described(error);
      expect(text).to.not.match(/wr0ng-secret|:s3|s3cret/);
      return text;
    }
  }

  async function sessions(name: string): Promise<number> {
    return (
      (await sql<{ n: number }>(url, 'SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = $1', [name]))[0]?.n ?? -1
    );
  }

  /** Backends end a moment after their connections. */
  async function untilNone(name: string): Promise<number> {
    for (let left = 100; left > 0 && (await sessions(name)) > 0; left--);
    return sessions(name);
  }
});

function described(error: unknown): string {
  return error instanceof MillraceError ? `${error.code} ${error.message}` : String(error);
}

function codeAndMessage(run: () => unknown): string {
  try {
    run();
    return 'nothing thrown';
  } catch (error) {
    return described(error);
  }
}

/** The type of the message Terminate. */
const GOODBYE = 0x58;

/** A server that accepts and is silent. */
async function listen(): Promise<{ port: number; connected(count: number): Promise<void>; close(): Promise<void> }> {
  let count = 0;
  const waiting: [number, () => void][] = [];
  const sockets = new Set<{ destroy(): void }>();
  const server: Server = createServer(socket => {
    sockets.add(socket.on('error', () => undefined));
    socket.resume();
    count++;
    for (const [wanted, wake] of waiting) if (count >= wanted) wake();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    connected: wanted => new Promise(resolve => (count >= wanted ? resolve() : waiting.push([wanted, resolve]))),
    close: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type PostgresServer, sql, startAnother } from '../../services/postgres.ts';
import type { MillraceError } from '../../../lib/errors.ts';
import { from, pipeline, type PipelineError, to } from '../../../lib/index.ts';

/** Self-signed, for localhost, valid for 100 years. */
const CERTIFICATE = fileURLToPath(new URL('../../fixtures/tls/localhost.crt', import.meta.url));
const KEY = fileURLToPath(new URL('../../fixtures/tls/localhost.key', import.meta.url));

describe('PostgreSQL over TLS', () => {
  let server: PostgresServer;
  before(async () => {
    server = await startAnother(['hostnossl all only_tls 127.0.0.1/32 reject', 'hostssl all never_tls 127.0.0.1/32 reject']);
    const [row] = await sql<{ folder: string }>(server.url(), `SELECT current_setting('data_directory') AS folder`);
    for (const [file, name] of [
      [CERTIFICATE, 'server.crt'],
      [KEY, 'server.key'],
    ] as const) {
      const target = `${row?.folder ?? ''}/${name}`;
      const lines = `unnest(string_to_array($pem$${readFileSync(file, 'utf8').trim()}$pem$, E'\\n'))`;
      await sql(server.url(), `COPY (SELECT ${lines}) TO PROGRAM 'cat > ${target} && chmod 600 ${target}'`);
    }
    await sql(
      server.url(),
      `CREATE ROLE only_tls LOGIN SUPERUSER; CREATE ROLE never_tls LOGIN SUPERUSER; CREATE TABLE many AS SELECT i AS id, repeat('x', 200) AS text FROM generate_series(1, 50000) i`,
    );
    await sql(server.url(), 'ALTER SYSTEM SET ssl = on');
    await sql(server.url(), 'SELECT pg_reload_conf()');
    await until(async () => (await sql(server.url(), 'SHOW ssl'))[0]?.['ssl'] === 'on');
  });
  after(() => server.stop());

  const as = (user: string, host = '127.0.0.1'): string => server.url().replace('postgres@127.0.0.1', `${user}@${host}`);
  async function isEncrypted(url: string, more: object = {}): Promise<boolean> {
    const seen: { ssl: boolean }[] = [];
    await pipeline(
      from.postgres<{ ssl: boolean }>({ url, query: 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()', ...more }),
      to.memory(seen),
    );
    return seen[0]?.ssl === true;
  }
  async function codeOf(work: Promise<unknown>): Promise<string> {
    try {
      await work;
    } catch (error) {
      return `${(error as MillraceError).code} ${(error as MillraceError).message}`;
    }
    return 'it did not fail';
  }

  it('is encrypted as sslmode says, and on the own machine when the server wants it', async () => {
    expect(await isEncrypted(as('postgres'))).to.equal(false);
    expect(await isEncrypted(as('postgres'), { sslmode: 'require' })).to.equal(true);
    expect(await isEncrypted(as('postgres'), { sslmode: 'prefer' })).to.equal(true);
    expect(await isEncrypted(as('only_tls'))).to.equal(true);
    expect(await isEncrypted(as('never_tls'), { sslmode: 'prefer' })).to.equal(false);
    expect(await codeOf(isEncrypted(as('only_tls'), { sslmode: 'disable' }))).to.match(/^AUTHENTICATION_FAILED /);
    expect(await codeOf(isEncrypted(as('never_tls'), { sslmode: 'require' }))).to.match(/^AUTHENTICATION_FAILED /);
  });

  it('checks who signed the certificate, and whom it is for', async () => {
    const known = { sslrootcert: CERTIFICATE };
    expect(await isEncrypted(as('postgres'), known)).to.equal(true);
    expect(await isEncrypted(as('postgres', 'localhost'), { ...known, sslmode: 'verify-full' })).to.equal(true);
    expect(await codeOf(isEncrypted(as('postgres'), { ...known, sslmode: 'verify-full' }))).to.match(/^UNREACHABLE .*verify-full/);
    expect(await codeOf(isEncrypted(as('postgres'), { sslmode: 'verify-ca' }))).to.match(/^UNREACHABLE .*self-signed certificate/);
  });

  it('carries a table through encrypted connections, and cancels on one', async () => {
    const url = as('only_tls');
    const report = await pipeline(from.postgres({ url, table: 'many' }), to.postgres({ url, table: 'copy' }));
    expect(report).to.include({ read: 50_000, written: 50_000 });
    expect(await sql(server.url(), 'TABLE many EXCEPT TABLE copy')).to.deep.equal([]);
    const abort = new AbortController();
    const running = pipeline(from.postgres({ url, query: 'SELECT pg_sleep(60)::text AS slept' }), to.memory<Record<string, unknown>>([]), {
      signal: abort.signal,
    });
    const active = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'millrace' AND query LIKE 'COPY%'`;
    await until(async () => (await sql(server.url(), active)).length === 1);
    abort.abort();
    expect(((await running.catch((error: unknown) => error)) as PipelineError).code).to.equal('CANCELLED');
    await until(async () => (await sql(server.url(), active)).length === 0);
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds()));
}

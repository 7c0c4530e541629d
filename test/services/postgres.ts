/**
 * A real PostgreSQL for the tests: 18, or the one of the major version in MILLRACE_POSTGRES. One server a mocha process, started when the first
 * test asks for it. (The hooks in `test/hooks.ts` stop it in good order; it goes away with the process however that ends.)
 */
import { type PostgresServer, type ServerOptions, sql, startServer } from '../../examples/services/postgres.ts';
import { installServer } from './older-servers.ts';

export { type PostgresServer, sql };

/** The major version of the servers of this process. */
export const POSTGRES_VERSION = Number(process.env['MILLRACE_POSTGRES'] ?? 18);

/** A role that must give its password (scram-sha-256); it may connect to every database and owns nothing. */
export const PASSWORD_USER = { user: 'locked', password: 'correct-horse-7' };

let running: Promise<PostgresServer> | undefined;

/** The server of this process, started by the first call. */
export function startPostgres(): Promise<PostgresServer> {
  running ??= start();
  return running;
}

/** Stops the server of this process, if there is one. */
export async function stopPostgres(): Promise<void> {
  const server = running;
  running = undefined;
  await (await server)?.stop();
}

/** An empty database of this name (one that was there is dropped, whoever is connected to it); its URL. */
export async function freshDatabase(name: string): Promise<string> {
  const server = await startPostgres();
  await sql(server.url(), `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
  await sql(server.url(), `CREATE DATABASE "${name}"`);
  return server.url(name);
}

/** A further server of the same version, for the caller to stop. */
export async function startAnother(accessRules: readonly string[], options: ServerOptions = {}): Promise<PostgresServer> {
  const packageFolder = POSTGRES_VERSION === 18 ? undefined : await installServer(POSTGRES_VERSION);
  return startServer(accessRules, { ...options, packageFolder });
}

/** Ends sessions as an administrator does, and waits until they are gone. `sessions`: `FROM pg_stat_activity WHERE …`. */
export async function endSessions(url: string, sessions: string): Promise<void> {
  await sql(url, `SELECT pg_terminate_backend(pid) ${sessions}`);
  for (let left = 1000; left > 0 && (await sql(url, `SELECT 1 ${sessions}`)).length > 0; left--);
}

async function start(): Promise<PostgresServer> {
  const server = await startAnother([`host all ${PASSWORD_USER.user} 127.0.0.1/32 scram-sha-256`]);
  await sql(
    server.url(),
    `SET password_encryption = 'scram-sha-256'; CREATE ROLE "${PASSWORD_USER.user}" LOGIN PASSWORD '${PASSWORD_USER.password}'`,
  );
  return server;
}

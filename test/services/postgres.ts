/**
 * A real PostgreSQL 18 for the tests: one server a mocha process, started when the first test asks for it. (The hooks in `test/hooks.ts`
 * stop it in good order; it goes away with the process however that ends.)
 */
import { type PostgresServer, sql, startServer } from '../../examples/services/postgres.ts';

export { type PostgresServer, sql };

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

async function start(): Promise<PostgresServer> {
  const server = await startServer([`host all ${PASSWORD_USER.user} 127.0.0.1/32 scram-sha-256`]);
  await sql(server.url(), `CREATE ROLE "${PASSWORD_USER.user}" LOGIN PASSWORD '${PASSWORD_USER.password}'`);
  return server;
}

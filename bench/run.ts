/**
 * `npm run bench -- [--rows 1000000] [--rounds 3] [--jobs pg-pg,operators] [--server postgres://…] [--no-tenfold] [--out FILE]`: all jobs
 * beside their peers; prints the page of results, and with `--out` writes it. With `--jobs` the page has those that were measured before,
 * too, and says so. Exit 1 when a bar of the jobs that were run does not hold.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildIfStale } from '../test/services/dist.ts';
import { CREATE_ITEMS, CREATE_PICKED, CREATE_KEYED, fillBig, fillDatabase, fillItems, fillWide } from './data.ts';
import type { Job, Need, Place } from './job.ts';
import { jobs } from './jobs/index.ts';
import { keep, keptResults } from './kept.ts';
import { buildRuns, measure } from './measure.ts';
import { connect, freshDatabase } from './peers.ts';
import { pythonWithAdbc } from './python.ts';
import { type JobResult, page, verdicts } from './results.ts';
import { type BenchServer, givenServer, startServer } from './server.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    jobs: { type: 'string' },
    server: { type: 'string' },
    tenfold: { type: 'boolean', default: true },
    out: { type: 'string' },
  },
  allowNegative: true,
});
const said = (line: string): void => console.error(line);
const rows = Number(values.rows);
const names = values.jobs?.split(',');
const chosen = jobs.filter(({ name }) => names?.includes(name) ?? true);
if (chosen.length === 0 || !(rows >= 1)) {
  said(`--jobs: some of ${jobs.map(({ name }) => name).join(', ')}; --rows: a number`);
  process.exit(64);
}

buildIfStale();
buildRuns();
const server = values.server === undefined ? await startServer() : givenServer(values.server);
process.once('exit', () => server.stop());
process.once('SIGINT', () => process.exit(130));

const started = new Date().toISOString();
const results: JobResult[] = [];
const place = await makePlace(server, rows);
await runAll(chosen, place);
const tenfold = chosen.filter(({ isAlsoTenfold }) => isAlsoTenfold);
if (values.tenfold && tenfold.length > 0) await runAll(tenfold, { ...place, rows: rows * 10 });

const all = keptResults();
const text = page(all.results, { server: server.version, runs: all.runs });
console.log(text);
if (values.out !== undefined) writeFileSync(values.out, text);
process.exit(results.flatMap(verdicts).some(({ holds }) => holds === false) ? 1 : 0);

async function runAll(some: readonly Job[], where: Place): Promise<void> {
  await makeData(where, new Set(some.flatMap(({ needs = [] }) => needs)));
  for (const job of some) {
    said(`${job.name} (${where.rows} rows)`);
    const measures = await measure(job, where, Number(values.rounds), line => said(`  ${line}`));
    results.push({ job, rows: where.rows, moved: job.expected(where), measures });
    keep(results.at(-1) as JobResult, started);
    for (const { text, holds } of verdicts(results.at(-1) as JobResult)) said(`  ${holds === false ? 'SHORT: ' : ''}${text}`);
  }
}

/** Two databases; the widest table has 2,000 rows, or fewer where fewer rows are asked for. */
async function makePlace({ url, folder, psql }: BenchServer, rows: number): Promise<Place> {
  const names = { source: 'millrace_bench_source', target: 'millrace_bench_target' };
  for (const name of Object.values(names)) {
    await sql(url('postgres'), `DROP DATABASE IF EXISTS ${name}`);
    await sql(url('postgres'), `CREATE DATABASE ${name}`);
  }
  await sql(
    url(names.target),
    `${CREATE_ITEMS}; ${CREATE_PICKED}; ${CREATE_KEYED}; CREATE TABLE wide (id int8 NOT NULL, body text NOT NULL)`,
  );
  return {
    source: url(names.source),
    target: url(names.target),
    database: url('millrace_bench_database'),
    copied: url('millrace_bench_copied'),
    folder,
    rows,
    wideRows: Math.min(2000, Math.ceil(rows / 500)),
    psql,
    python: pythonWithAdbc(said),
  };
}

async function makeData(where: Place, needs: ReadonlySet<Need>): Promise<void> {
  said(`making ${where.rows} rows`);
  await sql(where.source, fillItems(where.rows));
  if (needs.has('big')) await sql(where.source, fillBig(where.rows * 10));
  if (needs.has('wide')) await sql(where.source, fillWide(where.wideRows));
  if (needs.has('database')) {
    await freshDatabase(where.database);
    await sql(where.database, fillDatabase(where.rows));
  }
  if (needs.has('csv')) await writeCsv(where);
}

/** By Millrace itself, which makes it for every contender alike. */
async function writeCsv({ source, folder }: Place): Promise<void> {
  const { from, pipeline, to } = await import('../lib/index.ts');
  await pipeline(from.postgres({ url: source, table: 'items' }), to.file(join(folder, 'items.csv'), { mode: 'replace' }));
}

async function sql(url: string, text: string): Promise<void> {
  const client = await connect(url);
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

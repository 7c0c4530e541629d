/** Runs contenders in turn, each in a process of its own, and checks what arrived. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { fillKeyed } from './data.ts';
import type { Contender, Job, Measure, Place } from './job.ts';
import { connect } from './peers.ts';

const here = import.meta.dirname;
const built = join(here, '.built');

/** As JavaScript, so that the runs pay for no compiler: neither its time nor its memory. They import the built package. */
export function buildRuns(): void {
  rmSync(built, { recursive: true, force: true });
  mkdirSync(join(built, 'jobs'), { recursive: true });
  for (const path of readdirSync(here, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts') || path.startsWith('.')) continue;
    const compilerOptions: ts.CompilerOptions = {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2023,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    };
    const { outputText } = ts.transpileModule(readFileSync(join(here, path), 'utf8'), { compilerOptions });
    writeFileSync(join(built, path.replace(/\.ts$/, '.js')), outputText);
  }
}

/** All measures of a job, contenders alternating; `rounds` of each after one that does not count (unless there is only one). */
export async function measure(job: Job, place: Place, rounds: number, said: (line: string) => void): Promise<Measure[]> {
  const contenders = job.contenders.filter(({ needs }) => needs === undefined || place[needs] !== undefined);
  const measures: Measure[] = [];
  const count = job.rounds ?? rounds;
  for (let round = count > 1 ? 0 : 1; round <= count; round++) {
    for (const contender of contenders) {
      const result = await runOnce(job, contender, place);
      const memory = result.peakMegabytes === undefined ? '' : `, ${result.peakMegabytes.toFixed(0)} MB`;
      said(`${round === 0 ? 'warm-up' : `round ${round}`}: ${contender.name}: ${result.seconds.toFixed(3)} s${memory}`);
      if (round > 0) measures.push(result);
    }
  }
  return measures;
}

async function runOnce(job: Job, contender: Contender, place: Place): Promise<Measure> {
  if (job.fills !== undefined) await emptied(place, job.fills);
  if (contender.fills === 'items' && job.fills !== 'items') await emptied(place, 'items');
  const result = await inChild(job.name, contender.name, place);
  const filled = contender.fills ?? job.fills;
  const arrived = filled === undefined ? result.rows : await countRows(place, filled);
  const expected = (contender.expected ?? job.expected)(place);
  if (arrived !== expected || result.rows !== expected) {
    throw new Error(`${job.name}: ${contender.name} says ${result.rows} rows, ${arrived} arrived, expected were ${expected}`);
  }
  if (contender.needs === undefined) return result;
  const { peakMegabytes: _ofNode, ...measured } = result;
  return measured;
}

async function emptied(place: Place, table: string): Promise<void> {
  const client = await connect(place.target);
  for (const statement of table === 'keyed' ? fillKeyed(place.rows) : [`TRUNCATE ${table}`]) await client.query(statement);
  // Neither run is to pay for the pages that the one before it left to be written.
  await client.query('CHECKPOINT');
  await client.end();
}

async function countRows(place: Place, table: string): Promise<number> {
  const client = await connect(place.target);
  const { rows } = await client.query<{ count: string }>(`SELECT count(*) FROM ${table}`);
  await client.end();
  return Number(rows[0]?.count);
}

function inChild(job: string, contender: string, place: Place): Promise<Measure> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(built, 'child.js'), job, contender, JSON.stringify(place)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    child.once('error', reject);
    child.once('close', code => {
      if (code !== 0) reject(new Error(`${job}: ${contender} ended with exit status ${code}`));
      else resolve(JSON.parse(printed.trim().split('\n').at(-1) ?? '') as Measure);
    });
  });
}

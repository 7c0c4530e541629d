/** What was measured so far, in a file that git ignores: a page of all jobs can be made though only some were measured again. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Measure } from './job.ts';
import { jobs } from './jobs/index.ts';
import type { JobResult } from './results.ts';

const file = join(import.meta.dirname, '.results.json');

interface Kept {
  readonly job: string;
  readonly rows: number;
  readonly moved: number;
  readonly measures: readonly Measure[];
  /** When its run began: contenders of a job, and jobs of a run, stood beside each other. */
  readonly run: string;
}

/** Takes the place of what was kept of the same job and the same number of rows. */
export function keep({ job, rows, moved, measures }: JobResult, run: string): void {
  const others = read().filter(kept => kept.job !== job.name || kept.rows !== rows);
  writeFileSync(file, JSON.stringify([...others, { job: job.name, rows, moved, measures, run } satisfies Kept], undefined, 1));
}

/** All that is kept of jobs that there are, in their order, with tenfold rows behind; and of how many runs it is. */
export function keptResults(): { results: JobResult[]; runs: number } {
  const found = read();
  const sizes = [...new Set(found.map(({ rows }) => rows))].sort((a, b) => a - b);
  const kept = sizes.flatMap(size => jobs.flatMap(job => found.filter(({ job: name, rows }) => name === job.name && rows === size)));
  const results = kept.flatMap(({ job: name, ...rest }) => jobs.filter(job => job.name === name).map(job => ({ job, ...rest })));
  return { results, runs: new Set(kept.map(({ run }) => run)).size };
}

function read(): Kept[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Kept[]) : [];
}

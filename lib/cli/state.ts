import { findJob, type JobStanding, listJobs, resetJob } from '../clients/postgres/delivery/kept-jobs.ts';
import { jobsPlace } from '../config/jobs-place.ts';
import { visible } from '../values/text-width.ts';
import type { ExitStatus } from './exit.ts';
import { unlessStopped } from './signals.ts';

export interface StateOptions {
  /** An address. */
  readonly at: string;
  readonly json?: true;
}

/** `millrace state list`: the jobs that are kept at a place, the last that ran first. */
export function listState({ at, json }: StateOptions): Promise<ExitStatus> {
  return unlessStopped(async signal => {
    const jobs = await listJobs(await jobsPlace(at), signal);
    if (json) print(JSON.stringify(jobs));
    else if (jobs.length === 0) print('no job is kept there');
    else for (const job of jobs) print(...shortly(job));
    return 0;
  });
}

/** `millrace state show JOB`: where it stands. */
export function showState(wanted: string, { at, json }: StateOptions): Promise<ExitStatus> {
  return unlessStopped(async signal => {
    const job = await findJob(await jobsPlace(at), wanted, signal);
    if (json) print(JSON.stringify(job));
    else print(...shortly(job), ...atLength(job));
    return 0;
  });
}

/** `millrace state reset JOB`: its next run begins at the beginning. */
export function resetState(wanted: string, { at, json }: StateOptions): Promise<ExitStatus> {
  return unlessStopped(async signal => {
    const job = await resetJob(await jobsPlace(at), wanted, signal);
    print(json ? JSON.stringify(job) : `job ${job.job} is forgotten: its next run begins at the beginning`);
    return 0;
  });
}

function shortly({ job, name, source, target, done, updatedAt }: JobStanding): string[] {
  return [`${job}${name === null ? '' : `  ${name}`}  ${done ? 'done' : 'not done'}  ${updatedAt}`, `  ${source} → ${target}`];
}

function atLength({ since, position, operators }: JobStanding): string[] {
  return [
    ...operators.map(operator => `  through ${operator}`),
    ...(since === null ? [] : [`  ${since}`]),
    `  position ${position === null ? 'none: it would begin at the beginning' : JSON.stringify(position)}`,
  ];
}

/** A terminal must not obey what names hold. */
function print(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${visible(line)}\n`);
}

/** The jobs that a database keeps the positions of, for who looks after them. */
import type pg from 'pg';
import { MillraceError, suggestion } from '../../../errors.ts';
import type { Checkpoint } from '../../../core/define.ts';
import { parseQualifiedName, quoteQualifiedName } from '../../../values/identifiers.ts';
import { limited } from '../connection/connect.ts';
import { describeTarget, type PgTarget } from '../connection/connection-options.ts';
import { withSession } from '../connection/session.ts';
import { CHECKPOINT_TABLE, forgetCheckpoint, isThere } from './checkpoint-table.ts';
import { lockJob } from './job-lock.ts';

/** Where a job stands. */
export interface JobStanding {
  readonly job: string;
  /** As it was called, where it was. */
  readonly name: string | null;
  readonly source: string;
  readonly target: string;
  /** The last run came to its end. */
  readonly done: boolean;
  /** ISO, UTC. */
  readonly updatedAt: string;
  /** What its source goes by from run to run; null: it does not. */
  readonly since: string | null;
  /** Behind which its source reads on; null: nothing is committed that it could go on behind. */
  readonly position: unknown;
  readonly operators: readonly string[];
}

/** Those of a database, or of one table of it. */
export interface JobsPlace {
  readonly target: PgTarget;
  readonly table?: string | undefined;
}

const DOING = 'look at the jobs that are kept';

/** All of them, the last that ran first. */
export function listJobs({ target, table }: JobsPlace, signal: AbortSignal): Promise<JobStanding[]> {
  return withSession(target, { doing: DOING, signal }, ({ client }) => readJobs(client, table));
}

/** The one that goes by this name, or whose id begins so. NOT_FOUND with the nearest; OPTION_INVALID where it could be several. */
export async function findJob(place: JobsPlace, wanted: string, signal: AbortSignal): Promise<JobStanding> {
  const jobs = await listJobs(place, signal);
  const exact = jobs.filter(({ job, name }) => job === wanted || name === wanted);
  const found = exact.length > 0 ? exact : jobs.filter(({ job }) => job.startsWith(wanted));
  const [first, second] = found;
  if (first === undefined) {
    const names = jobs.flatMap(({ job, name }) => (name === null ? [job] : [name, job]));
    const known = names.length === 0 ? '; none is kept there' : suggestion(wanted, names);
    throw new MillraceError('NOT_FOUND', `no job ${JSON.stringify(wanted)} is kept in ${describeTarget(place.target)}${known}`);
  }
  if (second !== undefined)
    throw new MillraceError('USAGE', `${JSON.stringify(wanted)} could be ${found.map(({ job }) => job).join(' or ')}; name one of them`);
  return first;
}

/** Forgets where it stands: its next run begins at the beginning. JOB_RUNNING while one is at work. */
export async function resetJob(place: JobsPlace, wanted: string, signal: AbortSignal): Promise<JobStanding> {
  const found = await findJob(place, wanted, signal);
  await withSession(place.target, { doing: `forget job ${found.job}`, signal }, async ({ client }) => {
    const release = await lockJob(client, found.job, signal);
    await forgetCheckpoint(client, found.job);
    await release();
  });
  return found;
}

async function readJobs(client: pg.Client, table: string | undefined): Promise<JobStanding[]> {
  if (!(await isThere(client))) return [];
  const name = table === undefined ? null : quoteQualifiedName(parseQualifiedName(table));
  const { rows } = await client.query<JobRow>(limited(JOBS, [name]));
  return rows.map(({ checkpoint, ...row }) => ({
    ...row,
    name: checkpoint.identity?.name ?? null,
    since: checkpoint.identity?.follows?.by ?? null,
    position: checkpoint.source ?? null,
    operators: checkpoint.identity?.operators ?? [],
  }));
}

interface JobRow extends Pick<JobStanding, 'job' | 'source' | 'target' | 'done' | 'updatedAt'> {
  readonly checkpoint: Checkpoint;
}

const JOBS = `SELECT job, source, target, done, checkpoint, pg_catalog.to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "updatedAt"
  FROM ${CHECKPOINT_TABLE} WHERE $1::text IS NULL OR target_oid = pg_catalog.to_regclass($1)::pg_catalog.oid ORDER BY updated_at DESC, job`;

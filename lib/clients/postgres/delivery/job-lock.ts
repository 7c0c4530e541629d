/** Two runs of one job at a time would each take the other's rows for its own: the second waits a little, and is refused. */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { isDead, world } from '../../host/processes.ts';
import { limited } from '../connection/connect.ts';
import { isPooled } from '../connection/settings.ts';

const WAIT_MS = 10_000;
const LOOK_EVERY_MS = 100;

/**
 * Takes the lock of a job for the session; gives what lets go of it. A run of this host whose process is dead is ended: its session may not have noticed.
 * JOB_RUNNING, CANCELLED. Behind a pooler, whose sessions are everybody's, there is no lock.
 */
export async function lockJob(client: pg.Client, job: string, signal: AbortSignal): Promise<() => Promise<void>> {
  if (isPooled(client)) return () => Promise.resolve();
  const end = performance.now() + WAIT_MS;
  while (!(await tryLock(client, job))) {
    if (signal.aborted) throw new MillraceError('CANCELLED', 'cancelled while another run of the job was waited for');
    const holder = await holderOf(client, job);
    // Without the right to it, it is waited for like any other.
    if (holder !== undefined && isGone(holder))
      await client.query(limited('SELECT pg_catalog.pg_terminate_backend($1)', [holder.pid])).catch(() => undefined);
    if (performance.now() > end) {
      throw new MillraceError('JOB_RUNNING', `another run of this job is at work${toldOf(holder)}; wait for its end, or end it`, {
        retryable: true,
        hasWaited: true,
      });
    }
    await sleep(LOOK_EVERY_MS);
  }
  const { rows } = await client.query<{ name: string }>(limited("SELECT pg_catalog.current_setting('application_name') AS name"));
  await client.query(limited(NAME, [sessionName(rows[0]?.name ?? '', process.pid)]));
  return async () => {
    await client.query(limited(NAME, [rows[0]?.name ?? '']));
    await client.query(limited(`SELECT pg_catalog.pg_advisory_unlock(${LOCK})`, [job]));
  };
}

/** Of a session that holds a job, for a process of this host. Names are cut off by the server. */
export function sessionName(name: string, pid: number): string {
  return `${name.slice(0, NAME_LENGTH)} ${pid}@${hostname().slice(0, NAME_LENGTH)}/${world()}`;
}

async function tryLock(client: pg.Client, job: string): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>(limited(`SELECT pg_catalog.pg_try_advisory_lock(${LOCK}) AS taken`, [job]));
  return rows[0]?.taken === true;
}

interface Holder {
  readonly pid: number;
  readonly name: string;
}

async function holderOf(client: pg.Client, job: string): Promise<Holder | undefined> {
  const { rows } = await client.query<Holder>(limited(HOLDER, [job]));
  return rows[0];
}

/** As far as its name tells: a process that is no more where this one is. */
function isGone({ name }: Holder): boolean {
  const match = / (\d+)@.*\/([0-9a-f]{8})$/.exec(name);
  if (match === null || match[2] !== world()) return false;
  return isDead(Number(match[1]));
}

function toldOf(holder: Holder | undefined): string {
  return holder === undefined ? '' : ` (${holder.name.trim()}, server process ${holder.pid})`;
}

const NAME_LENGTH = 20;
const LOCK = "pg_catalog.hashtextextended('millrace job ' || $1, 0)";
const NAME = "SELECT pg_catalog.set_config('application_name', $1, false)";
const HOLDER = `SELECT a.pid, a.application_name AS name FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
  WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
    AND (l.classid::int8 << 32 | l.objid::int8) = ${LOCK} LIMIT 1`;

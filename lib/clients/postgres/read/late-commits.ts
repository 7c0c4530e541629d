/**
 * Up to which time a table has all the rows that it will ever have: transactions stamp their rows with the time at which they began, and commit later.
 * Source: https://www.postgresql.org/docs/18/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW, view-pg-locks.html, view-pg-prepared-xacts.html,
 * functions-datetime.html#FUNCTIONS-DATETIME-CURRENT
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { limited } from '../connection/connect.ts';
import type { SinceColumn } from './since-column.ts';

/** Where the reading ends, and why. */
export interface Lateness {
  /** No transaction that may still commit began before this: an ISO time. Undefined: nobody knows. */
  readonly upTo?: string;
  /** The least value of the column that is not read, as SQL. */
  readonly bound?: string;
  /** What keeps it back, where that is more than a little. */
  readonly holder?: string;
  /** Why there is no such time, or why it is not to be relied on. */
  readonly unsure?: string;
}

/** A process that has taken a statement in, and its time with it, may take so long to say so. */
const REPORTED_WITHIN_MS = 50;
/** To be held back for so long is worth a word. */
const WORTH_TELLING_MS = 10_000;

/**
 * To be asked for outside of a transaction, and before the snapshot that is read. `known`: up to where the run before has read, so that whatever was at work
 * then is not older. Prepared transactions tell no beginning; of those only that have written to the table anything is to be feared, and nothing can be
 * read past what was known before they began.
 */
export async function lateCommits(client: pg.Client, column: SinceColumn, known: string | undefined): Promise<Lateness> {
  const start = performance.now();
  const [now] = (await client.query<Now>(limited(NOW, [column.oid]))).rows;
  if (now === undefined) return {};
  const unsure = column.order !== 'time' ? `a column of type ${column.type} is no time` : unsureOf(now, column);
  if (column.order !== 'time' || now.isStandby) return { unsure: unsure as string };
  await sleep(REPORTED_WITHIN_MS - (performance.now() - start));
  // Sessions first: a transaction that is prepared meanwhile is seen here, or there, or by the snapshot.
  const [session] = (await client.query<Sessions>(limited(SESSIONS))).rows;
  const [prepared] = (await client.query<Prepared>(limited(PREPARED, [column.oid]))).rows;
  const hidden = session?.hidden ?? 0;
  const hiding =
    hidden === 0
      ? undefined
      : `of ${hidden} other session${hidden === 1 ? '' : 's'} this user may not see what they do; GRANT pg_read_all_stats`;
  const held = leastOf(heldByPrepared(prepared, known), heldBySession(session), now.now);
  const upTo = held?.upTo ?? now.now;
  const isLong = held !== undefined && (held.upTo === BEGINNING || Date.parse(now.now) - Date.parse(held.upTo) > WORTH_TELLING_MS);
  const why = unsure ?? hiding;
  return {
    upTo,
    bound: boundSql(upTo, column, now.zone),
    ...(isLong ? { holder: held.by } : {}),
    ...(why === undefined ? {} : { unsure: why }),
  };
}

interface Held {
  readonly upTo: string;
  readonly by: string;
}

const BEGINNING = '-infinity';

function leastOf(a: Held | undefined, b: Held | undefined, now: string): Held | undefined {
  const least = a === undefined || (b !== undefined && b.upTo < a.upTo) ? b : a;
  return least !== undefined && least.upTo < now ? least : undefined;
}

function heldByPrepared(prepared: Prepared | undefined, known = BEGINNING): Held | undefined {
  if (prepared === undefined) return undefined;
  return {
    upTo: known,
    by: `the prepared transaction ${JSON.stringify(prepared.gid)}, which has written to the table; commit it or roll it back`,
  };
}

function heldBySession(session: Sessions | undefined): Held | undefined {
  if (session === undefined || session.since === null) return undefined;
  const { since, pid, role, name } = session;
  return { upTo: since, by: `a transaction of ${role ?? 'nobody'} (process ${pid}${name === '' || name === null ? '' : `, ${name}`})` };
}

function unsureOf({ isStandby, isTold, isSubscribed, changesClock, zone }: Now, { dataType, type }: SinceColumn): string | undefined {
  if (isStandby) return 'the server is a standby: the transactions that may come late are those of another one';
  if (!isTold) return 'the server does not tell what its sessions do (track_activities)';
  if (isSubscribed) return 'rows come into the table by replication, with the times of another server';
  if (dataType.kind === 'timestamptz' || !changesClock) return undefined;
  return `a column of type ${type} has no time zone, and that of the server, ${zone}, puts its clock back`;
}

/**
 * Where the column keeps fewer digits, a time is rounded: perhaps to one before itself. Local times are taken to be those of the zone that sessions are in
 * which set none.
 */
function boundSql(upTo: string, { dataType: { kind, precision = 6 } }: SinceColumn, zone: string): string {
  if (upTo === BEGINNING) return `'-infinity'::${kind}`;
  const instant = `'${upTo}'::timestamptz${precision < 6 && kind !== 'date' ? ` - interval '${(10 ** -precision).toFixed(6)} s'` : ''}`;
  if (kind === 'timestamptz') return `(${instant})`;
  const local = `((${instant}) AT TIME ZONE '${zone.replaceAll("'", "''")}')`;
  return kind === 'date' ? `${local}::date` : local;
}

interface Now {
  readonly now: string;
  readonly zone: string;
  readonly changesClock: boolean;
  readonly isStandby: boolean;
  readonly isTold: boolean;
  readonly isSubscribed: boolean;
}

interface Sessions {
  readonly since: string | null;
  readonly pid: number | null;
  readonly role: string | null;
  readonly name: string | null;
  readonly hidden: number;
}

interface Prepared {
  readonly gid: string;
}

const iso = (time: string): string => `pg_catalog.to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const DATABASE = '(SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())';

const NOW = `SELECT ${iso('pg_catalog.clock_timestamp()')} AS now, z.zone, pg_catalog.pg_is_in_recovery() AS "isStandby",
    pg_catalog.current_setting('track_activities') = 'on' AS "isTold",
    EXISTS (SELECT FROM pg_catalog.pg_subscription_rel r WHERE r.srrelid = $1::pg_catalog.oid) AS "isSubscribed",
    (SELECT pg_catalog.count(DISTINCT (t AT TIME ZONE z.zone) - (t AT TIME ZONE 'UTC')) > 1
      FROM pg_catalog.generate_series(pg_catalog.now() - interval '1 year', pg_catalog.now() + interval '1 year', interval '10 days') t) AS "changesClock"
  FROM (SELECT reset_val AS zone FROM pg_catalog.pg_settings WHERE name = 'TimeZone') z`;

/** Those that can write: not the server's own processes, and of a parallel query its leader. Of one that may not be looked at there is no kind. */
const SESSIONS = `
  WITH others AS (SELECT a.* FROM pg_catalog.pg_stat_activity a WHERE a.datid = ${DATABASE} AND a.pid <> pg_catalog.pg_backend_pid() AND a.usesysid IS NOT NULL
    AND coalesce(a.backend_type, '') NOT IN ('autovacuum launcher', 'autovacuum worker', 'walsender', 'parallel worker', 'logical replication launcher'))
  SELECT ${iso('o.xact_start')} AS since, o.pid, o.usename::text AS role, o.application_name AS name,
    (SELECT pg_catalog.count(*)::int4 FROM others WHERE backend_type IS NULL OR state = 'disabled') AS hidden
  FROM (SELECT) one LEFT JOIN (SELECT * FROM others WHERE xact_start IS NOT NULL ORDER BY xact_start LIMIT 1) o ON TRUE`;

/** A lock of nobody's process is a prepared transaction's. */
const PREPARED = `
  SELECT p.gid FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_locks t ON t.virtualtransaction = l.virtualtransaction AND t.locktype = 'transactionid'
    JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = t.transactionid
  WHERE l.pid IS NULL AND t.pid IS NULL AND l.locktype = 'relation' AND l.database = ${DATABASE} AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')
    AND (l.relation = $1::pg_catalog.oid OR l.relation IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::pg_catalog.oid::pg_catalog.regclass))) LIMIT 1`;

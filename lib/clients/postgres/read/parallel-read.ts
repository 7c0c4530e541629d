/** A table read by several connections at once, a range at a time, all from one snapshot. */
import { asMillraceError } from '../../../errors.ts';
import { limited } from '../connection/connect.ts';
import { postgresError, sqlStateOf } from '../connection/errors.ts';
import type { PgPool, PgSession } from '../connection/pool.ts';
import { onSession } from '../connection/session.ts';
import { isPooled } from '../connection/settings.ts';
import { exportSnapshot } from '../connection/snapshot.ts';
import type { CopyRows } from './copy-frames.ts';
import { copyOut, type CopyOutOptions } from './copy-out.ts';
import { mergedReads } from './merged-reads.ts';
import type { RangedRead, ReadPlan } from './read-plan.ts';
import { tableRanges, type Undivided } from './table-ranges.ts';

/** The statements of the ranges, and what they are ranges of. */
export interface Division {
  readonly statements: readonly string[];
  readonly by: string;
}

/** Ranges a connection: with several, one that holds more rows than the others keeps nobody waiting. */
const RANGES_EACH = 4;
/** Who waits for a lock that shuts readers out keeps further connections out, too: they would wait for it, and it for us. */
const LOCK_LIMIT_MS = 1000;

/** What the read is divided into for so many connections, or why it is not. Where it is, the session's transaction holds a lock on the table. */
export async function divide({ client }: PgSession, { ranged }: ReadPlan, parallel: number): Promise<Division | Undivided> {
  if ('reason' in ranged) return ranged;
  if (isPooled(client)) return { reason: BEHIND_POOLER };
  await client.query(limited(locking(ranged)));
  const ranges = await tableRanges(client, ranged.table, parallel * RANGES_EACH);
  if ('reason' in ranges) return ranges;
  return { statements: ranges.conditions.map(condition => ranged.statement(condition)), by: ranges.by };
}

const BEHIND_POOLER = 'behind a pooler a snapshot cannot be shared';

export interface ReadersOptions {
  readonly signal: AbortSignal;
  /** What is read, for messages. */
  readonly doing: string;
  /** Connections, at most. */
  readonly parallel: number;
  readonly lockTimeoutMs: number;
  warn(message: string): void;
}

/** Connections that see one snapshot, and what there is to read. */
export interface Readers {
  readonly sessions: readonly PgSession[];
  readonly statements: readonly string[];
}

/**
 * As many connections as can be had, up to `parallel`; each is in a transaction that has locked the table. `session`, in whose transaction the plan was
 * made, is released then. Undefined where all is to be read by `session` itself, in a transaction: where the read cannot be divided, and, warned of,
 * where the server shares no snapshot or takes no further connection.
 */
export async function openReaders(
  session: PgSession,
  pool: PgPool,
  plan: ReadPlan,
  { parallel, lockTimeoutMs, ...use }: ReadersOptions,
): Promise<Readers | undefined> {
  const { client } = session;
  const division = await divide(session, plan, parallel);
  if (isPooled(client)) use.warn(`one connection reads: ${BEHIND_POOLER}`);
  if ('reason' in division || 'reason' in plan.ranged) return undefined;
  const snapshot = await exportSnapshot(client).catch((error: unknown) => postgresError(error, 'share a snapshot', session.target));
  if (typeof snapshot !== 'string') {
    use.warn(`one connection reads: ${snapshot.message}`);
    await client.query(limited('ROLLBACK'));
    await session.begin({ lockTimeoutMs });
    return undefined;
  }
  const sessions = await join(pool, plan.ranged, snapshot, {
    ...use,
    lockTimeoutMs,
    parallel: Math.min(parallel, division.statements.length),
  });
  if (sessions.length === 0) return undefined;
  try {
    use.signal.throwIfAborted();
    await client.query(limited('COMMIT'));
  } catch (error) {
    for (const reader of sessions) reader.discard();
    throw error;
  }
  session.release();
  return { sessions, statements: division.statements };
}

/** The rows of all ranges, as they come. Sessions are released at the end, discarded in every other case; the first error ends all. */
export async function* readRanges(
  { sessions, statements }: Readers,
  options: CopyOutOptions & { readonly signal: AbortSignal },
): AsyncGenerator<CopyRows, void, undefined> {
  const queue = [...statements];
  try {
    yield* mergedReads(signal => sessions.map(session => readQueue(session, queue, { ...options, signal })), options.signal);
  } finally {
    for (const session of sessions) session.discard();
  }
}

/** Takes the next range whenever one is done. */
async function* readQueue(session: PgSession, queue: string[], options: CopyOutOptions): AsyncGenerator<CopyRows, void, undefined> {
  // Its transaction is that of the next range too.
  const kept = { ...session, release: () => undefined };
  for (let statement = queue.shift(); statement !== undefined; statement = queue.shift()) yield* copyOut(kept, statement, options);
  await onSession(session, options, ({ client }) => client.query(limited('COMMIT')));
  session.release();
}

async function join(
  pool: PgPool,
  ranged: RangedRead,
  snapshot: string,
  { parallel, lockTimeoutMs, signal, doing, warn }: ReadersOptions,
): Promise<readonly PgSession[]> {
  const joinOne = async (): Promise<PgSession> => {
    const session = await pool.acquire(signal);
    return onSession(session, { doing, signal }, async ({ client }) => {
      await session.begin({ lockTimeoutMs: Math.min(lockTimeoutMs, LOCK_LIMIT_MS), snapshot });
      await client.query(limited(`${locking(ranged)}; SET LOCAL lock_timeout = ${lockTimeoutMs}`));
      return session;
    });
  };
  const outcomes = await Promise.allSettled(Array.from({ length: parallel }, joinOne));
  const sessions = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  let refusal: unknown = outcomes.find(outcome => outcome.status === 'rejected')?.reason;
  // Of those that come at once the server may refuse all for each other's sake.
  while (sqlStateOf(refusal) === TOO_MANY && sessions.length < parallel && !signal.aborted) {
    const next = await joinOne().catch((error: unknown) => ({ error }));
    if ('error' in next) {
      refusal = next.error;
      break;
    }
    sessions.push(next);
  }
  if (sessions.length < parallel && !signal.aborted) {
    const count = sessions.length < 2 ? 'one connection reads' : `${sessions.length} connections read`;
    warn(`${count} instead of ${parallel}: ${asMillraceError(refusal).message}`);
  }
  return sessions;
}

const TOO_MANY = '53300';

/** Keeps the table as it is, by no other right than that to read any column. */
function locking({ table }: RangedRead): string {
  return `SELECT FROM ${table} WHERE FALSE`;
}

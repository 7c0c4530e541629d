/**
 * COMMIT can fail for the client and succeed on the server: then the server is asked what became of the transaction.
 * Source: https://www.postgresql.org/docs/18/functions-info.html#FUNCTIONS-INFO-SNAPSHOT (pg_xact_status)
 */
import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { retrying } from '../../../core/delivery/backoff.ts';
import { limited } from '../connection/connect.ts';
import type { PgTarget } from '../connection/connection-options.ts';
import { postgresError } from '../connection/errors.ts';
import type { PgSession } from '../connection/pool.ts';
import { withSession } from '../connection/session.ts';

export interface CommitWish {
  /** For messages. */
  readonly doing: string;
  readonly signal: AbortSignal;
  readonly retryForMs?: number | undefined;
  /** Its checkpoint tells a later attempt what became of it. */
  readonly isKept: boolean;
}

/** What a transaction is known by afterwards. */
interface Mark {
  readonly xid: string | null;
  /** A server that took over may have given the number to another transaction. */
  readonly timeline: string | null;
}

/**
 * Commits, and resolves once that is certain, though the session may be lost. CONNECTION_LOST: retryable where nothing was committed, or a checkpoint tells; else
 * nobody knows whether the server committed.
 */
export async function commitSurely(session: PgSession, { doing, signal, retryForMs = 0, isKept }: CommitWish): Promise<void> {
  const { target } = session;
  const mark = session.isBorrowed ? undefined : await markOf(session.client);
  try {
    return await session.commit();
  } catch (error) {
    const failed = postgresError(error, doing, target);
    if (failed.code !== 'CONNECTION_LOST') throw failed;
    session.discard();
    const outcome = mark === undefined ? undefined : await outcomeOf(mark, target, { signal, limitMs: retryForMs });
    if (outcome === 'committed') return;
    const isKnown = outcome === 'aborted';
    const told = isKnown ? 'nothing was committed' : 'the server may have committed all the same: look before you run it again';
    throw new MillraceError('CONNECTION_LOST', isKept ? failed.message : `${failed.message}; ${told}`, {
      retryable: isKnown || isKept,
      cause: failed.cause,
    });
  }
}

async function markOf(client: pg.Client): Promise<Mark | undefined> {
  const { rows } = await client.query<Mark>(limited(MARK));
  return rows[0];
}

/** Undefined where it cannot be found out in time. */
async function outcomeOf(
  mark: Mark,
  target: PgTarget,
  { signal, limitMs }: { readonly signal: AbortSignal; readonly limitMs: number },
): Promise<'committed' | 'aborted' | undefined> {
  // Nothing was written.
  if (mark.xid === null) return 'aborted';
  const use = { doing: 'find out what became of the commit', signal };
  const ask = async (): Promise<'committed' | 'aborted' | undefined> => {
    const status = await withSession(target, use, async ({ client }) => {
      const { rows } = await client.query<{ status: string | null }>(limited(STATUS, [mark.xid, mark.timeline]));
      return rows[0]?.status;
    });
    if (status === 'committed' || status === 'aborted') return status;
    if (status !== 'in progress') return undefined;
    throw new MillraceError('CONNECTION_LOST', 'the session is still at work', { retryable: true });
  };
  return retrying(ask, { limitMs, signal }).catch(() => undefined);
}

const TIMELINE =
  'CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8) END';
const MARK = `SELECT pg_catalog.pg_current_xact_id_if_assigned()::text AS xid, ${TIMELINE} AS timeline`;
const STATUS = `SELECT CASE WHEN ${TIMELINE} = $2 THEN pg_catalog.pg_xact_status($1::xid8) END AS status`;

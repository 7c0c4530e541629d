import { MillraceError } from '../../../errors.ts';
import { describeTarget, type PgTarget } from './connection-options.ts';
import { postgresError } from './errors.ts';
import { openPool, type PgSession } from './pool.ts';

/** What is done on a session, for messages, and what ends it. */
export interface SessionUse {
  readonly doing: string;
  readonly signal?: AbortSignal;
}

/** Statements on a session of its own; it goes back to the pool when they succeeded, and is thrown away on an error or an abort. */
export async function withSession<T>(target: PgTarget, use: SessionUse, work: (session: PgSession) => Promise<T>): Promise<T> {
  const pool = openPool(target);
  try {
    const session = await pool.acquire(use.signal);
    const result = await onSession(session, use, work);
    session.release();
    return result;
  } finally {
    await pool.close();
  }
}

/** As `withSession`, on a session that goes on to be used where the work succeeded. */
export async function onSession<T>(
  session: PgSession,
  { doing, signal }: SessionUse,
  work: (session: PgSession) => Promise<T>,
): Promise<T> {
  const abort = (): void => session.discard();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    if (signal?.aborted === true) abort();
    return await work(session);
  } catch (error) {
    session.discard();
    if (signal?.aborted === true) throw new MillraceError('CANCELLED', `${doing}: cancelled (${describeTarget(session.target)})`);
    throw postgresError(error, doing, session.target);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

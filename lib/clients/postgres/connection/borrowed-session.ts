import type { Socket } from 'node:net';
import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { checkUsable, guardedClient, unusable } from './borrowed-client.ts';
import { cancelStatement } from './cancel.ts';
import { limited } from './connect.ts';
import { describeTarget, type PgTarget } from './connection-options.ts';
import { sqlStateOf } from './errors.ts';
import { internalsOf, isWhole, submit } from './pg-internals.ts';
import type { PgPool, PgSession } from './pool.ts';
import { Rollback } from './rollback.ts';
import { currentSettingsSql, settingsBackSql, type SettingValues, settingsSql } from './settings.ts';
import { commit } from './transaction.ts';
import { type TransactionWish, wishSql } from './transaction-wish.ts';
import { within } from './within.ts';

/** How long the server may say nothing when our part of a transaction is taken back. */
const SILENCE_LIMIT_MS = 30_000;

/** The connection that a user has opened, as a pool of one. `close` ends our part of its transaction. */
export function borrowClient(target: PgTarget, client: pg.Client): PgPool {
  let session: BorrowedSession | undefined;
  return {
    target,
    acquire: async signal => (session = await BorrowedSession.take(client, target, signal)),
    close: async () => session?.close(),
  };
}

const inUse = new WeakMap<pg.Client, BorrowedSession>();

/**
 * A session on the user's client. All of it happens within a part: a savepoint where the user is in a transaction, else a transaction of our own;
 * settings are made for the part alone. What is not committed when the session is over is taken back ahead of anything that the user asks then.
 * The connection is never closed, unless the server falls silent with a statement of ours.
 */
class BorrowedSession implements PgSession {
  readonly isBorrowed = true;
  readonly client: pg.Client;
  readonly target: PgTarget;
  readonly #given: pg.Client;
  #part: 'none' | 'transaction' | 'savepoint' = 'none';
  /** What the user's transaction had set. */
  #settings: SettingValues | undefined;
  #isOver = false;
  #cancelling = Promise.resolve();
  #rollback: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(given: pg.Client, types: pg.CustomTypesConfig, target: PgTarget) {
    this.client = guardedClient(given, types, () => (this.#isOver ? cancelled(target) : undefined));
    this.target = target;
    this.#given = given;
    inUse.set(given, this);
    // Without a listener an error of the connection would end the process; the statement that runs reports it.
    given.on('error', ignore);
  }

  /** Errors: OPTION_INVALID for a client that is in use, or of no use. */
  static async take(client: pg.Client, target: PgTarget, signal: AbortSignal | undefined): Promise<BorrowedSession> {
    const { types } = (await import('pg')).default;
    for (let other = inUse.get(client); other !== undefined; other = inUse.get(client)) {
      if (!other.#isOver)
        throw unusable('another stage or run uses this client already; a connection does one thing at a time: give each its own');
      await other.close();
    }
    if (signal?.aborted === true) throw cancelled(target);
    checkUsable(client);
    const session = new BorrowedSession(client, types, target);
    try {
      await session.#open();
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  get isJoined(): boolean {
    return this.#part === 'savepoint';
  }

  async begin(wish: TransactionWish): Promise<void> {
    if (this.#part === 'none') await this.#open();
    const statement = wishSql(wish);
    if (statement !== '') await this.client.query(limited(statement));
  }

  async commit(): Promise<void> {
    if (this.#part === 'savepoint') await this.client.query(`${settingsBackSql(this.#settings ?? {})}; RELEASE SAVEPOINT ${SAVEPOINT}`);
    else await commit(this.client, this.target);
    this.#part = 'none';
  }

  rollBack(): Promise<void> {
    if (this.#part === 'none') return this.#rollback;
    const text = this.#part === 'savepoint' ? `ROLLBACK TO SAVEPOINT ${SAVEPOINT}; RELEASE SAVEPOINT ${SAVEPOINT}` : 'ROLLBACK';
    this.#part = 'none';
    this.#rollback = submit(this.#given, new Rollback(text, this.#cancelling)).done;
    return this.#rollback;
  }

  cancel(): Promise<void> {
    // Before our part, and between statements, there is nothing of ours to be cancelled.
    if (this.#part === 'none' || internalsOf(this.#given).readyForQuery) return this.#cancelling;
    this.#cancelling = cancelStatement(this);
    this.release();
    return this.#cancelling;
  }

  release(): void {
    this.#isOver = true;
    void this.rollBack();
  }

  discard(): void {
    void this.cancel();
    this.release();
  }

  /** Resolves when the client is its user's again. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.release();
    // The server may be sending what nobody waits for: that is no silence.
    const { stream } = internalsOf(this.#given).connection;
    for (let bytes = -1; isWhole(this.#given) && !(await within(SILENCE_LIMIT_MS, this.#rollback)); bytes = stream.bytesRead)
      if (stream.bytesRead === bytes) await hangUp(stream);
    this.#given.off('error', ignore);
    inUse.delete(this.#given);
  }

  async #open(): Promise<void> {
    const { status, settings } = await this.#look();
    this.#settings = settings;
    this.#part = status === 'I' ? 'transaction' : 'savepoint';
    const start = status === 'I' ? 'BEGIN' : `SAVEPOINT ${SAVEPOINT}`;
    await this.client.query(limited(`${start}; ${settingsSql(this.target.statementTimeoutMs, 'local')}`));
  }

  /** The server's word on what the client is in: versions of `pg` differ in what they tell of it. */
  async #look(): Promise<{ status: string; settings: SettingValues }> {
    const { connection } = internalsOf(this.client);
    let status = 'I';
    const listen = (message: { status: string }): void => void (status = message.status);
    connection.on('readyForQuery', listen);
    try {
      const { rows } = await this.client.query<SettingValues>(limited(currentSettingsSql()));
      return { status, settings: rows[0] as SettingValues };
    } catch (error) {
      if (sqlStateOf(error) !== FAILED_TRANSACTION) throw error;
      throw unusable('its transaction has failed; roll it back first');
    } finally {
      connection.off('readyForQuery', listen);
    }
  }
}

function ignore(): void {}

/** Its error comes while somebody of ours still listens. */
async function hangUp(stream: Socket): Promise<void> {
  const closed = new Promise<void>(resolve => stream.once('close', () => setImmediate(resolve)));
  stream.destroy();
  await closed;
}

const SAVEPOINT = 'millrace';
const FAILED_TRANSACTION = '25P02';

function cancelled(target: PgTarget): MillraceError {
  return new MillraceError('CANCELLED', `cancelled before ${describeTarget(target)} was asked`);
}

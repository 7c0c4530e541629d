import { createHash } from 'node:crypto';
import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { connect, limited } from './connect.ts';
import { describeTarget, type PgTarget } from './connection-options.ts';
import { identityOf } from './means.ts';
import { borrowClient } from './borrowed-session.ts';
import { cancelStatement } from './cancel.ts';
import { untilHungUp } from './hang-up.ts';
import { noteLost } from './lost-sessions.ts';
import { internalsOf, isWhole } from './pg-internals.ts';
import { isPooled, settingsSql } from './settings.ts';
import { joinSnapshot } from './snapshot.ts';
import { commit } from './transaction.ts';
import { type TransactionWish, wishSql } from './transaction-wish.ts';

/** Connections to one server as one user with one set of settings, at most. */
const MAX_CONNECTIONS = 32;
/** How long a connection is waited for when all are taken. */
const WAIT_LIMIT_MS = 30_000;

/** One's own connection, until it is given back by `release` or thrown away by `discard`; one of the two, once. */
export interface PgSession {
  readonly client: pg.Client;
  readonly target: PgTarget;
  /** The connection is the user's, and goes on to be used when the pool is closed. */
  readonly isBorrowed: boolean;
  /** What happens is a part of a transaction of the user's: nothing is kept before its commit. */
  readonly isJoined: boolean;
  /** Opens a transaction. Behind a pooler all settings are made for it. */
  begin(wish: TransactionWish): Promise<void>;
  commit(): Promise<void>;
  rollBack(): Promise<void>;
  /** As `cancelStatement`, of what runs now. */
  cancel(): Promise<void>;
  /** For the next one to use, where it is idle, whole and outside a transaction; else as `discard`. */
  release(): void;
  /**
   * Closes the connection at once: after a broken statement, a COPY left half-way, settings that were changed. One that is borrowed is whole
   * again when the pool is closed.
   */
  discard(): void;
}

/** A share in the connections of one configuration. `close` it: with the last share the connections end, and count no more when it resolves. */
export interface PgPool {
  readonly target: PgTarget;
  /** Errors as `connect`; TIMEOUT when all connections stay taken. */
  acquire(signal?: AbortSignal): Promise<PgSession>;
  close(): Promise<void>;
}

const pools = new Map<string, SharedPool>();

/** The connections to `target` that this process shares: one pool for each distinct configuration, the password included. Of a user's client that one. */
export function openPool(target: PgTarget): PgPool {
  if (target.means?.client !== undefined) return borrowClient(target, target.means.client as pg.Client);
  const key = createHash('sha256')
    .update(JSON.stringify([target, identityOf(target.means)]))
    .digest('hex');
  let pool = pools.get(key);
  if (pool === undefined) pools.set(key, (pool = new SharedPool(target)));
  pool.users++;
  const shared = pool;
  let isOpen = true;
  return {
    target,
    acquire: signal => shared.acquire(signal),
    close: async () => {
      if (!isOpen) return;
      isOpen = false;
      if (--shared.users > 0) return;
      pools.delete(key);
      await shared.end();
    },
  };
}

interface Waiter {
  wake(): void;
}

class SharedPool {
  users = 0;
  readonly #target: PgTarget;
  readonly #idle: pg.Client[] = [];
  readonly #waiters: Waiter[] = [];
  #taken = 0;
  #ended = false;

  constructor(target: PgTarget) {
    this.#target = target;
  }

  async acquire(signal?: AbortSignal): Promise<PgSession> {
    while (this.#taken >= MAX_CONNECTIONS) await this.#turn(signal);
    this.#taken++;
    try {
      return this.#session(this.#whole() ?? (await connect(this.#target, signal)));
    } catch (error) {
      this.#giveBack();
      throw error;
    }
  }

  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#idle.splice(0).map(close));
  }

  /** The connection used last that has not broken while it lay idle. */
  #whole(): pg.Client | undefined {
    for (let client = this.#idle.pop(); client !== undefined; client = this.#idle.pop()) {
      if (isWhole(client)) return client;
      void close(client);
    }
    return undefined;
  }

  #session(client: pg.Client): PgSession {
    let isMine = true;
    const end = (keep: boolean): void => {
      if (!isMine) return;
      isMine = false;
      if (keep && !this.#ended) this.#idle.push(client);
      else void close(client);
      this.#giveBack();
    };
    const session: PgSession = {
      client,
      target: this.#target,
      isBorrowed: false,
      isJoined: false,
      begin: wish => begin(client, this.#target, wish),
      commit: () => commit(client, this.#target),
      rollBack: async () => void (await client.query('ROLLBACK')),
      cancel: () => cancelStatement(session),
      release: () => end(isWhole(client) && client.getTransactionStatus() === 'I'),
      discard: () => {
        if (isMine) noteLost(client, this.#target);
        if (isMine) internalsOf(client).connection.stream.destroy();
        end(false);
      },
    };
    return session;
  }

  #giveBack(): void {
    this.#taken--;
    this.#waiters.shift()?.wake();
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (error: MillraceError): void => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        finish();
        reject(error);
      };
      const abort = (): void => leave(new MillraceError('CANCELLED', `connect: cancelled before ${describeTarget(this.#target)} was free`));
      const late = (): void =>
        leave(
          new MillraceError('TIMEOUT', `connect: all ${MAX_CONNECTIONS} connections to ${describeTarget(this.#target)} are taken`, {
            retryable: true,
            hasWaited: true,
          }),
        );
      const timer = setTimeout(late, WAIT_LIMIT_MS);
      const finish = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        wake: () => {
          finish();
          resolve();
        },
      };
      this.#waiters.push(waiter);
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }
}

async function begin(client: pg.Client, target: PgTarget, wish: TransactionWish): Promise<void> {
  const settings = isPooled(client) ? settingsSql(target.statementTimeoutMs, 'local') : '';
  const opened = wish.snapshot === undefined ? 'BEGIN' : joinSnapshot(wish.snapshot);
  const statements = [opened, settings, wishSql(wish)].filter(statement => statement !== '');
  await client.query(limited(statements.join('; '))).catch((error: unknown) => {
    if (!/transaction blocks not allowed in statement pooling mode/.test(error instanceof Error ? error.message : '')) throw error;
    throw new MillraceError(
      'OPTION_INVALID',
      `${describeTarget(target)} is behind a PgBouncer in statement mode, which keeps no transaction; use its transaction or session mode, or the server itself`,
    );
  });
}

/** Says goodbye; resolves when the server has let the session go. */
async function close(client: pg.Client): Promise<void> {
  client.end().catch(() => undefined);
  await untilHungUp(internalsOf(client).connection.stream);
}

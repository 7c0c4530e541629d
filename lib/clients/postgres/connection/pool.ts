import { createHash } from 'node:crypto';
import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { connect, limited } from './connect.ts';
import { describeTarget, type PgTarget } from './connection-options.ts';
import { identityOf } from './means.ts';
import { internalsOf } from './pg-internals.ts';
import { isPooled, settingsSql } from './settings.ts';
import { joinSnapshot } from './snapshot.ts';

/** Connections to one server as one user with one set of settings, at most. */
const MAX_CONNECTIONS = 32;
/** How long a connection is waited for when all are taken. */
const WAIT_LIMIT_MS = 30_000;

/** One's own connection, until it is given back by `release` or thrown away by `discard`; one of the two, once. */
export interface PgSession {
  readonly client: pg.Client;
  readonly target: PgTarget;
  /**
   * Opens a transaction in which locks are waited for no longer than so many milliseconds. Behind a pooler all settings are made for it. With a
   * `snapshot` that another session exported it reads only, and sees what that one saw.
   */
  begin(lockTimeoutMs: number, snapshot?: string): Promise<void>;
  /** For the next one to use, where it is idle, whole and outside a transaction; else as `discard`. */
  release(): void;
  /** Closes the connection at once: after a broken statement, a COPY left half-way, settings that were changed. */
  discard(): void;
}

/** A share in the connections of one configuration. `close` it: with the last share the connections end. */
export interface PgPool {
  readonly target: PgTarget;
  /** Errors as `connect`; TIMEOUT when all connections stay taken. */
  acquire(signal?: AbortSignal): Promise<PgSession>;
  close(): void;
}

const pools = new Map<string, SharedPool>();

/** The connections to `target` that this process shares: one pool for each distinct configuration, the password included. */
export function openPool(target: PgTarget): PgPool {
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
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      if (--shared.users > 0) return;
      pools.delete(key);
      shared.end();
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

  end(): void {
    this.#ended = true;
    for (const client of this.#idle.splice(0)) close(client);
  }

  /** The connection used last that has not broken while it lay idle. */
  #whole(): pg.Client | undefined {
    for (let client = this.#idle.pop(); client !== undefined; client = this.#idle.pop()) {
      if (isWhole(client)) return client;
      close(client);
    }
    return undefined;
  }

  #session(client: pg.Client): PgSession {
    let isMine = true;
    const end = (keep: boolean): void => {
      if (!isMine) return;
      isMine = false;
      if (keep && !this.#ended) this.#idle.push(client);
      else close(client);
      this.#giveBack();
    };
    return {
      client,
      target: this.#target,
      begin: (lockTimeoutMs, snapshot) => begin(client, this.#target, lockTimeoutMs, snapshot),
      release: () => end(isWhole(client) && client.getTransactionStatus() === 'I'),
      discard: () => {
        if (isMine) internalsOf(client).connection.stream.destroy();
        end(false);
      },
    };
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

async function begin(client: pg.Client, target: PgTarget, lockTimeoutMs: number, snapshot: string | undefined): Promise<void> {
  const opened = snapshot === undefined ? 'BEGIN' : joinSnapshot(snapshot);
  const settings = isPooled(client) ? `; ${settingsSql(target.statementTimeoutMs, 'local')}` : '';
  await client.query(limited(`${opened}${settings}; SET LOCAL lock_timeout = ${lockTimeoutMs}`)).catch((error: unknown) => {
    if (!/transaction blocks not allowed in statement pooling mode/.test(error instanceof Error ? error.message : '')) throw error;
    throw new MillraceError(
      'OPTION_INVALID',
      `${describeTarget(target)} is behind a PgBouncer in statement mode, which keeps no transaction; use its transaction or session mode, or the server itself`,
    );
  });
}

function isWhole(client: pg.Client): boolean {
  const { connection, _queryable, _ended } = internalsOf(client);
  return _queryable && !_ended && !connection.stream.destroyed && connection.stream.readable;
}

/** Says goodbye; nobody waits for it, and a server that does not hang up is hung up on. */
function close(client: pg.Client): void {
  const { stream } = internalsOf(client).connection;
  client.end().catch(() => undefined);
  if (stream.destroyed) return;
  const timer = setTimeout(() => stream.destroy(), 2000);
  stream.once('close', () => clearTimeout(timer));
}

import { runTasks } from '../../../core/run/tasks.ts';
import { MillraceError } from '../../../errors.ts';
import { quoteQualifiedName } from '../../../values/identifiers.ts';
import { attachIndexDdl, foreignKeyDdl, indexGroups } from '../catalogue/definition/after-ddl.ts';
import { afterRowsDdl, finishedDdl, loadedDdl, parentDdl } from '../catalogue/definition/database-ddl.ts';
import { type Ddl, printTableName } from '../catalogue/definition/ddl.ts';
import type { TableDefinition } from '../catalogue/definition/model.ts';
import type { DatabaseDefinition } from '../catalogue/definition/read-database.ts';
import { type DdlRun, isOutOfPlace, isUnreferenced, runAll, runEach } from '../catalogue/definition/run-ddl.ts';
import { cancelOnAbort } from '../connection/cancel.ts';
import { limited } from '../connection/connect.ts';
import { describeTarget, type PgTarget } from '../connection/connection-options.ts';
import { postgresError } from '../connection/errors.ts';
import { openPool, type PgPool, type PgSession } from '../connection/pool.ts';
import type { TransactionWish } from '../connection/transaction-wish.ts';
import { lossyColumns } from './lossy-columns.ts';
import type { TableOptions } from './table-options.ts';
import { flushWithCommit, mayFlushLater } from './late-flush.ts';
import type { LoadHooks } from './load-hooks.ts';
import { type DatabaseMode, NOTHING_PREPARED, prepareDatabase, type Prepared, tablesOf } from './prepare-database.ts';

export interface DatabaseWish {
  readonly mode: DatabaseMode;
  /** Connections that make foreign keys. */
  readonly parallel: number;
  readonly lockTimeoutMs: number;
  /** Columns that may lose something, as `lossyColumns` takes them. */
  readonly lossy: readonly string[];
  /** What becomes of secondary indexes of tables that are there. */
  readonly indexes: 'keep' | 'rebuild';
  readonly signal: AbortSignal;
  warn(message: string): void;
}

/** A database being made, or a part of one: what the tables have in common. Each table is loaded by a writer of its own. */
export class DatabaseWriter {
  readonly #pool: PgPool;
  readonly #whole: DatabaseDefinition;
  readonly #wish: DatabaseWish;
  readonly #tables: readonly TableDefinition[];
  readonly #lossy: ReadonlyMap<string, readonly string[]>;
  #prepared: Prepared = NOTHING_PREPARED;
  /** Commits wait for the disk only in the end. */
  #flushesLater = false;

  private constructor(pool: PgPool, whole: DatabaseDefinition, wish: DatabaseWish, lossy: ReadonlyMap<string, readonly string[]>) {
    this.#pool = pool;
    this.#whole = whole;
    this.#wish = wish;
    this.#tables = tablesOf(whole);
    this.#lossy = lossy;
  }

  /**
   * Makes schemas, types, sequences and empty tables in one transaction. EXISTS, with the names of all tables that are there, in mode create;
   * OPTION_INVALID where foreign keys of tables that are there leave no way to fill them.
   */
  static async open(target: PgTarget, whole: DatabaseDefinition, wish: DatabaseWish): Promise<DatabaseWriter> {
    const lossy = lossyColumns(wish.lossy, tablesOf(whole));
    const writer = new DatabaseWriter(openPool(target), whole, wish, lossy);
    try {
      await writer.#inTransaction(`make the tables in ${describeTarget(target)}`, async run => {
        writer.#prepared = await prepareDatabase(run, whole, wish.mode, target);
        writer.#flushesLater = await mayFlushLater(run.client);
      });
      return writer;
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  /** Tables whose rows have to be there before those of this one. */
  after(name: string): readonly string[] {
    return this.#prepared.existing.after.get(name) ?? [];
  }

  /**
   * How a table is loaded: with its keys, where this run has made it; emptied then, unless it is small, so that its rows need no later visit, and no
   * log where the server's `wal_level` is minimal.
   */
  part(name: string): { options: TableOptions; hooks: LoadHooks } {
    const table = this.#table(name);
    const quoted = quoteQualifiedName(table);
    const isOwn = this.#isOwn(table);
    const empties = isOwn && table.bytes >= EMPTIED_BYTES;
    const hooks: LoadHooks = {
      empties,
      ...(isOwn ? { wish: this.#stepWish } : {}),
      begun: async client => {
        const refusal = this.#prepared.unmade.get(table);
        if (refusal !== undefined) throw refusal;
        if (empties) await client.query(`TRUNCATE ONLY ${quoted}`);
      },
      loaded: async (run: DdlRun) => {
        if (!isOwn) return;
        await runEach(run, loadedDdl(table));
      },
    };
    const options: TableOptions = {
      table: name,
      mode: 'append',
      lossy: this.#lossy.get(name),
      // One of ours gets them when it has its rows.
      ...(isOwn ? {} : { indexes: this.#wish.indexes }),
    };
    return { options, hooks };
  }

  /** Its other indexes: each in a transaction of its own, on a connection of its own. */
  steps(name: string): (() => Promise<void>)[] {
    const table = this.#table(name);
    if (!this.#isOwn(table)) return [];
    return indexGroups(table).map(
      group => () => this.#inTransaction(`make ${group[0]?.object ?? 'an index'}`, run => runEach(run, group), this.#stepWish),
    );
  }

  /** What the tables have in common, of those that have their rows; the others are dropped where this run has made them. */
  async finish(written: readonly string[]): Promise<void> {
    const there = new Set(written);
    const made = this.#tables.filter(table => table.kind === 'p' || there.has(printTableName(table)));
    for (const table of this.#tables.filter(one => !made.includes(one))) await this.#dropFailed(table);
    const own = made.filter(table => this.#isOwn(table));
    const parents = own.filter(({ kind }) => kind === 'p');
    const ofPartitions = [...parents.flatMap(parentDdl), ...own.flatMap(attachIndexDdl)];
    const doing = `finish ${describeTarget(this.#pool.target)}`;
    if (ofPartitions.length > 0) await this.#inTransaction(doing, run => runEach(run, ofPartitions));
    await this.#referTo(own);
    await this.#inTransaction(doing, async run => {
      await runAll(run, own.flatMap(finishedDdl));
      const rest = this.#whole.objects.flatMap(object => afterRowsDdl(object, this.#prepared.found.has(object)));
      await runEach(run, rest, isOutOfPlace);
      if (this.#flushesLater) await flushWithCommit(run.client);
    });
    this.#flushesLater = false;
    for (const what of this.#whole.notCarried) this.#wish.warn(`not carried: ${what}`);
  }

  /** Takes away, in one transaction, what this run has made. Nothing of others goes: what depends on it keeps all of it. */
  async abandon(): Promise<void> {
    const tables = this.#tables.filter(table => this.#isOwn(table)).map(quoteQualifiedName);
    const drops = [...(tables.length === 0 ? [] : [`DROP TABLE IF EXISTS ${tables.join(', ')}`]), ...this.#prepared.undo.toReversed()];
    if (drops.length === 0) return;
    let session: PgSession | undefined;
    try {
      session = await this.#pool.acquire();
      await session.begin({ lockTimeoutMs: Math.min(this.#wish.lockTimeoutMs, ABANDON_LIMIT_MS) });
      await session.client.query(limited(drops.join('; ')));
      await session.commit();
      session.release();
    } catch (error) {
      session?.discard();
      const { message } = postgresError(error, 'take away what the cancelled run has made', this.#pool.target);
      this.#wish.warn(`${message}; drop it yourself: ${tables.join(', ')}`);
    }
  }

  async close(): Promise<void> {
    // What a run that failed has said to be there has to be there.
    if (this.#flushesLater && !this.#wish.signal.aborted)
      await this.#inTransaction('commit', ({ client }) => flushWithCommit(client)).catch(() => undefined);
    await this.#pool.close();
  }

  #table(name: string): TableDefinition {
    const table = this.#tables.find(one => printTableName(one) === name);
    if (table === undefined) throw new MillraceError('INTERNAL', `no table ${name}`);
    return table;
  }

  /** Of a transaction that is a step to a table of ours. */
  get #stepWish(): TransactionWish {
    return { isMaintenance: true, isFlushedLater: this.#flushesLater };
  }

  #isOwn(table: TableDefinition): boolean {
    return !this.#prepared.existing.names.has(printTableName(table));
  }

  /** Foreign keys, beside each other where they lock different tables; the largest tables first. */
  #referTo(own: readonly TableDefinition[]): Promise<void> {
    const keys = [...own].sort((a, b) => b.bytes - a.bytes).flatMap(table => foreignKeyDdl(table).map(key => ({ table, key })));
    const tasks = keys.map(({ table, key }) => ({
      locks: [quoteQualifiedName(table), ...(key.references === undefined ? [] : [quoteQualifiedName(key.references)])],
      run: async () => {
        await this.#refer(key);
        return [];
      },
    }));
    return runTasks(tasks, this.#wish.parallel);
  }

  #refer(key: Ddl): Promise<void> {
    return this.#inTransaction(`make ${key.object}`, run => runEach(run, [key], isUnreferenced), this.#stepWish);
  }

  async #dropFailed(table: TableDefinition): Promise<void> {
    if (!this.#isOwn(table)) return;
    await this.#inTransaction('drop a table', async ({ client }) => {
      await client.query(`DROP TABLE IF EXISTS ${quoteQualifiedName(table)}`);
    }).catch(() => this.#wish.warn(`table ${printTableName(table)} is left as it is: others depend on it`));
  }

  /** On a session of its own. An aborted signal cancels the statement that runs, and keeps the transaction from being committed. */
  async #inTransaction(doing: string, work: (run: DdlRun) => Promise<unknown>, wish?: TransactionWish): Promise<void> {
    const { signal, lockTimeoutMs, warn } = this.#wish;
    const session = await this.#pool.acquire(signal);
    const stop = cancelOnAbort(session, signal);
    try {
      await session.begin({ lockTimeoutMs, ...wish });
      await work({ client: session.client, warn });
      signal.throwIfAborted();
      await session.commit();
      if (signal.aborted) session.discard();
      else session.release();
    } catch (error) {
      session.discard();
      if (signal.aborted) throw new MillraceError('CANCELLED', 'writing the database was cancelled');
      throw postgresError(error, doing, this.#pool.target);
    } finally {
      stop();
    }
  }
}

/** How long a cancelled run waits for locks before it leaves behind what it has made. */
const ABANDON_LIMIT_MS = 10_000;

/** To empty a smaller table costs more than the log of its rows. */
const EMPTIED_BYTES = 1024 * 1024;

import { runTasks } from '../../../core/run/tasks.ts';
import { MillraceError } from '../../../errors.ts';
import { quoteIdentifier, quoteQualifiedName } from '../../../values/identifiers.ts';
import {
  attachIndexDdl,
  commentDdl,
  foreignKeyDdl,
  indexDdl,
  indexGroups,
  keyDdl,
  replicaIdentityDdl,
  sequenceStateDdl,
  statisticsDdl,
  unvalidatedDdl,
} from '../catalogue/definition/after-ddl.ts';
import { afterRowsDdl, type NeededObject, neededDdl, quotedName, schemaOf } from '../catalogue/definition/database-ddl.ts';
import { type Ddl, printTableName } from '../catalogue/definition/ddl.ts';
import type { TableDefinition } from '../catalogue/definition/model.ts';
import type { DatabaseDefinition, DatabaseObject } from '../catalogue/definition/read-database.ts';
import { type DdlRun, isOutOfPlace, isUnreferenced, runEach } from '../catalogue/definition/run-ddl.ts';
import { tableDdl } from '../catalogue/definition/table-ddl.ts';
import { cancelOnAbort } from '../connection/cancel.ts';
import { limited } from '../connection/connect.ts';
import { describeTarget, type PgTarget } from '../connection/connection-options.ts';
import { postgresError } from '../connection/errors.ts';
import { openPool, type PgPool, type PgSession } from '../connection/pool.ts';
import { checkOrder, type ExistingTables, findTables } from './existing-tables.ts';
import type { LoadHooks } from './load-hooks.ts';

export interface DatabaseWish {
  readonly mode: 'create' | 'append' | 'replace';
  /** Connections that make foreign keys. */
  readonly parallel: number;
  readonly lockTimeoutMs: number;
  readonly signal: AbortSignal;
  warn(message: string): void;
}

/** A database being made, or a part of one: what the tables have in common. Each table is loaded by a writer of its own. */
export class DatabaseWriter {
  readonly #pool: PgPool;
  readonly #whole: DatabaseDefinition;
  readonly #wish: DatabaseWish;
  readonly #tables: readonly TableDefinition[];
  #existing: ExistingTables = { names: new Set(), after: new Map(), referring: [] };
  /** Types and sequences that were there. */
  readonly #found = new Set<DatabaseObject>();
  /** What takes away again what this run has made, beside tables; in the order of their making. */
  #undo: string[] = [];

  private constructor(pool: PgPool, whole: DatabaseDefinition, wish: DatabaseWish) {
    this.#pool = pool;
    this.#whole = whole;
    this.#wish = wish;
    this.#tables = whole.objects.flatMap(object => (object.kind === 'table' ? [object.table] : []));
  }

  /**
   * Makes schemas, types, sequences and empty tables in one transaction. EXISTS, with the names of all tables that are there, in mode create;
   * OPTION_INVALID where foreign keys of tables that are there leave no way to fill them.
   */
  static async open(target: PgTarget, whole: DatabaseDefinition, wish: DatabaseWish): Promise<DatabaseWriter> {
    const writer = new DatabaseWriter(openPool(target), whole, wish);
    try {
      await writer.#inTransaction(`make the tables in ${describeTarget(target)}`, (run, session) => writer.#prepare(run, session));
      return writer;
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  /** Tables whose rows have to be there before those of this one. */
  after(name: string): readonly string[] {
    return this.#existing.after.get(name) ?? [];
  }

  /** How a table is loaded: emptied where this run has made it, so that its rows need no log and no later visit, and with its keys. */
  part(name: string): { table: string; hooks: LoadHooks } {
    const table = this.#table(name);
    const quoted = quoteQualifiedName(table);
    const isOwn = this.#isOwn(table);
    const hooks: LoadHooks = {
      empties: isOwn,
      begun: async client => {
        if (isOwn) await client.query(`${RAISE_MEMORY}; TRUNCATE ONLY ${quoted}`);
      },
      loaded: async (run: DdlRun) => {
        if (!isOwn) return;
        await runEach(
          run,
          [keyDdl, statisticsDdl, unvalidatedDdl].flatMap(ddl => ddl(table)),
        );
      },
    };
    return { table: quoted, hooks };
  }

  /** Its other indexes: each in a transaction of its own, on a connection of its own. */
  steps(name: string): (() => Promise<void>)[] {
    const table = this.#table(name);
    if (!this.#isOwn(table)) return [];
    return indexGroups(table).map(
      group => () =>
        this.#inTransaction(`make ${group[0]?.object ?? 'an index'}`, async run => {
          await run.client.query(RAISE_MEMORY);
          await runEach(run, group);
        }),
    );
  }

  /** What the tables have in common, of those that have their rows; the others are dropped where this run has made them. */
  async finish(written: readonly string[]): Promise<void> {
    const there = new Set(written);
    const made = this.#tables.filter(table => table.kind === 'p' || there.has(printTableName(table)));
    for (const table of this.#tables.filter(one => !made.includes(one))) await this.#dropFailed(table);
    const own = made.filter(table => this.#isOwn(table));
    const parents = own.filter(({ kind }) => kind === 'p');
    const ofPartitions = [...[keyDdl, indexDdl].flatMap(ddl => parents.flatMap(table => ddl(table))), ...own.flatMap(attachIndexDdl)];
    const doing = `finish ${describeTarget(this.#pool.target)}`;
    if (ofPartitions.length > 0) await this.#inTransaction(doing, run => runEach(run, ofPartitions));
    await this.#referTo(own);
    await this.#inTransaction(doing, async run => {
      await runEach(
        run,
        own.flatMap(table => [...replicaIdentityDdl(table), ...sequenceStateDdl(table), ...commentDdl(table)]),
      );
      const rest = this.#whole.objects.flatMap(object => afterRowsDdl(object, this.#found.has(object)));
      await runEach(run, rest, isOutOfPlace);
    });
    for (const what of this.#whole.notCarried) this.#wish.warn(`not carried: ${what}`);
  }

  /** Takes away, in one transaction, what this run has made. Nothing of others goes: what depends on it keeps all of it. */
  async abandon(): Promise<void> {
    const tables = this.#tables.filter(table => this.#isOwn(table)).map(quoteQualifiedName);
    const drops = [...(tables.length === 0 ? [] : [`DROP TABLE IF EXISTS ${tables.join(', ')}`]), ...this.#undo.toReversed()];
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

  close(): Promise<void> {
    return this.#pool.close();
  }

  #table(name: string): TableDefinition {
    const table = this.#tables.find(one => printTableName(one) === name);
    if (table === undefined) throw new MillraceError('INTERNAL', `no table ${name}`);
    return table;
  }

  #isOwn(table: TableDefinition): boolean {
    return !this.#existing.names.has(printTableName(table));
  }

  async #prepare(run: DdlRun, session: PgSession): Promise<void> {
    this.#existing = await findTables(run.client, this.#tables);
    this.#checkMode();
    const undo: string[] = [];
    for (const schema of await this.#missingSchemas(session)) {
      await run.client.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
      undo.push(`DROP SCHEMA ${quoteIdentifier(schema)}`);
    }
    for (const object of this.#whole.objects) {
      if (object.kind === 'table' && this.#isOwn(object.table)) await runEach(run, tableDdl(object.table));
      if (object.kind !== 'type' && object.kind !== 'sequence') continue;
      if (await isThere(session, object)) this.#found.add(object);
      else if ((await runEach(run, [neededDdl(object)])).length === 0) undo.push(`DROP ${object.kind} IF EXISTS ${quotedName(object)}`);
    }
    if (this.#wish.mode === 'replace') await this.#empty(run);
    this.#undo = undo;
  }

  #checkMode(): void {
    const { mode } = this.#wish;
    const { names, referring } = this.#existing;
    if (mode === 'create' && names.size > 0) {
      throw new MillraceError(
        'EXISTS',
        `these tables exist in ${describeTarget(this.#pool.target)}: ${[...names].join(', ')}; add to them with mode append, or replace them`,
      );
    }
    if (mode === 'replace' && referring.length > 0) {
      throw new MillraceError(
        'OPTION_INVALID',
        `postgres: option "mode": replace is not possible, because foreign keys of tables that are not replaced refer to those that are: ${referring.join(', ')}; replace these tables too, or drop the keys first`,
      );
    }
    checkOrder(this.#existing, mode);
  }

  async #missingSchemas({ client }: PgSession): Promise<string[]> {
    const schemas = [...new Set(this.#whole.objects.map(schemaOf))];
    const { rows } = await client.query<{ name: string }>(
      limited('SELECT nspname::text AS name FROM pg_catalog.pg_namespace WHERE nspname = ANY ($1::text[])', [schemas]),
    );
    return schemas.filter(schema => !rows.some(({ name }) => name === schema));
  }

  /** All of them in one statement: they may refer to each other. */
  async #empty({ client }: DdlRun): Promise<void> {
    const replaced = this.#tables.filter(table => !this.#isOwn(table) && table.kind === 'r');
    if (replaced.length > 0) await client.query(`TRUNCATE ONLY ${replaced.map(quoteQualifiedName).join(', ONLY ')}`);
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
    return this.#inTransaction(`make ${key.object}`, async run => {
      await run.client.query(RAISE_MEMORY);
      await runEach(run, [key], isUnreferenced);
    });
  }

  async #dropFailed(table: TableDefinition): Promise<void> {
    if (!this.#isOwn(table)) return;
    await this.#inTransaction('drop a table', async ({ client }) => {
      await client.query(`DROP TABLE IF EXISTS ${quoteQualifiedName(table)}`);
    }).catch(() => this.#wish.warn(`table ${printTableName(table)} is left as it is: others depend on it`));
  }

  /** On a session of its own. An aborted signal cancels the statement that runs, and keeps the transaction from being committed. */
  async #inTransaction(doing: string, work: (run: DdlRun, session: PgSession) => Promise<unknown>): Promise<void> {
    const { signal, lockTimeoutMs, warn } = this.#wish;
    const session = await this.#pool.acquire(signal);
    const stop = cancelOnAbort(session, signal);
    try {
      await session.begin({ lockTimeoutMs });
      await work({ client: session.client, warn }, session);
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

/** For keys and indexes, and for looking through rows that refer to others. */
const RAISE_MEMORY = `SELECT pg_catalog.set_config('maintenance_work_mem',
  (greatest(pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')), 134217728) / 1024) || 'kB', true)`;

async function isThere({ client }: PgSession, object: NeededObject): Promise<boolean> {
  const lookUp = object.kind === 'type' ? 'to_regtype' : 'to_regclass';
  const { rows } = await client.query<{ found: boolean }>(
    limited(`SELECT pg_catalog.${lookUp}($1) IS NOT NULL AS found`, [quotedName(object)]),
  );
  return rows[0]?.found === true;
}

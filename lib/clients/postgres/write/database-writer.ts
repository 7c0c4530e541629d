import { MillraceError } from '../../../errors.ts';
import { type QualifiedName, quoteIdentifier, quoteLiteral, quoteQualifiedName } from '../../../values/identifiers.ts';
import {
  attachIndexDdl,
  commentDdl,
  foreignKeyDdl,
  indexDdl,
  keyDdl,
  replicaIdentityDdl,
  sequenceStateDdl,
  unvalidatedDdl,
} from '../catalogue/definition/after-ddl.ts';
import type { Ddl } from '../catalogue/definition/ddl.ts';
import type { SequenceDefinition, TableDefinition } from '../catalogue/definition/model.ts';
import type { DatabaseDefinition, DatabaseObject } from '../catalogue/definition/read-database.ts';
import { isUnreferenced, runEach } from '../catalogue/definition/run-ddl.ts';
import { sequenceDdl, tableDdl } from '../catalogue/definition/table-ddl.ts';
import { limited } from '../connection/connect.ts';
import { describeTarget, type PgTarget } from '../connection/connection-options.ts';
import { postgresError } from '../connection/errors.ts';
import { openPool, type PgPool, type PgSession } from '../connection/pool.ts';
import type { LoadHooks } from './table-writer.ts';

export interface DatabaseWish {
  readonly mode: 'create' | 'append' | 'replace';
  readonly signal: AbortSignal;
  warn(message: string): void;
}

/** A database being made, or a part of one: what the tables have in common. Each table is loaded by a writer of its own. */
export class DatabaseWriter {
  readonly #pool: PgPool;
  readonly #session: PgSession;
  readonly #whole: DatabaseDefinition;
  readonly #wish: DatabaseWish;
  /** Tables that were there, by their names. */
  #existing = new Set<string>();

  private constructor(pool: PgPool, session: PgSession, whole: DatabaseDefinition, wish: DatabaseWish) {
    this.#pool = pool;
    this.#session = session;
    this.#whole = whole;
    this.#wish = wish;
    wish.signal.addEventListener('abort', this.#abort, { once: true });
  }

  /** Makes schemas, types, sequences and empty tables in one transaction. EXISTS, with the names of all tables that are there, in mode create. */
  static async open(target: PgTarget, whole: DatabaseDefinition, wish: DatabaseWish): Promise<DatabaseWriter> {
    const pool = openPool(target);
    let writer: DatabaseWriter | undefined;
    try {
      writer = new DatabaseWriter(pool, await pool.acquire(wish.signal), whole, wish);
      await writer.#guarded('make the tables in', () => (writer as DatabaseWriter).#prepare());
      return writer;
    } catch (error) {
      if (writer === undefined) pool.close();
      else await writer.close();
      throw error;
    }
  }

  /** How a table is loaded: emptied where this run has made it, so that its rows need no log and no later visit, and with its keys and indexes. */
  part(name: string): { table: string; hooks: LoadHooks } {
    const table = this.#tables.find(one => nameOf(one) === name);
    if (table === undefined) throw new MillraceError('INTERNAL', `no table ${name}`);
    const quoted = quoteQualifiedName(table);
    const isOwn = !this.#existing.has(name);
    const hooks: LoadHooks = {
      empties: isOwn,
      begun: async client => {
        if (isOwn) await client.query(`SET LOCAL maintenance_work_mem = '128MB'; TRUNCATE ONLY ${quoted}`);
      },
      loaded: async run => {
        if (isOwn)
          await runEach(
            run,
            [keyDdl, indexDdl, unvalidatedDdl].flatMap(ddl => ddl(table)),
          );
      },
    };
    return { table: quoted, hooks };
  }

  /** What the tables have in common, of those that have their rows; the others are dropped where this run has made them. */
  async finish(written: readonly string[]): Promise<void> {
    await this.#guarded('finish', async () => {
      const there = new Set(written);
      const isEmpty = ({ columns }: TableDefinition): boolean => columns.every(({ generated }) => generated !== undefined);
      const made = this.#tables.filter(table => table.kind === 'p' || isEmpty(table) || there.has(nameOf(table)));
      const failed = this.#tables.filter(table => !made.includes(table));
      for (const table of failed) await this.#dropFailed(table);
      const own = made.filter(table => !this.#existing.has(nameOf(table)));
      const run = { client: this.#session.client, warn: this.#wish.warn };
      await this.#inTransaction(async () => {
        const parents = own.filter(({ kind }) => kind === 'p');
        await runEach(
          run,
          [keyDdl, indexDdl, attachIndexDdl].flatMap(ddl => (ddl === attachIndexDdl ? own : parents).flatMap(table => ddl(table))),
        );
      });
      for (const key of own.flatMap(table => foreignKeyDdl(table)))
        await this.#inTransaction(() => runEach(run, [key], isUnreferenced).then(() => undefined));
      await this.#inTransaction(async () => {
        await runEach(
          run,
          own.flatMap(table => [...replicaIdentityDdl(table), ...sequenceStateDdl(table), ...commentDdl(table)]),
        );
        await runEach(run, this.#whole.objects.flatMap(afterLoad));
      });
    });
    for (const what of this.#whole.notCarried) this.#wish.warn(`not carried: ${what}`);
  }

  close(): Promise<void> {
    this.#wish.signal.removeEventListener('abort', this.#abort);
    this.#session.discard();
    this.#pool.close();
    return Promise.resolve();
  }

  get #tables(): TableDefinition[] {
    return this.#whole.objects.flatMap(object => (object.kind === 'table' ? [object.table] : []));
  }

  async #prepare(): Promise<void> {
    const { client, target } = this.#session;
    const { mode, warn } = this.#wish;
    const { rows } = await client.query<{ name: string }>(limited(EXISTING, [this.#tables.map(nameOf)]));
    this.#existing = new Set(rows.map(({ name }) => name));
    if (mode === 'create' && rows.length > 0) {
      const names = rows.map(({ name }) => JSON.stringify(name)).join(', ');
      throw new MillraceError(
        'EXISTS',
        `these tables exist in ${describeTarget(target)}: ${names}; add to them with mode append, or replace them`,
      );
    }
    await this.#inTransaction(async () => {
      const schemas = new Set(this.#whole.objects.map(schemaOf));
      for (const schema of schemas) await client.query(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`);
      for (const object of this.#whole.objects) {
        if (object.kind === 'table' && !this.#existing.has(nameOf(object.table))) await runEach({ client, warn }, tableDdl(object.table));
        else if ((object.kind === 'type' || object.kind === 'sequence') && !(await this.#isThere(object)))
          await runEach({ client, warn }, [beforeLoad(object)]);
      }
      const replaced = mode === 'replace' ? this.#tables.filter(table => this.#existing.has(nameOf(table)) && table.kind === 'r') : [];
      if (replaced.length > 0) await client.query(`TRUNCATE ONLY ${replaced.map(quoteQualifiedName).join(', ')}`);
    });
  }

  async #isThere(object: Extract<DatabaseObject, { kind: 'type' | 'sequence' }>): Promise<boolean> {
    const name = quoteQualifiedName(object.kind === 'type' ? object.object : (object.sequence.name as QualifiedName));
    const lookUp = object.kind === 'type' ? 'to_regtype' : 'to_regclass';
    const { rows } = await this.#session.client.query<{ found: boolean }>(
      limited(`SELECT pg_catalog.${lookUp}($1) IS NOT NULL AS found`, [name]),
    );
    return rows[0]?.found === true;
  }

  async #dropFailed(table: TableDefinition): Promise<void> {
    if (this.#existing.has(nameOf(table))) return;
    await this.#session.client
      .query(`DROP TABLE IF EXISTS ${quoteQualifiedName(table)}`)
      .catch(() => this.#wish.warn(`table ${nameOf(table)} is left empty: others depend on it`));
  }

  async #inTransaction(work: () => Promise<void>): Promise<void> {
    const { client } = this.#session;
    await client.query('BEGIN');
    try {
      await work();
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  async #guarded(doing: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#wish.signal.aborted) throw new MillraceError('CANCELLED', 'writing the database was cancelled');
      throw postgresError(error, `${doing} ${describeTarget(this.#session.target)}`, this.#session.target);
    }
  }

  readonly #abort = (): void => this.#session.discard();
}

const EXISTING = `
  SELECT n.nspname || '.' || c.relname AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname || '.' || c.relname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1`;

function nameOf({ schema, name }: { schema: string; name: string }): string {
  return `${schema}.${name}`;
}

function schemaOf(object: DatabaseObject): string {
  if (object.kind === 'table') return object.table.schema;
  return object.kind === 'sequence' ? (object.sequence.name?.schema ?? 'public') : object.object.schema;
}

function beforeLoad(object: Extract<DatabaseObject, { kind: 'type' | 'sequence' }>): Ddl {
  if (object.kind === 'sequence') return sequenceDdl(object.sequence.name as QualifiedName, object.sequence);
  return { object: `type ${JSON.stringify(nameOf(object.object))}`, sql: object.object.sql };
}

const COMMENTED: Readonly<Record<string, string>> = { v: 'VIEW', m: 'MATERIALIZED VIEW', d: 'DOMAIN' };

/** Views in the order in which they need each other, where sequences of nobody stand, comments. */
function afterLoad(object: DatabaseObject): Ddl[] {
  if (object.kind === 'table') return [];
  if (object.kind === 'sequence') return standing(object.sequence);
  const { kind, sql, comment } = object.object;
  const name = quoteQualifiedName(object.object);
  const shown = `${object.kind} ${JSON.stringify(nameOf(object.object))}`;
  const said =
    comment === null
      ? []
      : [{ object: `comment on ${shown}`, sql: `COMMENT ON ${COMMENTED[kind] ?? 'TYPE'} ${name} IS ${quoteLiteral(comment)}` }];
  if (object.kind === 'type') return said;
  const view = [{ object: shown, sql }];
  if (object.indexes === undefined) return [...view, ...said];
  return [...view, { object: shown, sql: `REFRESH MATERIALIZED VIEW ${name}` }, ...indexDdl(object.indexes), ...commentDdl(object.indexes)];
}

function standing({ name, state, comment }: SequenceDefinition): Ddl[] {
  const quoted = quoteQualifiedName(name as QualifiedName);
  const object = `sequence ${quoted}`;
  return [
    ...(state === undefined
      ? []
      : [{ object, sql: `SELECT pg_catalog.setval(${quoteLiteral(quoted)}, ${state.lastValue}, ${state.isCalled})` }]),
    ...(comment === undefined ? [] : [{ object, sql: `COMMENT ON SEQUENCE ${quoted} IS ${quoteLiteral(comment)}` }]),
  ];
}

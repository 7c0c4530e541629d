import type pg from 'pg';
import type { PlannedParts } from '../../../core/parts.ts';
import type { ColumnPlan, PartPlan, SinkPlan } from '../../../core/plan.ts';
import { asMillraceError, MillraceError } from '../../../errors.ts';
import type { Schema } from '../../../schema/schema.ts';
import { quoteIdentifier, quoteQualifiedName } from '../../../values/identifiers.ts';
import { attachIndexDdl, foreignKeyDdl, indexGroups } from '../catalogue/definition/after-ddl.ts';
import { afterRowsDdl, finishedDdl, loadedDdl, neededDdl, parentDdl, schemaOf } from '../catalogue/definition/database-ddl.ts';
import { type Ddl, printTableName } from '../catalogue/definition/ddl.ts';
import type { SchemaName, TableDefinition } from '../catalogue/definition/model.ts';
import { asServerHas } from '../catalogue/definition/older-server.ts';
import { type DatabaseDefinition, type DatabaseObject, readDatabase } from '../catalogue/definition/read-database.ts';
import { tableDdl } from '../catalogue/definition/table-ddl.ts';
import { imaginedTable } from '../catalogue/imagined-table.ts';
import { lackingDatabase, lackingSchema, lackingTruncate, readOnlyServer } from '../catalogue/rights.ts';
import { lackingTypes } from '../catalogue/types-there.ts';
import type { PgTarget } from '../connection/connection-options.ts';
import { sqlStateOf } from '../connection/errors.ts';
import { withSession } from '../connection/session.ts';
import { CopyPlan } from './copy-plan.ts';
import type { DatabaseWish } from './database-writer.ts';
import { type ExistingTables, findTables } from './existing-tables.ts';
import { lossyColumns } from './lossy-columns.ts';
import { planTableWithin } from './plan-table.ts';
import { emptyingAll, missingSchemas, modeProblems, ownDatabase, tablesOf } from './prepare-database.ts';

type PlanWish = Pick<DatabaseWish, 'mode' | 'lossy' | 'indexes' | 'signal'>;

/** What copying a database would do, object by object, looked up in a transaction that can only read. `parts`: undefined where the source could not tell. */
export async function planDatabase(target: PgTarget, parts: PlannedParts | undefined, wish: PlanWish): Promise<SinkPlan> {
  return withSession(target, { doing: 'plan for a database', signal: wish.signal }, async session => {
    await session.begin({ isReadOnly: true });
    const problems = await readOnlyServer(session.client);
    const plan = parts === undefined ? {} : await new DatabasePlanning(session.client, target, parts, wish).make();
    await session.rollBack();
    return { ...plan, problems: [...problems, ...(plan.problems ?? [])] };
  });
}

class DatabasePlanning {
  readonly #client: pg.Client;
  readonly #target: PgTarget;
  readonly #whole: DatabaseDefinition;
  readonly #tables: readonly TableDefinition[];
  readonly #schemas: ReadonlyMap<string, Schema>;
  readonly #wish: PlanWish;
  readonly #problems: MillraceError[] = [];
  #existing: ExistingTables = { names: new Set(), after: new Map(), referring: [] };
  #lossy: ReadonlyMap<string, readonly string[]> = new Map();
  /** What the target has, by kind and name. */
  #there: ReadonlyMap<string, DatabaseObject> = new Map();

  constructor(client: pg.Client, target: PgTarget, { whole, parts }: PlannedParts, wish: PlanWish) {
    this.#client = client;
    this.#target = target;
    this.#whole = whole as DatabaseDefinition;
    this.#tables = tablesOf(this.#whole);
    this.#schemas = new Map(parts.map(({ name, schema }) => [name, schema]));
    this.#wish = wish;
  }

  async make(): Promise<SinkPlan> {
    const { mode, lossy } = this.#wish;
    this.#lossy = (await this.#tried(() => Promise.resolve(lossyColumns(lossy, this.#tables)))) ?? this.#lossy;
    this.#existing = await findTables(this.#client, this.#tables);
    this.#problems.push(...(await ownDatabase(this.#client, this.#whole, mode)), ...modeProblems(this.#existing, mode, this.#target));
    const missing = await missingSchemas(this.#client, this.#whole);
    const { objects } = await readDatabase(this.#client, undefined);
    this.#there = new Map(objects.map(object => [keyOf(object), object]));
    await this.#lookAtRights(missing);
    const replaced = mode === 'replace' ? this.#tables.filter(table => this.#isThere(table)) : [];
    this.#problems.push(...(await lackingTruncate(this.#client, replaced.filter(({ kind }) => kind === 'r').map(quoteQualifiedName))));
    const parts: PartPlan[] = [];
    for (const object of this.#whole.objects) parts.push(await this.#part(object));
    const emptying = emptyingAll(replaced);
    return {
      statements: [...missing.map(name => `CREATE SCHEMA ${quoteIdentifier(name)}`), ...(emptying === undefined ? [] : [emptying])],
      parts,
      problems: this.#problems,
    };
  }

  async #lookAtRights(missing: readonly string[]): Promise<void> {
    if (missing.length > 0) this.#problems.push(...(await lackingDatabase(this.#client)));
    const made = this.#whole.objects.filter(object =>
      object.kind === 'table' ? !this.#isThere(object.table) : !this.#there.has(keyOf(object)),
    );
    const schemas = new Set(made.map(schemaOf).filter(name => !missing.includes(name)));
    for (const schema of schemas) this.#problems.push(...(await lackingSchema(this.#client, { schema, name: '' })));
  }

  #isThere(table: TableDefinition): boolean {
    return this.#existing.names.has(printTableName(table));
  }

  async #part(object: DatabaseObject): Promise<PartPlan> {
    if (object.kind === 'table') {
      const part = { kind: 'table', name: printTableName(object.table) };
      return { ...part, ...(this.#isThere(object.table) ? await this.#filled(object.table) : await this.#made(object.table)) };
    }
    const found = this.#there.get(keyOf(object));
    const part = { kind: object.kind, name: nameOf(object), exists: found !== undefined };
    if (found === undefined) {
      const before = object.kind === 'view' ? [] : [neededDdl(object)];
      return { ...part, statements: sqlOf([...before, ...afterRowsDdl(object, false)]) };
    }
    const notes = [isSame(object, found) ? 'it is there, and stays as it is' : 'another one is there, and stays as it is'];
    return { ...part, notes, statements: object.kind === 'view' ? [] : sqlOf(afterRowsDdl(object, true)) };
  }

  /** A table that is there, by what would be done with it alone. */
  async #filled(table: TableDefinition): Promise<Omit<PartPlan, 'kind' | 'name'>> {
    const { mode, indexes, signal } = this.#wish;
    const [name, schema] = [printTableName(table), this.#schemas.get(printTableName(table))];
    if (mode === 'create') return { exists: true, notes: ['it is there'] };
    if (schema === undefined) return { exists: true, notes: ['it is there: its rows come with its partitions'] };
    const found = this.#there.get(keyOf({ kind: 'table', table }));
    const plan = await this.#tried(
      () =>
        planTableWithin(
          this.#client,
          this.#target,
          {
            ...{ table: name, mode: 'append', lossy: this.#lossy.get(name), indexes },
            like: found?.kind === 'table' ? { source: table, there: found.table } : undefined,
            there: mode === 'replace' ? 'emptied, with all others, before the first row of any' : undefined,
          },
          { schema, first: undefined, codec: 'pg-copy', signal },
        ),
      name,
    );
    for (const problem of plan?.problems ?? []) this.#add(problem, name);
    const { notes = [], statements = [], types = [] } = plan ?? {};
    return { exists: true, notes, statements, types };
  }

  /** A table that the run makes, up to the last thing that hangs on it. */
  async #made(table: TableDefinition): Promise<Omit<PartPlan, 'kind' | 'name'>> {
    const name = printTableName(table);
    const notes: string[] = [];
    const schema = this.#schemas.get(name);
    const before = tableDdl(await asServerHas(this.#client, table, note => void notes.push(note)));
    const types = table.columns.map(({ name: column, type, generated }): ColumnPlan => {
      return { name: column, from: type, to: type, change: generated === undefined ? 'none' : 'left out' };
    });
    for (const lacking of await lackingTypes(this.#client, table, this.#whole.objects))
      this.#add(new MillraceError('NOT_FOUND', `the target has no type ${lacking}, so the table cannot be made; make it there`), name);
    const rows = schema === undefined ? parentDdl(table) : [...loadedDdl(table), ...indexGroups(table).flat()];
    const after = [...rows, ...attachIndexDdl(table), ...foreignKeyDdl(table), ...finishedDdl(table)];
    const copy = schema === undefined || schema.fields.length === 0 ? [] : [await this.#copyInto(table, schema)];
    return { exists: false, notes, statements: [...sqlOf(before), ...copy, ...sqlOf(after)], types };
  }

  async #copyInto(table: TableDefinition, schema: Schema): Promise<string> {
    const imagined = await imaginedTable(this.#client, table, schema, false);
    const plan = new CopyPlan(schema, imagined, printTableName(table));
    return plan.statement(plan.formatOf('pg-copy'));
  }

  #add(problem: MillraceError, table: string): void {
    this.#problems.push(new MillraceError(problem.code, `${table}: ${problem.message}`, { retryable: problem.retryable }));
  }

  /** A refusal is a problem; what the server fails with ends the plan, for it ends the transaction. */
  async #tried<T>(call: () => Promise<T>, table?: string): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof MillraceError) || sqlStateOf(error) !== undefined) throw error;
      if (table === undefined) this.#problems.push(asMillraceError(error));
      else this.#add(error, table);
      return undefined;
    }
  }
}

function sqlOf(statements: readonly Ddl[]): string[] {
  return statements.map(({ sql }) => sql);
}

function nameOf(object: DatabaseObject): string {
  if (object.kind === 'table') return printTableName(object.table);
  return printTableName(object.kind === 'sequence' ? (object.sequence.name as SchemaName) : object.object);
}

function keyOf(object: DatabaseObject): string {
  return `${object.kind} ${nameOf(object)}`;
}

/** As far as what makes it tells. */
function isSame(one: DatabaseObject, other: DatabaseObject): boolean {
  if (one.kind === 'sequence' || other.kind === 'sequence') return neededSql(one) === neededSql(other);
  return one.kind !== 'table' && other.kind !== 'table' && one.object.sql === other.object.sql;
}

function neededSql(object: DatabaseObject): string | undefined {
  return object.kind === 'sequence' ? neededDdl(object).sql : undefined;
}

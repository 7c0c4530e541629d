import type pg from 'pg';
import type { ColumnPlan, SinkPlan, SinkPlanContext } from '../../../core/plan.ts';
import { asMillraceError, MillraceError } from '../../../errors.ts';
import type { Schema } from '../../../schema/schema.ts';
import { typeName } from '../../../schema/types.ts';
import { parseQualifiedName, quoteIdentifier } from '../../../values/identifiers.ts';
import { addMarkSql, deletedMark, withoutMark } from '../catalogue/deleted-mark.ts';
import { mergesRows } from '../catalogue/table-mode.ts';
import { createTable } from '../catalogue/create-table.ts';
import { adaptDefinition } from '../catalogue/definition/adapt.ts';
import { differencesOf } from '../catalogue/definition/compare-definitions.ts';
import type { TableDefinition } from '../catalogue/definition/model.ts';
import { readDefinitions, relationOid } from '../catalogue/definition/read-tables.ts';
import { emptyingStatement } from '../catalogue/empty-table.ts';
import { imaginedTable } from '../catalogue/imagined-table.ts';
import { rebuiltIndexes } from '../catalogue/rebuilt-indexes.ts';
import { replaceWay } from '../catalogue/replace-way.ts';
import { lackingDelete, lackingRights, lackingSchema, lackingTemporary, readOnlyServer } from '../catalogue/rights.ts';
import { TableOrigin } from '../catalogue/table-origin.ts';
import { advanceSequence, loadTarget, type TargetTable } from '../catalogue/target-table.ts';
import { type Upsert, upsertColumns, upsertKey } from '../catalogue/upsert-key.ts';
import type { PgTarget } from '../connection/connection-options.ts';
import { sqlStateOf } from '../connection/errors.ts';
import { withSession } from '../connection/session.ts';
import { compareColumns } from './compare-columns.ts';
import { CopyPlan } from './copy-plan.ts';
import { ShadowTable } from './shadow-table.ts';
import { typedBy } from './inferred-types.ts';
import { likeItsOrigin } from './like-origin.ts';
import { mergeSql, planRemoval } from './plan-merge.ts';
import { cannotSync, keyless, tableExists, type TableOptions } from './table-options.ts';
import { partKeys, STAGING } from './staging.ts';

/** Of a sink, what `plan` looks at. */
export interface TablePlanOptions extends TableOptions {
  readonly before?: string | undefined;
  readonly after?: string | undefined;
  readonly parallel?: number;
  /** The table that the records come from, and this one, where both are known; else the records tell. */
  readonly like?: { readonly source: TableDefinition; readonly there: TableDefinition } | undefined;
  /** What becomes of the rows that it has, where not its mode alone says it. */
  readonly there?: string | undefined;
}

/** What writing to a table would do, looked up in a transaction that can only read: any user who may connect can plan. */
export async function planTable(target: PgTarget, options: TablePlanOptions, context: SinkPlanContext): Promise<SinkPlan> {
  const use = { doing: `plan for table ${JSON.stringify(options.table)}`, signal: context.signal };
  return withSession(target, use, async session => {
    await session.begin({ isReadOnly: true });
    const plan = await planTableWithin(session.client, target, options, context);
    await session.rollBack();
    return plan;
  });
}

/** The same, within a transaction. */
export function planTableWithin(
  client: pg.Client,
  target: PgTarget,
  options: TablePlanOptions,
  context: SinkPlanContext,
): Promise<SinkPlan> {
  return new TablePlanning(client, target, options, context).make();
}

const MODES = {
  create: '',
  append: 'rows are added to those that it has',
  replace: 'its rows give way to the new ones, in one transaction',
  upsert: '',
  sync: '',
};

class TablePlanning {
  readonly #client: pg.Client;
  readonly #target: PgTarget;
  readonly #options: TablePlanOptions;
  readonly #context: SinkPlanContext;
  readonly #shown: string;
  readonly #problems: MillraceError[] = [];
  readonly #notes: string[] = [];
  readonly #statements: string[] = [];
  #types: readonly ColumnPlan[] = [];

  constructor(client: pg.Client, target: PgTarget, options: TablePlanOptions, context: SinkPlanContext) {
    this.#client = client;
    this.#target = target;
    this.#options = options;
    this.#context = context;
    this.#shown = JSON.stringify(options.table);
  }

  async make(): Promise<SinkPlan> {
    const { before, after, table } = this.#options;
    const { mode } = this.#options;
    const { incomplete } = this.#context;
    this.#problems.push(...(await readOnlyServer(this.#client)));
    if (mode === 'sync' && incomplete !== undefined) this.#problems.push(cannotSync(incomplete));
    const found = await loadTarget(this.#client, table);
    if (before !== undefined) {
      this.#statements.push(before);
      this.#notes.push('what the SQL of "before" changes is not known beforehand');
    }
    if (found === undefined) await this.#makeTable();
    else await this.#useTable(found);
    if (after !== undefined) this.#statements.push(after);
    return {
      exists: found !== undefined,
      notes: this.#notes,
      statements: this.#statements,
      types: this.#types,
      problems: this.#problems,
    };
  }

  async #useTable(found: TargetTable): Promise<void> {
    const { mode } = this.#options;
    if (mode === 'create') {
      this.#notes.push('the table is there');
      this.#problems.push(tableExists(this.#shown, this.#target));
      return;
    }
    if (!mergesRows(mode)) this.#notes.push(`the table is there: ${this.#options.there ?? MODES[mode]}`);
    const like = this.#options.like ?? (await this.#likeOrigin(found));
    if (like !== undefined) this.#notes.push(...differencesOf(like.source, like.there));
    const swap = mode === 'replace' ? await this.#replace(found) : undefined;
    await this.#load(found, this.#context.schema, swap ?? { after: await this.#rebuild(found) });
  }

  /** What the columns of the records would bring along, if the table were made of them; and what it has. */
  async #likeOrigin(found: TargetTable): Promise<TablePlanOptions['like']> {
    const { schema, signal } = this.#context;
    if (!(schema?.origin instanceof TableOrigin) || !'rp'.includes(found.kind)) return undefined;
    const { origin, fields } = schema;
    const source = await this.#tried(() => origin.definition(signal));
    const oid = await relationOid(this.#client, found.name);
    const [there] = oid === undefined ? [] : await readDefinitions(this.#client, [oid]);
    if (source === undefined || there === undefined) return undefined;
    const own = fields.map(field => ({ field, type: typeName(field.type) }));
    return { source: adaptDefinition(source, own, { schema: there.schema, name: there.name }).definition, there };
  }

  /** Of a swap what it sends; else what empties the table is in the plan. */
  async #replace(found: TargetTable): Promise<Loading | undefined> {
    const chosen = await this.#tried(() => replaceWay(this.#client, found.name, this.#options.replace, this.#shown));
    if (chosen === undefined) return undefined;
    if (chosen.way === 'swap') {
      this.#notes.push('replace by swap: another table is made like it, filled, and put in its place');
      const swap = await ShadowTable.plan(this.#client, found.name);
      this.#statements.push(...swap.before);
      return { into: swap.table, after: swap.after };
    }
    const why = chosen.obstacles.length === 0 ? '' : `; no other can take its place: ${chosen.obstacles.join('; ')}`;
    this.#notes.push(`replace by truncate: the table itself is emptied${why}`);
    const emptying = await this.#tried(() => emptyingStatement(this.#client, found, this.#shown));
    if (emptying !== undefined) this.#statements.push(emptying);
    if (emptying?.startsWith('DELETE') === true) this.#problems.push(...(await lackingDelete(this.#client, found, this.#shown)));
    return undefined;
  }

  /** The statements that make again what is dropped before the load. */
  async #rebuild(found: TargetTable): Promise<readonly string[]> {
    if (this.#options.indexes !== 'rebuild') return [];
    const indexes = await this.#tried(() => rebuiltIndexes(this.#client, found, this.#shown));
    if (indexes === undefined) return [];
    const { names, kept, drop, build } = indexes;
    const shown = names.map(name => JSON.stringify(name)).join(', ');
    this.#notes.push(
      names.length === 0
        ? 'it has no index that could be rebuilt'
        : `indexes that are dropped before the load and built after it: ${shown}; others cannot read the table meanwhile`,
    );
    if (kept.length > 0) this.#notes.push(`indexes that are not rebuilt: ${kept.join(', ')}`);
    this.#statements.push(...drop);
    return build;
  }

  /** Rows into a table that is there, or will be. */
  async #load(table: TargetTable, schema: Schema | undefined, { isOwn = false, into, after = [] }: Loading): Promise<void> {
    const { mode, lossy, deletedColumn } = this.#options;
    const upsert = mergesRows(mode) && !isOwn ? await this.#upsertInto(table, schema) : undefined;
    if (schema === undefined) {
      this.#notes.push('its columns are compared with the records when the run begins: nothing says beforehand what they have');
      return;
    }
    const { differences, types } = compareColumns(schema, withoutMark(table, deletedColumn), this.#shown, lossy);
    this.#types = isOwn ? this.#types : types;
    this.#problems.push(...differences);
    if (differences.length > 0) return;
    const plan = new CopyPlan(schema, withoutMark(table, deletedColumn), this.#shown, lossy);
    const format = plan.formatOf(this.#context.codec);
    if (!isOwn && into === undefined) this.#problems.push(...(await this.#lackingRights(table, plan.names, upsert)));
    if (upsert === undefined) this.#statements.push(plan.statement(format, into));
    else {
      this.#statements.push(...mergeSql(table, upsert, plan.statement(format, STAGING), mode === 'sync'));
      if (mode === 'sync') await this.#remove(table, upsert);
      if ((this.#options.parallel ?? 1) > 1 && partKeys(table, upsert) !== undefined) this.#notes.push(SHARED);
    }
    this.#statements.push(...after);
    if (isOwn) return;
    const numbered = table.columns.filter(({ name, sequence }) => sequence !== undefined && plan.names.includes(name));
    this.#statements.push(...numbered.map(column => advanceSequence(table, column).replace(/\s+/g, ' ')));
  }

  async #remove(table: TargetTable, { key, mark }: Upsert): Promise<void> {
    const { notes, statement, problems } = await planRemoval(this.#client, table, key, mark, this.#shown);
    this.#notes.push(...notes);
    this.#statements.push(statement);
    this.#problems.push(...problems);
  }

  async #upsertInto(table: TargetTable, schema: Schema | undefined): Promise<Upsert | undefined> {
    return this.#tried(async () => {
      const key = await upsertKey(this.#client, table, this.#options, this.#shown);
      this.#notes.push(`the table is there: rows are merged by ${key.names.map(quoteIdentifier).join(', ')}`);
      const { deletedColumn, lossy } = this.#options;
      const mark = deletedColumn === undefined ? undefined : deletedMark(table, deletedColumn, this.#shown, schema?.names ?? []);
      if (schema === undefined) return undefined;
      const compared = compareColumns(schema, withoutMark(table, deletedColumn), this.#shown, lossy);
      const written = compared.columns.map(({ name }) => name);
      return { ...upsertColumns(written, table, key, this.#options), mark };
    });
  }

  async #lackingRights(table: TargetTable, columns: readonly string[], upsert: Upsert | undefined): Promise<MillraceError[]> {
    if (upsert === undefined) return lackingRights(this.#client, table, { INSERT: columns }, this.#shown);
    const wanted = { INSERT: columns, UPDATE: upsert.updated, SELECT: columns };
    return [...(await lackingRights(this.#client, table, wanted, this.#shown)), ...(await lackingTemporary(this.#client))];
  }

  async #makeTable(): Promise<void> {
    const { table, mode, key } = this.#options;
    const { schema, first } = this.#context;
    this.#notes.push('the table is not there: it is made');
    this.#problems.push(...(await lackingSchema(this.#client, parseQualifiedName(table))));
    if (mergesRows(mode) && key === undefined) this.#problems.push(keyless(this.#shown, mode));
    if (schema === undefined) {
      this.#notes.push('its columns are those of the records, known when the first ones have come');
      return;
    }
    const typed = schema.fields.some(({ untyped }) => untyped === true) ? typedBy(schema, first) : schema;
    const made = await this.#tried(() => this.#made(typed));
    this.#types = typed.fields.map((field, i): ColumnPlan => {
      const { name, type } = field;
      const inferred = schema.fields[i]?.untyped === true || schema.fields[i]?.inferred === true;
      const from = type.domain ?? typeName(type);
      const to = made?.types[i];
      const isLeftOut = made?.isLikeOrigin === true && field.generatedBy !== undefined;
      const change = to === undefined ? 'refused' : isLeftOut ? 'left out' : to === from ? 'none' : 'widened';
      return { name, from, ...(to === undefined ? {} : { to }), change, ...(inferred ? { inferred } : {}) };
    });
    if (made === undefined) return;
    const { deletedColumn } = this.#options;
    if (deletedColumn !== undefined && !typed.has(deletedColumn)) this.#statements.push(addMarkSql(table, deletedColumn));
    await this.#load(await imaginedTable(this.#client, parseQualifiedName(table), typed, made.isLikeOrigin), schema, { isOwn: true });
    this.#statements.push(...made.after);
  }

  /** Gathers the statements that make it; those that follow the load are given. */
  async #made(schema: Schema): Promise<{ types: readonly string[]; after: readonly string[]; isLikeOrigin: boolean }> {
    const collect = (statement: string): void => void (this.#statements.includes(statement) || this.#statements.push(statement));
    const making = { client: this.#client, warn: (message: string) => void this.#notes.push(message), collect };
    const { table, key } = this.#options;
    const defined = await likeItsOrigin(making, schema, this.#options, this.#context.signal);
    if (defined === undefined) return { types: await createTable(making, table, schema, key), after: [], isLikeOrigin: false };
    const { before, after } = defined.statements;
    before.forEach(collect);
    return { types: defined.types, after, isLikeOrigin: true };
  }

  /** A refusal is a problem; what the server fails with ends the plan, for it ends the transaction. */
  async #tried<T>(call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof MillraceError) || sqlStateOf(error) !== undefined) throw error;
      this.#problems.push(asMillraceError(error));
      return undefined;
    }
  }
}

interface Loading {
  /** Made by the run. */
  readonly isOwn?: boolean;
  /** Another table that takes its place. */
  readonly into?: string;
  /** Statements that follow the rows. */
  readonly after?: readonly string[];
}

const SHARED =
  'many rows in the order of the key are staged by a second connection, in a table millrace_staging_… beside it (parallel: 1: by one)';

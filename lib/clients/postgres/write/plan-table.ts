import type pg from 'pg';
import type { ColumnPlan, SinkPlan, SinkPlanContext } from '../../../core/plan.ts';
import type { MillraceError } from '../../../errors.ts';
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
import { imaginedTable } from '../catalogue/imagined-table.ts';
import { lackingRights, lackingSchema, lackingTemporary, readOnlyServer } from '../catalogue/rights.ts';
import { TableOrigin } from '../catalogue/table-origin.ts';
import { advanceSequence, loadTarget, type TargetTable } from '../catalogue/target-table.ts';
import { type Upsert, upsertColumns, upsertKey } from '../catalogue/upsert-key.ts';
import type { PgTarget } from '../connection/connection-options.ts';
import { withSession } from '../connection/session.ts';
import { type ColumnWishes, compareColumns } from './compare-columns.ts';
import { CopyPlan } from './copy-plan.ts';
import { typedBy } from './inferred-types.ts';
import { likeItsOrigin } from './like-origin.ts';
import { planDrift } from './plan-drift.ts';
import { PlanFindings } from './plan-findings.ts';
import { type Loading, planRebuild, planReplace } from './plan-replace.ts';
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
  readonly #found = new PlanFindings();
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
    this.#found.problems.push(...(await readOnlyServer(this.#client)));
    if (mode === 'sync' && incomplete !== undefined) this.#found.problems.push(cannotSync(incomplete));
    const found = await loadTarget(this.#client, table);
    if (before !== undefined) {
      this.#found.statements.push(before);
      this.#found.notes.push('what the SQL of "before" changes is not known beforehand');
    }
    if (found === undefined) await this.#makeTable();
    else await this.#useTable(found);
    if (after !== undefined) this.#found.statements.push(after);
    const { notes, statements, problems } = this.#found;
    return { exists: found !== undefined, notes, statements, types: this.#types, problems };
  }

  async #useTable(found: TargetTable): Promise<void> {
    const { mode } = this.#options;
    if (mode === 'create') {
      this.#found.notes.push('the table is there');
      this.#found.problems.push(tableExists(this.#shown, this.#target));
      return;
    }
    if (!mergesRows(mode)) this.#found.notes.push(`the table is there: ${this.#options.there ?? MODES[mode]}`);
    const like = this.#options.like ?? (await this.#likeOrigin(found));
    if (like !== undefined) this.#found.notes.push(...differencesOf(like.source, like.there));
    const replaced = { table: found, shown: this.#shown, options: this.#options };
    const fitted = await planDrift(this.#client, replaced, this.#context, this.#found);
    const swap = mode === 'replace' ? await planReplace(this.#client, replaced, this.#found) : undefined;
    const loading = swap ?? { after: await planRebuild(this.#client, replaced, this.#found) };
    await this.#load(fitted.table, this.#context.schema, { ...loading, ignored: fitted.ignored });
  }

  /** What the columns of the records would bring along, if the table were made of them; and what it has. */
  async #likeOrigin(found: TargetTable): Promise<TablePlanOptions['like']> {
    const { schema, signal } = this.#context;
    if (!(schema?.origin instanceof TableOrigin) || !'rp'.includes(found.kind)) return undefined;
    const { origin, fields } = schema;
    const source = await this.#found.tried(() => origin.definition(signal));
    const oid = await relationOid(this.#client, found.name);
    const [there] = oid === undefined ? [] : await readDefinitions(this.#client, [oid]);
    if (source === undefined || there === undefined) return undefined;
    const own = fields.map(field => ({ field, type: typeName(field.type) }));
    return { source: adaptDefinition(source, own, { schema: there.schema, name: there.name }).definition, there };
  }

  /** Rows into a table that is there, or will be. */
  async #load(table: TargetTable, schema: Schema | undefined, { isOwn = false, into, after = [], ignored = [] }: Loading): Promise<void> {
    const { mode, lossy, deletedColumn, onDrift } = this.#options;
    const wishes = { lossy, ignored, onDrift: onDrift ?? 'refuse' };
    const upsert = mergesRows(mode) && !isOwn ? await this.#upsertInto(table, schema, wishes) : undefined;
    if (schema === undefined) {
      this.#found.notes.push('its columns are compared with the records when the run begins: nothing says beforehand what they have');
      return;
    }
    const { differences, types } = compareColumns(schema, withoutMark(table, deletedColumn), this.#shown, wishes);
    this.#types = isOwn ? this.#types : types;
    this.#found.problems.push(...differences);
    if (differences.length > 0) return;
    const plan = new CopyPlan(schema, withoutMark(table, deletedColumn), this.#shown, wishes);
    const format = plan.formatOf(this.#context.codec);
    if (!isOwn && into === undefined) this.#found.problems.push(...(await this.#lackingRights(table, plan.names, upsert)));
    if (upsert === undefined) this.#found.statements.push(plan.statement(format, into));
    else {
      this.#found.statements.push(...mergeSql(table, upsert, plan.statement(format, STAGING), mode === 'sync'));
      if (mode === 'sync') await this.#remove(table, upsert);
      if ((this.#options.parallel ?? 1) > 1 && partKeys(table, upsert) !== undefined) this.#found.notes.push(SHARED);
    }
    this.#found.statements.push(...after);
    if (isOwn) return;
    const numbered = table.columns.filter(({ name, sequence }) => sequence !== undefined && plan.names.includes(name));
    this.#found.statements.push(...numbered.map(column => advanceSequence(table, column).replace(/\s+/g, ' ')));
  }

  async #remove(table: TargetTable, { key, mark }: Upsert): Promise<void> {
    const { notes, statement, problems } = await planRemoval(this.#client, table, key, mark, this.#shown);
    this.#found.notes.push(...notes);
    this.#found.statements.push(statement);
    this.#found.problems.push(...problems);
  }

  async #upsertInto(table: TargetTable, schema: Schema | undefined, wishes: ColumnWishes): Promise<Upsert | undefined> {
    return this.#found.tried(async () => {
      const key = await upsertKey(this.#client, table, this.#options, this.#shown);
      this.#found.notes.push(`the table is there: rows are merged by ${key.names.map(quoteIdentifier).join(', ')}`);
      const { deletedColumn } = this.#options;
      const mark = deletedColumn === undefined ? undefined : deletedMark(table, deletedColumn, this.#shown, schema?.names ?? []);
      if (schema === undefined) return undefined;
      const compared = compareColumns(schema, withoutMark(table, deletedColumn), this.#shown, wishes);
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
    this.#found.notes.push('the table is not there: it is made');
    this.#found.problems.push(...(await lackingSchema(this.#client, parseQualifiedName(table))));
    if (mergesRows(mode) && key === undefined) this.#found.problems.push(keyless(this.#shown, mode));
    if (schema === undefined) {
      this.#found.notes.push('its columns are those of the records, known when the first ones have come');
      return;
    }
    const typed = schema.fields.some(({ untyped }) => untyped === true) ? typedBy(schema, first) : schema;
    const made = await this.#found.tried(() => this.#made(typed));
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
    if (deletedColumn !== undefined && !typed.has(deletedColumn)) this.#found.statements.push(addMarkSql(table, deletedColumn));
    await this.#load(await imaginedTable(this.#client, parseQualifiedName(table), typed, made.isLikeOrigin), schema, { isOwn: true });
    this.#found.statements.push(...made.after);
  }

  /** Gathers the statements that make it; those that follow the load are given. */
  async #made(schema: Schema): Promise<{ types: readonly string[]; after: readonly string[]; isLikeOrigin: boolean }> {
    const collect = (statement: string): void =>
      void (this.#found.statements.includes(statement) || this.#found.statements.push(statement));
    const making = { client: this.#client, warn: (message: string) => void this.#found.notes.push(message), collect };
    const { table, key } = this.#options;
    const defined = await likeItsOrigin(making, schema, this.#options, this.#context.signal);
    if (defined === undefined) return { types: await createTable(making, table, schema, key), after: [], isLikeOrigin: false };
    const { before, after } = defined.statements;
    before.forEach(collect);
    return { types: defined.types, after, isLikeOrigin: true };
  }
}

const SHARED =
  'many rows in the order of the key are staged by a second connection, in a table millrace_staging_… beside it (parallel: 1: by one)';

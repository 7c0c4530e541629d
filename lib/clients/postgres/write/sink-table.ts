import type { Checkpoint, SinkContext } from '../../../core/define.ts';
import { type ErrorCode, MillraceError } from '../../../errors.ts';
import type { Schema } from '../../../schema/schema.ts';
import type { AnyBatch } from '../../../core/define.ts';
import { sameType } from '../../../schema/types.ts';
import { parseQualifiedName, quoteIdentifier, quoteQualifiedName } from '../../../values/identifiers.ts';
import { CopyPlan } from './copy-plan.ts';
import { columnDefinition, createTable, lockName, type Making, provideType } from '../catalogue/create-table.ts';
import type { DefinedTable } from '../catalogue/definition/defined-table.ts';
import { addMarkSql, deletedMark, type DeletedMark, withoutMark } from '../catalogue/deleted-mark.ts';
import { describeTarget } from '../connection/connection-options.ts';
import { emptyTable } from '../catalogue/empty-table.ts';
import { buildIndexes, dropIndexes, type RebuiltIndexes } from '../catalogue/rebuilt-indexes.ts';
import { replaceWay } from '../catalogue/replace-way.ts';
import { lackingRemoval } from '../catalogue/rights.ts';
import type { PgSession } from '../connection/pool.ts';
import type { TableName } from './row-loader.ts';
import { fitTable, waitsForTypes } from './fit-table.ts';
import { asGenerated, likeItsOrigin } from './like-origin.ts';
import { SeenKeys } from './seen-keys.ts';
import { ShadowTable } from './shadow-table.ts';
import { reasonsOf, typedBy } from './inferred-types.ts';
import { loadTarget, type TargetTable } from '../catalogue/target-table.ts';
import { mergesRows } from '../catalogue/table-mode.ts';
import { cannotSync, keyless, tableExists, type TableOptions } from './table-options.ts';
import { type Upsert, upsertColumns, upsertKey, type UpsertKey } from '../catalogue/upsert-key.ts';

/** The table of a sink: found or made, and followed when the schema grows. All within the transaction of the session. */
export class SinkTable {
  name: TableName;
  /** How batches go into it; undefined until its columns are decided. */
  plan: CopyPlan | undefined;
  /** How they are merged into it, in modes upsert and sync. */
  upsert: Upsert | undefined;
  readonly #options: TableOptions;
  readonly #session: PgSession;
  readonly #schema: Schema | undefined;
  readonly #making: Making;
  readonly #signal: AbortSignal;
  /** Made by this run: then its columns may change. */
  #isOwn = false;
  /** Of the records, left out. */
  #ignored: readonly string[] = [];
  /** Made like the one that the records come from. */
  #defined: DefinedTable | undefined;
  #target: TargetTable | undefined;
  /** What rows go into before it takes the table's place. */
  #shadow: ShadowTable | undefined;
  /** Dropped for the load. */
  #rebuilt: RebuiltIndexes | undefined;
  /** What rows are told apart by, and marked with when the source has them no more. */
  #key: UpsertKey | undefined;
  #mark: DeletedMark | undefined;
  #seen: SeenKeys | undefined;
  readonly #incomplete: string | undefined;
  readonly #hasDeadLetters: boolean;
  readonly #resume: Checkpoint | undefined;

  constructor(
    options: TableOptions,
    session: PgSession,
    context: Pick<SinkContext, 'schema' | 'signal' | 'warn' | 'hasDeadLetters' | 'resume' | 'incomplete'>,
  ) {
    const { schema, signal, warn, hasDeadLetters, resume, incomplete } = context;
    this.#incomplete = incomplete;
    this.#resume = resume;
    this.name = { shown: JSON.stringify(options.table), bare: parseQualifiedName(options.table).name };
    this.#hasDeadLetters = hasDeadLetters;
    this.#options = options;
    this.#session = session;
    this.#schema = schema;
    this.#signal = signal;
    this.#making = { client: session.client, warn };
  }

  /**
   * Before the first row. EXISTS in mode create; SCHEMA_UNKNOWN where a table must be made of nothing; what a plan refuses. A table of CSV columns,
   * whose types are not known yet, waits for the first batch.
   */
  async prepare(): Promise<void> {
    const { table, mode, key } = this.#options;
    if (mode === 'sync' && this.#incomplete !== undefined) throw cannotSync(this.#incomplete);
    this.#target = await loadTarget(this.#session.client, table);
    if (this.#resume !== undefined) return this.#goOn(this.#resume);
    if (this.#target !== undefined) {
      if (mode === 'create') throw tableExists(this.name.shown, this.#session.target);
      if (waitsForTypes(this.#schema, this.#target, this.#options)) return;
      await this.#fit(this.#schema, this.#schema);
      return this.#clear(this.#found());
    }
    if (mergesRows(mode) && key === undefined) throw keyless(this.name.shown, mode);
    if (this.#schema === undefined) {
      throw new MillraceError('SCHEMA_UNKNOWN', `table ${this.name.shown} cannot be made: no record came and no schema is declared`);
    }
    for (const name of key ?? []) this.#schema.field(name);
    for (const name of this.#schema.names) quoteIdentifier(name);
    if (!this.#schema.fields.some(field => field.untyped)) await this.#make(this.#schema, this.#schema);
  }

  /** For SQL. */
  get quoted(): string {
    return quoteQualifiedName(parseQualifiedName(this.#options.table));
  }

  /** With what a run has to know that goes on from there. */
  noted(checkpoint: Checkpoint): Checkpoint {
    return { ...checkpoint, sinks: { ...checkpoint.sinks, [NOTED]: { made: this.#isOwn } } };
  }

  /** With the table as an earlier run of the job left it. */
  async #goOn({ sinks }: Checkpoint): Promise<void> {
    this.#isOwn = (sinks[NOTED] as { made?: boolean } | undefined)?.made === true;
    if (this.#isOwn && this.#schema !== undefined)
      this.#defined = await likeItsOrigin(this.#making, this.#schema, this.#options, this.#signal);
    await (this.#isOwn ? this.#use(this.#schema, this.#found()) : this.#fit(this.#schema, this.#schema));
  }

  /** Decides what had to wait: the types of untyped columns, by what stands in the first batch. */
  async decide(first: AnyBatch | undefined): Promise<CopyPlan | undefined> {
    if (this.plan !== undefined || this.#schema === undefined) return this.plan;
    const inferred = typedBy(this.#schema, first);
    await this.#make(inferred, this.#schema);
    if (this.#isOwn) this.name = { ...this.name, inferred: reasonsOf(this.#schema, inferred, first?.length ?? 0) };
    return this.plan;
  }

  /** Follows a schema that has grown. SCHEMA_MISMATCH where the table is not ours, or a type would not only widen. */
  async evolve(schema: Schema, before: Schema): Promise<void> {
    if (!this.#isOwn) {
      await this.#fit(schema, schema).catch((cause: unknown) => {
        if (!(cause instanceof MillraceError) || !OF_COLUMNS.includes(cause.code)) throw cause;
        throw new MillraceError('SCHEMA_MISMATCH', `table ${this.name.shown} has no room for what is new in the records`, { cause });
      });
      return;
    }
    for (const field of schema.fields) {
      const old = before.fields[before.indexOf(field.name)];
      if (old !== undefined && sameType(old.type, field.type)) continue;
      const type = await provideType(this.#making, field, field.type);
      const change =
        old === undefined
          ? `ADD COLUMN ${columnDefinition({ name: field.name, nullable: true }, type)}`
          : `ALTER COLUMN ${quoteIdentifier(field.name)} TYPE ${type}`;
      await this.#session.client.query(`ALTER TABLE ${this.#found().name} ${change}`);
    }
    await this.#plan(schema);
  }

  /** Columns written to whose numbers come from a sequence. */
  get numbered(): TargetTable['columns'] {
    return this.#target?.columns.filter(column => column.sequence !== undefined && this.plan?.names.includes(column.name)) ?? [];
  }

  /** Columns of records that nobody described, in a table that was there: its own types say what goes into it. */
  get judged(): readonly string[] {
    return this.#isOwn ? [] : (this.plan?.inferred ?? []);
  }

  get found(): TargetTable | undefined {
    return this.#target;
  }

  /** Another run may be at it: then `create` finds a table, and the other modes go on with it once it is there. */
  async #make(columns: Schema, records: Schema): Promise<void> {
    const { table, mode } = this.#options;
    const { client, target } = this.#session;
    if (!(await lockName(client, parseQualifiedName(table), mode !== 'create')))
      throw new MillraceError('EXISTS', `another run is making table ${this.name.shown} in ${describeTarget(target)}; name another`);
    if ((await loadTarget(client, table)) !== undefined) {
      if (mode === 'create') throw tableExists(this.name.shown, this.#session.target);
      this.#target = await loadTarget(client, table);
      await this.#fit(columns, records);
      return this.#clear(this.#found());
    }
    this.#defined = await likeItsOrigin(this.#making, columns, this.#options, this.#signal);
    await (this.#defined === undefined ? createTable(this.#making, table, columns, this.#options.key) : this.#defined.create());
    const { deletedColumn } = this.#options;
    if (deletedColumn !== undefined && !columns.has(deletedColumn)) await client.query(addMarkSql(table, deletedColumn));
    this.#isOwn = true;
    await this.#plan(records);
  }

  /** Takes away what gives way to the rows, or would slow them down. */
  async #clear(target: TargetTable): Promise<void> {
    await this.#empty(target);
    if (this.#options.indexes !== 'rebuild' || this.#shadow !== undefined) return;
    this.#rebuilt = await dropIndexes(this.#session.client, target, this.name.shown);
    const { kept } = this.#rebuilt;
    if (kept.length > 0) this.#making.warn(`indexes of table ${this.name.shown} that are not rebuilt: ${kept.join(', ')}`);
  }

  /** In mode replace: afterwards rows go into an empty table, this one or a shadow of it. */
  async #empty(target: TargetTable): Promise<void> {
    const { mode, replace } = this.#options;
    if (mode !== 'replace') return;
    const { client } = this.#session;
    const { way } = await replaceWay(client, target.name, replace, this.name.shown);
    if (way === 'truncate') return emptyTable(client, target, this.name.shown);
    this.#shadow = await ShadowTable.make(client, target.name, this.#hasDeadLetters);
    this.name = { ...this.name, bare: this.#shadow.bare };
    await this.#load(this.#shadow.table);
  }

  /**
   * When all rows are in it, before the commit: keys, indexes and what else is faster or only possible then. True when they lie in another table from
   * now on. Errors of the server come as they are.
   */
  async finish(): Promise<boolean> {
    await this.#defined?.finish();
    this.#defined = undefined;
    if (this.#rebuilt !== undefined) await buildIndexes(this.#session.client, this.#rebuilt);
    this.#rebuilt = undefined;
    const shadow = this.#shadow;
    if (shadow === undefined) return false;
    await shadow.takePlace();
    this.#shadow = undefined;
    this.name = { ...this.name, bare: parseQualifiedName(this.#options.table).name };
    await this.#load(this.#options.table);
    return true;
  }

  /** Rows of the same columns go there from now on. */
  async #load(table: string): Promise<void> {
    this.#target = await loadTarget(this.#session.client, table);
    if (this.plan !== undefined) this.plan = this.plan.into(this.#found(), this.name.shown);
  }

  async #plan(records: Schema): Promise<void> {
    this.#target = await loadTarget(this.#session.client, this.#options.table);
    await this.#use(records, this.#found());
  }

  /** As far as its owner allows, a table that was there gets what it lacks of the records. `typed`: with the types of untyped columns found. */
  async #fit(typed: Schema | undefined, records: Schema | undefined): Promise<void> {
    const { table } = this.#options;
    if (typed !== undefined && records !== undefined) {
      const fitted = await fitTable(this.#making, this.#found(), { typed, records }, this.#options, this.name.shown, this.#session.target);
      this.#ignored = fitted.ignored;
      if (fitted.isChanged) this.#target = await loadTarget(this.#session.client, table);
    }
    await this.#use(records, this.#found());
    if (this.#options.mode === 'sync') await this.#checkRemoval();
  }

  /** How records of a schema go into a table; without one, only whether they can be merged at all. */
  async #use(schema: Schema | undefined, target: TargetTable): Promise<void> {
    const { mode, lossy, deletedColumn } = this.#options;
    const { shown } = this.name;
    const key = mergesRows(mode) ? await upsertKey(this.#session.client, target, this.#options, shown) : undefined;
    const mark = deletedColumn === undefined ? undefined : deletedMark(target, deletedColumn, shown, schema?.names ?? []);
    [this.#key, this.#mark] = [key, mark];
    if (schema === undefined) return;
    const columns = this.#defined === undefined ? schema : asGenerated(schema, target);
    const wishes = { lossy, ignored: this.#ignored, onDrift: this.#options.onDrift ?? 'refuse' };
    this.plan = new CopyPlan(columns, withoutMark(target, deletedColumn), shown, wishes);
    this.upsert = key === undefined ? undefined : { ...upsertColumns(this.plan.names, target, key, this.#options), mark };
  }

  /** Before the first row: NOT_PERMITTED. */
  async #checkRemoval(): Promise<void> {
    const [lacking] = await lackingRemoval(this.#session.client, this.#found(), this.#mark?.name, this.name.shown);
    if (lacking !== undefined) throw lacking;
  }

  /** Where the keys of all records are gathered; undefined where nobody needs them. */
  async seen(): Promise<SeenKeys | undefined> {
    if (this.#options.mode !== 'sync' || this.#key === undefined) return undefined;
    this.#seen ??= await SeenKeys.make(this.#session.client, this.#found(), this.#key.names);
    return this.#seen;
  }

  /** When all records are in it: rows of other keys are deleted, or marked. Gives how many. Errors of the server come as they are. */
  async removeMissing(): Promise<number> {
    const seen = await this.seen();
    const left = (await seen?.countKeyless()) ?? 0;
    if (left > 0) this.#making.warn(`rows of table ${this.name.shown} with null in the key are left as they are: ${left}`);
    return (await seen?.removeOthers(this.#mark)) ?? 0;
  }

  #found(): TargetTable {
    if (this.#target === undefined) throw new MillraceError('NOT_FOUND', `table ${this.name.shown} is gone`);
    return this.#target;
  }
}

/** What is wrong with columns, not with the server. */
const OF_COLUMNS: readonly ErrorCode[] = ['COLUMN_UNKNOWN', 'SCHEMA_MISMATCH', 'TYPE_NOT_CARRIED'];

/** Of the sink's, in a checkpoint. */
const NOTED = 'postgres';

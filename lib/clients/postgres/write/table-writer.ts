import type { Json } from '../../../core/batch/batch.ts';
import type { AnyBatch, Checkpoint, SinkContext, Writer } from '../../../core/define.ts';
import { MillraceError } from '../../../errors.ts';
import type { Schema } from '../../../schema/schema.ts';
import { limited } from '../connection/connect.ts';
import type { LoadPlace } from './copy-load.ts';
import { KeptJob } from '../delivery/kept-job.ts';
import { commitSurely } from '../delivery/sure-commit.ts';
import { commitsParts } from '../delivery/keeper.ts';
import { advanceSequences } from './advance-sequences.ts';
import { postgresError } from '../connection/errors.ts';
import { runOwnSql } from '../connection/own-sql.ts';
import type { PgPool, PgSession } from '../connection/pool.ts';
import { Losses } from './losses.ts';
import { within } from '../connection/within.ts';
import type { LoadHooks } from './load-hooks.ts';
import type { RowLoader } from './row-loader.ts';
import { refusedRun, rowRefusal } from './row-refusal.ts';
import { SegmentedCopy } from './segmented-copy.ts';
import { Staging, STAGING_NAME } from './staging.ts';
import { SinkTable } from './sink-table.ts';
import type { TableOptions } from './table-options.ts';
import { StagedCopy } from './staged-copy.ts';
import { StreamedCopy } from './streamed-copy.ts';
import { checkWritable } from '../catalogue/rights.ts';

export interface TableWriterOptions extends TableOptions {
  readonly lockTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly hooks?: LoadHooks | undefined;
  /** SQL of the user, first and last in the transaction. */
  readonly before?: string | undefined;
  readonly after?: string | undefined;
  /** Connections that an upsert may take. */
  readonly parallel?: number;
}

/** How long an orderly end may take before the statement is cancelled and the connection closed. */
const ORDERLY_END_MS = 2000;

/**
 * A table being written: everything in one transaction, so that nothing is seen before the commit and nothing is left of a run that failed. An
 * aborted signal cancels the running statement on a second connection.
 */
export class TableWriter implements Writer {
  readonly #options: TableWriterOptions;
  readonly #context: SinkContext;
  readonly #pool: PgPool;
  readonly #session: PgSession;
  readonly #table: SinkTable;
  readonly #losses = new Losses();
  #schema: Schema | undefined;
  #loader: RowLoader | undefined;
  /** All of this transaction. */
  readonly #loaders: RowLoader[] = [];
  #isInTransaction = false;
  readonly #job: KeptJob;

  private constructor(options: TableWriterOptions, context: SinkContext, pool: PgPool, session: PgSession) {
    this.#options = options;
    this.#context = context;
    this.#pool = pool;
    this.#session = session;
    this.#schema = context.schema;
    this.#job = new KeptJob(session.client, context);
    this.#table = new SinkTable(options, session, context);
    context.signal.addEventListener('abort', this.#cancel, { once: true });
  }

  /** Opens the transaction and checks all that can be checked before the first row. The pool is the writer's, also when this fails. */
  static async open(pool: PgPool, options: TableWriterOptions, context: SinkContext): Promise<TableWriter> {
    let writer: TableWriter | undefined;
    try {
      const opened = new TableWriter(options, context, pool, await pool.acquire(context.signal));
      writer = opened;
      await opened.#guarded('open', () => opened.#prepare());
      return opened;
    } catch (error) {
      if (writer === undefined) await pool.close();
      else await writer.abort(error);
      throw error;
    }
  }

  get judges(): readonly string[] {
    return this.#table.judged;
  }

  write(batch: AnyBatch): Promise<void> {
    return this.#guarded('write to', async () => {
      if (!this.#isInTransaction) await this.#begin();
      if (this.#loader === undefined) {
        this.#loader = await this.#load(batch);
        this.#loaders.push(this.#loader);
      }
      await this.#loader.write(batch);
    });
  }

  flush(): Promise<void> {
    return this.#guarded('write to', async () => {
      await this.#loader?.flush();
      if (this.#loader === undefined) await this.#table.decide(undefined);
    });
  }

  evolve(schema: Schema): Promise<void> {
    return this.#guarded('change', async () => {
      if (!this.#isInTransaction) await this.#begin();
      await this.#loader?.flush();
      this.#loader = undefined;
      await this.#table.evolve(schema, this.#schema ?? schema);
      this.#schema = schema;
    });
  }

  commit(checkpoint: Checkpoint): Promise<Json> {
    return this.#guarded('commit to', async () => {
      if (!this.#isInTransaction) {
        if (!this.#job.isKept) return null;
        await this.#begin();
      }
      const canGoOn = checkpoint.source !== undefined && commitsParts(this.#options);
      const isKept = this.#job.isKept && (checkpoint.done === true || canGoOn);
      const isLast = checkpoint.done === true || !isKept;
      const deleted = isLast ? await this.#removeMissing(checkpoint) : undefined;
      const isSwapped = isLast && (await this.#finishTable());
      await this.#options.hooks?.loaded({ client: this.#session.client, warn: message => this.#context.warn(message) });
      const isFinal = isLast || checkpoint.stopped === true;
      if (isFinal && this.#loader !== undefined) await advanceSequences(this.#session, this.#table, message => this.#context.warn(message));
      const { after } = this.#options;
      if (after !== undefined && isLast) await runOwnSql(this.#session, 'after', after);
      if (isKept) await this.#job.keep(this.#table.noted(checkpoint), this.#table.quoted, isFinal);
      else await this.#job.forget();
      await this.#commitTransaction();
      if (deleted !== undefined) this.#context.counted({ deleted });
      await this.#endLoaders();
      for (const told of this.#losses.take(this.#table.name.shown)) this.#context.warn(told);
      // What rows were staged in, or went into, is gone.
      if (isSwapped || this.#table.upsert !== undefined) this.#loader = undefined;
      return null;
    });
  }

  async close(): Promise<void> {
    this.#leave();
    // All is committed: a connection that breaks now has nothing more to say.
    await this.#job.end().catch(() => this.#session.discard());
    this.#release();
    await this.#pool.close();
  }

  async abort(reason: unknown): Promise<void> {
    this.#leave();
    const mayWait = this.#session.isBorrowed || !this.#context.signal.aborted;
    const isOrderly = mayWait && (await within(ORDERLY_END_MS, this.#rollBack(reason)));
    if (isOrderly) this.#release();
    else {
      await this.#session.cancel();
      this.#session.discard();
    }
    await this.#endLoaders();
    await this.#pool.close();
  }

  async #endLoaders(): Promise<void> {
    for (const loader of this.#loaders.splice(0)) await loader.ended?.();
  }

  async #prepare(): Promise<void> {
    await this.#job.begin();
    await this.#begin();
    const { before, hooks } = this.#options;
    if (hooks === undefined) await checkWritable(this.#session.client);
    if (before !== undefined && this.#context.resume === undefined) await runOwnSql(this.#session, 'before', before);
    await hooks?.begun(this.#session.client);
    await this.#table.prepare();
  }

  /** Settings that the user's SQL has made are nobody else's. */
  #release(): void {
    const { before, after } = this.#options;
    if (before === undefined && after === undefined) this.#session.release();
    else this.#session.discard();
  }

  /**
   * With dead letters, deferred constraints are checked with each segment: at the commit nobody could tell which row they mean. In a transaction of the
   * user's they stay deferred: nobody could put back which of them were.
   */
  async #begin(): Promise<void> {
    const { client } = this.#session;
    await this.#session.begin({ lockTimeoutMs: this.#options.lockTimeoutMs, ...this.#options.hooks?.wish });
    this.#isInTransaction = true;
    if (this.#context.hasDeadLetters && !this.#session.isJoined) await client.query(limited('SET CONSTRAINTS ALL IMMEDIATE'));
  }

  async #load(first: AnyBatch): Promise<RowLoader> {
    const plan = await this.#table.decide(first);
    if (plan === undefined) throw new MillraceError('SCHEMA_UNKNOWN', `table ${this.#table.name.shown}: records came without a schema`);
    const { client, target } = this.#session;
    const { found, upsert, name } = this.#table;
    const staging =
      found === undefined || upsert === undefined ? undefined : await Staging.make(client, found, upsert, await this.#table.seen());
    const freezes = this.#options.hooks?.empties === true;
    const place: LoadPlace = {
      client,
      target,
      plan,
      losses: this.#losses,
      staging,
      freezes,
      stallTimeoutMs: this.#options.stallTimeoutMs,
      signal: this.#context.signal,
    };
    const into = staging === undefined ? name : { ...name, bare: STAGING_NAME };
    if (this.#context.hasDeadLetters) return new SegmentedCopy(place, into, this.#context);
    const mayShare = (this.#options.parallel ?? 1) > 1 && !this.#session.isBorrowed;
    return staging === undefined
      ? new StreamedCopy(place, into, this.#context)
      : new StagedCopy(place, staging, into, this.#context, mayShare ? this.#pool : undefined);
  }

  /** In mode sync: how many rows the source no longer has; none are looked for where not all records came. */
  async #removeMissing({ incomplete }: Checkpoint): Promise<number | undefined> {
    const { name } = this.#table;
    if (this.#options.mode !== 'sync') return undefined;
    if (incomplete !== undefined) {
      this.#context.warn(`rows of table ${name.shown} that the source no longer has are left there: ${incomplete}`);
      return 0;
    }
    return this.#table.removeMissing().catch((error: unknown) => {
      const place = 'the removal of a row that the source no longer has';
      throw refusedRun(error, rowRefusal(error, name, []), place, name.shown, this.#session.target);
    });
  }

  /** A key that is made last may find rows that break it, without saying which. */
  #finishTable(): Promise<boolean> {
    const { name } = this.#table;
    return this.#table.finish().catch((error: unknown) => {
      throw refusedRun(error, rowRefusal(error, name, []), 'a row', name.shown, this.#session.target);
    });
  }

  async #commitTransaction(): Promise<void> {
    const { signal, retryForMs } = this.#context;
    const doing = `commit to table ${this.#table.name.shown}`;
    await commitSurely(this.#session, { doing, signal, retryForMs, isKept: this.#job.isKept });
    this.#isInTransaction = false;
  }

  async #rollBack(reason: unknown): Promise<void> {
    await this.#loader?.fail(reason instanceof Error ? reason.name : 'the run failed');
    if (this.#isInTransaction) await this.#session.rollBack();
    this.#isInTransaction = false;
    await this.#job.end();
  }

  async #guarded<T>(doing: string, call: () => Promise<T> | undefined): Promise<T> {
    try {
      this.#throwIfAborted();
      return (await call()) as T;
    } catch (error) {
      this.#throwIfAborted();
      throw postgresError(error, `${doing} table ${this.#table.name.shown}`, this.#session.target);
    }
  }

  #throwIfAborted(): void {
    if (this.#context.signal.aborted) throw new MillraceError('CANCELLED', `writing to table ${this.#table.name.shown} was cancelled`);
  }

  #cancel = (): void => void this.#session.cancel();

  #leave(): void {
    this.#context.signal.removeEventListener('abort', this.#cancel);
  }
}

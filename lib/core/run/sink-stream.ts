import { Writable } from 'node:stream';
import { asMillraceError, MillraceError } from '../../errors.ts';
import type { Schema } from '../../schema/schema.ts';
import { type Position, RecordBatch } from '../batch/batch.ts';
import { letterOf } from '../delivery/rejects.ts';
import { Settlement } from '../delivery/settlement.ts';
import type { DeadLetter } from '../contracts.ts';
import type { AnyBatch, AnyRow, RejectedRow, SinkContext, Writer } from '../define.ts';
import type { FlowAccount } from './account.ts';
import type { SinkCommits } from './commits.ts';
import type { StageCounter } from './counter.ts';
import { growing } from './group-stream.ts';
import { LateSchema, lateSchema, SAMPLE_RECORDS } from './late-schema.ts';
import { SinkCounts } from './sink-counts.ts';
import { type RowCalls, type SinkCalls, sinkCallsOf } from './row-run.ts';
import type { Parcel } from './source-stream.ts';
import type { SinkStage } from './stage.ts';

export interface SinkStreamOptions {
  readonly stage: SinkStage;
  readonly account: FlowAccount;
  readonly counter: StageCounter;
  readonly signal: AbortSignal;
  readonly jobId: string;
  readonly hasDeadLetters: boolean;
  readonly retryForMs?: number;
  /** Where it can be known before the first record. */
  readonly schema: Schema | undefined;
  /** The last schema that was known on the way: types that values keep. */
  readonly hint: Schema | undefined;
  readonly take: (letter: DeadLetter) => void;
  readonly rejectsWritten: () => Promise<void> | undefined;
  readonly warn: (message: string) => void;
  /** After the last record, when all is flushed and settled: counts are compared and everything is committed and closed. */
  readonly finish: (sink: SinkStream) => Promise<void>;
  /** Of a run that may commit before its end, or goes on where another one was. */
  readonly commits?: SinkCommits;
}

type Callback = (error?: Error | null) => void;

/**
 * A sink as a Writable of parcels, one batch high. Its writer is opened at once where the schema is known or not needed, else when the first
 * 1,000 records (or the end, or a source that waits for memory) have decided one. Writer calls never overlap.
 */
export class SinkStream extends Writable {
  readonly settlement = new Settlement();
  readonly counts = new SinkCounts();
  writer: Writer | undefined;
  /** Does what `write` would, where the sink is a call for each record. */
  calls: RowCalls | undefined;
  readonly #options: SinkStreamOptions;
  readonly #takesAnyShape: boolean;
  #late: LateSchema | undefined;
  #sample: Parcel[] = [];
  #sampled = 0;
  /** The call that the writer is busy with; the next waits for it. */
  #busy: Promise<void> = Promise.resolve();
  #isIdle = true;
  #failure: MillraceError | undefined;
  #lastEnd = performance.now();

  constructor(options: SinkStreamOptions) {
    super({ objectMode: true, highWaterMark: 1 });
    this.#options = options;
    const { needsSchema = true } = options.stage.definition;
    this.#takesAnyShape = !(typeof needsSchema === 'function' ? needsSchema(options.stage.options) : needsSchema);
  }

  /** Records that the target has, as it says, or else as they were settled. */
  get written(): number {
    return this.counts.areOwn ? this.counts.written : this.settlement.records;
  }

  /** What a loop before this stream may call in its place. */
  get each(): SinkCalls | undefined {
    return sinkCallsOf(this.#options);
  }

  /** Opens the writer before the first record, where that is possible. */
  async openEarly(): Promise<void> {
    const { schema } = this.#options;
    if (schema !== undefined || this.#takesAnyShape) await this.#exclusive(() => this.#open(schema));
  }

  /** A source waits for memory: forces the outcome of all that the sink holds, unless it is at work (then after that). */
  letGo(): void {
    if (this.#isIdle && !this.destroyed)
      void this.#exclusive(() => this.#forceOutcome()).catch((error: unknown) =>
        this.destroy(asMillraceError(error, this.#options.stage.kind)),
      );
  }

  /** Resolves when no call of the writer is running. */
  async quiet(): Promise<void> {
    await this.#busy.catch(() => undefined);
  }

  override _write(parcel: Parcel, _encoding: BufferEncoding, callback: Callback): void {
    this.#exclusive(async () => {
      await this.#take(parcel);
      const { position } = parcel.batch;
      if (this.#options.commits?.barriers?.isAt(position) === true) await this.#commitPart(position as Position);
      if (this.#options.account.isWaitedFor) await this.#forceOutcome();
    }, this.calls?.counters).then(() => callback(), this.#failWith(callback));
  }

  override _final(callback: Callback): void {
    this.#exclusive(async () => {
      await this.#openWithSample();
      await this.#flush();
      await this.#options.finish(this);
    }).then(() => callback(), this.#failWith(callback));
  }

  #failWith(callback: Callback): (error: unknown) => void {
    return error => callback(asMillraceError(error, this.#options.stage.kind));
  }

  /** One call after the other, with the time that each takes. One loop may do the work of several stages: each gets its share. */
  #exclusive(call: () => Promise<void>, counters: readonly StageCounter[] = [this.#options.counter]): Promise<void> {
    this.#isIdle = false;
    const done = this.#busy
      .catch(() => undefined)
      .then(async () => {
        const start = performance.now();
        for (const counter of counters) counter.waitMs += (start - this.#lastEnd) / counters.length;
        try {
          if (this.#failure !== undefined) throw this.#failure;
          await call();
        } finally {
          this.#lastEnd = performance.now();
          for (const counter of counters) counter.busyMs += (this.#lastEnd - start) / counters.length;
        }
      });
    this.#busy = done;
    const rest = (): void => {
      if (this.#busy === done) this.#isIdle = true;
    };
    done.then(rest, rest);
    return done;
  }

  async #take(parcel: Parcel): Promise<void> {
    const { batch, lease } = parcel;
    if (this.calls !== undefined) return this.#call(this.calls, parcel);
    this.#options.counter.in += batch.length;
    if (this.writer === undefined && this.#takesAnyShape) await this.#open(this.#options.schema);
    if (batch.length === 0) {
      lease.end();
      this.#passPosition(parcel);
    } else if (this.writer === undefined) {
      this.#sample.push(parcel);
      this.#sampled += batch.length;
      // Behind a function that may leave records as they were, a batch whose schema is known says nothing of the next.
      const isTelling = batch.schemaKnown && this.#options.hint === undefined;
      if (isTelling || this.#sampled >= SAMPLE_RECORDS) await this.#openWithSample();
    } else await this.#write(parcel);
  }

  /** Every record has its outcome at once. */
  async #call(calls: RowCalls, { batch, lease }: Parcel): Promise<void> {
    try {
      await calls.work(batch, growing(lease));
      lease.end();
    } finally {
      lease.release();
      this.settlement.records = calls.calls;
    }
    this.settlement.passed(batch.position);
    await this.#options.rejectsWritten();
  }

  /** No position passes records that are still waiting for their schema. */
  #passPosition({ batch: { position }, lease }: Parcel): void {
    if (this.#sample.length === 0) return this.settlement.passed(position);
    if (position === undefined) return;
    if (this.#sample.at(-1)?.batch.length === 0) this.#sample.pop();
    this.#sample.push({ batch: RecordBatch.of<AnyRow>([], undefined, position), lease });
  }

  async #commitPart(position: Position): Promise<void> {
    await this.#flush();
    await this.#options.commits?.part(this, position);
  }

  /** What must happen before memory comes back. */
  async #forceOutcome(): Promise<void> {
    if (this.writer === undefined && this.#sampled === 0) return;
    await this.#openWithSample();
    if (!this.settlement.isEmpty) await this.#flush();
  }

  async #openWithSample(): Promise<void> {
    if (this.writer !== undefined) return;
    const sample = this.#sample;
    this.#sample = [];
    const schema =
      this.#options.schema ??
      lateSchema(
        sample.map(({ batch }) => batch).filter(({ length }) => length > 0),
        this.#options.hint,
      );
    await this.#open(schema);
    for (const parcel of sample) {
      if (parcel.batch.length === 0) this.settlement.passed(parcel.batch.position);
      else await this.#write(parcel);
    }
  }

  async #open(schema: Schema | undefined): Promise<void> {
    const { stage, account, signal, jobId, hasDeadLetters, warn, commits, retryForMs } = this.#options;
    const context: SinkContext = {
      schema,
      signal,
      jobId,
      hasDeadLetters,
      warn,
      ...(retryForMs === undefined ? {} : { retryForMs }),
      ...(commits?.isKept === true ? { keepsCheckpoint: true } : {}),
      ...(commits?.incomplete === undefined ? {} : { incomplete: commits.incomplete }),
      ...(commits?.resumed === undefined ? {} : { resume: commits.resumed }),
      ...(commits?.kept === undefined ? {} : { kept: commits.kept }),
      segmentBytes: Math.floor(account.limit / 2),
      settle: (batch, rejected = []) => this.#settle(batch, rejected),
      release: batch => this.settlement.release(batch),
      counted: counted => this.counts.add(counted),
    };
    this.writer = await stage.definition.open(stage.options, context, stage.given);
    if (schema !== undefined && !this.#takesAnyShape) this.#late = new LateSchema(schema, this.writer.judges);
  }

  async #write({ batch, lease }: Parcel): Promise<void> {
    const { writer } = this;
    if (writer === undefined) throw new MillraceError('INTERNAL', 'a sink was written to before it was opened');
    const fitted = this.#late === undefined ? batch : await this.#fit(batch, this.#late, writer);
    if (fitted.length === 0) {
      lease.end();
      this.settlement.passed(fitted.position);
    } else {
      this.settlement.written(fitted, lease);
      await writer.write(fitted);
    }
    await this.#options.rejectsWritten();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Records that do not fit a schema which nobody declared: the sink follows, or they are rejected. */
  async #fit(batch: AnyBatch, late: LateSchema, writer: Writer): Promise<AnyBatch> {
    let fitted = late.fit(batch);
    if (fitted.wider !== undefined && writer.evolve !== undefined && (await this.#evolve(fitted.wider, late, writer)))
      fitted = late.fit(batch);
    if (fitted.rejected.length === 0) return fitted.batch;
    this.#reject(batch, fitted.rejected);
    const misfits = new Set(fitted.rejected.map(({ index }) => index));
    return fitted.batch.select(Uint32Array.from(batch.rows.keys()).filter(index => !misfits.has(index)));
  }

  async #evolve(wider: Schema, late: LateSchema, writer: Writer): Promise<boolean> {
    try {
      await writer.evolve?.(wider);
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'SCHEMA_MISMATCH') return false;
      throw error;
    }
    late.widen(wider, writer.judges);
    return true;
  }

  async #flush(): Promise<void> {
    await this.writer?.flush();
    await this.#options.rejectsWritten();
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.settlement.isEmpty) {
      throw new MillraceError(
        'INTERNAL',
        `${this.#options.stage.kind} flushed without settling ${this.settlement.pendingBatches} of its batches`,
        { stage: this.#options.stage.kind },
      );
    }
  }

  #settle(batch: AnyBatch, rejected: readonly RejectedRow[]): void {
    const lease = this.settlement.settle(batch, rejected, this.#options.stage.kind);
    this.#reject(batch, rejected);
    lease.end();
  }

  /** A sink settles in the middle of its own work: what comes of a reject is kept for the next call. */
  #reject(batch: AnyBatch, rejected: readonly RejectedRow[]): void {
    const { counter, stage, take } = this.#options;
    counter.rejected += rejected.length;
    try {
      for (const { index, code, reason } of rejected) take(letterOf(stage.kind, batch, index, code, reason));
    } catch (error) {
      this.#failure ??= asMillraceError(error, stage.kind);
    }
  }
}

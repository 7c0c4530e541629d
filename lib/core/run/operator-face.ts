import { Duplex } from 'node:stream';
import { RecordBatch } from '../batch/batch.ts';
import type { AnyBatch, AnyRow } from '../define.ts';
import { FlowAccount } from './account.ts';
import { StageCounter } from './counter.ts';
import { checkedRecord } from './gather.ts';
import { StateAccount } from './operator-context.ts';
import { openOperators, stopAll } from './operator-line.ts';
import { STANDALONE, takeReject, warnStandalone } from './standalone.ts';
import type { Parcel } from './source-stream.ts';
import type { OperatorStage } from './stage.ts';
import { Upstream } from './upstream.ts';
import { abortController } from './waiting.ts';

type Callback = (error?: Error | null) => void;

/**
 * Operators as a plain Duplex of objects: what is written is gathered into small batches (what Node has queued), goes through the same
 * streams as in a pipeline, and comes out record by record. Once it needs no more it ends, asks the Millrace stages before it to stop, and
 * swallows what others still write.
 */
export class OperatorFace extends Duplex {
  readonly role = 'operator';
  readonly stages: readonly OperatorStage[];
  readonly #upstream: Upstream;
  readonly #abort = abortController();
  readonly #account = new FlowAccount(STANDALONE.memory, () => undefined);
  #inner: readonly Duplex[] | undefined;
  #taken = 0;
  #hasEnough = false;
  /** Nobody needs more of what comes out. */
  #isStopped = false;
  /** Everything has come out. */
  #isOver = false;
  /** Node has asked since the last push. */
  #isWanted = false;
  #wake: (() => void) | undefined;
  #finished: Callback | undefined;

  constructor(stages: readonly OperatorStage[]) {
    super({ objectMode: true, readableHighWaterMark: 256, writableHighWaterMark: 256, allowHalfOpen: true });
    this.stages = stages;
    this.#upstream = new Upstream(this);
  }

  /** Nobody needs more of what it gives: it ends without an error, and so do the stages before it. */
  stop(): void {
    if (this.#isStopped || this.#isOver || this.destroyed) return;
    this.#isStopped = true;
    this.#wake?.();
    stopAll(this.#open());
    this.#enough();
  }

  override _write(row: object, _encoding: BufferEncoding, callback: Callback): void {
    this.#take([row], callback);
  }

  override _writev(chunks: { chunk: object }[], callback: Callback): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: Callback): void {
    this.#finished = callback;
    if (this.#isOver) callback();
    else if (!this.#hasEnough) this.#open()[0]?.end();
  }

  override _read(): void {
    this.#isWanted = true;
    this.#wake?.();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#abort.abort(error ?? new DOMException('the stream was destroyed', 'AbortError'));
    this.#upstream.stop();
    this.#wake?.();
    const inner = this.#inner ?? [];
    let open = inner.filter(stream => !stream.closed).length;
    if (open === 0) return callback(error);
    for (const stream of inner) {
      stream.once('close', () => {
        if (--open === 0) callback(error);
      });
      stream.destroy();
    }
  }

  #take(rows: object[], callback: Callback): void {
    if (this.#hasEnough || this.#isOver) return callback();
    try {
      for (const row of rows) checkedRecord(row, this.#taken++);
    } catch (error) {
      return callback(error as Error);
    }
    const first = this.#open()[0] as Duplex;
    const batch = RecordBatch.of(rows as AnyRow[]) as AnyBatch;
    const parcel: Parcel = { batch, lease: this.#account.add(0) };
    if (first.write(parcel)) return callback();
    const goOn = (): void => {
      first.off('drain', goOn);
      first.off('close', goOn);
      callback();
    };
    first.on('drain', goOn);
    first.on('close', goOn);
  }

  #open(): readonly Duplex[] {
    if (this.#inner !== undefined) return this.#inner;
    warnStandalone();
    const { streams } = openOperators(this.stages, {
      signal: this.#abort.signal,
      batchRows: STANDALONE.batchRows,
      batchBytes: STANDALONE.batchBytes,
      batchDelayMs: STANDALONE.batchDelayMs,
      state: new StateAccount(STANDALONE.stateMemory),
      openSpill: undefined,
      account: this.#account,
      schemas: undefined,
      counters: this.stages.map(({ kind }) => new StageCounter(kind)),
      take: (letter, { onReject }) => takeReject(letter, onReject),
      rejectsWritten: () => undefined,
      // Only once the batch at hand has gone on: it still belongs to the output.
      stop: () => queueMicrotask(() => this.#enough()),
      warn: (kind, message) => process.emitWarning(`${kind}: ${message}`, 'MillraceWarning'),
    });
    for (const [i, stream] of streams.entries()) {
      stream.on('error', error => this.destroy(error));
      const next = streams[i + 1];
      if (next !== undefined) stream.pipe(next);
    }
    this.#inner = streams;
    void this.#give(streams.at(-1) as Duplex);
    return streams;
  }

  /** The one loop that pushes; `_read` only wakes it, for Node calls that at any time. */
  async #give(last: Duplex): Promise<void> {
    try {
      for await (const { batch, lease } of last as AsyncIterable<Parcel>) {
        lease.release();
        if (!this.#isStopped) await this.#push(batch.rows);
      }
      this.#over();
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  async #push(rows: readonly object[]): Promise<void> {
    for (const row of rows) {
      this.#isWanted = false;
      if (!this.push(row) && !this.#isWanted) await new Promise<void>(resolve => (this.#wake = resolve));
      if (this.#isStopped || this.destroyed) return;
    }
  }

  /** No more is needed of what comes in. */
  #enough(): void {
    this.#hasEnough = true;
    this.#upstream.stop();
    this.#inner?.[0]?.end();
  }

  #over(): void {
    this.#isOver = true;
    if (!this.destroyed) this.push(null);
    this.#upstream.stop();
    this.#finished?.();
  }
}

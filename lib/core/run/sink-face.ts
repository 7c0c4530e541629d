import { Writable } from 'node:stream';
import { RecordBatch } from '../batch/batch.ts';
import type { AnyBatch, AnyRow } from '../define.ts';
import { FlowAccount } from './account.ts';
import { StageCounter } from './counter.ts';
import { checkedRecord, fullness } from './gather.ts';
import { SinkStream } from './sink-stream.ts';
import { STANDALONE, takeReject, warnStandalone } from './standalone.ts';
import type { SinkStage } from './stage.ts';
import { Upstream } from './upstream.ts';
import { abortController } from './waiting.ts';

type Callback = (error?: Error | null) => void;

/**
 * A sink as a plain Writable of objects, gathered into batches by count, bytes and time. `finish` comes when all of it is committed; a
 * destroyed one leaves nothing.
 */
export class SinkFace extends Writable {
  readonly role = 'sink';
  readonly stage: SinkStage;
  readonly #upstream: Upstream;
  readonly #abort = abortController();
  readonly #account = new FlowAccount(STANDALONE.memory, () => undefined);
  readonly #isFull = fullness(STANDALONE.batchRows, STANDALONE.batchBytes);
  #gathered: AnyRow[] = [];
  #timer: NodeJS.Timeout | undefined;
  #taken = 0;
  #inner: SinkStream | undefined;
  #isCommitted = false;

  constructor(stage: SinkStage) {
    super({ objectMode: true, highWaterMark: 64 });
    this.stage = stage;
    this.#upstream = new Upstream(this);
  }

  override _write(row: AnyRow, _encoding: BufferEncoding, callback: Callback): void {
    try {
      this.#gathered.push(checkedRecord(row, this.#taken++));
    } catch (error) {
      return callback(error as Error);
    }
    if (this.#isFull(this.#gathered)) return this.#passOn(callback);
    this.#timer ??= setTimeout(() => this.#passOn(error => error && this.destroy(error)), STANDALONE.batchDelayMs).unref();
    callback();
  }

  override _final(callback: Callback): void {
    this.#passOn(error => {
      if (error) return callback(error);
      const inner = this.#open();
      inner.end((failure?: Error | null) => callback(inner.errored ?? failure));
    });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    const reason = error ?? new DOMException('the stream was destroyed', 'AbortError');
    this.#abort.abort(reason);
    this.#upstream.stop();
    void this.#letGo(reason).then(
      () => callback(error),
      (failure: Error) => callback(error ?? failure),
    );
  }

  /** Writable has no dispose of its own in Node 20. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.closed) return;
    const closed = new Promise<void>(resolve => this.once('close', resolve));
    this.on('error', () => undefined);
    this.destroy();
    await closed;
  }

  /** Gives on what is gathered; answers when more may come. */
  #passOn(callback: Callback): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#gathered.length === 0) return callback();
    const rows = this.#gathered;
    this.#gathered = [];
    const batch = RecordBatch.of(rows) as AnyBatch;
    const lease = this.#account.add(batch.bytes);
    const inner = this.#open();
    inner.write({ batch, lease }, error => callback(inner.errored ?? error));
    if (this.#account.used > this.#account.limit) inner.letGo();
  }

  #open(): SinkStream {
    if (this.#inner !== undefined) return this.#inner;
    warnStandalone();
    this.#inner = new SinkStream({
      stage: this.stage,
      account: this.#account,
      counter: new StageCounter(this.stage.kind),
      signal: this.#abort.signal,
      jobId: 'plain-stream',
      hasDeadLetters: false,
      schema: undefined,
      hint: undefined,
      take: letter => takeReject(letter, undefined),
      rejectsWritten: () => undefined,
      warn: message => process.emitWarning(`${this.stage.kind}: ${message}`, 'MillraceWarning'),
      finish: sink => this.#commit(sink),
    });
    this.#inner.on('error', error => this.destroy(error));
    return this.#inner;
  }

  async #commit({ writer }: SinkStream): Promise<void> {
    await writer?.commit({ job: 'plain-stream', operators: {}, sinks: {}, done: true });
    this.#isCommitted = true;
    await writer?.close();
  }

  async #letGo(reason: unknown): Promise<void> {
    const inner = this.#inner;
    if (inner === undefined) return;
    inner.destroy();
    await inner.quiet();
    if (!this.#isCommitted) await inner.writer?.abort(reason);
  }
}

import { Writable } from 'node:stream';
import { RecordBatch } from '../batch/batch.ts';
import type { AnyBatch, AnyRow } from '../define.ts';
import { FlowAccount } from './account.ts';
import { StageCounter } from './counter.ts';
import { SinkStream } from './sink-stream.ts';
import { STANDALONE, takeReject, warnStandalone } from './standalone.ts';
import type { SinkStage } from './stage.ts';

type Callback = (error?: Error | null) => void;

/** A sink as a plain Writable of objects, gathered into batches. `finish` comes when all of it is committed; a destroyed one leaves nothing. */
export class SinkFace extends Writable {
  readonly role = 'sink';
  readonly stage: SinkStage;
  readonly #abort = new AbortController();
  readonly #account = new FlowAccount(STANDALONE.memory, () => undefined);
  #gathered: AnyRow[] = [];
  #inner: SinkStream | undefined;
  #isCommitted = false;

  constructor(stage: SinkStage) {
    super({ objectMode: true, highWaterMark: STANDALONE.batchRows });
    this.stage = stage;
  }

  override _write(row: AnyRow, _encoding: BufferEncoding, callback: Callback): void {
    this.#gathered.push(row);
    this.#passOn(STANDALONE.batchRows, callback);
  }

  override _writev(chunks: { chunk: AnyRow }[], callback: Callback): void {
    for (const { chunk } of chunks) this.#gathered.push(chunk);
    this.#passOn(STANDALONE.batchRows, callback);
  }

  override _final(callback: Callback): void {
    this.#passOn(1, error => {
      if (error) return callback(error);
      const inner = this.#open();
      inner.once('finish', () => callback());
      inner.once('error', callback);
      inner.end();
    });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const reason = error ?? new DOMException('the stream was destroyed', 'AbortError');
    this.#abort.abort(reason);
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

  #passOn(least: number, callback: Callback): void {
    if (this.#gathered.length < least) return callback();
    const rows = this.#gathered;
    this.#gathered = [];
    const batch = RecordBatch.of(rows) as AnyBatch;
    const lease = this.#account.add(batch.bytes);
    const inner = this.#open();
    let isAnswered = false;
    const answer = (error?: Error | null): void => {
      if (isAnswered) return;
      isAnswered = true;
      inner.off('error', answer);
      callback(error);
    };
    inner.on('error', answer);
    inner.write({ batch, lease }, answer);
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
    this.#inner.on('error', () => undefined);
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

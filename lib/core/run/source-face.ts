import { Readable } from 'node:stream';
import { asMillraceError } from '../../errors.ts';
import type { AnyBatch } from '../define.ts';
import { STANDALONE, warnStandalone } from './standalone.ts';
import type { SourceStage } from './stage.ts';
import { abortController } from './waiting.ts';

/**
 * A source as a plain Readable of objects. It holds one batch. One loop alone reads the iterator and pushes: `_read` only starts it and wakes
 * it, for Node calls it at any time, also while a push is going on.
 */
export class SourceFace extends Readable {
  readonly role = 'source';
  readonly stage: SourceStage;
  readonly #abort = abortController();
  #iterator: AsyncIterator<AnyBatch> | undefined;
  #isRunning = false;
  #isStopped = false;
  /** Node has asked since the last push. */
  #isWanted = false;
  #wake: (() => void) | undefined;
  #ended: Promise<void> | undefined;

  constructor(stage: SourceStage) {
    super({ objectMode: true, highWaterMark: 256 });
    this.stage = stage;
  }

  /** No more is needed: ends without an error. */
  stop(): void {
    if (this.#isOver || this.readableEnded) return;
    this.#isStopped = true;
    this.#abort.abort(new DOMException('no more is needed', 'AbortError'));
    this.#wake?.();
    if (!this.#isRunning) this.push(null);
  }

  override _read(): void {
    this.#isWanted = true;
    this.#wake?.();
    if (this.#isRunning || this.#isStopped) return;
    this.#isRunning = true;
    void this.#run();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#abort.abort(error ?? new DOMException('the stream was destroyed', 'AbortError'));
    this.#wake?.();
    void this.#end().then(() => callback(error));
  }

  get #isOver(): boolean {
    return this.#isStopped || this.destroyed;
  }

  async #run(): Promise<void> {
    try {
      const iterator = (this.#iterator = this.#open());
      while (!this.#isOver) {
        const result = await iterator.next();
        if (result.done === true || this.#isOver) break;
        const { rows } = result.value;
        // Objects have nothing of its memory.
        result.value.giveBack();
        await this.#give(rows);
      }
    } catch (error) {
      if (!this.#isStopped) {
        this.destroy(asMillraceError(error, this.stage.kind));
        return;
      }
    }
    await this.#end();
    if (!this.destroyed) this.push(null);
  }

  async #give(rows: readonly object[]): Promise<void> {
    for (const row of rows) {
      this.#isWanted = false;
      if (!this.push(row) && !this.#isWanted) await new Promise<void>(resolve => (this.#wake = resolve));
      if (this.#isOver) return;
    }
  }

  #open(): AsyncIterator<AnyBatch> {
    warnStandalone();
    const { definition, options, given, kind } = this.stage;
    const context = {
      signal: this.#abort.signal,
      batchRows: STANDALONE.batchRows,
      batchBytes: STANDALONE.batchBytes,
      batchDelayMs: STANDALONE.batchDelayMs,
      counted: () => undefined,
      expects: () => undefined,
      warn: (message: string) => process.emitWarning(`${kind}: ${message}`, 'MillraceWarning'),
    };
    return definition.read(options, context, given)[Symbol.asyncIterator]();
  }

  /** Ends the iterator once; all who ask wait for it. What it throws then says nothing new. */
  #end(): Promise<void> {
    this.#ended ??= (async () => {
      try {
        await this.#iterator?.return?.();
      } catch {
        // The reason why it ends is known already.
      }
    })();
    return this.#ended;
  }
}

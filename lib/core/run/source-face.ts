import { Readable } from 'node:stream';
import { asMillraceError } from '../../errors.ts';
import type { AnyBatch } from '../define.ts';
import { STANDALONE, warnStandalone } from './standalone.ts';
import type { SourceStage } from './stage.ts';

/** A source as a plain Readable of objects. It holds one batch. */
export class SourceFace extends Readable {
  readonly role = 'source';
  readonly stage: SourceStage;
  readonly #abort = new AbortController();
  #iterator: AsyncIterator<AnyBatch> | undefined;
  #rows: readonly object[] = [];
  #next = 0;
  #isReading = false;
  #isStopped = false;

  constructor(stage: SourceStage) {
    super({ objectMode: true, highWaterMark: 256 });
    this.stage = stage;
  }

  /** No more is needed: ends without an error. */
  stop(): void {
    if (this.#isStopped || this.readableEnded || this.destroyed) return;
    this.#isStopped = true;
    this.#abort.abort(new DOMException('no more is needed', 'AbortError'));
    if (!this.#isReading) void this.#end().finally(() => this.push(null));
  }

  override _read(): void {
    if (this.#isReading || this.#isStopped) return;
    while (this.#next < this.#rows.length) if (!this.push(this.#rows[this.#next++])) return;
    this.#isReading = true;
    this.#more().then(
      () => (this.#isReading = false),
      (error: unknown) => {
        this.#isReading = false;
        if (this.#isStopped) this.push(null);
        else this.destroy(asMillraceError(error, this.stage.kind));
      },
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#abort.abort(error ?? new DOMException('the stream was destroyed', 'AbortError'));
    void this.#end().finally(() => callback(error));
  }

  async #more(): Promise<void> {
    this.#iterator ??= this.#open();
    const result = await this.#iterator.next();
    if (result.done === true || this.#isStopped) {
      await this.#end();
      this.push(null);
      return;
    }
    this.#rows = result.value.rows;
    this.#next = 0;
    this.#isReading = false;
    this._read();
  }

  #open(): AsyncIterator<AnyBatch> {
    warnStandalone();
    const { definition, options, given, kind } = this.stage;
    const context = {
      signal: this.#abort.signal,
      batchRows: STANDALONE.batchRows,
      batchBytes: STANDALONE.batchBytes,
      counted: () => undefined,
      expects: () => undefined,
      warn: (message: string) => process.emitWarning(`${kind}: ${message}`, 'MillraceWarning'),
    };
    return definition.read(options, context, given)[Symbol.asyncIterator]();
  }

  async #end(): Promise<void> {
    const iterator = this.#iterator;
    this.#iterator = { next: () => Promise.resolve({ done: true, value: undefined }) };
    await iterator?.return?.().catch(() => undefined);
  }
}

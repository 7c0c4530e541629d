import { Readable } from 'node:stream';
import { asMillraceError } from '../../errors.ts';
import type { AnyBatch } from '../define.ts';
import type { FlowAccount, Lease } from './account.ts';
import type { StageCounter } from './counter.ts';
import { abortController } from './waiting.ts';

/** A batch on its way, with the memory that it has charged. */
export interface Parcel {
  readonly batch: AnyBatch;
  readonly lease: Lease;
}

export interface SourceStreamOptions {
  readonly read: (signal: AbortSignal) => AsyncIterable<AnyBatch>;
  readonly account: FlowAccount;
  readonly counter: StageCounter;
  /** Nobody on the way keeps anything of a batch past its outcome. */
  readonly reusesMemory: boolean;
  /** Sees each batch as it came. */
  readonly look?: (batch: AnyBatch) => void;
}

/**
 * A source as a Readable of parcels, one batch high. Owns one batch outside of the flow account: it reads first, then waits for room.
 * `stop` ends it early, as if the source had ended; `destroy` aborts it. Both end the iterator and wait for it, but never for a read that
 * hangs: its signal is aborted first.
 */
export class SourceStream extends Readable {
  readonly #options: SourceStreamOptions;
  readonly #abort = abortController();
  #iterator: AsyncIterator<AnyBatch> | undefined;
  #reading: Promise<void> | undefined;
  #ended: Promise<void> | undefined;
  #isStopped = false;
  #idleSince: number;

  constructor(options: SourceStreamOptions) {
    super({ objectMode: true, highWaterMark: 1 });
    this.#options = options;
    this.#idleSince = performance.now();
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Something may have been taken from where it reads. */
  get isOpen(): boolean {
    return this.#iterator !== undefined;
  }

  override _read(): void {
    this.#options.counter.waitMs += performance.now() - this.#idleSince;
    this.#reading ??= this.#readOne()
      .then(
        () => (this.#reading = undefined),
        (error: unknown) => {
          this.#reading = undefined;
          if (this.#isStopped) this.push(null);
          else this.destroy(asMillraceError(error, this.#options.counter.kind));
        },
      )
      .then(() => undefined);
  }

  /** No more is needed: the source ends as soon as it can, without an error. */
  stop(): void {
    if (this.#isStopped || this.readableEnded) return;
    this.#isStopped = true;
    this.#abort.abort(new DOMException('no more is needed', 'AbortError'));
    if (this.#reading === undefined && !this.destroyed) void this.#end().finally(() => this.push(null));
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#abort.abort(error ?? new DOMException('the run is over', 'AbortError'));
    const reading = this.#reading ?? Promise.resolve();
    void reading.then(() => this.#end()).finally(() => callback(error));
  }

  #open(): AsyncIterator<AnyBatch> {
    this.#iterator ??= this.#options.read(this.#abort.signal)[Symbol.asyncIterator]();
    return this.#iterator;
  }

  async #readOne(): Promise<void> {
    const { account, counter } = this.#options;
    const start = performance.now();
    const result = this.#isStopped ? undefined : await this.#open().next();
    const now = performance.now();
    counter.busyMs += now - start;
    // What was read when the stop came is finished.
    if (result === undefined || result.done === true) {
      await this.#end();
      this.push(null);
      return;
    }
    const batch = result.value;
    this.#options.look?.(batch);
    counter.out += batch.length;
    const lease = account.hasRoomFor(batch.bytes) ? account.add(batch.bytes) : await account.charge(batch.bytes, this.#abort.signal);
    if (this.#options.reusesMemory) lease.lend(batch);
    this.#idleSince = performance.now();
    counter.waitMs += this.#idleSince - now;
    const parcel: Parcel = { batch, lease };
    this.push(parcel);
  }

  /** Ends the iterator once; all who ask wait for it. What it throws after a stop or an abort says nothing new. */
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

import { Duplex } from 'node:stream';
import { asMillraceError } from '../../errors.ts';
import type { AnyBatch, StreamFunction } from '../define.ts';
import type { FlowAccount, Lease } from './account.ts';
import type { RunningOperator } from './operator-context.ts';
import type { Parcel } from './source-stream.ts';

export interface OperatorStreamOptions {
  readonly change: StreamFunction;
  readonly context: RunningOperator;
  readonly forwardsPositions: boolean;
  readonly account: FlowAccount;
  readonly rejectsWritten: () => Promise<void> | undefined;
}

type Callback = (error?: Error | null) => void;

/**
 * A stream operator as a Duplex of parcels. The memory of a batch goes back when the operator asks for the next one; what it gives is
 * charged without waiting. An operator that ends before its input has had enough: what still comes is dropped unseen.
 */
export class OperatorStream extends Duplex {
  readonly #options: OperatorStreamOptions;
  readonly #output: AsyncIterator<AnyBatch>;
  #offered: { parcel: Parcel; taken: Callback } | undefined;
  #asked: ((result: IteratorResult<AnyBatch>) => void) | undefined;
  #held: Lease | undefined;
  #isInputOver = false;
  #isOutputOver = false;
  #isGiving = false;
  #demanded: (() => void) | undefined;
  #finished: Callback | undefined;

  constructor(options: OperatorStreamOptions) {
    super({ objectMode: true, readableHighWaterMark: 1, writableHighWaterMark: 1, allowHalfOpen: true });
    this.#options = options;
    this.#output = options.change(this.#input())[Symbol.asyncIterator]();
  }

  override _write(parcel: Parcel, _encoding: BufferEncoding, callback: Callback): void {
    const { counter } = this.#options.context;
    counter.in += parcel.batch.length;
    if (parcel.batch.length === 0 || this.#isOutputOver || this.#options.context.isStopped) {
      counter.dropped += parcel.batch.length;
      parcel.lease.release();
      callback();
      return;
    }
    this.#offered = { parcel, taken: callback };
    this.#handOver();
  }

  override _final(callback: Callback): void {
    this.#isInputOver = true;
    this.#finished = callback;
    this.#handOver();
    if (this.#isOutputOver) callback();
  }

  override _read(): void {
    this.#demanded?.();
    this.#demanded = undefined;
    if (this.#isGiving) return;
    this.#isGiving = true;
    void this.#give();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#isInputOver = true;
    this.#handOver();
    this.#demanded?.();
    const ended = this.#output.return?.() ?? Promise.resolve();
    void Promise.resolve(ended)
      .catch(() => undefined)
      .finally(() => callback(error));
  }

  /** What the operator reads. */
  #input(): AsyncIterable<AnyBatch> {
    const next = (): Promise<IteratorResult<AnyBatch>> => {
      this.#held?.release();
      this.#held = undefined;
      const start = performance.now();
      return new Promise(resolve => {
        this.#asked = result => {
          this.#options.context.counter.waitMs += performance.now() - start;
          resolve(result);
        };
        this.#handOver();
      });
    };
    const end = (): Promise<IteratorResult<AnyBatch>> => Promise.resolve({ done: true, value: undefined });
    return { [Symbol.asyncIterator]: () => ({ next, return: end }) };
  }

  #handOver(): void {
    const asked = this.#asked;
    if (asked === undefined) return;
    if (this.#offered !== undefined && !this.destroyed) {
      const { parcel, taken } = this.#offered;
      this.#offered = undefined;
      this.#asked = undefined;
      this.#held = parcel.lease;
      asked({ done: false, value: parcel.batch });
      taken();
    } else if (this.#isInputOver) {
      this.#asked = undefined;
      asked({ done: true, value: undefined });
    }
  }

  async #give(): Promise<void> {
    const { context, account, forwardsPositions, rejectsWritten } = this.#options;
    try {
      for (;;) {
        const start = performance.now() - context.counter.waitMs;
        const result = await this.#output.next();
        context.counter.busyMs += performance.now() - context.counter.waitMs - start;
        await rejectsWritten();
        if (this.destroyed) return;
        if (result.done === true) break;
        const batch = forwardsPositions ? result.value : result.value.withPosition(undefined);
        if (batch.length === 0 && batch.position === undefined) continue;
        context.counter.out += batch.length;
        const parcel: Parcel = { batch, lease: account.add(batch.bytes) };
        if (!this.push(parcel)) await new Promise<void>(resolve => (this.#demanded = resolve));
        if (this.destroyed) return;
      }
      this.#end();
    } catch (error) {
      this.destroy(asMillraceError(error, context.counter.kind, 'OPERATOR_THREW'));
    }
  }

  #end(): void {
    const { context } = this.#options;
    this.#isOutputOver = true;
    this.#held?.release();
    if (!this.#isInputOver) context.stop();
    if (this.#offered !== undefined) {
      const { parcel, taken } = this.#offered;
      this.#offered = undefined;
      context.counter.dropped += parcel.batch.length;
      parcel.lease.release();
      taken();
    }
    this.push(null);
    this.#finished?.();
  }
}

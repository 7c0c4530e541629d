import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { asMillraceError } from '../../errors.ts';
import { type Position, RecordBatch } from '../batch/batch.ts';
import type { AnyBatch, AnyRow, StreamFunction } from '../define.ts';
import type { FlowAccount, Lease } from './account.ts';
import type { RunningOperator } from './operator-context.ts';
import type { Parcel } from './source-stream.ts';

export interface OperatorStreamOptions {
  readonly change: StreamFunction;
  readonly context: RunningOperator;
  readonly forwardsPositions: boolean;
  readonly account: FlowAccount;
  readonly rejectsWritten: () => Promise<void> | undefined;
  /** All up to there is given on. */
  readonly passed: (position: Position | undefined) => void;
  /** Sees each batch before the operator does. */
  readonly came?: (batch: AnyBatch) => void;
}

type Callback = (error?: Error | null) => void;

/** What an operator waits for: its next batch, or the end of its input, or an error of the run. */
interface Asked {
  resolve(result: IteratorResult<AnyBatch>): void;
  reject(error: Error): void;
}

/** An operator that makes batch after batch without waiting would else keep timers and signals out. */
const TURN_AFTER_MS = 10;

/**
 * A stream operator as a Duplex of parcels. The memory of a batch goes back when the operator asks for the next one; what it gives is
 * charged without waiting. An operator that ends before its input has had enough: what still comes is dropped unseen. `stop` ends it early,
 * as if its input had ended; `destroy` throws the error into it, so that it does not take an input that was cut off for a whole one.
 */
export class OperatorStream extends Duplex {
  readonly #options: OperatorStreamOptions;
  readonly #output: AsyncIterator<AnyBatch>;
  #offered: { parcel: Parcel; taken: Callback } | undefined;
  #asked: Asked | undefined;
  #held: Lease | undefined;
  /** Of the last batch that came, and of the last that went on. */
  #positionIn: Position | undefined;
  #positionOut: Position | undefined;
  #isInputOver = false;
  #isOutputOver = false;
  #isStopped = false;
  #isGiving = false;
  #failure: Error | undefined;
  #demanded: (() => void) | undefined;
  #finished: Callback | undefined;

  constructor(options: OperatorStreamOptions) {
    super({ objectMode: true, readableHighWaterMark: 1, writableHighWaterMark: 1, allowHalfOpen: true });
    this.#options = options;
    this.#output = options.change(this.#input())[Symbol.asyncIterator]();
  }

  /** Nobody needs more of what it gives: it is ended, and what it left undone counts as dropped. */
  stop(): void {
    if (this.#isStopped || this.#isOutputOver || this.destroyed) return;
    this.#isStopped = true;
    this.#isInputOver = true;
    this.#options.context.abandon();
    this.#dropOffered();
    this.#handOver();
    this.#demanded?.();
    // One that waits is told at once; a generator hears of it when it gives its next batch.
    if (this.#isGiving) this.#leave().catch(() => undefined);
    else void this.#give();
  }

  override _write(parcel: Parcel, _encoding: BufferEncoding, callback: Callback): void {
    const { counter } = this.#options.context;
    counter.in += parcel.batch.length;
    this.#options.came?.(parcel.batch);
    this.#positionIn = parcel.batch.position ?? this.#positionIn;
    this.#offered = { parcel, taken: callback };
    if (parcel.batch.length === 0 || this.#isOutputOver || this.#options.context.isStopped) this.#dropOffered();
    else this.#handOver();
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
    if (!this.#isGiving && !this.#isOutputOver) void this.#give();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#isInputOver = true;
    if (!this.#isStopped && !this.#isOutputOver) this.#failure = error ?? new DOMException('the run is over', 'AbortError');
    this.#handOver();
    this.#demanded?.();
    void this.#leave()
      .catch(() => undefined)
      .finally(() => callback(error));
  }

  /** What the operator reads. */
  #input(): AsyncIterable<AnyBatch> {
    const next = (): Promise<IteratorResult<AnyBatch>> => {
      this.#held?.release();
      this.#held = undefined;
      const start = performance.now();
      const result = new Promise<IteratorResult<AnyBatch>>((resolve, reject) => {
        const waited = (): void => void (this.#options.context.counter.waitMs += performance.now() - start);
        this.#asked = {
          resolve: given => (waited(), resolve(given)),
          reject: error => (waited(), reject(error)),
        };
        this.#handOver();
      });
      // An operator that has been left may not look at it any more.
      result.catch(() => undefined);
      return result;
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
      asked.resolve({ done: false, value: parcel.batch });
      taken();
    } else if (this.#isInputOver) {
      this.#asked = undefined;
      if (this.#failure === undefined) asked.resolve({ done: true, value: undefined });
      else asked.reject(this.#failure);
    }
  }

  #dropOffered(): void {
    if (this.#offered === undefined) return;
    const { parcel, taken } = this.#offered;
    this.#offered = undefined;
    this.#options.context.counter.dropped += parcel.batch.length;
    parcel.lease.release();
    taken();
  }

  async #give(): Promise<void> {
    this.#isGiving = true;
    const { context } = this.#options;
    let turned = performance.now();
    try {
      while (!this.#isStopped) {
        if (performance.now() - turned > TURN_AFTER_MS) {
          await turn();
          turned = performance.now();
        }
        const start = performance.now() - context.counter.waitMs;
        const result = await this.#output.next();
        context.counter.busyMs += performance.now() - context.counter.waitMs - start;
        await this.#options.rejectsWritten();
        if (this.destroyed) return;
        if (result.done === true || this.#isStopped) break;
        await this.#pass(result.value);
        if (this.destroyed) return;
      }
      if (this.#isStopped) await this.#leave();
      else if (this.#isInputOver) await this.#passPosition();
      this.#end();
    } catch (error) {
      // What it throws after a stop says nothing new.
      if (this.#isStopped) this.#end();
      else this.destroy(asMillraceError(error, context.counter.kind, 'OPERATOR_THREW'));
    }
  }

  async #pass(made: AnyBatch): Promise<void> {
    const { context, account, forwardsPositions } = this.#options;
    const batch = forwardsPositions ? made : made.withPosition(undefined);
    if (batch.length === 0 && batch.position === undefined) return;
    context.counter.out += batch.length;
    this.#positionOut = batch.position ?? this.#positionOut;
    this.#options.passed(batch.position);
    const parcel: Parcel = { batch, lease: account.add(batch.bytes) };
    if (!this.push(parcel) && !this.#isStopped) await new Promise<void>(resolve => (this.#demanded = resolve));
  }

  /** All that came is done: now the position may go on that stopped here, or that came with a batch of which nothing was left. */
  async #passPosition(): Promise<void> {
    const position = this.#positionIn;
    if (position === undefined || position === this.#positionOut) return;
    const parcel: Parcel = { batch: RecordBatch.of<AnyRow>([], undefined, position), lease: this.#options.account.add(0) };
    if (!this.push(parcel)) await new Promise<void>(resolve => (this.#demanded = resolve));
  }

  async #leave(): Promise<void> {
    await this.#output.return?.();
  }

  #end(): void {
    const { context } = this.#options;
    this.#isOutputOver = true;
    this.#held?.release();
    if (!this.#isInputOver) context.stop();
    this.#dropOffered();
    if (this.#isStopped) this.#balance();
    this.push(null);
    this.#finished?.();
  }

  /** Whoever was stopped in the middle of its work can't say what became of it: nobody got it. */
  #balance(): void {
    const { counter } = this.#options.context;
    const rest = counter.in + counter.made - counter.out - counter.dropped - counter.rejected;
    if (rest > 0) counter.dropped += rest;
    else counter.made -= rest;
  }
}

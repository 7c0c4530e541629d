import { Transform } from 'node:stream';
import { asMillraceError } from '../../errors.ts';
import type { Position } from '../batch/batch.ts';
import type { AnyBatch } from '../define.ts';
import type { Lease } from './account.ts';
import type { StageCounter } from './counter.ts';
import type { GroupFunction } from './group.ts';
import type { RowsMade } from './row-run.ts';
import type { Parcel } from './source-stream.ts';

/** Plain objects weigh about so many times the bytes that they are made of (measured on mixed columns). */
const ROWS_FACTOR = 8;

export interface GroupStreamOptions {
  readonly change: GroupFunction;
  readonly counters: readonly StageCounter[];
  /** Sees to the rejects of a batch before the next is taken; undefined where there are none. */
  readonly rejectsWritten: () => Promise<void> | undefined;
  readonly name: string;
  /** All up to there is given on. */
  readonly passed: (position: Position | undefined) => void;
}

/** Plain objects are made of a batch that has a lease. */
export function growing(lease: Lease): RowsMade {
  return bytes => lease.grow(bytes * (ROWS_FACTOR - 1));
}

/** A group of fused operators as a Transform of parcels. */
export class GroupStream extends Transform {
  readonly #options: GroupStreamOptions;
  #lastEnd = performance.now();

  constructor(options: GroupStreamOptions) {
    // Nothing is made before it is asked for: rows that wait are rows that the collector has to carry along.
    super({ objectMode: true, readableHighWaterMark: 0, writableHighWaterMark: 0 });
    this.#options = options;
  }

  override _transform(parcel: Parcel, _encoding: BufferEncoding, callback: (error?: Error | null, parcel?: Parcel) => void): void {
    const { batch, lease } = parcel;
    const start = performance.now();
    const done = (made: AnyBatch): void => {
      const end = performance.now();
      this.#count(end - start, start - this.#lastEnd);
      this.#lastEnd = end;
      this.#options.passed(made.position);
      const give = (): void => {
        if (made.length === 0) lease.release();
        callback(null, made === batch ? parcel : { batch: made, lease });
      };
      const waiting = this.#options.rejectsWritten();
      if (waiting === undefined) give();
      else waiting.then(give, failed);
    };
    const failed = (error: unknown): void => callback(asMillraceError(error, this.#options.name));
    try {
      const made = this.#options.change(batch, growing(lease));
      if (made instanceof Promise) made.then(done).catch(failed);
      else done(made);
    } catch (error) {
      failed(error);
    }
  }

  /** One loop does the work of all stages of the group: each gets its share. */
  #count(busyMs: number, waitMs: number): void {
    const { counters } = this.#options;
    for (const counter of counters) {
      counter.busyMs += busyMs / counters.length;
      counter.waitMs += waitMs / counters.length;
    }
  }
}

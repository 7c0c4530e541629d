import type { AnyBatch, SinkContext } from '../../../core/define.ts';
import type { LoadPlace } from './copy-load.ts';
import { Exchange, type Refused, SEGMENTS } from './exchange.ts';
import type { RowLoader, TableName } from './row-loader.ts';
import { SegmentRecovery } from './segment-recovery.ts';
import { type Entry, MAX_ROWS, SegmentSize, type Slice } from './segment-slices.ts';

/**
 * Batches in segments, each a COPY behind a savepoint, for a run whose refused rows have a place to go. Batches are kept until the server has
 * confirmed them; those of a refused segment are sent again without the rows at fault.
 */
export class SegmentedCopy implements RowLoader {
  readonly #place: LoadPlace;
  readonly #table: TableName;
  readonly #context: SinkContext;
  readonly #size: SegmentSize;
  readonly #refused: Refused = { isOpen: false };
  #exchange: Exchange;
  #heldBytes = 0;

  constructor(place: LoadPlace, table: TableName, context: SinkContext) {
    this.#place = place;
    this.#table = table;
    this.#context = context;
    // A merge costs more than a COPY: the rows of one go together.
    this.#size = new SegmentSize(place.staging === undefined ? MAX_ROWS / SEGMENTS : MAX_ROWS);
    this.#exchange = new Exchange(place, table, this.#refused);
  }

  async write(batch: AnyBatch): Promise<void> {
    const entry: Entry = { batch, sent: this.#place.plan.reduce(batch), rejected: new Map(), open: batch.length };
    this.#heldBytes += batch.bytes;
    for (let from = 0; from < batch.length;) {
      await this.#makeRoom();
      const to = Math.min(batch.length, from + this.#room);
      await this.#add({ entry, from, to });
      from = to;
    }
    if (this.#heldBytes >= this.#context.segmentBytes) await this.flush();
  }

  async flush(): Promise<void> {
    const exchange = this.#exchange;
    try {
      await exchange.finish(this.#context);
    } catch (error) {
      await this.#recover(exchange, error);
      return;
    }
    for (const { rows } of exchange.segments) if (rows > 0) this.#size.wasClean();
    this.#next(exchange.slices);
  }

  async fail(reason: string): Promise<void> {
    await this.#exchange.fail(reason);
  }

  /** Rows that the segment has still room for. */
  get #room(): number {
    return Math.max(0, this.#size.rows - (this.#exchange.last?.rows ?? 0));
  }

  async #makeRoom(): Promise<void> {
    if (this.#room > 0) return;
    if (this.#exchange.isFull) await this.flush();
    else this.#exchange.next();
  }

  async #add(slice: Slice): Promise<void> {
    const exchange = this.#exchange;
    try {
      if (await exchange.add(slice)) return;
    } catch (error) {
      await this.#recover(exchange, error);
      return;
    }
    await this.flush();
    await this.#add(slice);
  }

  async #recover(exchange: Exchange, error: unknown): Promise<void> {
    const held = exchange.slices;
    await new SegmentRecovery(this.#place, this.#table, this.#context, { size: this.#size, refused: this.#refused }).recover(
      exchange,
      error,
    );
    this.#next(held);
  }

  /** All rows of these slices have their outcome: batches that have no other rows open are settled. */
  #next(confirmed: readonly Slice[]): void {
    this.#exchange = new Exchange(this.#place, this.#table, this.#refused);
    this.#heldBytes = 0;
    for (const { entry, from, to } of confirmed) {
      entry.open -= to - from;
      if (entry.open > 0) continue;
      this.#place.losses.add(entry.sent, entry.rejected);
      this.#context.settle(
        entry.batch,
        [...entry.rejected.values()].sort((a, b) => a.index - b.index),
      );
    }
  }
}

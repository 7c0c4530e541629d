import type { AnyBatch, SinkContext } from '../../../core/define.ts';
import type { LoadPlace } from './copy-load.ts';
import type { RowLoader, TableName } from './row-loader.ts';
import { Segment } from './segment.ts';
import { SegmentRecovery } from './segment-recovery.ts';
import { type Entry, SegmentSize, type Slice } from './segment-slices.ts';

/**
 * Batches in segments, each a COPY behind a savepoint, for a run whose refused rows have a place to go. Batches are kept until the server has
 * confirmed them; those of a refused segment are sent again without the rows at fault.
 */
export class SegmentedCopy implements RowLoader {
  readonly #place: LoadPlace;
  readonly #table: TableName;
  readonly #context: SinkContext;
  readonly #size = new SegmentSize();
  #segment: Segment;
  #heldBytes = 0;

  constructor(place: LoadPlace, table: TableName, context: SinkContext) {
    this.#place = place;
    this.#table = table;
    this.#context = context;
    this.#segment = new Segment(place, table);
  }

  async write(batch: AnyBatch): Promise<void> {
    const entry: Entry = { batch, sent: this.#place.plan.reduce(batch), rejected: new Map(), open: batch.length };
    this.#heldBytes += batch.bytes;
    for (let from = 0; from < batch.length;) {
      const to = Math.min(batch.length, from + this.#size.rows - this.#segment.rows);
      await this.#add({ entry, from, to });
      from = to;
      if (this.#segment.rows >= this.#size.rows) await this.flush();
    }
    if (this.#heldBytes >= this.#context.segmentBytes) await this.flush();
  }

  async flush(): Promise<void> {
    const segment = this.#segment;
    try {
      await segment.finish(this.#context);
      if (segment.rows > 0) this.#size.wasClean();
    } catch (error) {
      await this.#recover(segment, error);
      return;
    }
    this.#next(segment.slices);
  }

  async fail(reason: string): Promise<void> {
    await this.#segment.fail(reason);
  }

  async #add(slice: Slice): Promise<void> {
    const segment = this.#segment;
    try {
      if (await segment.add(slice)) return;
    } catch (error) {
      await this.#recover(segment, error);
      return;
    }
    await this.flush();
    await this.#add(slice);
  }

  async #recover(segment: Segment, error: unknown): Promise<void> {
    const held = [...segment.slices];
    await new SegmentRecovery(this.#place, this.#table, this.#context, this.#size).recover(segment, error);
    this.#next(held);
  }

  /** All rows of these slices have their outcome: batches that have no other rows open are settled. */
  #next(confirmed: readonly Slice[]): void {
    this.#segment = new Segment(this.#place, this.#table);
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

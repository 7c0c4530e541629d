import type { SinkContext } from '../../../core/define.ts';
import type { LoadPlace } from './copy-load.ts';
import type { TableName } from './row-loader.ts';
import { Segment } from './segment.ts';
import { countSent, type SegmentSize, sentRows, type Slice, splitAt } from './segment-slices.ts';

const FOREIGN_KEY_VIOLATION = '23503';

/**
 * What a refused segment held, sent again without the rows at fault. A row that the server names is taken out; where it names none the segment is
 * halved until the rows at fault are alone. Work is a stack: what is to be done first stands last.
 */
export class SegmentRecovery {
  readonly #place: LoadPlace;
  readonly #table: TableName;
  readonly #context: SinkContext;
  readonly #size: SegmentSize;
  #work: Slice[][] = [];
  /** Rows that a foreign key refused: what they refer to may come behind them. Not of an upsert: they would come after newer ones of their key. */
  #orphans: Slice[] = [];

  constructor(place: LoadPlace, table: TableName, context: SinkContext, size: SegmentSize) {
    this.#place = place;
    this.#table = table;
    this.#context = context;
    this.#size = size;
  }

  /** Resolves when every row of the segment is written or rejected. */
  async recover(segment: Segment, error: unknown): Promise<void> {
    await this.#divide(segment, error);
    await this.#workOff();
    while (this.#orphans.length > 0 && (await this.#adoptsOrphans()));
  }

  async #workOff(): Promise<void> {
    for (let slices = this.#work.pop(); slices !== undefined; slices = this.#work.pop()) {
      const [head, tail] = splitAt(slices, this.#size.rows);
      this.#push(tail);
      await this.#send(head);
    }
  }

  /** One segment of as many slices as go in one format. */
  async #send(slices: readonly Slice[]): Promise<void> {
    const segment = new Segment(this.#place, this.#table);
    let done = 0;
    try {
      while (done < slices.length && (await segment.add(slices[done] as Slice))) done++;
      this.#push(slices.slice(done));
      await segment.finish(this.#context);
      this.#size.wasClean();
    } catch (error) {
      // The slice at which writing failed is part of the segment.
      if (done < slices.length && segment.slices.length > done) this.#push(slices.slice(segment.slices.length));
      await this.#divide(segment, error);
    }
  }

  async #divide(segment: Segment, error: unknown): Promise<void> {
    const refusal = await segment.takeBack(error);
    const { slices } = segment;
    const count = countSent(slices);
    const fault = count === 1 ? 0 : segment.indexOfLine(refusal.line);
    if (fault === undefined) {
      const [first, second] = splitAt(slices, count >> 1);
      this.#push(second);
      this.#push(first);
      return;
    }
    const [before, from] = splitAt(slices, fault);
    const [alone, behind] = splitAt(from, 1);
    this.#push(behind);
    this.#push(before);
    this.#size.wasRefused();
    for (const slice of alone) {
      for (const row of sentRows(slice)) {
        slice.entry.rejected.set(row, { index: row, code: 'ROW_REFUSED', reason: refusal.reason });
        if (refusal.sqlState === FOREIGN_KEY_VIOLATION && refusal.line === undefined && this.#place.staging === undefined)
          this.#orphans.push({ ...slice, from: row, to: row + 1 });
      }
    }
  }

  /** Tries them once more, now that the others are there; true when some went in, so that a further try may help the rest. */
  async #adoptsOrphans(): Promise<boolean> {
    const orphans = this.#orphans;
    this.#orphans = [];
    for (const { entry, from } of orphans) entry.rejected.delete(from);
    this.#push(orphans);
    await this.#workOff();
    return this.#orphans.length < orphans.length;
  }

  #push(slices: readonly Slice[]): void {
    if (slices.length > 0) this.#work.push([...slices]);
  }
}

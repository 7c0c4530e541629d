import type { SinkContext } from '../../../core/define.ts';
import type { LoadPlace } from './copy-load.ts';
import { Exchange, type Refused, SEGMENTS, takeBack } from './exchange.ts';
import type { TableName } from './row-loader.ts';
import { countSent, type SegmentSize, sentRows, type Slice, splitAt } from './segment-slices.ts';

const FOREIGN_KEY_VIOLATION = '23503';

/** What segments of one load share. */
export interface SegmentState {
  readonly size: SegmentSize;
  readonly refused: Refused;
}

/**
 * What a refused segment and those behind it held, sent again without the rows at fault. A row that the server names is taken out; where it names none the
 * segment is halved until the rows at fault are alone. Work is a stack of segments: what is to be done first stands last.
 */
export class SegmentRecovery {
  readonly #place: LoadPlace;
  readonly #table: TableName;
  readonly #context: SinkContext;
  readonly #size: SegmentSize;
  readonly #refused: Refused;
  #work: Slice[][] = [];
  /** Rows that a foreign key refused: what they refer to may come behind them. Not of an upsert: they would come after newer ones of their key. */
  #orphans: Slice[] = [];

  constructor(place: LoadPlace, table: TableName, context: SinkContext, { size, refused }: SegmentState) {
    this.#place = place;
    this.#table = table;
    this.#context = context;
    this.#size = size;
    this.#refused = refused;
  }

  /** Resolves when every row of the exchange is written or rejected. */
  async recover(exchange: Exchange, error: unknown): Promise<void> {
    this.#divide(exchange, error);
    await this.#workOff();
    while (this.#orphans.length > 0 && (await this.#adoptsOrphans()));
    await takeBack(this.#place, this.#refused);
  }

  async #workOff(): Promise<void> {
    while (this.#work.length > 0) await this.#send();
  }

  /** As many segments as go in one exchange and one format. */
  async #send(): Promise<void> {
    const exchange = new Exchange(this.#place, this.#table, this.#refused, this.#segmentsLeft());
    try {
      do exchange.next();
      while ((await this.#fill(exchange)) && !exchange.isFull && this.#work.length > 0);
      await exchange.finish(this.#context);
    } catch (error) {
      this.#divide(exchange, error);
      return;
    }
    for (const { rows } of exchange.segments) if (rows > 0) this.#size.wasClean();
  }

  /** One segment; false where the exchange takes no more. What was not handed over is work that is left, also when this fails. */
  async #fill(exchange: Exchange): Promise<boolean> {
    const [head, tail] = splitAt(this.#work.pop() as Slice[], this.#size.rows);
    this.#push(tail);
    let left = head;
    try {
      while (left.length > 0) {
        const [slice, ...rest] = left as [Slice, ...Slice[]];
        left = rest;
        if (await exchange.add(slice)) continue;
        left = [slice, ...rest];
        return false;
      }
      return true;
    } finally {
      this.#push(left);
    }
  }

  #segmentsLeft(): number {
    let count = 0;
    for (let i = this.#work.length - 1; i >= 0 && count < SEGMENTS; i--)
      count += Math.max(1, Math.ceil(countSent(this.#work[i] as Slice[]) / this.#size.rows));
    return count;
  }

  #divide(exchange: Exchange, error: unknown): void {
    const { confirmed, refused, refusal, fault: named, behind } = exchange.divide(error, this.#context);
    for (const { rows } of confirmed) if (rows > 0) this.#size.wasClean();
    for (const { slices } of behind.toReversed()) this.#push(slices);
    const { slices } = refused;
    const count = countSent(slices);
    const fault = count === 1 ? 0 : named;
    if (fault === undefined) {
      const [first, second] = splitAt(slices, count >> 1);
      this.#push(second);
      this.#push(first);
      return;
    }
    const [before, from] = splitAt(slices, fault);
    const [alone, after] = splitAt(from, 1);
    this.#push(after);
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

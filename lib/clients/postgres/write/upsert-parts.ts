import type { SinkContext } from '../../../core/define.ts';
import type { CopyPiece } from './copy-plan.ts';
import type { IntegerKeys, KeyRange } from './integer-keys.ts';

/** Where the parts of an upsert end, and whether one may be merged before all rows are there. */
export class UpsertParts {
  /** That are over. */
  count = 0;
  /** False for ever from the first part that took long (rows that are merged are locked until the commit), or whose keys were there before. */
  areEarly: boolean;
  readonly maxBytes: number;
  readonly #keys: IntegerKeys | undefined;
  /** Of the part that is being handed over. */
  #rows = 0;
  #bytes = 0;
  #since = 0;

  constructor(keys: IntegerKeys | undefined, { segmentBytes }: SinkContext) {
    this.#keys = keys;
    this.areEarly = keys !== undefined;
    this.maxBytes = Math.min(segmentBytes, PART_BYTES);
  }

  get isFull(): boolean {
    return this.#rows >= PART_ROWS || this.#bytes >= this.maxBytes;
  }

  add(piece: CopyPiece): void {
    if (this.#rows === 0) this.#since = performance.now();
    this.#rows += piece.rows;
    this.#bytes += piece.bytes;
    if (this.areEarly) this.#keys?.add(piece);
  }

  end(): void {
    if (this.#rows === 0) return;
    this.count++;
    const tookLong = performance.now() - this.#since > PART_MS;
    this.areEarly &&= this.#keys?.goesOn() === true && !tookLong;
    [this.#rows, this.#bytes] = [0, 0];
  }

  /** Of the parts that ended since this was last asked; undefined where nobody knows. */
  takeRange(): KeyRange | undefined {
    return this.areEarly ? this.#keys?.takeRange() : undefined;
  }
}

/** A part has so many rows or bytes: few enough for the buffers that a session has for temporary tables (8 MB). */
const PART_ROWS = 30_000;
const PART_BYTES = 4 * 1024 * 1024;
/** A part that took longer to come is the last that is merged before all are there. */
const PART_MS = 1000;

import { BatchRows, selectedOf } from '../batch/gathered.ts';
import type { AnyBatch } from '../define.ts';
import type { KeyColumn } from './key-column.ts';
import type { KeyReader } from './key-reader.ts';
import type { PackedStore } from './packed-store.ts';
import { sortedRows, tieBreaker } from './sorted-rows.ts';

/** Of each row, beside its key: its number and double twice while it is sorted. */
const SORTING_BYTES = 24;
const KEY_BYTES = 8;
/** With a limit: no fewer rows than these are put in order at a time. */
const LEAST_PRUNED = 1024;

/** Records in memory with their keys: batches as they came, of which nothing but the keys is decoded. */
export class HeldRows {
  length = 0;
  readonly #reader: KeyReader;
  /** Only so many are wanted, the first in order. */
  readonly #limit: number;
  readonly #store: PackedStore;
  #batches: AnyBatch[] = [];
  #batchBytes = 0;
  #keys: KeyColumn[] | undefined;
  #isBefore: ((a: number, b: number) => boolean) | undefined;
  /** The last of those that are wanted so far: nothing behind it is taken any more. */
  #last: number | undefined;

  /** `store`: its memory is for these rows alone. */
  constructor(reader: KeyReader, limit: number, store: PackedStore) {
    this.#reader = reader;
    this.#limit = limit;
    this.#store = store;
    store.clear();
  }

  /** About what it takes in memory. */
  get bytes(): number {
    const keys = this.#keys ?? [];
    const ofKeys = keys.reduce((sum, key) => sum + key.bytes, 0) + this.length * (KEY_BYTES * keys.length + SORTING_BYTES);
    return this.#batchBytes + this.#store.bytes + ofKeys;
  }

  add(batch: AnyBatch): void {
    if (this.#limit === 0) return;
    const keys = (this.#keys ??= this.#reader.columns(batch));
    this.#isBefore ??= isBefore(keys);
    const gets = this.#reader.gets(batch);
    const taken = new Uint32Array(batch.length);
    let count = 0;
    for (let row = 0; row < batch.length; row++) {
      const number = this.length + count;
      for (let k = 0; k < keys.length; k++) (keys[k] as KeyColumn).push(gets[k]?.(row));
      if (this.#last !== undefined && !this.#isBefore(number, this.#last)) for (const key of keys) key.pop();
      else taken[count++] = row;
    }
    if (count === 0) return;
    this.#keep(batch.select(taken.slice(0, count)).withPosition(undefined).compact());
    this.length += count;
    if (this.length >= Math.max(2 * this.#limit, LEAST_PRUNED)) this.prune();
  }

  #keep(batch: AnyBatch): void {
    // With a limit rows are thrown away one by one: their memory could not be used again.
    const packed = this.#limit === Infinity ? batch.packed : undefined;
    this.#batches.push(packed === undefined ? batch : this.#store.add(batch, packed));
    if (packed === undefined) this.#batchBytes += batch.bytes;
  }

  /** Forgets all that is not wanted. */
  prune(): void {
    if (this.length <= this.#limit || this.#keys === undefined) return;
    const order = sortedRows(this.#keys, this.length).subarray(0, this.#limit);
    const kept = order.slice().sort();
    this.#last = kept.indexOf(order.at(-1) as number);
    this.#batches = selectedOf(this.#batches, kept);
    this.#batchBytes = this.#batches.reduce((sum, batch) => sum + batch.bytes, 0);
    for (const key of this.#keys) key.keep(kept);
    this.length = kept.length;
  }

  /** The rows in their order, no more than are wanted. */
  sorted(): Uint32Array {
    if (this.#keys === undefined) return new Uint32Array(0);
    return sortedRows(this.#keys, this.length).subarray(0, Math.min(this.length, this.#limit));
  }

  rows(): BatchRows {
    return new BatchRows(this.#batches, this.#batchBytes + this.#store.bytes);
  }
}

function isBefore(keys: readonly KeyColumn[]): (a: number, b: number) => boolean {
  const [first] = keys as readonly [KeyColumn];
  const compare = tieBreaker(keys);
  return (a, b) => {
    const left = first.doubles[a] as number;
    const right = first.doubles[b] as number;
    return left < right || (left === right && compare(a, b) < 0);
  };
}

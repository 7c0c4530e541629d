import type { KeyColumn } from './key-column.ts';
import { type Run, RunCursor, type RunFormat } from './runs.ts';

/** The records of several runs in one order; of equal ones those of an earlier run come first. One block of each run is in memory. */
export class Merge {
  readonly #cursors: RunCursor[];
  /** Numbers of cursors that stand on a record; the first is that of the next record, as in a binary heap. */
  readonly #heap: number[] = [];

  constructor(runs: readonly Run[], format: RunFormat) {
    this.#cursors = runs.map(run => new RunCursor(run, format));
  }

  /** Stands on the record at hand; undefined at the end. */
  get current(): RunCursor | undefined {
    const [first] = this.#heap;
    return first === undefined ? undefined : this.#cursors[first];
  }

  /** Reads the first block of each run. */
  async begin(): Promise<void> {
    for (const [number, cursor] of this.#cursors.entries()) {
      if (!(await cursor.load())) continue;
      this.#heap.push(number);
      this.#rise(this.#heap.length - 1);
    }
  }

  /** Goes on to the next record; a promise where a block has to be read. `current` is undefined at the end. */
  next(): Promise<void> | undefined {
    const cursor = this.current;
    if (cursor === undefined) return undefined;
    if (!cursor.step()) return this.#load(cursor);
    this.#sink();
    return undefined;
  }

  async #load(cursor: RunCursor): Promise<void> {
    if (!(await cursor.load())) {
      const last = this.#heap.pop() as number;
      if (this.#heap.length > 0) this.#heap[0] = last;
    }
    this.#sink();
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (this.#isInOrder(parent, at)) return;
      this.#swap(parent, at);
      at = parent;
    }
  }

  #sink(): void {
    const { length } = this.#heap;
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      if (left >= length) return;
      const least = left + 1 < length && !this.#isInOrder(left, left + 1) ? left + 1 : left;
      if (this.#isInOrder(at, least)) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isInOrder(i: number, j: number): boolean {
    const [a, b] = [this.#heap[i] as number, this.#heap[j] as number];
    const difference = compareCursors(this.#cursors[a] as RunCursor, this.#cursors[b] as RunCursor);
    return difference === 0 ? a < b : difference < 0;
  }

  #swap(i: number, j: number): void {
    const number = this.#heap[i] as number;
    this.#heap[i] = this.#heap[j] as number;
    this.#heap[j] = number;
  }
}

function compareCursors(a: RunCursor, b: RunCursor): number {
  for (let k = 0; k < a.keys.length; k++) {
    const difference = (a.keys[k] as KeyColumn).compareWith(a.at, b.keys[k] as KeyColumn, b.at);
    if (difference !== 0) return difference;
  }
  return 0;
}

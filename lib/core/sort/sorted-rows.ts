import type { KeyColumn } from './key-column.ts';

/** Runs of this length are sorted by insertion, then merged. */
const SHORT_RUN = 12;

/** The rows of these keys in their order, those that are equal as they came: the first key decides, then the second, and so on. */
export function sortedRows(keys: readonly KeyColumn[], length: number): Uint32Array {
  const [first] = keys as readonly [KeyColumn];
  // The doubles of the first key travel with the row numbers: what is compared most lies side by side in memory.
  let doubles = first.doubles.slice(0, length);
  let rows = new Uint32Array(length);
  for (let i = 0; i < length; i++) rows[i] = i;
  const isBefore = tieBreaker(keys);
  for (let start = 0; start < length; start += SHORT_RUN) insert(doubles, rows, start, Math.min(start + SHORT_RUN, length), isBefore);
  let otherDoubles = new Float64Array(length);
  let otherRows = new Uint32Array(length);
  for (let width = SHORT_RUN; width < length; width *= 2) {
    for (let start = 0; start < length; start += 2 * width) {
      const middle = Math.min(start + width, length);
      const end = Math.min(start + 2 * width, length);
      merge({ doubles, rows }, { doubles: otherDoubles, rows: otherRows }, { start, middle, end }, isBefore);
    }
    [doubles, otherDoubles] = [otherDoubles, doubles];
    [rows, otherRows] = [otherRows, rows];
  }
  return rows;
}

/** Less than 0 where row `a` comes before row `b`, though the doubles of their first key are equal. */
export type TieBreaker = (a: number, b: number) => number;

export function tieBreaker(keys: readonly KeyColumn[]): TieBreaker {
  const [first, ...others] = keys as readonly [KeyColumn, ...KeyColumn[]];
  if (others.length === 0) return (a, b) => first.compare(a, b);
  return (a, b) => {
    const difference = first.compare(a, b);
    if (difference !== 0) return difference;
    for (const key of others) {
      const left = key.doubles[a] as number;
      const right = key.doubles[b] as number;
      if (left !== right) return left < right ? -1 : 1;
      const next = key.compare(a, b);
      if (next !== 0) return next;
    }
    return 0;
  };
}

function insert(doubles: Float64Array, rows: Uint32Array, start: number, end: number, compare: TieBreaker): void {
  for (let i = start + 1; i < end; i++) {
    const double = doubles[i] as number;
    const row = rows[i] as number;
    let at = i - 1;
    for (; at >= start; at--) {
      const before = doubles[at] as number;
      if (before < double || (before === double && compare(rows[at] as number, row) <= 0)) break;
      doubles[at + 1] = before;
      rows[at + 1] = rows[at] as number;
    }
    doubles[at + 1] = double;
    rows[at + 1] = row;
  }
}

interface Buffers {
  readonly doubles: Float64Array;
  readonly rows: Uint32Array;
}

function merge(
  from: Buffers,
  to: Buffers,
  { start, middle, end }: { start: number; middle: number; end: number },
  compare: TieBreaker,
): void {
  const { doubles, rows } = from;
  let left = start;
  let right = middle;
  for (let at = start; at < end; at++) {
    const takesLeft = right >= end || (left < middle && !isAfter(doubles, rows, left, right, compare));
    const taken = takesLeft ? left++ : right++;
    to.doubles[at] = doubles[taken] as number;
    to.rows[at] = rows[taken] as number;
  }
}

function isAfter(doubles: Float64Array, rows: Uint32Array, left: number, right: number, compare: TieBreaker): boolean {
  const a = doubles[left] as number;
  const b = doubles[right] as number;
  return a > b || (a === b && compare(rows[left] as number, rows[right] as number) > 0);
}

import type { AnyBatch, RejectedRow } from '../../../core/define.ts';
import type { ReducedBatch } from './losses.ts';

/** A batch until all of its rows have their outcome. */
export interface Entry {
  readonly batch: AnyBatch;
  /** What of it is sent. */
  readonly sent: ReducedBatch;
  /** By row number. */
  readonly rejected: Map<number, RejectedRow>;
  /** Rows that are in no confirmed segment yet. */
  open: number;
}

/** Rows `from` (inclusive) to `to` (exclusive) of a batch. Those of them that are rejected already are not sent. */
export interface Slice {
  readonly entry: Entry;
  readonly from: number;
  readonly to: number;
}

/** Numbers of the rows that are to be sent. */
export function sentRows({ entry, from, to }: Slice): Uint32Array {
  const rows = Uint32Array.from({ length: to - from }, (_, i) => from + i);
  return entry.rejected.size === 0 ? rows : rows.filter(row => !entry.rejected.has(row));
}

export function countSent(slices: readonly Slice[]): number {
  return slices.reduce((sum, slice) => sum + sentRows(slice).length, 0);
}

/** The first `count` rows that are to be sent, and the rest. */
export function splitAt(slices: readonly Slice[], count: number): [Slice[], Slice[]] {
  let left = count;
  for (const [i, slice] of slices.entries()) {
    const rows = sentRows(slice);
    if (rows.length <= left) {
      left -= rows.length;
      continue;
    }
    const cut = rows[left] as number;
    const head = cut > slice.from ? [{ ...slice, to: cut }] : [];
    return [
      [...slices.slice(0, i), ...head],
      [{ ...slice, from: cut }, ...slices.slice(i + 1)],
    ];
  }
  return [[...slices], []];
}

/** How many rows a segment has: fewer where rows are refused (each is a reason to send others again), more again where none is. */
export class SegmentSize {
  rows: number;
  readonly #most: number;
  #clean = 0;

  constructor(most: number) {
    this.rows = this.#most = most;
  }

  wasClean(): void {
    if (++this.#clean < CLEAN_SEGMENTS) return;
    this.#clean = 0;
    this.rows = Math.min(this.#most, this.rows * 2);
  }

  wasRefused(): void {
    this.#clean = 0;
    this.rows = Math.max(MIN_ROWS, this.rows >> 1);
  }
}

/** Rows that are kept until the server has confirmed them, at most. */
export const MAX_ROWS = 100_000;
const MIN_ROWS = 200;
/** So many segments without a refusal double their size again. */
const CLEAN_SEGMENTS = 10;

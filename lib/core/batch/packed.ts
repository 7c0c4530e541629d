import type { Origin } from './batch.ts';

/** Rows as bytes that can lie elsewhere, in any order, and become rows again. */
export interface PackedRows {
  readonly bytes: Uint8Array;
  /** Where each row begins; the last one ends at the next start, or else with the bytes. */
  readonly starts: Uint32Array;
  readonly form: RowForm;
  readonly places?: RowPlaces;
}

/** Where rows stood in their source. */
export interface RowPlaces {
  readonly file: string;
  /** By row: 1 for the first line of the file. */
  readonly lines: ArrayLike<number>;
}

/** How bytes are rows. */
export interface RowForm {
  /** Rows of both can stand in one batch. */
  isLike(other: RowForm): boolean;
  /** `starts` has one more than there are rows: where the last one ends. */
  open(bytes: Buffer, starts: Uint32Array, places?: RowPlaces): Origin;
}

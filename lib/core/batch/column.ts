import type { DataType } from '../../schema/types.ts';
import type { TextOutput } from '../../values/write-number.ts';

/** One column of a batch: values by row number, decoded when asked for. Never mutated. */
export interface Column {
  readonly type: DataType;
  /** Rows. */
  readonly length: number;
  /** The value as it stands in a record (docs/values.md); null for NULL. Not remembered: ask once. */
  get(row: number): unknown;
  /**
   * The value's text as the value table has it for CSV, where the source has it without decoding (json keeps its blanks and
   * duplicate keys this way); null for NULL. Absent: make it of `get`.
   */
  text?(row: number): string | null;
  /** The same text as bytes, where the source has it so. */
  readonly utf8?: TextBytes;
  /**
   * Writes the same text, where it is ASCII letters, digits and `+ - . :` only and that is cheaper than to make a string of it. False, and nothing
   * written, for NULL and for any value of which it is not so: then ask for `text`.
   */
  print?(out: TextOutput, row: number): boolean;
}

/** Where the UTF-8 of each value's text lies. */
export interface TextBytes {
  readonly bytes: Uint8Array;
  /** Its first byte; -1 for NULL. */
  start(row: number): number;
  /** The byte behind its last. */
  end(row: number): number;
}

/** A column over values that are already there, by row; null and undefined are NULL. */
export class ArrayColumn implements Column {
  readonly type: DataType;
  readonly values: ArrayLike<unknown>;

  constructor(type: DataType, values: ArrayLike<unknown>) {
    this.type = type;
    this.values = values;
  }

  get length(): number {
    return this.values.length;
  }

  get(row: number): unknown {
    return this.values[row] ?? null;
  }
}

/** Some rows of a column, in the order of `rows`. */
export class SelectedColumn implements Column {
  readonly type: DataType;
  readonly length: number;
  readonly get: (row: number) => unknown;
  readonly text?: (row: number) => string | null;
  readonly utf8?: TextBytes;
  readonly print?: (out: TextOutput, row: number) => boolean;

  constructor(column: Column, rows: Uint32Array) {
    this.type = column.type;
    this.length = rows.length;
    this.get = row => column.get(rows[row] as number);
    if (column.text !== undefined) this.text = row => (column.text as (row: number) => string | null)(rows[row] as number);
    if (column.print !== undefined) this.print = (out, row) => (column.print as NonNullable<Column['print']>)(out, rows[row] as number);
    const { utf8 } = column;
    if (utf8 !== undefined) {
      const { bytes } = utf8;
      this.utf8 = { bytes, start: row => utf8.start(rows[row] as number), end: row => utf8.end(rows[row] as number) };
    }
  }
}

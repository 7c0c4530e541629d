import type { Codec, Origin, View } from '../../core/batch/batch.ts';
import type { Locator } from '../../core/batch/locator.ts';
import type { Column } from '../../core/batch/column.ts';
import { rowsByColumn } from '../../core/batch/construct-rows.ts';
import type { PackedRows, RowForm, RowPlaces } from '../../core/batch/packed.ts';
import type { DataType } from '../../schema/types.ts';
import { lineLocator } from '../line-locator.ts';
import { copiedRecords, forwardedRecords, forwardedRows } from './forward.ts';
import { FieldIndex, type RecordBytes } from './records.ts';

const COMMA = 44;
const QUOTE = 34;

/** Records with the place where they stood. */
export interface CsvRecords extends RecordBytes {
  readonly file: string;
  /** The line at which each record begins, 1 for the first of the file; 0 where nobody knows. */
  readonly lines: Uint32Array;
}

/**
 * Records of RFC 4180 as the file had them. Nothing is decoded, and no field even looked for, before somebody asks for a column. All
 * columns are text, whatever the type of the view; an empty field is null, `""` is ''.
 */
export class CsvOrigin implements Origin {
  readonly length: number;
  readonly bytes: number;
  readonly locate: Locator;
  readonly lines: Uint32Array;
  readonly #records: CsvRecords;
  readonly #fields: FieldIndex;

  constructor(records: CsvRecords) {
    this.#records = records;
    this.#fields = new FieldIndex(records);
    this.length = records.starts.length - 1;
    this.lines = records.lines;
    this.locate = lineLocator(records.file, records.lines);
    this.bytes = records.bytes.buffer.byteLength + records.starts.byteLength + records.lines.byteLength;
  }

  column(index: number, type: DataType): Column {
    return this.#fields.column(index, type);
  }

  /** All columns are looked for in one pass. */
  rows(view: View): readonly object[] {
    const last = Math.max(-1, ...view.columns.map(column => ('index' in column ? column.index : -1)));
    if (last >= 0) this.#fields.ends(last);
    return rowsByColumn(this, view);
  }

  /**
   * As codec `csv`: records of comma-separated fields without a header, each ended by LF, no empty line but the NULL of a single column,
   * none that begins with `\.`, no CR outside quotes: what `COPY … FROM STDIN (FORMAT csv)` takes. Undefined with another delimiter.
   */
  encoded(codec: Codec, view: View): Uint8Array[] | undefined {
    return codec === 'csv' && this.#records.delimiter === COMMA ? forwardedRecords(this.#fields, view) : undefined;
  }

  encodedRows(codec: Codec, view: View): Uint8Array[] | undefined {
    return codec === 'csv' && this.#records.delimiter === COMMA ? forwardedRows(this.#fields, view) : undefined;
  }

  get packed(): PackedRows {
    const { bytes, starts, width, delimiter, file, lines } = this.#records;
    return { bytes, starts, form: new CsvForm(width, delimiter), places: { file, lines } };
  }

  compact(view: View): Origin | undefined {
    const copied = copiedRecords(this.#fields, view);
    if (copied === undefined) return undefined;
    const { selection } = view;
    const { file, lines } = this.#records;
    return new CsvOrigin({ ...copied, file, lines: selection === undefined ? lines.slice() : selection.map(row => lines[row] as number) });
  }
}

/** Records of so many fields between these delimiters. */
class CsvForm implements RowForm {
  readonly #width: number;
  readonly #delimiter: number;

  constructor(width: number, delimiter: number) {
    this.#width = width;
    this.#delimiter = delimiter;
  }

  isLike(other: RowForm): boolean {
    return other instanceof CsvForm && other.#width === this.#width && other.#delimiter === this.#delimiter;
  }

  open(bytes: Buffer, starts: Uint32Array, places?: RowPlaces): Origin {
    const { file, lines } = places ?? { file: '', lines: new Uint32Array(starts.length - 1) };
    const dialect = { width: this.#width, delimiter: this.#delimiter, hasQuotes: bytes.includes(QUOTE) };
    return new CsvOrigin({ ...dialect, bytes, starts, file, lines: Uint32Array.from(lines) });
  }
}

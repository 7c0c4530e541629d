import type { Column } from '../../core/batch/column.ts';
import type { DataType } from '../../schema/types.ts';
import type { TextBuffer } from '../../values/text-buffer.ts';
import { decodeQuoted, type DecodeText, isQuoted, textDecoderOf } from './field-text.ts';

const LF = 10;
const CR = 13;
const QUOTE = 34;

/** Whole records in one piece of memory, checked by the scanner: each ends with LF or CRLF, and all have `width` fields. */
export interface RecordBytes {
  readonly bytes: Buffer;
  /** Where each record begins, and behind the last one its end: one more than there are records. */
  readonly starts: Uint32Array;
  readonly width: number;
  /** One byte. */
  readonly delimiter: number;
  /** False where no field is in quotes. */
  readonly hasQuotes: boolean;
}

/** Finds the fields of records when somebody asks: those up to the column asked for, each once. */
export class FieldIndex {
  readonly records: RecordBytes;
  /** By column: for each record the position behind the field (of its delimiter or line end). */
  readonly #ends: Uint32Array[] = [];
  #decode: DecodeText | undefined;

  constructor(records: RecordBytes) {
    this.records = records;
  }

  get length(): number {
    return this.records.starts.length - 1;
  }

  column(index: number, type: DataType): Column {
    const ends = this.ends(index);
    const bytes = this.records.bytes as TextBuffer;
    this.#decode ??= textDecoderOf(bytes);
    const starts = index === 0 ? this.records.starts : this.ends(index - 1);
    return new FieldColumn(type, {
      bytes,
      starts,
      skip: index === 0 ? 0 : 1,
      ends,
      decode: this.#decode,
      length: this.length,
    });
  }

  /** Where the fields of a column end. Where they begin: behind the end of the one before and its delimiter. */
  ends(index: number): Uint32Array {
    if (index >= this.#ends.length) this.#find(index + 1);
    return this.#ends[index] as Uint32Array;
  }

  #find(width: number): void {
    const { records, length } = this;
    const from = this.#ends.length;
    while (this.#ends.length < width) this.#ends.push(new Uint32Array(length));
    const find = records.hasQuotes ? findQuotedEnds : findPlainEnds;
    find(records, this.#ends, from);
  }
}

/** Ends of the columns from `from` on; those before are known. */
function findPlainEnds({ bytes, starts, width, delimiter }: RecordBytes, ends: readonly Uint32Array[], from: number): void {
  const columns = ends.length;
  for (let row = 0; row + 1 < starts.length; row++) {
    let i = from === 0 ? (starts[row] as number) : ((ends[from - 1] as Uint32Array)[row] as number) + 1;
    for (let column = from; column < columns; column++) {
      if (column === width - 1) i = lineEnd(bytes, i, starts[row + 1] as number);
      else while (bytes[i] !== delimiter) i++;
      (ends[column] as Uint32Array)[row] = i++;
    }
  }
}

function findQuotedEnds({ bytes, starts, width, delimiter }: RecordBytes, ends: readonly Uint32Array[], from: number): void {
  const columns = ends.length;
  for (let row = 0; row + 1 < starts.length; row++) {
    let i = from === 0 ? (starts[row] as number) : ((ends[from - 1] as Uint32Array)[row] as number) + 1;
    for (let column = from; column < columns; column++) {
      if (column === width - 1) i = lineEnd(bytes, i, starts[row + 1] as number);
      else if (bytes[i] === QUOTE) i = closingQuote(bytes, i + 1) + 1;
      else while (bytes[i] !== delimiter) i++;
      (ends[column] as Uint32Array)[row] = i++;
    }
  }
}

function closingQuote(bytes: Uint8Array, from: number): number {
  let i = from;
  for (;;) {
    while (bytes[i] !== QUOTE) i++;
    if (bytes[i + 1] !== QUOTE) return i;
    i += 2;
  }
}

/** The end of the last field of a record: before its LF, or the CR that belongs to it. */
function lineEnd(bytes: Uint8Array, fieldStart: number, recordEnd: number): number {
  const end = recordEnd - (bytes[recordEnd - 1] === LF ? 1 : 0);
  return end > fieldStart && bytes[end - 1] === CR ? end - 1 : end;
}

interface Fields {
  readonly bytes: TextBuffer;
  readonly starts: Uint32Array;
  readonly skip: number;
  readonly ends: Uint32Array;
  readonly decode: DecodeText;
  readonly length: number;
}

/** A column of text that stays bytes until it is asked for: an empty field is null, `""` is ''. */
class FieldColumn implements Column {
  readonly type: DataType;
  readonly length: number;
  readonly #bytes: TextBuffer;
  readonly #starts: Uint32Array;
  readonly #skip: number;
  readonly #ends: Uint32Array;
  readonly #decode: DecodeText;

  constructor(type: DataType, fields: Fields) {
    this.type = type;
    this.length = fields.length;
    this.#bytes = fields.bytes;
    this.#starts = fields.starts;
    this.#skip = fields.skip;
    this.#ends = fields.ends;
    this.#decode = fields.decode;
  }

  get(row: number): string | null {
    const start = (this.#starts[row] as number) + this.#skip;
    const end = this.#ends[row] as number;
    if (start === end) return null;
    return isQuoted(this.#bytes, start) ? decodeQuoted(this.#bytes, start, end, this.#decode) : this.#decode(this.#bytes, start, end);
  }

  text(row: number): string | null {
    return this.get(row);
  }
}

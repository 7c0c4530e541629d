import type { Codec } from '../../../core/batch/batch.ts';
import type { AnyBatch, AnyRow, RejectedRow } from '../../../core/define.ts';
import type { Schema } from '../../../schema/schema.ts';
import { quoteIdentifier } from '../../../values/identifiers.ts';
import type { CarriedColumn } from './carry.ts';
import { csvToBinary, type CsvToBinary } from './csv-to-binary.ts';
import { dataHeader, textRowEncoder } from './copy-text.ts';
import { type ColumnEncoding, type EncodedRows, rowEncoder, type RowEncoder } from './encode-rows.ts';
import { OddForm } from './plain-input.ts';
import type { TargetTable } from '../catalogue/target-table.ts';
import { type LossyColumn, reduceBatch, type ReducedBatch } from './losses.ts';
import { type ColumnWishes, compareColumns, throwDifferences } from './compare-columns.ts';

export type CopyFormat = 'binary' | 'csv' | 'text';

/** A batch as COPY data. */
export interface CopyPiece {
  readonly format: CopyFormat;
  /** Whole CopyData messages. */
  readonly chunks: readonly Uint8Array[];
  /** Rows in them. */
  readonly rows: number;
  /** Lines, as `rowOfLine` counts them. */
  readonly lines: number;
  readonly bytes: number;
  /** Rows of the batch that are not in them, ascending. */
  readonly rejected: readonly RejectedRow[];
  /** To be called once nothing of the chunks is in this process any more: then their memory is used again. */
  readonly giveBack?: () => void;
}

/**
 * How batches of a schema go into a table. Binary where every column can; bytes that already are what the target wants pass as they are.
 * CSV records pass where each column is read by the target's input rules anyway: in binary where all fields have forms that leave no room for
 * rules, else as the CSV that they are; so do texts that go into columns of other types, else as text. Text for everything else.
 * Errors: COLUMN_UNKNOWN, SCHEMA_MISMATCH, TYPE_NOT_CARRIED, all before the first row.
 */
export class CopyPlan {
  readonly schema: Schema;
  readonly #table: TargetTable;
  readonly #columns: readonly CarriedColumn[];
  readonly #lossy: readonly LossyColumn[];
  readonly #wishes: ColumnWishes;
  /** Columns that the server makes itself. */
  readonly #leavesOut: boolean;
  readonly #passesCopyData: boolean;
  readonly #passesCsv: boolean;
  readonly #readCsv: CsvToBinary | undefined;
  readonly #encodeBinary: RowEncoder | undefined;
  readonly #encodePlain: RowEncoder | undefined;
  /** So many batches go as CSV or text before one is tried in binary again, and how many that were last time. */
  #untilTried = 0;
  #afterOdd = 4;
  #encodeText: RowEncoder | undefined;

  constructor(schema: Schema, table: TargetTable, shownName: string, wishes: ColumnWishes = {}) {
    this.schema = schema;
    this.#table = table;
    this.inferred = schema.fields.filter(field => field.inferred === true).map(({ name }) => name);
    const { columns, differences, lossy } = compareColumns(schema, table, shownName, wishes);
    throwDifferences(differences);
    this.#columns = columns;
    this.#lossy = lossy;
    this.#wishes = wishes;
    this.#leavesOut = this.#columns.length < schema.fields.length;
    this.#encodeBinary = encoderOf(this.#columns.map(({ binary }) => binary));
    this.#encodePlain = this.#encodeBinary === undefined ? encoderOf(this.#columns.map(({ binary, plain }) => binary ?? plain)) : undefined;
    this.#passesCopyData = this.#columns.every(column => column.isSameBytes);
    this.#passesCsv = this.#columns.every(column => column.isRawText);
    const wires = this.#columns.map(({ wire }) => wire).filter(wire => wire !== undefined);
    this.#readCsv = this.#passesCsv && wires.length === this.#columns.length ? csvToBinary(wires) : undefined;
  }

  /** Columns whose type nobody declared. */
  readonly inferred: readonly string[];

  /** Of the columns, in the order of the records. */
  get names(): string[] {
    return this.#columns.map(column => column.name);
  }

  /** `COPY … FROM STDIN` in a format, into the table or another one with its columns. `freezes`: one that this transaction has made or emptied. */
  statement(format: CopyFormat, into: string = this.#table.name, freezes = false): string {
    const names = this.#columns.map(column => quoteIdentifier(column.name)).join(', ');
    const list = names === '' ? '' : ` (${names})`;
    return `COPY ${into}${list} FROM STDIN (FORMAT ${format}${freezes ? ', FREEZE' : ''})`;
  }

  /** What `encode` will say of batches that come in this encoding, if they come as bytes; of CSV where its fields are plain. */
  formatOf(codec: Codec | undefined): CopyFormat {
    if (this.#encodeBinary !== undefined || (this.#passesCopyData && codec === 'pg-copy')) return 'binary';
    if (this.#passesCsv && codec === 'csv') return this.#readCsv === undefined ? 'csv' : 'binary';
    return this.#encodePlain === undefined ? 'text' : 'binary';
  }

  /** The same records for another table of these columns. */
  into(table: TargetTable, shownName: string): CopyPlan {
    return new CopyPlan(this.schema, table, shownName, this.#wishes);
  }

  /** With the values that the table keeps: what `encode` takes. Once a batch, for losses are counted in it. */
  reduce(records: AnyBatch): ReducedBatch {
    return reduceBatch(records, this.#lossy);
  }

  encode(records: AnyBatch): CopyPiece {
    const batch = this.#leavesOut ? records.project<AnyRow>(this.names) : records;
    const passed = this.#passesCopyData ? batch.encoded('pg-copy') : undefined;
    if (passed !== undefined) return whole('binary', passed, batch.length);
    if (this.#encodeBinary !== undefined) return binaryPiece(this.#encodeBinary(batch));
    const lines = this.#passesCsv ? batch.encoded('csv') : undefined;
    if (lines !== undefined)
      return this.#readLines(lines, batch.length) ?? { ...whole('csv', lines.flatMap(framed), batch.length), lines: newlinesIn(lines) };
    return this.#encodeTexts(batch) ?? this.#asText(batch);
  }

  /** Where every field is plainly of its type: binary costs the server less. Another COPY costs too, so odd fields leave it to CSV for longer and longer. */
  #readLines(lines: readonly Uint8Array[], rows: number): CopyPiece | undefined {
    if (this.#readCsv === undefined || this.#untilTried-- > 0) return undefined;
    const read = this.#readCsv(lines, rows);
    if (read !== undefined) return whole('binary', framed(read), rows);
    this.#wasOdd();
    return undefined;
  }

  /** The same of values that are text. */
  #encodeTexts(batch: AnyBatch): CopyPiece | undefined {
    if (this.#encodePlain === undefined || this.#untilTried-- > 0) return undefined;
    try {
      return binaryPiece(this.#encodePlain(batch));
    } catch (error) {
      if (!(error instanceof OddForm)) throw error;
      this.#wasOdd();
      return undefined;
    }
  }

  #wasOdd(): void {
    this.#untilTried = this.#afterOdd *= 4;
  }

  #asText(batch: AnyBatch): CopyPiece {
    this.#encodeText ??= textRowEncoder(this.#columns.map(column => column.text));
    const { chunk, rows, rejected } = this.#encodeText(batch);
    return { format: 'text', chunks: framed(chunk), rows, lines: rows, bytes: chunk.length, rejected };
  }

  /**
   * The row (of the rows sent, from 0) that a line names; undefined when it is none of them. In CSV, where a record may have line ends in quotes,
   * the server counts the lines of the input.
   */
  rowOfLine(line: number, format: CopyFormat, batch: AnyBatch): number | undefined {
    if (format !== 'csv') return line <= batch.length ? line - 1 : undefined;
    let [least, most] = [0, batch.length];
    while (least < most) {
      const middle = (least + most) >> 1;
      if (linesOf(batch.slice(0, middle + 1)) >= line) most = middle;
      else least = middle + 1;
    }
    return least < batch.length ? least : undefined;
  }

  /** Lines of a batch. */
  lines(format: CopyFormat, batch: AnyBatch, rows: number): number {
    return format === 'csv' ? linesOf(batch) : rows;
  }

  /**
   * From the server's number of a line to the line of the input, for a COPY that begins with the first row of `batch`: there the server does not
   * know yet how lines end, and counts in quotes the CRs, not the LFs.
   * Source: CopyReadLineText of src/backend/commands/copyfromparse.c
   */
  lineMeant(format: CopyFormat, batch: AnyBatch): (line: number) => number {
    if (format !== 'csv') return line => line;
    const first = batch.slice(0, 1).encoded('csv') ?? [];
    const lines = newlinesIn(first);
    const counted = count(first, CR) + 1;
    return line => (line <= counted ? 1 : line + lines - counted);
  }
}

const CR = 0x0d;
const LF = 0x0a;

/** Undefined where a column has no encoding. */
function encoderOf(encodings: readonly (ColumnEncoding | undefined)[]): RowEncoder | undefined {
  const known = encodings.filter(encoding => encoding !== undefined);
  return known.length === encodings.length ? rowEncoder(known) : undefined;
}

function binaryPiece({ chunk, rows, rejected, giveBack }: EncodedRows): CopyPiece {
  return { format: 'binary', chunks: rows === 0 ? [] : [chunk], rows, lines: rows, bytes: chunk.length, rejected, giveBack };
}

function whole(format: CopyFormat, chunks: readonly Uint8Array[], rows: number): CopyPiece {
  return { format, chunks, rows, lines: rows, bytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0), rejected: [] };
}

/** A CopyData message need not be one row on the way in. */
function framed(chunk: Uint8Array): Uint8Array[] {
  return chunk.length === 0 ? [] : [dataHeader(chunk.length), chunk];
}

function linesOf(batch: AnyBatch): number {
  return newlinesIn(batch.encoded('csv') ?? []);
}

function newlinesIn(chunks: readonly Uint8Array[]): number {
  return count(chunks, LF);
}

function count(chunks: readonly Uint8Array[], byte: number): number {
  let found = 0;
  for (const chunk of chunks) for (let at = chunk.indexOf(byte); at >= 0; at = chunk.indexOf(byte, at + 1)) found++;
  return found;
}

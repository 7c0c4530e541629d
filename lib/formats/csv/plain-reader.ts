import { isUtf8 } from 'node:buffer';
import type { MillraceError } from '../../errors.ts';
import type { CsvRecords } from './origin.ts';
import { BatchBuilder } from './batch-builder.ts';
import { tooLarge } from './malformed.ts';
import { RecordScanner } from './scan.ts';
import type { Unmarked } from '../text/byte-order-mark.ts';
import { encodingInvalid, firstInvalidByte, newlines } from '../text/utf8.ts';

/** The first batch is small, so that the first records are there early. */
const FIRST_BATCH_BYTES = 64 * 1024;
/** Bytes scanned at a time: as many as a processor's own memory holds until they are copied. */
const PIECE_BYTES = 128 * 1024;

/** How records are read: where the input begins, what a batch may be. */
export interface ReaderSettings {
  readonly file: string;
  readonly delimiter: number;
  /** Fields a record. */
  readonly width: number;
  readonly skipsBlank: boolean;
  readonly batchRows: number;
  readonly batchBytes: number;
  readonly maxRecordBytes: number;
  /** Where the first byte stands. */
  readonly start: { readonly offset: number; readonly line: number; readonly row: number };
  /** Bytes left out before the first one: positions do not count them, messages do. */
  readonly input: Pick<Unmarked, 'skipped'>;
}

/** Some records and the place behind the last of them. */
export interface ReadRecords {
  readonly records: CsvRecords;
  readonly end: { readonly offset: number; readonly line: number; readonly row: number };
}

interface Gap {
  readonly at: number;
  readonly bytes: number;
}

/**
 * Cuts bytes of plain RFC 4180 into batches of whole records. Records before a fault are given before the error is thrown, however the
 * chunks were cut. Memory: one batch and the record that has begun, which is at most `maxRecordBytes`.
 */
export class PlainReader {
  readonly #settings: ReaderSettings;
  readonly #scanner: RecordScanner;
  readonly #builder: BatchBuilder;
  /** Bytes of the input before the piece at hand. */
  #base: number;
  #end: { offset: number; line: number; row: number };
  #isFirst = true;
  /** Where the batch at hand begins in the input, and the empty lines left out of it. */
  #batchOffset: number;
  #gaps: Gap[] = [];
  /** What is made at the end to close the last record is no part of the input. */
  #inputEnd = Infinity;

  constructor(settings: ReaderSettings) {
    const { file, delimiter, width, skipsBlank, start, batchBytes } = settings;
    this.#settings = settings;
    this.#scanner = new RecordScanner({ delimiter, wanted: width, skipsBlank, file, line: start.line });
    this.#builder = new BatchBuilder({ width, delimiter, file, bytes: batchBytes });
    this.#base = this.#batchOffset = start.offset;
    this.#end = { ...start };
  }

  /** Bytes of the input read so far. */
  get offset(): number {
    return this.#base;
  }

  /** The batches that are full with this chunk; all that is whole where an empty one says that no more comes for now. */
  *read(chunk: Uint8Array): Generator<ReadRecords> {
    if (chunk.length === 0) yield* this.#take();
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      const piece = chunk.subarray(at, at + PIECE_BYTES);
      yield* this.#readPiece(piece);
      this.#base += piece.length;
      if (this.#isFirst && this.#builder.rows > 0) yield* this.#take();
    }
  }

  /** The last batch. DATA_MALFORMED where the input ends inside quotes. */
  *finish(): Generator<ReadRecords> {
    this.#inputEnd = this.#base;
    const terminator = this.#scanner.terminator();
    if (terminator !== undefined) yield* this.#readPiece(terminator);
    if (this.#scanner.error !== undefined) yield* this.#fail(this.#scanner.error);
    yield* this.#take();
  }

  *#readPiece(piece: Uint8Array): Generator<ReadRecords> {
    const { file, batchRows, maxRecordBytes } = this.#settings;
    const scanner = this.#scanner;
    const builder = this.#builder;
    scanner.scan(piece);
    if (scanner.sawQuote) builder.hasQuotes = true;
    const { ends, lines, count } = scanner;
    // `copied` and `before`: up to where the piece is in the batch, and where the line at hand begins; `start`: that place in the batch.
    let copied = 0;
    let before = 0;
    let start = builder.whole;
    for (let i = 0; i < count; i++) {
      const isBlank = (ends[i] as number) < 0;
      const end = Math.abs(ends[i] as number);
      if (isBlank) {
        this.#addUpTo(piece, copied, before);
        this.#leaveOut(this.#base + end - this.#end.offset);
        copied = end;
      } else {
        const at = builder.length + end - copied;
        if (at - start > maxRecordBytes) {
          this.#addUpTo(piece, copied, before);
          yield* this.#fail(tooLarge({ file, line: this.#end.line }, maxRecordBytes, false));
        }
        builder.endRecord(at, this.#end.line);
        this.#end.row++;
        start = at;
      }
      before = end;
      this.#end.line = lines[i] as number;
      this.#end.offset = this.#base + end;
      if (start >= this.#limit || builder.rows >= batchRows) {
        this.#addUpTo(piece, copied, end);
        copied = end;
        yield* this.#take();
        start = 0;
      }
    }
    this.#addUpTo(piece, copied, scanner.error === undefined ? piece.length : scanner.errorAt);
    if (scanner.error !== undefined) yield* this.#fail(scanner.error);
    if (builder.tail.length > maxRecordBytes)
      yield* this.#fail(tooLarge({ file, line: scanner.recordLine }, maxRecordBytes, scanner.isQuoted));
  }

  #addUpTo(piece: Uint8Array, from: number, to: number): void {
    if (to > from) this.#builder.add(piece.subarray(from, to));
  }

  /** An empty line, also where its CR came with the piece before. */
  #leaveOut(bytes: number): void {
    this.#builder.dropTail();
    this.#gaps.push({ at: this.#builder.length, bytes });
  }

  get #limit(): number {
    return this.#isFirst ? Math.min(FIRST_BATCH_BYTES, this.#settings.batchBytes) : this.#settings.batchBytes;
  }

  /** What stands before the fault, then the fault, or the first one of the encoding. */
  *#fail(error: MillraceError): Generator<ReadRecords> {
    const tail = this.#builder.tail.slice();
    const end = { ...this.#end };
    yield* this.#take();
    const invalid = firstInvalidByte(tail);
    const { file, input } = this.#settings;
    throw invalid === undefined
      ? error
      : encodingInvalid({ file, line: end.line + newlines(tail, invalid), offset: input.skipped + end.offset + invalid }, tail);
  }

  *#take(): Generator<ReadRecords> {
    const builder = this.#builder;
    if (builder.rows === 0) return;
    this.#isFirst = false;
    const records = builder.take();
    const place = { offset: this.#batchOffset, gaps: this.#gaps };
    builder.hasQuotes = this.#scanner.sawQuote;
    this.#batchOffset = this.#end.offset;
    this.#gaps = [];
    if (isUtf8(records.bytes)) yield { records, end: { ...this.#end, offset: Math.min(this.#end.offset, this.#inputEnd) } };
    else yield* this.#failEncoding(records, place);
  }

  /** The records before the one that is no UTF-8, then the fault. */
  *#failEncoding(records: CsvRecords, { offset, gaps }: { offset: number; gaps: readonly Gap[] }): Generator<ReadRecords> {
    const { bytes, starts, lines, file } = records;
    // Every record ends with LF, so none ends inside a character.
    const invalid = firstInvalidByte(bytes) ?? 0;
    const row = starts.findIndex(start => start > invalid) - 1;
    const start = starts[row] as number;
    const line = lines[row] as number;
    const leftOut = gaps.reduce((sum, gap) => sum + (gap.at <= start ? gap.bytes : 0), 0);
    const end = { offset: offset + start + leftOut, line, row: this.#end.row - lines.length + row };
    if (row > 0)
      yield { records: { ...records, bytes: bytes.subarray(0, start), starts: starts.slice(0, row + 1), lines: lines.slice(0, row) }, end };
    const record = bytes.subarray(start);
    const byte = this.#settings.input.skipped + offset + leftOut + invalid;
    throw encodingInvalid({ file, line: line + newlines(record, invalid - start), offset: byte }, record);
  }
}

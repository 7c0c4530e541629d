import type { MillraceError } from '../../errors.ts';
import { openQuote, quoteInField, ragged, textAfterQuote } from './malformed.ts';

const LF = 10;
const CR = 13;
const QUOTE = 34;

/** Where the scanner stands between two chunks. */
const UNQUOTED = 0;
const QUOTED = 1;
/** Behind a quote inside quotes: it closes the field, or the next quote doubles it. */
const QUOTE_SEEN = 2;
/** Behind a CR that follows a closing quote: only LF may come. */
const CLOSED_CR = 3;

export interface ScanOptions {
  /** One byte. */
  readonly delimiter: number;
  /** Fields a record; 0: stop behind the first record that is no empty line, whatever it has. */
  readonly wanted: number;
  /** Empty lines are no records. (With several columns they never are.) */
  readonly skipsBlank: boolean;
  readonly file: string;
  /** Line at which the input begins, 1 for the first. */
  readonly line: number;
}

/**
 * Finds the ends of records in bytes of RFC 4180, counts the fields of each and keeps the rules of quotes, chunk by chunk, cut
 * anywhere. Decodes nothing. A CR is part of a line end only before LF, else data.
 */
export class RecordScanner {
  /** Of the last chunk: the position behind each line end; negative where the line was empty and is no record. */
  ends = new Int32Array(1024);
  /** The line at which the next record begins, for each of `ends`. */
  lines = new Uint32Array(1024);
  count = 0;
  /** Whether a field of the last chunk began with a quote. */
  sawQuote = false;
  /** What is wrong with the record that begins behind the last of `ends`, and the position in the chunk up to which it was read. */
  error: MillraceError | undefined;
  errorAt = 0;
  /** Fields of the last record, where `wanted` is 0. */
  fields = 1;
  /** Line of the next byte. */
  line: number;
  /** Bytes of the record that has begun and not ended. */
  pending = 0;

  readonly #options: ScanOptions;
  #state = UNQUOTED;
  #lastByte = LF;
  #recordLine: number;
  #quoteLine = 0;

  constructor(options: ScanOptions) {
    this.#options = options;
    this.line = options.line;
    this.#recordLine = options.line;
  }

  /** The line at which the unfinished record begins. */
  get recordLine(): number {
    return this.#recordLine;
  }

  get isQuoted(): boolean {
    return this.#state === QUOTED;
  }

  /** Reads a chunk whole; only an error, or the first record where `wanted` is 0, ends it before. */
  scan(chunk: Uint8Array): void {
    const { delimiter, wanted, skipsBlank } = this.#options;
    const skipsOnly = skipsBlank && wanted === 1;
    // One comparison passes most bytes: what is above the highest sign is none.
    const highest = Math.max(delimiter, QUOTE);
    const length = chunk.length;
    let fields = this.fields;
    let start = -this.pending;
    let i = 0;
    this.count = 0;
    this.sawQuote = false;
    while (i < length) {
      if (this.#state !== UNQUOTED) {
        i = this.#scanQuoted(chunk, i);
        if (this.error !== undefined) return;
      }
      while (i < length) {
        const byte = chunk[i++] as number;
        if (byte > highest) continue;
        if (byte === delimiter) fields++;
        else if (byte === LF) {
          this.line++;
          if (fields !== wanted || skipsOnly) {
            const isBlank = fields === 1 && this.#isBlank(chunk, start, i);
            if (!this.#endOdd(i, fields, isBlank)) return;
          } else this.#end(i);
          fields = 1;
          start = i;
        } else if (byte === QUOTE) {
          const before = i === 1 ? this.#lastByte : (chunk[i - 2] as number);
          const isFirst = start === i - 1 || before === delimiter;
          if (!isFirst) return this.#fail(quoteInField({ file: this.#options.file, line: this.line }), i);
          this.#open();
          break;
        }
      }
    }
    this.fields = fields;
    this.pending = length - start;
    if (length > 0) this.#lastByte = chunk[length - 1] as number;
  }

  /** What ends a last record without a line end: nothing where there is none. DATA_MALFORMED in `error` for an open quote. */
  terminator(): Uint8Array | undefined {
    const { file } = this.#options;
    if (this.#state === QUOTED) this.#fail(openQuote({ file, line: this.#quoteLine }), 0);
    else if (this.#state === CLOSED_CR) this.#fail(textAfterQuote({ file, line: this.line }), 0);
    if (this.error !== undefined || this.pending === 0) return undefined;
    // A CR at the very end is data: it must not become part of the line end.
    return Uint8Array.from(this.#lastByte === CR ? [CR, LF] : [LF]);
  }

  /** From inside quotes to the first byte behind the field (its delimiter or line end is left to the caller). */
  #scanQuoted(chunk: Uint8Array, from: number): number {
    const length = chunk.length;
    let i = from;
    while (i < length) {
      if (this.#state === QUOTED) {
        let byte = 0;
        while (i < length && (byte = chunk[i] as number) !== QUOTE) {
          if (byte === LF) this.line++;
          i++;
        }
        if (i === length) return i;
        this.#state = QUOTE_SEEN;
        i++;
        continue;
      }
      const byte = chunk[i] as number;
      if (this.#state === QUOTE_SEEN && byte === QUOTE) {
        this.#state = QUOTED;
        i++;
      } else if (byte === LF || (byte === this.#options.delimiter && this.#state === QUOTE_SEEN)) {
        this.#state = UNQUOTED;
        return i;
      } else if (byte === CR && this.#state === QUOTE_SEEN) {
        this.#state = CLOSED_CR;
        i++;
      } else {
        this.#fail(textAfterQuote({ file: this.#options.file, line: this.line }), i + 1);
        return i;
      }
    }
    return i;
  }

  /** A record whose count of fields is not the usual one; false where it ends the scan. */
  #endOdd(at: number, fields: number, isBlank: boolean): boolean {
    const { file, wanted, skipsBlank } = this.#options;
    if (isBlank && (skipsBlank || fields === wanted)) this.#end(skipsBlank ? -at : at);
    else if (fields === wanted) this.#end(at);
    else if (wanted === 0) {
      this.fields = fields;
      this.#end(at);
      return false;
    } else {
      this.#fail(ragged({ file, line: this.#recordLine }, fields, wanted), at);
      return false;
    }
    return true;
  }

  #open(): void {
    this.sawQuote = true;
    this.#quoteLine = this.line;
    this.#state = QUOTED;
  }

  #isBlank(chunk: Uint8Array, start: number, end: number): boolean {
    const bytes = end - start - 1;
    if (bytes === 0) return true;
    return bytes === 1 && (end >= 2 ? chunk[end - 2] : this.#lastByte) === CR;
  }

  #end(at: number): void {
    if (this.count === this.ends.length) this.#grow();
    this.ends[this.count] = at;
    this.lines[this.count++] = this.line;
    this.#recordLine = this.line;
  }

  #grow(): void {
    const { ends, lines } = this;
    this.ends = new Int32Array(ends.length * 2);
    this.ends.set(ends);
    this.lines = new Uint32Array(lines.length * 2);
    this.lines.set(lines);
  }

  #fail(error: MillraceError, at: number): void {
    this.error = error;
    this.errorAt = at;
  }
}

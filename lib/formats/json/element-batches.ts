import type { DecodeContext } from '../format.ts';
import { malformed, type Place, tooLarge } from '../ndjson/malformed.ts';
import { type JsonRecords, type RecordPlace, RecordsBuilder } from '../ndjson/records.ts';

const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/** Where between the records the input stands. */
type Between = 'start' | 'resumed' | 'first' | 'element' | 'afterElement' | 'afterObject' | 'end';

/**
 * Cuts chunks of any size into batches of the objects of one top-level array, or of the objects that stand one behind the other. Finds
 * only where objects begin and end, and leaves out line breaks inside of them with the blanks that follow: so each is a line of NDJSON.
 */
export class ElementBatches {
  /** Bytes, lines and records of the input up to the end of what was given last. */
  offset: number;
  line: number;
  row: number;
  readonly #builder: RecordsBuilder;
  readonly #context: DecodeContext;
  #between: Between;
  /** Bytes and lines of the input before the chunk. */
  #chunkOffset: number;
  #lines: number;
  #reached: { offset: number; line: number };
  /** Of the object that is open: its depth (0: none is), where it began, and whether a string, an escape or indentation is going on. */
  #depth = 0;
  #begun: RecordPlace = { line: 0, offset: 0 };
  #isInString = false;
  #isEscaped = false;
  #isIndentation = false;

  constructor(context: DecodeContext, skippedBytes: number) {
    const { after, file } = context;
    this.#context = context;
    this.#builder = new RecordsBuilder(file);
    this.#between = after === undefined ? 'start' : 'resumed';
    this.offset = this.#chunkOffset = (after?.offset ?? 0) + skippedBytes;
    this.line = this.#lines = after?.line ?? 0;
    this.row = after?.row ?? 0;
    this.#reached = { offset: this.offset, line: this.line };
  }

  /** The batches that this chunk fills; take each before the next. */
  *push(bytes: Uint8Array): Generator<JsonRecords> {
    const { batchRows, batchBytes, maxRecordBytes } = this.#context;
    const builder = this.#builder;
    for (let at = 0; at < bytes.length;) {
      if (this.#depth === 0) {
        at = this.#readBetween(bytes, at);
        continue;
      }
      at = this.#readObject(bytes, at);
      if (builder.openBytes > maxRecordBytes) throw tooLarge({ ...this.#begun, file: this.#context.file }, maxRecordBytes);
      if (this.#depth > 0) continue;
      if (builder.rows > 0 && builder.wholeBytes + builder.openBytes > batchBytes) yield this.#take();
      builder.closeRecord(this.#begun);
      this.#reached = { offset: this.#chunkOffset + at, line: this.#lines };
      if (builder.rows >= batchRows) yield this.#take();
    }
    this.#chunkOffset += bytes.length;
  }

  /** What is left when the input has ended; DATA_MALFORMED where it ends too early. */
  end(): JsonRecords | undefined {
    if (this.#depth > 0)
      throw malformed({ file: this.#context.file, ...this.#begun }, 'the file ends inside of the record that begins here: it is cut off');
    if (this.#between === 'start') throw malformed(this.#placeAt(0), 'the file is empty; an array of objects is wanted');
    if (this.#between === 'first' || this.#between === 'element' || this.#between === 'afterElement') {
      throw malformed(this.#placeAt(0), 'the file ends before the array does: it is cut off');
    }
    return this.#builder.rows === 0 ? undefined : this.#take();
  }

  /** The whole records that were kept, where no more come for now. */
  whole(): JsonRecords[] {
    return this.#builder.rows === 0 ? [] : [this.#take()];
  }

  #take(): JsonRecords {
    const records = this.#builder.take();
    this.offset = this.#reached.offset;
    this.line = this.#reached.line;
    this.row += records.lines.length;
    return records;
  }

  /** Blanks, and one sign of what holds the records together. Gives where to go on. */
  #readBetween(bytes: Uint8Array, from: number): number {
    let at = from;
    for (; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === LF) this.#lines++;
      else if (byte !== SPACE && byte !== CR && byte !== 9) break;
    }
    if (at === bytes.length) return at;
    const next = this.#nextState(bytes[at] as number);
    if (next === undefined) throw malformed(this.#placeAt(at), WANTED[this.#between]);
    this.#between = next;
    if (bytes[at] !== OPEN_BRACE) return at + 1;
    this.#depth = 1;
    this.#begun = { line: this.#lines + 1, offset: this.#chunkOffset + at };
    this.#builder.add(bytes, at, at + 1);
    return at + 1;
  }

  #nextState(byte: number): Between | undefined {
    const state = this.#between;
    switch (byte) {
      case OPEN_BRACKET:
        return state === 'start' ? 'first' : undefined;
      case OPEN_BRACE:
        if (state === 'first' || state === 'element') return 'afterElement';
        return state === 'start' || state === 'resumed' || state === 'afterObject' ? 'afterObject' : undefined;
      case COMMA:
        return state === 'afterElement' || state === 'resumed' ? 'element' : undefined;
      case CLOSE_BRACKET:
        return state === 'first' || state === 'afterElement' || state === 'resumed' ? 'end' : undefined;
      default:
        return undefined;
    }
  }

  /** Copies the open object up to its end or the end of the chunk. Gives where to go on. */
  #readObject(bytes: Uint8Array, from: number): number {
    const end = bytes.length;
    const builder = this.#builder;
    let copied = from;
    let at = from;
    while (at < end) {
      if (this.#isIndentation) {
        while (at < end && isBlank(bytes[at] as number)) if (bytes[at++] === LF) this.#lines++;
        copied = at;
        if (at === end) return at;
        this.#isIndentation = false;
      }
      if (this.#isInString) at = this.#readString(bytes, at);
      else {
        switch (bytes[at++]) {
          case QUOTE:
            this.#isInString = true;
            break;
          case OPEN_BRACE:
          case OPEN_BRACKET:
            this.#depth++;
            break;
          case CLOSE_BRACE:
          case CLOSE_BRACKET:
            if (--this.#depth > 0) break;
            builder.add(bytes, copied, at);
            return at;
          case LF:
          case CR:
            at--;
            builder.add(bytes, copied, at);
            copied = at;
            this.#isIndentation = true;
            break;
          default:
        }
      }
    }
    builder.add(bytes, copied, end);
    return end;
  }

  /** Behind the quote that ends the string, or the end of the chunk. A line end in a string is no JSON; one left in would cut the record. */
  #readString(bytes: Uint8Array, from: number): number {
    let at = from;
    if (this.#isEscaped && at < bytes.length) {
      this.#isEscaped = false;
      at++;
    }
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        this.#isInString = false;
        return at + 1;
      }
      if (byte === LF) throw malformed(this.#placeAt(at), 'a line end inside of a string; JSON writes it as \\n');
      if (byte === BACKSLASH && ++at === bytes.length) this.#isEscaped = true;
    }
    return bytes.length;
  }

  #placeAt(at: number): Place {
    return { file: this.#context.file, line: this.#lines + 1, offset: this.#chunkOffset + at };
  }
}

const WANTED: Readonly<Record<Between, string>> = {
  start: 'an array of objects is wanted',
  resumed: 'a comma, the next object or the end of the array is wanted; the file is not the one that was read before',
  first: 'an object or the end of the array is wanted',
  element: 'an object is wanted',
  afterElement: 'a comma or the end of the array is wanted',
  afterObject: 'the end of the file or another object is wanted',
  end: 'something stands behind the end of the array',
};

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === LF || byte === CR || byte === 9;
}

/** JSON objects as bytes, each ended by LF, nothing between them: NDJSON without blank lines. */
export interface JsonRecords {
  readonly file: string;
  readonly bytes: Buffer;
  /** Where each record begins in `bytes`, and where the last one ends. */
  readonly starts: Uint32Array;
  /** The line of the input at which each record begins, 1 for the first; 0 where nobody knows. */
  readonly lines: Float64Array;
  /** The byte of the input at which each record begins. */
  readonly offsets: Float64Array;
}

/** Where in its input a record begins. */
export interface RecordPlace {
  readonly line: number;
  readonly offset: number;
}

const LF = 10;
const LEAST_BYTES = 4096;

/** Gathers bytes until they are a batch of records. What it has given away it never touches again. */
export class RecordsBuilder {
  rows = 0;
  readonly #file: string;
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  #whole = 0;
  #capacity = LEAST_BYTES;
  #starts = new Uint32Array(256);
  #lines = new Float64Array(256);
  #offsets = new Float64Array(256);

  constructor(file: string) {
    this.#file = file;
  }

  /** Bytes of whole records. */
  get wholeBytes(): number {
    return this.#whole;
  }

  /** Bytes of the record that has begun and not ended. */
  get openBytes(): number {
    return this.#length - this.#whole;
  }

  get openPart(): Uint8Array {
    return this.#bytes.subarray(this.#whole, this.#length);
  }

  /** Copies the bytes from `from` to `to` behind what is there. */
  add(source: Uint8Array, from: number, to: number): void {
    const more = to - from;
    if (more === 0) return;
    if (this.#length + more > this.#bytes.length) this.#grow(this.#length + more);
    this.#bytes.set(source.subarray(from, to), this.#length);
    this.#length += more;
  }

  /** The open part is no record. */
  dropOpen(): void {
    this.#length = this.#whole;
  }

  /** The open part, to which `to - from` bytes of the source are still to be added, is a record that ends `end` bytes behind the last. */
  endRecord(end: number, place: RecordPlace): void {
    if (this.rows + 1 >= this.#starts.length) this.#growRows();
    this.#lines[this.rows] = place.line;
    this.#offsets[this.rows] = place.offset;
    this.#whole += end;
    this.#starts[++this.rows] = this.#whole;
  }

  /** Ends the open part as a record, with the LF that it lacks. */
  closeRecord(place: RecordPlace): void {
    this.add(NEWLINE, 0, 1);
    this.endRecord(this.openBytes, place);
  }

  /** The whole records, all of whose bytes have been added; what is open begins the next batch. */
  take(): JsonRecords {
    const { rows, openPart } = this;
    const records: JsonRecords = {
      file: this.#file,
      bytes: this.#bytes.subarray(0, this.#whole),
      starts: this.#starts.slice(0, rows + 1),
      lines: this.#lines.slice(0, rows),
      offsets: this.#offsets.slice(0, rows),
    };
    // The next batch is likely to be about as large.
    this.#capacity = Math.max(LEAST_BYTES, this.#whole + (this.#whole >> 4));
    this.#bytes = Buffer.alloc(0);
    this.rows = this.#length = this.#whole = 0;
    this.add(openPart, 0, openPart.length);
    return records;
  }

  #grow(least: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#capacity, this.#bytes.length * 2, least));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  #growRows(): void {
    const length = this.#starts.length * 2;
    this.#starts = grown(this.#starts, new Uint32Array(length));
    this.#lines = grown(this.#lines, new Float64Array(length));
    this.#offsets = grown(this.#offsets, new Float64Array(length));
  }
}

const NEWLINE = Uint8Array.of(LF);

function grown<T extends Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

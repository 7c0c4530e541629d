import type { CsvRecords } from './origin.ts';

/** Room for the record that goes over the limit. */
const SLACK_BYTES = 4096;

/** Gathers the bytes of records in one piece of memory until they are a batch. */
export class BatchBuilder {
  rows = 0;
  hasQuotes = false;
  readonly #width: number;
  readonly #delimiter: number;
  readonly #file: string;
  #bytes = Buffer.alloc(0);
  /** Bytes used, and those of them that are whole records. */
  #length = 0;
  #whole = 0;
  /** Where records begin; one more than there are lines, for the end of the last. */
  #starts = new Uint32Array(1025);
  #lines = new Uint32Array(1024);
  #capacity: number;

  constructor(records: { width: number; delimiter: number; file: string; bytes: number }) {
    this.#width = records.width;
    this.#delimiter = records.delimiter;
    this.#file = records.file;
    this.#capacity = records.bytes + SLACK_BYTES;
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes of the whole records. */
  get whole(): number {
    return this.#whole;
  }

  /** What was added behind the last whole record. */
  get tail(): Uint8Array {
    return this.#bytes.subarray(this.#whole, this.#length);
  }

  add(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) this.#grow(length);
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  dropTail(): void {
    this.#length = this.#whole;
  }

  /** A record ends at `at`, which counts from the first byte of the batch, and began at `line`. Its bytes may be added later. */
  endRecord(at: number, line: number): void {
    if (this.rows === this.#lines.length) this.#growRows();
    this.#lines[this.rows] = line;
    this.#starts[++this.rows] = at;
    this.#whole = at;
  }

  /** The whole records; what stands behind them begins the next batch. */
  take(): CsvRecords {
    const tail = this.tail;
    const records: CsvRecords = {
      bytes: this.#bytes.subarray(0, this.#whole),
      starts: this.#starts.slice(0, this.rows + 1),
      lines: this.#lines.slice(0, this.rows),
      width: this.#width,
      delimiter: this.#delimiter,
      hasQuotes: this.hasQuotes,
      file: this.#file,
    };
    // Rows may fill a batch before bytes do: then the next one is about as small.
    this.#capacity = this.#whole + (this.#whole >> 3) + SLACK_BYTES;
    this.#bytes = Buffer.alloc(0);
    this.rows = this.#whole = this.#length = 0;
    if (tail.length > 0) this.add(tail);
    return records;
  }

  #grow(least: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#capacity, this.#bytes.length * 2, least));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  #growRows(): void {
    const starts = new Uint32Array(this.#lines.length * 2 + 1);
    starts.set(this.#starts);
    this.#starts = starts;
    const lines = new Uint32Array(this.#lines.length * 2);
    lines.set(this.#lines);
    this.#lines = lines;
  }
}

import { ByteWriter } from '../values/byte-writer.ts';

/** Memory of so many batches waits for the next ones. */
const MOST_FREE = 8;

/** Tests fill what is given back: whoever still looks at it sees that. */
export const givenBack: { fill?: number | undefined } = {};

/**
 * What the rows of one batch take outside of the collector's heap: their bytes, where they start, where their fields lie, and what they are copied into with
 * other columns. Used for batch after batch, where batches are given back: the collector would let many of them pile up before it looked.
 */
export class RowMemory {
  readonly bytes: Buffer;
  readonly starts: Uint32Array;
  readonly #free: RowMemory[];
  #fields: Int32Array | undefined;
  #writer: ByteWriter | undefined;
  #isWriterTaken = false;
  #isGivenBack = false;

  constructor(bytes: number, rows: number, free: RowMemory[]) {
    this.bytes = Buffer.allocUnsafeSlow(bytes);
    this.starts = new Uint32Array(rows);
    this.#free = free;
  }

  /** Room for so many positions of fields. */
  fields(count: number): Int32Array {
    if (this.#fields === undefined || this.#fields.length < count) this.#fields = new Int32Array(count + (count >> 3));
    return this.#fields;
  }

  /** An empty writer whose bytes are good until all is given back; undefined where it was taken before. */
  takeWriter(): ByteWriter | undefined {
    if (this.#isWriterTaken) return undefined;
    this.#isWriterTaken = true;
    this.#writer ??= new ByteWriter(this.bytes.length);
    this.#writer.at = 0;
    return this.#writer;
  }

  /** Nobody looks at any of it any more. */
  giveBack(): void {
    if (this.#isGivenBack) return;
    if (givenBack.fill !== undefined) this.#overwrite(givenBack.fill);
    if (this.#free.length >= MOST_FREE) return;
    this.#isGivenBack = true;
    this.#free.push(this);
  }

  /** @internal For the next batch. */
  reuse(): this {
    this.#isGivenBack = false;
    this.#isWriterTaken = false;
    // One that an uncommonly wide batch has grown goes.
    if (this.#writer !== undefined && this.#writer.bytes.length > 4 * this.bytes.length) this.#writer = undefined;
    return this;
  }

  #overwrite(fill: number): void {
    this.bytes.fill(fill);
    this.starts.fill(fill);
    this.#fields?.fill(fill);
    this.#writer?.bytes.fill(fill);
  }
}

/** Memory of the batches of one reading, all of one size. */
export class RowMemories {
  readonly batchBytes: number;
  readonly #rows: number;
  readonly #free: RowMemory[] = [];

  constructor(bytes: number, rows: number) {
    this.batchBytes = bytes;
    this.#rows = rows;
  }

  take(): RowMemory {
    return this.#free.pop()?.reuse() ?? new RowMemory(this.batchBytes, this.#rows, this.#free);
  }
}

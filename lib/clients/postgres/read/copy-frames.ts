/**
 * Gathers the messages of a COPY … TO STDOUT (FORMAT binary) into batches. A CopyData message is exactly one row; the header of the data rides
 * in the first message, its trailer is one of its own. Both are left out. A DataRow in binary is the same but for its first byte, and is made one.
 * Source: https://www.postgresql.org/docs/18/protocol-message-formats.html, https://www.postgresql.org/docs/18/sql-copy.html "Binary Format"
 */
import { MillraceError } from '../../../errors.ts';
import { RowMemories, RowMemory } from './row-memory.ts';

/** Whole CopyData messages, one after the other: `d`, int32 length (itself included), int16 count of fields, the fields. */
export interface CopyRows {
  /** Only the messages; its memory is nobody else's. */
  readonly bytes: Buffer;
  /** Where each row's message starts in `bytes`. */
  readonly starts: Uint32Array;
  /** What both lie in, where that can be used again when nobody looks at them any more. */
  readonly memory?: RowMemory;
}

export interface FrameLimits {
  readonly batchRows: number;
  readonly batchBytes: number;
}

/** What a row comes as. */
export type RowMessage = 'CopyData' | 'DataRow';

export interface FrameHooks {
  /** A full batch. */
  rows(rows: CopyRows): void;
  /** A whole message that is no row, in its place among the rows. */
  other(type: number, message: Buffer): void;
}

const COPY_DATA = 0x64;
const DATA_ROW = 0x44;
/** A socket gives at most so many bytes at once. */
const CHUNK_BYTES = 65_536;
const HEADER_BYTES = 19;
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

export class FrameGatherer {
  readonly #limits: FrameLimits;
  readonly #hooks: FrameHooks;
  readonly #rowType: number;
  readonly #memories: RowMemories;
  #narrow: RowMemories | undefined;
  /** What is read into; undefined where a single message has needed more. */
  #memory: RowMemory | undefined;
  #buffer: Buffer;
  #view: DataView;
  #starts: Uint32Array;
  /** Rows of this batch so far, where its first one starts, where the next message starts, where the bytes end. */
  #rows = 0;
  #first = 0;
  #next = 0;
  #end = 0;
  #hasHeader: boolean;

  constructor(limits: FrameLimits, hooks: FrameHooks, rowMessage: RowMessage = 'CopyData') {
    this.#limits = limits;
    this.#hooks = hooks;
    this.#rowType = rowMessage === 'CopyData' ? COPY_DATA : DATA_ROW;
    this.#hasHeader = rowMessage === 'DataRow';
    this.#memories = new RowMemories(this.#capacity, limits.batchRows);
    this.#memory = this.#memories.take();
    this.#buffer = this.#memory.bytes;
    this.#view = viewOf(this.#buffer);
    this.#starts = this.#memory.starts;
  }

  /** Whole rows that are not given on yet. */
  get rows(): number {
    return this.#rows;
  }

  /** Bytes of whole rows that are not given on yet. */
  get bytes(): number {
    return this.#next - this.#first;
  }

  /** Takes bytes as they come from the socket; the chunk is free afterwards. */
  push(chunk: Buffer): void {
    let from = 0;
    while (from < chunk.length) {
      if (this.#end === this.#buffer.length) this.#makeRoom();
      const count = Math.min(chunk.length - from, this.#buffer.length - this.#end);
      chunk.copy(this.#buffer, this.#end, from, from + count);
      from += count;
      this.#end += count;
      this.#hop();
    }
  }

  /** Gives on what is there, however little. */
  flush(): void {
    if (this.#rows === 0) return;
    const { bytes } = this;
    // A small batch does not keep a large buffer alive.
    if (bytes < this.#buffer.length >> 1) {
      this.#hooks.rows(this.#rows === this.#limits.batchRows ? this.#narrowRows(bytes) : this.#fewRows());
      this.#buffer.copyWithin(0, this.#next, this.#end);
      this.#end -= this.#next;
      this.#next = this.#first = 0;
    } else {
      const full = this.#buffer.subarray(this.#first, this.#next);
      const starts = this.#takeStarts();
      const memory = this.#memory;
      this.#moveTo(this.#memories.take());
      this.#hooks.rows(memory === undefined ? { bytes: full, starts } : { bytes: full, starts, memory });
    }
  }

  #fewRows(): CopyRows {
    return { bytes: copyOf(this.#buffer.subarray(this.#first, this.#next)), starts: this.#takeStarts().slice() };
  }

  /** A batch full of short rows: others like it follow, in the same memory. */
  #narrowRows(bytes: number): CopyRows {
    if (this.#narrow === undefined || this.#narrow.batchBytes < bytes)
      this.#narrow = new RowMemories(bytes + (bytes >> 3), this.#limits.batchRows);
    const memory = this.#narrow.take();
    this.#buffer.copy(memory.bytes, 0, this.#first, this.#next);
    memory.starts.set(this.#takeStarts());
    return { bytes: memory.bytes.subarray(0, bytes), starts: memory.starts, memory };
  }

  get #capacity(): number {
    return this.#limits.batchBytes + CHUNK_BYTES;
  }

  #takeStarts(): Uint32Array {
    const starts = this.#starts.subarray(0, this.#rows);
    if (this.#first > 0) for (let i = 0; i < starts.length; i++) starts[i] = (starts[i] as number) - this.#first;
    this.#rows = 0;
    return starts;
  }

  /** The buffer is full in the middle of a message: the rows before it go on, or the message gets as much room as it needs. */
  #makeRoom(): void {
    if (this.#rows > 0) {
      this.flush();
      if (this.#end < this.#buffer.length) return;
    }
    const needed = this.#end - this.#next >= 5 ? 1 + this.#view.getInt32(this.#next + 1) : 0;
    const before = this.#memory;
    this.#moveTo(needed > this.#capacity ? allocate(needed) : this.#memories.take());
    before?.giveBack();
  }

  /** What stands behind the whole rows goes on in other memory. */
  #moveTo(next: RowMemory | Buffer): void {
    const [memory, buffer] = next instanceof RowMemory ? [next, next.bytes] : [undefined, next];
    const rest = this.#buffer.copy(buffer, 0, this.#next, this.#end);
    this.#memory = memory;
    this.#buffer = buffer;
    this.#starts = memory?.starts ?? new Uint32Array(this.#limits.batchRows);
    this.#view = viewOf(buffer);
    this.#first = this.#next = 0;
    this.#end = rest;
  }

  /** From message to message, noting where each row starts. */
  #hop(): void {
    const { batchRows, batchBytes } = this.#limits;
    while (this.#next + 5 <= this.#end) {
      const next = this.#next;
      const length = this.#view.getInt32(next + 1);
      const after = next + 1 + length;
      if (length < 4) throw malformed();
      if (after > this.#end) return;
      if (this.#buffer[next] !== this.#rowType) this.#other(next, after);
      else if (!this.#hasHeader) this.#header(next, length);
      else if (length === 6 && this.#view.getInt16(next + 5) === -1) this.#cut(next, after);
      else {
        this.#buffer[next] = COPY_DATA;
        this.#starts[this.#rows++] = next;
        this.#next = after;
        if (this.#rows === batchRows || after - this.#first >= batchBytes) this.flush();
      }
    }
  }

  /** The message that stands in the way of the rows is dealt with and taken out. */
  #other(start: number, end: number): void {
    const message = copyOf(this.#buffer.subarray(start, end));
    this.#cut(start, end);
    this.#hooks.other(message[0] as number, message);
  }

  #cut(start: number, end: number): void {
    if (this.#rows === 0) {
      this.#first = this.#next = end;
      return;
    }
    this.#buffer.copyWithin(start, end, this.#end);
    this.#end -= end - start;
  }

  /** Takes the header off the first message: what is left of it is a shorter message. */
  #header(start: number, length: number): void {
    const { buffer } = this.#buffer;
    const at = this.#buffer.byteOffset + start + 5;
    if (length < 4 + HEADER_BYTES || !SIGNATURE.equals(new Uint8Array(buffer, at, SIGNATURE.length))) throw malformed();
    const extension = this.#view.getInt32(start + 5 + SIGNATURE.length + 4);
    const cut = HEADER_BYTES + extension;
    this.#hasHeader = true;
    if (length === 4 + cut) return this.#cut(start, start + 1 + length);
    this.#buffer[start + cut] = COPY_DATA;
    this.#view.setInt32(start + cut + 1, length - cut);
    this.#first = this.#next = start + cut;
  }
}

function allocate(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes);
}

function copyOf(bytes: Buffer): Buffer {
  const copy = allocate(bytes.length);
  bytes.copy(copy);
  return copy;
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function malformed(): MillraceError {
  return new MillraceError('CONNECTION_LOST', 'the server sent what is no COPY data in binary form', { retryable: true });
}

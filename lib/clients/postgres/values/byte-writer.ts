import { MillraceError } from '../../../errors.ts';

/** Below so many characters a loop over char codes is cheaper than a call into C++. */
const SHORT_TEXT = 24;
const TWO_TO_32 = 4_294_967_296;

/** Pieces of memory that are kept for another time, and the largest that is. */
const MOST_SPARE = 4;
const LARGEST_SPARE = 1024 * 1024;

interface Utf8Writer extends Buffer {
  utf8Write(text: string, offset: number, length: number): number;
}

/**
 * Bytes that grow, written big-endian. `reserve` first, then write without further checks where many small values follow; the other methods
 * reserve for themselves. What `take` gives is the caller's: the writer goes on in a new piece of memory.
 */
export class ByteWriter {
  bytes: Utf8Writer;
  view: DataView;
  /** Where the next byte goes. */
  at = 0;
  readonly #spare: Utf8Writer[] = [];

  constructor(capacity = 65_536) {
    this.bytes = allocate(capacity);
    this.view = viewOf(this.bytes);
  }

  /** Makes room for so many bytes more. */
  reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const wider = allocate(Math.max(this.bytes.length * 2, this.at + count));
    wider.set(this.bytes.subarray(0, this.at));
    this.bytes = wider;
    this.view = viewOf(wider);
  }

  /** All that was written; the writer starts again in memory that was given back, or in new one of about the same size. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.at);
    this.bytes = this.#spare.pop() ?? allocate(Math.max(65_536, this.at + (this.at >> 3)));
    this.view = viewOf(this.bytes);
    this.at = 0;
    return taken;
  }

  /** What `take` gave, when nobody has it any more: to be written over. */
  giveBack(taken: Uint8Array): void {
    if (this.#spare.length < MOST_SPARE && taken.buffer.byteLength <= LARGEST_SPARE)
      this.#spare.push(Buffer.from(taken.buffer) as Utf8Writer);
  }

  int8(value: number): void {
    this.reserve(1);
    this.bytes[this.at++] = value;
  }

  int16(value: number): void {
    this.reserve(2);
    this.view.setInt16(this.at, value);
    this.at += 2;
  }

  int32(value: number): void {
    this.reserve(4);
    this.view.setInt32(this.at, value);
    this.at += 4;
  }

  /** A whole number of at most 2^53. */
  int64(value: number): void {
    this.reserve(8);
    this.view.setInt32(this.at, Math.floor(value / TWO_TO_32));
    this.view.setInt32(this.at + 4, value >>> 0);
    this.at += 8;
  }

  bigint64(value: bigint): void {
    this.reserve(8);
    this.view.setBigInt64(this.at, value);
    this.at += 8;
  }

  float32(value: number): void {
    this.reserve(4);
    this.view.setFloat32(this.at, value);
    this.at += 4;
  }

  float64(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.at, value);
    this.at += 8;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** UTF-8 with its int32 length before it. VALUE_NOT_CARRIED for NUL and for a lone surrogate, which the server refuses or replaces. */
  textField(text: string): void {
    this.reserve(4 + text.length * 3);
    const start = this.at;
    this.at = start + 4;
    this.text(text);
    this.view.setInt32(start, this.at - start - 4);
  }

  /** UTF-8. VALUE_NOT_CARRIED as of `textField`. */
  text(text: string): void {
    const { length } = text;
    this.reserve(length * 3);
    if (length <= SHORT_TEXT && this.#ascii(text, length)) return;
    const written = this.bytes.utf8Write(text, this.at, length * 3);
    if (text.includes('\0')) throw notCarried('a NUL');
    if (written !== length && !isWellFormed(text)) throw notCarried('a lone surrogate');
    this.at += written;
  }

  #ascii(text: string, length: number): boolean {
    const { bytes, at } = this;
    for (let i = 0; i < length; i++) {
      const char = text.charCodeAt(i);
      if (char > 127 || char === 0) return false;
      bytes[at + i] = char;
    }
    this.at = at + length;
    return true;
  }
}

/** Not from Node's pool: pieces are handed to sockets whole, and the pool would be pinned by them. */
function allocate(capacity: number): Utf8Writer {
  return Buffer.allocUnsafeSlow(capacity) as Utf8Writer;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** ES2024; every Node that runs this has it. */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

function notCarried(what: string): MillraceError {
  return new MillraceError('VALUE_NOT_CARRIED', `a text holds ${what}, which PostgreSQL cannot store`);
}

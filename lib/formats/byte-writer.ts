const LONGEST_SHORT = 64;
const TEXT = new TextEncoder();
const FIRST_BYTES = 65_536;
/** Memory that a batch of the common size has use for. */
const MOST_KEPT_BYTES = 4 * 1024 * 1024;

/** Bytes that grow at the end. What it gives is a view of its memory: take it when all is written; it is good until `restart`. */
export class ByteWriter {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity = FIRST_BYTES) {
    this.bytes = allocate(Math.max(capacity, 64));
  }

  /** Begins again in the same memory. A new piece for each batch would pile up: the collector does not see how much lies outside of its heap. */
  restart(): void {
    this.length = 0;
    if (this.bytes.length > MOST_KEPT_BYTES) this.bytes = allocate(FIRST_BYTES);
  }

  taken(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Copies `from` to `to` of other bytes. */
  copy(source: Uint8Array, from: number, to: number): void {
    this.reserve(to - from);
    if (to - from > LONGEST_SHORT) {
      this.bytes.set(source.subarray(from, to), this.length);
      this.length += to - from;
      return;
    }
    const bytes = this.bytes;
    let at = this.length;
    for (let i = from; i < to; i++) bytes[at++] = source[i] as number;
    this.length = at;
  }

  /** UTF-8 of well-formed text. */
  text(text: string): void {
    this.reserve(text.length * 3);
    if (text.length <= LONGEST_SHORT && this.#ascii(text)) return;
    this.length += TEXT.encodeInto(text, this.bytes.subarray(this.length)).written;
  }

  /** Short text is cheaper written here than by a call into C++; false where it is not all ASCII. */
  #ascii(text: string): boolean {
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      bytes[at++] = code;
    }
    this.length = at;
    return true;
  }

  /** Room for so many bytes more, in `bytes` from `length` on. */
  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = allocate(Math.max(this.bytes.length * 2, this.length + more));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

function allocate(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}

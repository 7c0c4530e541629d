const LONGEST_SHORT = 64;
const TEXT = new TextEncoder();

/** Bytes that grow at the end. What it gives is a view of its memory: take it once, when all is written. */
export class ByteWriter {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(Buffer.allocUnsafeSlow(Math.max(capacity, 64)).buffer);
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
    const grown = new Uint8Array(Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + more)).buffer);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

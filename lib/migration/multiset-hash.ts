/** A hash of texts that does not depend on their order but counts each as often as it comes: a sum of hashes of 64 bits. No protection against forgery. */
export class MultisetHash {
  #low = 0;
  #high = 0;

  add({ low, high }: TextHash): void {
    this.#low = (this.#low + low) >>> 0;
    this.#high = (this.#high + high) >>> 0;
  }

  toString(): string {
    return this.#high.toString(16).padStart(8, '0') + this.#low.toString(16).padStart(8, '0');
  }
}

/** The hash of one text, or of several, one after the other. Two lanes of 32 bits. */
export class TextHash {
  low = 0;
  high = 0;

  /** Null is another text than any. */
  of(text: string | null): this {
    this.begin();
    this.put(text);
    return this.end();
  }

  begin(): void {
    this.low = 0xdeadbeef;
    this.high = 0x41c6ce57;
  }

  put(text: string | null): void {
    let { low, high } = this;
    const length = text === null ? -1 : text.length;
    low = Math.imul(low ^ length, 2654435761);
    high = Math.imul(high ^ length, 1597334677);
    for (let i = 0; i < length; i++) {
      const unit = (text as string).charCodeAt(i);
      low = Math.imul(low ^ unit, 2654435761);
      high = Math.imul(high ^ unit, 1597334677);
    }
    this.low = low ^ (high >>> 15);
    this.high = high ^ (low >>> 13);
  }

  end(): this {
    const { low, high } = this;
    this.low = mixed(low, high);
    this.high = mixed(high, this.low);
    return this;
  }
}

function mixed(a: number, b: number): number {
  let hash = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  hash = Math.imul(hash ^ (hash >>> 15), 2246822519);
  return (hash ^ (hash >>> 16)) >>> 0;
}

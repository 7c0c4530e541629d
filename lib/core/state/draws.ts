import { hash } from '../../values/hash.ts';

/** A number of its own, in [0, 1), for each record: the same for the same seed and place in the stream, however the records come. */
export class Draws {
  readonly seed: number;
  /** The place of the next record. */
  at: number;
  #high = 0;
  #low = 0;
  #block = -1;

  /** A seed that nobody gave is drawn too. */
  constructor(seed = Math.floor(Math.random() * 2 ** 32), at = 0) {
    this.seed = seed;
    this.at = at;
  }

  next(): number {
    const place = this.at++;
    const block = Math.floor(place / 2 ** 32);
    if (block !== this.#block) {
      this.#block = block;
      this.#high = hash(this.seed, 2 * block);
      this.#low = hash(~this.seed, 2 * block + 1);
    }
    return (hash(this.#high, place) * 2 ** 21 + (hash(this.#low, place) >>> 11)) / 2 ** 53;
  }
}

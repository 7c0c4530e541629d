import type { Identity } from '../../query/identity.ts';
import type { Json } from '../batch/batch.ts';
import type { OperatorContext, OperatorState } from '../define.ts';
import { keyBytes } from './record-keys.ts';

/** Of keys that take more than this, about, none are put into a checkpoint: each would be as large. */
const MOST_SAVED_BYTES = 4 * 1024 * 1024;

/** The keys that were seen, or the last of them, on the state account. */
export class SeenKeys implements OperatorState {
  readonly #context: OperatorContext;
  readonly #most: number;
  readonly #keys = new Set<Identity>();
  /** Goes from the oldest on, however many are added behind it: an iterator that begins anew would go over all that were taken out. */
  #oldest: Iterator<Identity> | undefined;
  #textLength = 0;

  /** Remembers at most so many, the last. */
  constructor(most: number, context: OperatorContext) {
    this.#most = most;
    this.#context = context;
  }

  /** Whether it is new, and is remembered from now on. STATE_TOO_LARGE. */
  add(key: Identity): boolean {
    const { size } = this.#keys;
    this.#keys.add(key);
    if (this.#keys.size === size) return false;
    this.#context.charge(keyBytes(key));
    this.#textLength += lengthOf(key);
    if (size === this.#most) this.#forgetOldest();
    return true;
  }

  #forgetOldest(): void {
    this.#oldest ??= this.#keys.values();
    const key = this.#oldest.next().value as Identity;
    this.#keys.delete(key);
    this.#textLength -= lengthOf(key);
    this.#context.charge(-keyBytes(key));
  }

  /** Oldest first; undefined: too many. */
  save(): Json | undefined {
    return this.#textLength > MOST_SAVED_BYTES ? undefined : [...this.#keys];
  }

  load(state: Json): void {
    for (const key of state as readonly Identity[]) this.add(key);
  }
}

function lengthOf(key: Identity): number {
  return typeof key === 'string' ? key.length + 3 : 8;
}

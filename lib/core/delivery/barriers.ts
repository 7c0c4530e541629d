import type { Json, Position } from '../batch/batch.ts';
import type { AnyBatch } from '../define.ts';

/**
 * Where a run makes durable what it has done: behind batches of the source that have a position, so many records apart. Each operator notes there what
 * it keeps, when it has given on all up to there; the sink commits when it has all of that.
 */
export class Barriers {
  readonly every: number;
  readonly #everyMs: number;
  #records = 0;
  #isGivenUp = false;
  #last = performance.now();
  /** What operators keep at each, by their number. In the order of the batches. */
  readonly #open = new Map<Position, Map<number, Json>>();

  /** So many records apart, or as many as asked for; those that nobody asked for are also a second apart: a short run has none. */
  constructor(asked: number | undefined) {
    this.every = asked ?? RECORDS_APART;
    this.#everyMs = asked === undefined ? MS_APART : 0;
  }

  /** Sees each batch as the source gives it. */
  look({ length, position }: AnyBatch): void {
    this.#records += length;
    if (position === undefined || this.#records < this.every) return;
    const now = performance.now();
    if (now - this.#last < this.#everyMs) return;
    this.#last = now;
    this.#records = 0;
    this.#open.set(position, new Map());
  }

  isAt(position: Position | undefined): position is Position {
    return position !== undefined && this.#open.has(position);
  }

  note(position: Position, operator: number, state: Json): void {
    this.#open.get(position)?.set(operator, state);
  }

  /** Nobody could go on here. True the first time. */
  giveUp(position: Position): boolean {
    const isFirst = !this.#isGivenUp;
    this.#isGivenUp = true;
    this.#open.delete(position);
    return isFirst;
  }

  /** What operators noted there. Forgets it, and all before. */
  take(position: Position): ReadonlyMap<number, Json> {
    const noted = this.#open.get(position) ?? new Map<number, Json>();
    for (const each of this.#open.keys()) {
      this.#open.delete(each);
      if (each === position) break;
    }
    return noted;
  }
}

const RECORDS_APART = 100_000;
const MS_APART = 1000;

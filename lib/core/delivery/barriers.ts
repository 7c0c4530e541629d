import type { Json, Position } from '../batch/batch.ts';
import type { AnyBatch } from '../define.ts';
import type { StageCounter } from '../run/counter.ts';
import type { StageReport } from '../run/report.ts';

/** What stood there when each stage had given on all up to it, though it may be ahead now. */
export interface Barrier {
  readonly number: number;
  /** What operators keep there, by their number. */
  readonly noted: Map<number, Json>;
  /** What stages have counted. */
  readonly counts: Map<StageCounter, StageReport>;
  bytesRead: number;
  /** One of them keeps too much. */
  isGivenUp: boolean;
}

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
  /** In the order of the batches. */
  readonly #open = new Map<Position, Barrier>();
  #count = 0;

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
    this.#open.set(position, { number: ++this.#count, noted: new Map(), counts: new Map(), bytesRead: 0, isGivenUp: false });
  }

  isAt(position: Position | undefined): position is Position {
    return position !== undefined && this.#open.has(position);
  }

  /** What is to be noted there; undefined where there is none, or no more. */
  at(position: Position | undefined): Barrier | undefined {
    return position === undefined ? undefined : this.#open.get(position);
  }

  /** Nobody could go on here: nothing is committed. True the first time. */
  giveUp(position: Position): boolean {
    const isFirst = !this.#isGivenUp;
    this.#isGivenUp = true;
    const barrier = this.#open.get(position);
    if (barrier !== undefined) barrier.isGivenUp = true;
    return isFirst;
  }

  /** The how manieth it is, from 1: the number of the part of the run that begins behind it. */
  numberAt(position: Position): number {
    return this.#open.get(position)?.number ?? 0;
  }

  /** Forgets it, and all before. */
  take(position: Position): Barrier {
    const barrier = this.#open.get(position) ?? { number: 0, noted: new Map(), counts: new Map(), bytesRead: 0, isGivenUp: true };
    for (const each of this.#open.keys()) {
      this.#open.delete(each);
      if (each === position) break;
    }
    return barrier;
  }
}

const RECORDS_APART = 100_000;
const MS_APART = 1000;

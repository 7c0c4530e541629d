import { MillraceError } from '../../errors.ts';
import type { Position } from '../batch/batch.ts';
import type { AnyBatch, RejectedRow } from '../define.ts';
import type { Lease } from '../run/account.ts';

interface Unsettled {
  readonly lease: Lease;
  readonly entry: Entry;
}

interface Entry {
  readonly position: Position | undefined;
  isSettled: boolean;
}

/**
 * What was given to a sink and has no outcome yet. A batch is settled once; its memory goes back then, and the position passes it only when
 * all before it are settled too.
 */
export class Settlement {
  readonly #unsettled = new Map<AnyBatch, Unsettled>();
  /** In the order of writing; settled ones leave at the front. */
  #order: Entry[] = [];
  #first = 0;
  #position: Position | undefined;
  #isExact = true;
  records = 0;

  /** The last position up to which everything has its outcome. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** Whether nothing with an outcome lies behind that position. */
  get isExact(): boolean {
    return this.#isExact && this.isEmpty;
  }

  get isEmpty(): boolean {
    return this.#unsettled.size === 0;
  }

  get pendingBatches(): number {
    return this.#unsettled.size;
  }

  written(batch: AnyBatch, lease: Lease): void {
    const entry: Entry = { position: batch.position, isSettled: false };
    this.#order.push(entry);
    this.#unsettled.set(batch, { lease, entry });
  }

  /** A batch without records: only its position travels. */
  passed(position: Position | undefined): void {
    this.#order.push({ position, isSettled: true });
    this.#advance();
  }

  release(batch: AnyBatch): void {
    this.#unsettled.get(batch)?.lease.release();
  }

  /** Gives the batch's lease, released; throws when it was settled before or never written. */
  settle(batch: AnyBatch, rejected: readonly RejectedRow[], stage: string): Lease {
    const unsettled = this.#unsettled.get(batch);
    if (unsettled === undefined)
      throw new MillraceError('INTERNAL', `${stage} settled a batch twice, or one that it was not given`, { stage });
    checkIndexes(batch, rejected, stage);
    this.#unsettled.delete(batch);
    unsettled.lease.release();
    unsettled.entry.isSettled = true;
    this.#advance();
    this.records += batch.length - rejected.length;
    return unsettled.lease;
  }

  #advance(): void {
    while (this.#order[this.#first]?.isSettled === true) {
      const { position } = this.#order[this.#first++] as Entry;
      this.#isExact = position !== undefined;
      if (position !== undefined) this.#position = position;
    }
    if (this.#first > 1024) {
      this.#order = this.#order.slice(this.#first);
      this.#first = 0;
    }
  }
}

/** Each rejected row is one of the batch, and named once: else the counts would lie. */
function checkIndexes(batch: AnyBatch, rejected: readonly RejectedRow[], stage: string): void {
  const seen = new Set<number>();
  for (const { index } of rejected) {
    if (!Number.isInteger(index) || index < 0 || index >= batch.length || seen.has(index))
      throw new MillraceError(
        'INTERNAL',
        `${stage} rejected row ${index} of a batch of ${batch.length}, which is not there or was rejected before`,
        { stage },
      );
    seen.add(index);
  }
}

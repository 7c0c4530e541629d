import type { AnyBatch, SinkContext } from '../../../core/define.ts';
import type { LoadPlace } from './copy-load.ts';
import type { CopyPiece } from './copy-plan.ts';
import type { RowLoader, TableName } from './row-loader.ts';
import type { Staging } from './staging.ts';
import { StreamedCopy } from './streamed-copy.ts';

/**
 * Batches of an upsert, for a run that a refused row ends. They are merged when they are all there; as long as their keys go on where others ended, and
 * come fast, in parts: then what is read of the table, and the staging table, are small enough to stay in memory, and the next batches are got while
 * the server merges. These are held, up to half of a part, until it can take them. The first two parts go together, so that keys which come again and again are known.
 */
export class StagedCopy implements RowLoader {
  readonly #staging: Staging;
  readonly #context: SinkContext;
  readonly #copy: StreamedCopy;
  readonly #partBytes: number;
  #held: AnyBatch[] = [];
  #heldBytes = 0;
  /** Of the part that is being handed over. */
  #rows = 0;
  #bytes = 0;
  #since = 0;
  #parts = 0;
  /** False for ever from the first part that took long (rows that are merged are locked until the commit), or whose keys were there before. */
  #isEarly: boolean;
  #merging: Promise<void> | undefined;

  constructor(place: LoadPlace, staging: Staging, table: TableName, context: SinkContext) {
    this.#staging = staging;
    this.#context = context;
    this.#partBytes = Math.min(context.segmentBytes, PART_BYTES);
    this.#isEarly = staging.keys !== undefined;
    this.#copy = new StreamedCopy(place, table, context, piece => this.#watch(piece));
  }

  async write(batch: AnyBatch): Promise<void> {
    this.#held.push(batch);
    this.#heldBytes += batch.bytes;
    if (this.#merging !== undefined && this.#heldBytes <= this.#partBytes / 2) return;
    await this.#merging;
    await this.#handOver();
  }

  async flush(): Promise<void> {
    await this.#merging;
    for (await this.#handOver(); this.#merging !== undefined; await this.#handOver()) await this.#merging;
    await this.#merge();
  }

  async fail(reason: string): Promise<void> {
    await this.#merging?.catch(() => undefined);
    await this.#copy.fail(reason);
  }

  /** As far as to the end of a part. */
  async #handOver(): Promise<void> {
    for (let batch = this.#held.shift(); batch !== undefined; batch = this.#held.shift()) {
      this.#heldBytes -= batch.bytes;
      await this.#copy.write(batch);
      if (this.#rows < PART_ROWS && this.#bytes < this.#partBytes) continue;
      this.#endPart();
      if (this.#isEarly && this.#parts > 1) return this.#mergeBeside();
    }
  }

  /** Its error is that of the next call. */
  #mergeBeside(): void {
    const merging = this.#merge().then(() => {
      this.#merging = undefined;
    });
    merging.catch(() => undefined);
    this.#merging = merging;
  }

  async #merge(): Promise<void> {
    await this.#copy.flush();
    this.#endPart();
    const { staged } = this.#copy;
    this.#copy.staged = 0;
    if (staged === 0) return;
    const range = this.#isEarly ? this.#staging.keys?.takeRange() : undefined;
    const merged = await this.#staging.merge(staged, range).catch((error: unknown) => {
      throw this.#copy.failed(error);
    });
    this.#context.counted(merged);
  }

  #watch(piece: CopyPiece): void {
    if (this.#rows === 0) this.#since = performance.now();
    this.#rows += piece.rows;
    this.#bytes += piece.bytes;
    if (this.#isEarly) this.#staging.keys?.add(piece);
  }

  #endPart(): void {
    if (this.#rows === 0) return;
    this.#parts++;
    const tookLong = performance.now() - this.#since > PART_MS;
    this.#isEarly &&= this.#staging.keys?.goesOn() === true && !tookLong;
    [this.#rows, this.#bytes] = [0, 0];
  }
}

/** A part has so many rows or bytes: few enough for the buffers that a session has for temporary tables (8 MB). */
const PART_ROWS = 30_000;
const PART_BYTES = 4 * 1024 * 1024;
/** A part that took longer to come is the last that is merged before all are there. */
const PART_MS = 1000;

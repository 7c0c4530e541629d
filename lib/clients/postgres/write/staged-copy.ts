import type { AnyBatch, SinkContext } from '../../../core/define.ts';
import type { PgPool } from '../connection/pool.ts';
import type { LoadPlace } from './copy-load.ts';
import type { KeyRange } from './integer-keys.ts';
import type { Staged } from './merge-statements.ts';
import type { Merged } from './merger.ts';
import type { RowLoader, TableName } from './row-loader.ts';
import { SharedCopy } from './shared-copy.ts';
import type { Staging } from './staging.ts';
import { StreamedCopy } from './streamed-copy.ts';
import { UpsertParts } from './upsert-parts.ts';

/** Takes staged rows into the table, and counts them. */
export type StagedMerge = (staged: Staged, rows: number, range: KeyRange | undefined) => Promise<void>;

/**
 * Batches of an upsert, for a run that a refused row ends. They are merged when they are all there; as long as their keys go on where others ended, and
 * come fast, in parts: then what is read of the table, and the staging table, are small enough to stay in memory, and the next batches are got while
 * the server merges. These are staged by a second session, if there may be one; else they are held, up to half of a part, until the server can take
 * them. The first two parts go together, so that keys which come again and again are known.
 */
export class StagedCopy implements RowLoader {
  readonly #place: LoadPlace;
  readonly #staging: Staging;
  readonly #table: TableName;
  readonly #context: SinkContext;
  readonly #pool: PgPool | undefined;
  readonly #copy: StreamedCopy;
  readonly #parts: UpsertParts;
  #held: AnyBatch[] = [];
  #heldBytes = 0;
  #merging: Promise<void> | undefined;
  #shared: SharedCopy | 'not asked' | 'not possible';

  /** `pool`: where a second session may come from. */
  constructor(place: LoadPlace, staging: Staging, table: TableName, context: SinkContext, pool: PgPool | undefined) {
    this.#place = place;
    this.#staging = staging;
    this.#table = table;
    this.#context = context;
    this.#pool = pool;
    this.#shared = pool === undefined ? 'not possible' : 'not asked';
    this.#parts = new UpsertParts(staging.keys, context);
    this.#copy = new StreamedCopy(place, table, context, piece => this.#parts.add(piece));
  }

  async write(batch: AnyBatch): Promise<void> {
    if (this.#shared instanceof SharedCopy) return this.#shared.write(batch);
    this.#held.push(batch);
    this.#heldBytes += batch.bytes;
    if (this.#merging !== undefined && this.#heldBytes <= this.#parts.maxBytes / 2) return;
    await this.#merging;
    await this.#handOver();
  }

  async flush(): Promise<void> {
    await this.#merging;
    for (await this.#handOver(); this.#merging !== undefined; await this.#handOver()) await this.#merging;
    if (this.#shared instanceof SharedCopy) return this.#shared.flush();
    await this.#copy.flush();
    this.#parts.end();
    await this.#mergeAll();
  }

  async fail(reason: string): Promise<void> {
    await this.#merging?.catch(() => undefined);
    await this.#copy.fail(reason);
    if (this.#shared instanceof SharedCopy) await this.#shared.fail(reason);
  }

  async ended(): Promise<void> {
    if (this.#shared instanceof SharedCopy) await this.#shared.ended();
  }

  /** As far as to the end of a part. */
  async #handOver(): Promise<void> {
    for (let batch = this.#held.shift(); batch !== undefined; batch = this.#held.shift()) {
      this.#heldBytes -= batch.bytes;
      if (this.#shared instanceof SharedCopy) {
        await this.#shared.write(batch);
        continue;
      }
      await this.#copy.write(batch);
      if (!this.#parts.isFull) continue;
      this.#parts.end();
      if (this.#parts.areEarly && this.#parts.count > 1) await this.#goOnBeside();
      if (this.#merging !== undefined) return;
    }
  }

  /** An error of the merge is that of the next call. */
  async #goOnBeside(): Promise<void> {
    await this.#copy.flush();
    const shared =
      this.#shared === 'not asked' && this.#pool !== undefined ? await this.#staging.share(this.#pool, this.#place.signal) : undefined;
    const merging = this.#mergeAll();
    merging.catch(() => undefined);
    if (shared === undefined) {
      this.#shared = 'not possible';
      this.#merging = merging.then(() => (this.#merging = undefined));
      this.#merging.catch(() => undefined);
      return;
    }
    this.#copy.moveTo({ ...this.#place, client: shared.client, into: shared.name }, { ...this.#table, bare: shared.bare });
    const merge: StagedMerge = (staged, rows, range) => this.#counted(this.#staging.merger.merge(staged, rows, range));
    this.#shared = new SharedCopy(shared, this.#copy, this.#parts, this.#context, merge, merging);
  }

  async #mergeAll(): Promise<void> {
    const rows = this.#copy.takeStaged();
    if (rows > 0) await this.#counted(this.#staging.merge(rows, this.#parts.takeRange()));
  }

  async #counted(merged: Promise<Merged>): Promise<void> {
    this.#context.counted(
      await merged.catch((error: unknown) => {
        throw this.#copy.failed(error);
      }),
    );
  }
}

import type { AnyBatch, SinkContext } from '../../../core/define.ts';
import type { RowLoader } from './row-loader.ts';
import type { SharedStaging } from './shared-staging.ts';
import type { StagedMerge } from './staged-copy.ts';
import type { StreamedCopy } from './streamed-copy.ts';
import type { UpsertParts } from './upsert-parts.ts';

/** Batches of an upsert that one session stages, part by part, while another one merges those before. */
export class SharedCopy implements RowLoader {
  readonly #staging: SharedStaging;
  readonly #copy: StreamedCopy;
  readonly #parts: UpsertParts;
  readonly #context: SinkContext;
  readonly #merge: StagedMerge;
  /** One after the other. */
  #merging: Promise<void>;
  #failure: { readonly error: unknown } | undefined;

  /** The copy goes into the staging table. `before`: what is merged first. */
  constructor(
    staging: SharedStaging,
    copy: StreamedCopy,
    parts: UpsertParts,
    context: SinkContext,
    merge: StagedMerge,
    before: Promise<void>,
  ) {
    this.#staging = staging;
    this.#copy = copy;
    this.#parts = parts;
    this.#context = context;
    this.#merge = merge;
    this.#merging = before;
    this.#watch();
  }

  async write(batch: AnyBatch): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    await this.#copy.write(batch);
    if (!this.#parts.isFull) return;
    await this.#endPart();
    if (this.#parts.areEarly) await this.#mergeBeside();
  }

  async flush(): Promise<void> {
    await this.#endPart();
    await this.#mergeBeside();
    await this.#merging;
  }

  async fail(reason: string): Promise<void> {
    await this.#copy.fail(reason);
    await this.#merging.catch(() => undefined);
  }

  async ended(): Promise<void> {
    if (await this.#staging.end()) return;
    this.#context.warn(`table ${this.#staging.name}, in which rows were staged, could not be dropped; the next upsert there does it`);
  }

  async #endPart(): Promise<void> {
    await this.#copy.flush();
    this.#parts.end();
  }

  async #mergeBeside(): Promise<void> {
    const rows = this.#copy.takeStaged();
    if (rows === 0) return;
    const [staged, range] = [await this.#staging.staged(), this.#parts.takeRange()];
    this.#merging = this.#merging.then(() => this.#merge(staged, rows, range));
    this.#watch();
  }

  /** An error is that of the next call, and nothing is merged after it. */
  #watch(): void {
    this.#merging.catch((error: unknown) => (this.#failure ??= { error }));
  }
}

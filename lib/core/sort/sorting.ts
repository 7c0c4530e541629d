/**
 * Sorts any number of records within the state account: what fits is sorted in memory, what does not is put aside in sorted runs, and those are
 * merged. Stable. Records that came as bytes stay so, in memory and on disk: only the keys are decoded.
 */
import { MillraceError } from '../../errors.ts';
import type { Order } from '../../query/order.ts';
import type { Schema } from '../../schema/schema.ts';
import type { PackedRows } from '../batch/packed.ts';
import type { AnyBatch, OperatorContext, StreamFunction } from '../define.ts';
import type { SpillFile } from '../spill.ts';
import { HeldRows } from './held-rows.ts';
import { KeyReader } from './key-reader.ts';
import { Merge } from './merge-runs.ts';
import { commonForm, type PackedForm, packedFormOf } from './packed-form.ts';
import { PackedStore } from './packed-store.ts';
import { rowWriter, type RowWriter, Shapes } from './record-codec.ts';
import { packedWriter, type Run, type RunFormat, RunWriter } from './runs.ts';
import { type Taken, TakenBytes, TakenValues } from './taken.ts';

/** Batches in, batches in order out. */
export function sorting(order: readonly Order[], context: OperatorContext): StreamFunction {
  return async function* (batches) {
    const sort = new Sort(order, context);
    try {
      for await (const batch of batches) {
        sort.add(batch);
        if (sort.isFull) await sort.putAside();
      }
      yield* sort.result();
    } finally {
      await sort.close();
    }
  };
}

/** Blocks of a merge weigh in memory about so many times what they do on disk. */
const DECODED_WEIGHT = 4;
const MOST_RUNS_MERGED = 64;
const MOST_BLOCK_BYTES = 256 * 1024;
const LEAST_BLOCK_BYTES = 1024;

class Sort {
  readonly #context: OperatorContext;
  readonly #limit: number;
  readonly #reader: KeyReader;
  #held: HeldRows;
  #charged = 0;
  /** Records that came, and that were given. */
  #taken = 0;
  #given = 0;
  /** Of all that came; undefined where it differs, or nobody knows it. */
  #schema: Schema | undefined;
  readonly #shapes = new Shapes();
  readonly #store: PackedStore;
  #file: SpillFile | undefined;
  #runs: Run[] = [];

  constructor(order: readonly Order[], context: OperatorContext) {
    this.#context = context;
    this.#limit = context.needs ?? Infinity;
    this.#reader = new KeyReader(order, context.schema);
    this.#store = new PackedStore(context.stateBytes);
    this.#held = this.#empty();
  }

  add(batch: AnyBatch): void {
    const own = batch.schemaKnown ? batch.schema : undefined;
    if (this.#taken === 0) this.#schema = own;
    else if (this.#schema !== undefined && (own === undefined || !own.equals(this.#schema))) this.#schema = undefined;
    this.#taken += batch.length;
    this.#held.add(batch);
    if (!this.#context.mayKeep(this.#held.bytes - this.#charged)) this.#held.prune();
    this.#charge(this.#held.bytes);
  }

  /** What is held is more than may be kept: it has to be put aside. */
  get isFull(): boolean {
    return this.#held.bytes > this.#charged;
  }

  /** The records at hand become a run on disk. */
  async putAside(): Promise<void> {
    const { batches } = this.#held.rows();
    const file = (this.#file ??= await this.#open());
    const form = commonForm(batches.map(packedFormOf));
    const writer = new RunWriter(file, this.#format().blockBytes, form);
    const writers = batches.map(batch => this.#writer(batch, form));
    const rows = this.#held.rows();
    for (const number of this.#held.sorted()) {
      const at = rows.batchOf(number);
      const full = writer.add(writers[at] as RowWriter, number - (rows.starts[at] as number));
      if (full === undefined) continue;
      await full;
      this.#context.signal.throwIfAborted();
    }
    this.#runs.push(await writer.end());
    this.#held = this.#empty();
    this.#charge(0);
  }

  async *result(): AsyncGenerator<AnyBatch> {
    if (this.#runs.length === 0) yield* this.#fromMemory();
    else {
      if (this.#held.length > 0) await this.putAside();
      this.#store.release();
      yield* this.#fromDisk();
    }
    // Those behind it need no more.
    this.#context.dropped(this.#taken - this.#given);
  }

  async close(): Promise<void> {
    this.#charge(0);
    this.#store.release();
    await this.#file?.close();
  }

  *#fromMemory(): Generator<AnyBatch> {
    const sorted = this.#held.sorted();
    const rows = this.#held.rows();
    const { batchRows, batchBytes } = this.#context;
    const count = Math.max(1, Math.min(batchRows, Math.floor(batchBytes / Math.max(1, rows.rowBytes))));
    for (let at = 0; at < sorted.length; at += count) {
      const batch = rows.gather(sorted.subarray(at, at + count), this.#schema) as AnyBatch;
      this.#given += batch.length;
      yield batch;
    }
  }

  async *#fromDisk(): AsyncGenerator<AnyBatch> {
    const fanIn = this.#fanIn();
    while (this.#runs.length > fanIn) await this.#mergeOnce(fanIn);
    this.#charge(this.#runs.length * this.#format().blockBytes * DECODED_WEIGHT);
    for await (const batch of this.#merged(this.#runs)) {
      this.#given += batch.length;
      yield batch;
    }
  }

  /** Neighbouring runs become one, so that equal records stay as they came; in a file of its own, and the old one goes. */
  async #mergeOnce(fanIn: number): Promise<void> {
    const old = this.#file;
    const file = await this.#open();
    this.#file = file;
    try {
      const runs: Run[] = [];
      for (let at = 0; at < this.#runs.length; at += fanIn) {
        const merged = this.#runs.slice(at, at + fanIn);
        const form = commonForm(merged.map(run => run.form));
        const writer = new RunWriter(file, this.#format().blockBytes, form);
        for await (const batch of this.#merged(merged)) {
          const write = this.#writer(batch, form);
          for (let row = 0; row < batch.length; row++) await writer.add(write, row);
        }
        runs.push(await writer.end());
      }
      this.#runs = runs;
    } finally {
      await old?.close();
    }
  }

  /** As many of the merged records as are wanted. */
  async *#merged(runs: readonly Run[]): AsyncGenerator<AnyBatch> {
    const { batchRows, batchBytes, signal } = this.#context;
    const merge = new Merge(runs, this.#format());
    await merge.begin();
    const form = commonForm(runs.map(run => run.form));
    const taken: Taken = form === undefined ? new TakenValues(this.#schema) : new TakenBytes(form, batchBytes);
    for (let left = this.#limit; left > 0; left--) {
      const cursor = merge.current;
      if (cursor === undefined) break;
      taken.add(cursor);
      if (taken.length >= batchRows || taken.bytes >= batchBytes) yield taken.batch();
      const loading = merge.next();
      if (loading === undefined) continue;
      await loading;
      signal.throwIfAborted();
    }
    if (taken.length > 0) yield taken.batch();
  }

  #writer(batch: AnyBatch, form: PackedForm | undefined): RowWriter {
    return form === undefined ? rowWriter(batch, this.#shapes) : packedWriter(batch.packed as PackedRows);
  }

  #empty(): HeldRows {
    return new HeldRows(this.#reader, this.#limit, this.#store);
  }

  async #open(): Promise<SpillFile> {
    const { openSpill, stateBytes } = this.#context;
    if (openSpill !== undefined) return openSpill();
    // Says how much that is.
    this.#context.charge(stateBytes + 1);
    throw new MillraceError('STATE_TOO_LARGE', 'more is kept than operators may keep');
  }

  #format(): RunFormat {
    const bytes = Math.floor(this.#context.stateBytes / (MOST_RUNS_MERGED * DECODED_WEIGHT));
    const blockBytes = Math.max(LEAST_BLOCK_BYTES, Math.min(MOST_BLOCK_BYTES, bytes));
    return { shapes: this.#shapes, keys: this.#reader, schema: this.#schema, blockBytes };
  }

  /** How many runs are merged at once: as many as there is room for, two at the least. */
  #fanIn(): number {
    const bytes = this.#format().blockBytes * DECODED_WEIGHT;
    let fanIn = MOST_RUNS_MERGED;
    while (fanIn > 2 && !this.#context.mayKeep(fanIn * bytes)) fanIn--;
    return fanIn;
  }

  /** Charges what there is room for. What is more than that, one batch or two blocks, is held beside the account. */
  #charge(bytes: number): void {
    const more = bytes - this.#charged;
    if (more > 0 && !this.#context.mayKeep(more)) return;
    this.#context.charge(more);
    this.#charged = bytes;
  }
}

import type { Schema } from '../../schema/schema.ts';
import { BatchRows, selectedOf } from '../batch/gathered.ts';
import type { AnyBatch, OperatorContext } from '../define.ts';
import type { Draws } from './draws.ts';

/** No fewer rows than these are thrown away at a time. */
const LEAST_PRUNED = 1024;
const DRAW_BYTES = 8;

/** The records with the least draws, so many of them, as views of the batches that they came in: each choice of so many records is as likely as any other. */
export class Reservoir {
  readonly #size: number;
  readonly #draws: Draws;
  readonly #context: OperatorContext;
  #batches: AnyBatch[] = [];
  #batchBytes = 0;
  #drawn: number[] = [];
  /** Only what draws less is still wanted. */
  #limit = Infinity;
  #charged = 0;
  /** Of all that came; undefined where it differs, or nobody knows it. */
  #schema: Schema | undefined;
  #hasCome = false;

  constructor(size: number, draws: Draws, context: OperatorContext) {
    this.#size = size;
    this.#draws = draws;
    this.#context = context;
  }

  /** STATE_TOO_LARGE. */
  add(batch: AnyBatch): void {
    this.#see(batch.schemaKnown ? batch.schema : undefined);
    const taken: number[] = [];
    for (let row = 0; row < batch.length; row++) {
      const draw = this.#draws.next();
      if (draw >= this.#limit) continue;
      taken.push(row);
      this.#drawn.push(draw);
    }
    this.#context.dropped(batch.length - taken.length);
    if (taken.length === 0) return;
    const kept = batch.select(Uint32Array.from(taken)).withPosition(undefined).compact();
    this.#batches.push(kept);
    this.#batchBytes += kept.bytes;
    const isMany = this.#drawn.length >= Math.max(2 * this.#size, LEAST_PRUNED);
    if (isMany || !this.#context.mayKeep(this.#bytes - this.#charged)) this.#prune();
    this.#charge(this.#bytes);
  }

  /** The records in the order in which they came. */
  *result(): Generator<AnyBatch> {
    this.#prune();
    const rows = new BatchRows(this.#batches);
    const { batchRows, batchBytes } = this.#context;
    const count = Math.max(1, Math.min(batchRows, Math.floor(batchBytes / Math.max(1, rows.rowBytes))));
    for (let start = 0; start < rows.length; start += count) {
      const length = Math.min(count, rows.length - start);
      yield rows.gather(
        Uint32Array.from({ length }, (_, i) => start + i),
        this.#schema,
      );
    }
  }

  /** Gives the memory back. */
  close(): void {
    this.#charge(0);
  }

  #see(schema: Schema | undefined): void {
    if (!this.#hasCome) this.#schema = schema;
    else if (this.#schema !== undefined && (schema === undefined || !schema.equals(this.#schema))) this.#schema = undefined;
    this.#hasCome = true;
  }

  #prune(): void {
    const { length } = this.#drawn;
    if (length <= this.#size) return;
    const least = Float64Array.from(this.#drawn).sort();
    this.#limit = this.#size === 0 ? 0 : (least[this.#size - 1] as number);
    let equal = this.#size - this.#drawn.filter(draw => draw < this.#limit).length;
    const kept = Uint32Array.from(this.#drawn.keys()).filter(row => {
      const draw = this.#drawn[row] as number;
      return draw < this.#limit || (draw === this.#limit && equal-- > 0);
    });
    this.#batches = selectedOf(this.#batches, kept);
    this.#drawn = Array.from(kept, row => this.#drawn[row] as number);
    this.#batchBytes = bytesOf(this.#batches);
    this.#context.dropped(length - kept.length);
  }

  get #bytes(): number {
    return this.#batchBytes + this.#drawn.length * DRAW_BYTES;
  }

  #charge(bytes: number): void {
    this.#context.charge(bytes - this.#charged);
    this.#charged = bytes;
  }
}

function bytesOf(batches: readonly AnyBatch[]): number {
  return batches.reduce((sum, { bytes }) => sum + bytes, 0);
}

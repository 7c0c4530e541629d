import type { Schema } from '../../schema/schema.ts';
import { RecordBatch } from '../batch/batch.ts';
import type { PackedRows } from '../batch/packed.ts';
import type { AnyBatch, AnyRow } from '../define.ts';
import type { PackedForm } from './packed-form.ts';
import type { RunCursor } from './runs.ts';
import { ValueWriter } from './value-writer.ts';

/** Records of a merge on their way into a batch. */
export interface Taken {
  readonly length: number;
  /** About what they take. */
  readonly bytes: number;
  add(cursor: RunCursor): void;
  /** Those that were added since the last one. */
  batch(): AnyBatch;
}

/** As objects. */
export class TakenValues implements Taken {
  bytes = 0;
  readonly #schema: Schema | undefined;
  #rows: AnyRow[] = [];

  constructor(schema: Schema | undefined) {
    this.#schema = schema;
  }

  get length(): number {
    return this.#rows.length;
  }

  add(cursor: RunCursor): void {
    this.#rows.push(cursor.row);
    this.bytes += cursor.rowBytes;
  }

  batch(): AnyBatch {
    const batch = RecordBatch.of(this.#rows, this.#schema, undefined, Math.ceil(this.bytes)) as AnyBatch;
    this.#rows = [];
    this.bytes = 0;
    return batch;
  }
}

/** As the bytes that they are: nothing of them is decoded. */
export class TakenBytes implements Taken {
  length = 0;
  readonly #form: PackedForm;
  readonly #capacity: number;
  #out: ValueWriter;
  #starts = new Uint32Array(256);

  /** `capacity`: about as many bytes as a batch will have. */
  constructor(form: PackedForm, capacity: number) {
    this.#form = form;
    this.#capacity = capacity;
    this.#out = new ValueWriter(capacity);
  }

  get bytes(): number {
    return this.#out.at;
  }

  add({ packed, at }: RunCursor): void {
    const { bytes, starts } = packed as PackedRows;
    this.#out.copy(bytes, starts[at] as number, starts[at + 1] ?? bytes.length);
    if (++this.length === this.#starts.length) {
      const starts = new Uint32Array(this.length * 2);
      starts.set(this.#starts);
      this.#starts = starts;
    }
    this.#starts[this.length] = this.#out.at;
  }

  batch(): AnyBatch {
    const { bytes, at } = this.#out;
    let own = bytes.subarray(0, at);
    if (at < bytes.length >> 1) {
      own = Buffer.allocUnsafeSlow(at);
      own.set(bytes.subarray(0, at));
    }
    const { form, schema } = this.#form;
    const batch = new RecordBatch(form.open(own, this.#starts.slice(0, this.length + 1)), schema) as AnyBatch;
    this.#out = new ValueWriter(this.#capacity);
    this.length = 0;
    return batch;
  }
}

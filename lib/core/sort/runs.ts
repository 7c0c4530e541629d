import type { Schema } from '../../schema/schema.ts';
import { RecordBatch } from '../batch/batch.ts';
import type { PackedRows } from '../batch/packed.ts';
import type { AnyBatch, AnyRow } from '../define.ts';
import type { SpillFile } from '../spill.ts';
import type { KeyReader } from './key-reader.ts';
import type { KeyColumn } from './key-column.ts';
import type { PackedForm } from './packed-form.ts';
import type { Shapes } from './record-codec.ts';
import { readBlock, type RowWriter } from './record-codec.ts';
import { ValueWriter } from './value-writer.ts';

/** Records in their order, put aside in blocks; a block is what is read at once. */
export interface Run {
  readonly file: SpillFile;
  readonly blocks: readonly Block[];
  /** Its records are the bytes that they came in; undefined: values, one by one. */
  readonly form: PackedForm | undefined;
}

interface Block {
  readonly at: number;
  /** Of its records. With a form the ends of the records follow, four bytes each. */
  readonly bytes: number;
  readonly rows: number;
}

/** What all runs of a sort share. */
export interface RunFormat {
  readonly shapes: Shapes;
  readonly keys: KeyReader;
  readonly schema: Schema | undefined;
  readonly blockBytes: number;
}

/** Writes rows as the bytes that they are. */
export function packedWriter({ bytes, starts }: PackedRows): RowWriter {
  return (out, row) => out.copy(bytes, starts[row] as number, starts[row + 1] ?? bytes.length);
}

/** Writes one run: record after record, then `end`. */
export class RunWriter {
  readonly #file: SpillFile;
  readonly #blockBytes: number;
  readonly #form: PackedForm | undefined;
  readonly #out: ValueWriter;
  readonly #blocks: Block[] = [];
  /** Where the records of the block end. */
  #ends = new Uint32Array(256);
  #rows = 0;

  /** With a form by packed writers, else by those of values. */
  constructor(file: SpillFile, blockBytes: number, form: PackedForm | undefined) {
    this.#file = file;
    this.#blockBytes = blockBytes;
    this.#form = form;
    this.#out = new ValueWriter(blockBytes + 4096);
  }

  /** A promise where a block is full: wait for it before the next record. */
  add(write: RowWriter, row: number): Promise<void> | undefined {
    write(this.#out, row);
    if (this.#rows === this.#ends.length) {
      const ends = new Uint32Array(this.#rows * 2);
      ends.set(this.#ends);
      this.#ends = ends;
    }
    this.#ends[this.#rows++] = this.#out.at;
    return this.#out.at < this.#blockBytes ? undefined : this.#flush();
  }

  async end(): Promise<Run> {
    if (this.#rows > 0) await this.#flush();
    return { file: this.#file, blocks: this.#blocks, form: this.#form };
  }

  async #flush(): Promise<void> {
    const bytes = this.#out.at;
    const rows = this.#rows;
    const ends = new Uint8Array(this.#ends.buffer, 0, rows * 4);
    if (this.#form !== undefined) this.#out.copy(ends, 0, ends.length);
    const at = await this.#file.write(this.#out.bytes.subarray(0, this.#out.at));
    this.#blocks.push({ at, bytes, rows });
    this.#out.at = 0;
    this.#rows = 0;
  }
}

/** Where a merge stands in a run: the record at hand, its keys, the block that it lies in. */
export class RunCursor {
  keys: readonly KeyColumn[] = [];
  /** Number of the record at hand in its block. */
  at = 0;
  /** About what a record of the block takes. */
  rowBytes = 0;
  /** The block of a run that has a form. */
  packed: PackedRows | undefined;
  #batch: AnyBatch | undefined;
  readonly #run: Run;
  readonly #format: RunFormat;
  #next = 0;

  constructor(run: Run, format: RunFormat) {
    this.#run = run;
    this.#format = format;
  }

  get row(): AnyRow {
    return this.#batch?.rows[this.at] as AnyRow;
  }

  /** True where the next record lies in the block at hand; else `load` reads the next block. */
  step(): boolean {
    return ++this.at < (this.#batch?.length ?? 0);
  }

  /** False where the run has ended. */
  async load(): Promise<boolean> {
    const block = this.#run.blocks[this.#next++];
    if (block === undefined) return false;
    const { keys } = this.#format;
    const batch = await this.#read(block);
    const columns = keys.columns(batch);
    const gets = keys.gets(batch);
    for (let row = 0; row < batch.length; row++) for (let k = 0; k < columns.length; k++) columns[k]?.push(gets[k]?.(row));
    this.keys = columns;
    this.#batch = batch;
    this.rowBytes = block.bytes / batch.length;
    this.at = 0;
    return true;
  }

  async #read({ at, bytes, rows }: Block): Promise<AnyBatch> {
    const { file, form } = this.#run;
    const { shapes, schema } = this.#format;
    if (form === undefined) return readBlock(await file.read(at, bytes), shapes, schema);
    const block = await file.read(at, bytes + rows * 4);
    const starts = new Uint32Array(rows + 1);
    new Uint8Array(starts.buffer, 4).set(block.subarray(bytes));
    const records = block.subarray(0, bytes);
    this.packed = { bytes: records, starts, form: form.form };
    return new RecordBatch(form.form.open(records, starts), form.schema) as AnyBatch;
  }
}

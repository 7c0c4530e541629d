import type { Schema } from '../../schema/schema.ts';
import type { AnyRow } from '../define.ts';
import type { SpillFile } from '../spill.ts';
import type { KeyReader } from './key-reader.ts';
import type { KeyColumn } from './key-column.ts';
import type { Shapes } from './record-codec.ts';
import { readBlock, type RowWriter } from './record-codec.ts';
import { ValueWriter } from './value-writer.ts';

/** Records in their order, put aside in blocks; a block is what is read at once. */
export interface Run {
  readonly file: SpillFile;
  readonly blocks: readonly Block[];
}

interface Block {
  readonly at: number;
  readonly bytes: number;
}

/** What all runs of a sort share. */
export interface RunFormat {
  readonly shapes: Shapes;
  readonly keys: KeyReader;
  readonly schema: Schema | undefined;
  readonly blockBytes: number;
}

/** Writes one run: record after record, then `end`. */
export class RunWriter {
  readonly #file: SpillFile;
  readonly #format: RunFormat;
  readonly #out: ValueWriter;
  readonly #blocks: Block[] = [];

  constructor(file: SpillFile, format: RunFormat) {
    this.#file = file;
    this.#format = format;
    this.#out = new ValueWriter(format.blockBytes + 4096);
  }

  /** A promise where a block is full: wait for it before the next record. */
  add(write: RowWriter, row: number): Promise<void> | undefined {
    write(this.#out, row);
    return this.#out.at < this.#format.blockBytes ? undefined : this.#flush();
  }

  async end(): Promise<Run> {
    if (this.#out.at > 0) await this.#flush();
    return { file: this.#file, blocks: this.#blocks };
  }

  async #flush(): Promise<void> {
    const bytes = this.#out.at;
    const at = await this.#file.write(this.#out.bytes.subarray(0, bytes));
    this.#blocks.push({ at, bytes });
    this.#out.at = 0;
  }
}

/** Where a merge stands in a run: the record at hand, its keys, the block that it lies in. */
export class RunCursor {
  keys: readonly KeyColumn[] = [];
  /** Number of the record at hand in its block. */
  at = 0;
  /** About what a record of the block takes. */
  rowBytes = 0;
  #rows: readonly AnyRow[] = [];
  readonly #run: Run;
  readonly #format: RunFormat;
  #next = 0;

  constructor(run: Run, format: RunFormat) {
    this.#run = run;
    this.#format = format;
  }

  get row(): AnyRow {
    return this.#rows[this.at] as AnyRow;
  }

  /** True where the next record lies in the block at hand; else `load` reads the next block. */
  step(): boolean {
    return ++this.at < this.#rows.length;
  }

  /** False where the run has ended. */
  async load(): Promise<boolean> {
    const block = this.#run.blocks[this.#next++];
    if (block === undefined) return false;
    const { shapes, schema, keys } = this.#format;
    const batch = readBlock(await this.#run.file.read(block.at, block.bytes), shapes, schema);
    const columns = keys.columns(batch);
    const gets = keys.gets(batch);
    for (let row = 0; row < batch.length; row++) for (let k = 0; k < columns.length; k++) columns[k]?.push(gets[k]?.(row));
    this.keys = columns;
    this.#rows = batch.rows;
    this.rowBytes = block.bytes / batch.length;
    this.at = 0;
    return true;
  }
}

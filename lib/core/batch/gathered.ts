import { Schema } from '../../schema/schema.ts';
import type { DataType } from '../../schema/types.ts';
import { type Codec, type Origin, RecordBatch, type View } from './batch.ts';
import type { Locator } from './locator.ts';
import type { Column } from './column.ts';
import { rowsByColumn } from './construct-rows.ts';

type Batch = RecordBatch;

/** Rows of several batches, named by one number: those of the first batch come first, then those of the second. */
export class BatchRows {
  readonly batches: readonly Batch[];
  /** The number of each batch's first row. */
  readonly starts: Float64Array;
  readonly length: number;
  /** About how many bytes a row has. */
  readonly rowBytes: number;
  readonly #typed = new Map<Schema, BatchRows>();

  /** `bytes`: what all of them take. */
  constructor(batches: readonly Batch[], bytes = batches.reduce((sum, batch) => sum + batch.bytes, 0)) {
    this.batches = batches;
    this.starts = new Float64Array(batches.length);
    let length = 0;
    for (const [i, batch] of batches.entries()) {
      this.starts[i] = length;
      length += batch.length;
    }
    this.length = length;
    this.rowBytes = length === 0 ? 0 : bytes / length;
  }

  /** The batch in which a row lies. */
  batchOf(row: number): number {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] as number) <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The same rows under a schema that was found late. */
  typed(schema: Schema): BatchRows {
    let typed = this.#typed.get(schema);
    if (typed === undefined) this.#typed.set(schema, (typed = new BatchRows(this.batches.map(batch => batch.withSchema(schema)))));
    return typed;
  }

  /** These rows in this order as one batch: a view, whose values are decoded and whose bytes are copied when somebody asks. */
  gather(rows: Uint32Array, schema: Schema | undefined): Batch {
    return new RecordBatch(new GatheredOrigin(this, rows, schema), schema);
  }
}

/** The rows of these numbers, ascending, batch by batch; nothing else is kept alive. */
export function selectedOf(batches: readonly Batch[], rows: Uint32Array): Batch[] {
  const kept: Batch[] = [];
  let start = 0;
  let at = 0;
  for (const batch of batches) {
    const end = start + batch.length;
    const own: number[] = [];
    for (; at < rows.length && (rows[at] as number) < end; at++) own.push((rows[at] as number) - start);
    if (own.length > 0) kept.push(batch.select(Uint32Array.from(own)).compact());
    start = end;
  }
  return kept;
}

/** Rows of one batch, and where in the gathering each stands. */
interface Piece {
  readonly batch: Batch;
  readonly places: number[];
}

class GatheredOrigin implements Origin {
  readonly length: number;
  readonly bytes: number;
  readonly locate: Locator;
  readonly #from: BatchRows;
  readonly #rows: Uint32Array;
  readonly #schema: Schema | undefined;

  constructor(from: BatchRows, rows: Uint32Array, schema: Schema | undefined) {
    this.#from = from;
    this.#rows = rows;
    this.#schema = schema;
    this.length = rows.length;
    // The batches themselves are kept by whoever gathers from them.
    this.bytes = Math.ceil(rows.length * from.rowBytes);
    this.locate = row => {
      const number = rows[row] as number;
      const at = from.batchOf(number);
      return from.batches[at]?.locate(number - (from.starts[at] as number));
    };
  }

  column(index: number, type: DataType): Column {
    const name = this.#schema?.fields[index]?.name ?? '';
    const columns = new Map<number, Column>();
    const at = <T>(row: number, get: (column: Column, row: number) => T): T => {
      const number = this.#rows[row] as number;
      const batch = this.#from.batchOf(number);
      let column = columns.get(batch);
      if (column === undefined) columns.set(batch, (column = (this.#from.batches[batch] as Batch).column(name)));
      return get(column, number - (this.#from.starts[batch] as number));
    };
    const column: Column = { type, length: this.length, get: row => at(row, (of, number) => of.get(number)) };
    const hasText = this.#from.batches.every(batch => batch.column(name).text !== undefined);
    if (!hasText) return column;
    return { ...column, text: row => at(row, (of, number) => (of.text as (row: number) => string | null)(number)) };
  }

  rows(view: View): readonly object[] {
    if (view.columns.some(column => 'overlay' in column)) return rowsByColumn(this, view);
    const rows = new Array<object>(view.length);
    for (const { batch, places } of this.#pieces(view)) {
      const own = batch.rows;
      for (let i = 0; i < places.length; i++) rows[places[i] as number] = own[i] as object;
    }
    return rows;
  }

  encoded(codec: Codec, view: View): Uint8Array[] | undefined {
    if (view.columns.some(column => 'overlay' in column)) return undefined;
    const encoded = new Array<Uint8Array>(view.length);
    let bytes = 0;
    for (const { batch, places } of this.#pieces(view)) {
      const rows = batch.encodedRows(codec);
      if (rows?.length !== places.length) return undefined;
      for (let i = 0; i < places.length; i++) {
        const row = rows[i] as Uint8Array;
        encoded[places[i] as number] = row;
        bytes += row.length;
      }
    }
    const joined = Buffer.allocUnsafeSlow(bytes);
    let at = 0;
    for (const row of encoded) {
      joined.set(row, at);
      at += row.length;
    }
    return [joined];
  }

  typed(schema: Schema): Origin | undefined {
    if (this.#from.batches.some(batch => batch.schemaKnown)) return undefined;
    return new GatheredOrigin(this.#from.typed(schema), this.#rows, schema);
  }

  /** The rows of a view batch by batch, in ascending order, under the view's columns. */
  #pieces(view: View): Piece[] {
    const { selection, length } = view;
    // Row numbers and places in one double each: sorted without calling a function.
    const sorted = new Float64Array(length);
    for (let i = 0; i < length; i++)
      sorted[i] = (this.#rows[selection === undefined ? i : (selection[i] as number)] as number) * PLACES + i;
    sorted.sort();
    const pieces: Piece[] = [];
    for (let i = 0; i < length;) {
      const at = this.#from.batchOf(Math.floor((sorted[i] as number) / PLACES));
      const start = this.#from.starts[at] as number;
      const end = start + (this.#from.batches[at] as Batch).length;
      const rows: number[] = [];
      const places: number[] = [];
      for (; i < length; i++) {
        const number = Math.floor((sorted[i] as number) / PLACES);
        if (number >= end) break;
        rows.push(number - start);
        places.push((sorted[i] as number) - number * PLACES);
      }
      pieces.push({ batch: this.#shown((this.#from.batches[at] as Batch).select(Uint32Array.from(rows)), view), places });
    }
    return pieces;
  }

  #shown(batch: Batch, view: View): Batch {
    if (view.ownColumns || this.#schema === undefined) return batch;
    const { fields } = this.#schema;
    const names = view.columns.map(column => fields[(column as { index: number }).index]?.name ?? '');
    const projected = batch.project(names);
    const renamed = view.columns.flatMap(({ name }, i): [string, string][] => (name === names[i] ? [] : [[names[i] as string, name]]));
    const shown = renamed.length === 0 ? projected : projected.rename(Object.fromEntries(renamed));
    if (view.columns.every(({ type }, i) => type === shown.schema.fields[i]?.type)) return shown;
    return shown.withSchema(new Schema(shown.schema.fields.map((field, i) => ({ ...field, type: view.columns[i]?.type ?? field.type }))));
  }
}

/** More rows than a batch has. */
const PLACES = 2 ** 21;

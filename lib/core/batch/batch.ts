import { MillraceError, suggestion } from '../../errors.ts';
import { Schema } from '../../schema/schema.ts';
import type { DataType } from '../../schema/types.ts';
import { type Column, SelectedColumn } from './column.ts';
import { constructRows } from './construct-rows.ts';
import { type Locator, locatorOf } from './locator.ts';
import { fieldOfRows, ObjectOrigin, overlayRows, pick, projectRows, renameRows } from './objects.ts';
import type { PackedRows } from './packed.ts';

/** Plain JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Where to resume so that everything up to here is not read again. What stands in it is the source's own affair. */
export type Position = { readonly [key: string]: Json };

/** Names of the encodings in which batches can pass from a source to a sink as they are. */
export type Codec = 'pg-copy' | 'csv' | 'ndjson';

/** A column of a view: of the origin by its index there, or one that was laid over it (dense: row 0 is the view's first row). */
export type ViewColumn = { readonly name: string; readonly type: DataType } & ({ readonly index: number } | { readonly overlay: Column });

/** What a view shows of its origin. */
export interface View {
  /** Row numbers of the origin, ascending; undefined: all of them. */
  readonly selection: Uint32Array | undefined;
  readonly columns: readonly ViewColumn[];
  readonly length: number;
  /** True where the view shows the origin's own columns, all, in their order and under their names (the rows may be fewer). */
  readonly ownColumns: boolean;
}

/**
 * What a source made: rows in the form in which they came, and how to decode them. One class a form (COPY data, CSV lines,
 * NDJSON lines, objects). A batch is a view of an origin.
 */
export interface Origin {
  /** How many rows it holds. */
  readonly length: number;
  /** Bytes that it keeps alive in memory. */
  readonly bytes: number;
  /** A column over all rows of the origin; `index` counts in the schema that the origin was made with. Decodes on `get`. */
  column(index: number, type: DataType): Column;
  /** The rows of a view as plain objects, where that is cheaper than column by column. */
  rows?(view: View): readonly object[];
  /** The rows of a view in this encoding, without decoding what can be copied; undefined where the origin does not speak it. */
  encoded?(codec: Codec, view: View): Uint8Array[] | undefined;
  /** The same, one piece a row: for whoever puts the rows in another order. */
  encodedRows?(codec: Codec, view: View): Uint8Array[] | undefined;
  /** The line of its file at which each row began, 1 for the first. */
  readonly lines?: ArrayLike<number>;
  /** Where a row of the origin stood (`{ file, line }`). A function of its own, which keeps nothing of the origin alive but what it needs. */
  readonly locate?: Locator;
  /** The same rows under a schema that was found late, where the origin knows more of them than objects do. */
  typed?(schema: Schema): Origin | undefined;
  /** Its memory may be used for other rows: nobody looks at them any more. */
  giveBack?(): void;
  /** It is never given back. */
  keep?(): void;
  /** A new origin that holds just these rows and columns and keeps nothing else alive. Overlays come back as own columns. */
  compact?(view: View): Origin | undefined;
  /** All its rows, where they are nothing but their bytes. */
  readonly packed?: PackedRows;
}

/**
 * Records that travel together; never mutated; all of one schema. Three faces, each made only when somebody asks: `encoded` (bytes as the
 * source got them), `column` (decoded one by one) and `rows` (plain objects). `select`, `project`, `rename` and `withColumn` give views.
 */
export class RecordBatch<Row = Record<string, unknown>> {
  /** 0 only when all were dropped and the position must travel on; user code never sees such a batch. */
  readonly length: number;
  /** Column order, names, types, nullability; never derived from key order. */
  readonly schema: Schema;
  /** False after a function whose result nobody described: then `schema` is empty, and the rows are objects. */
  readonly schemaKnown: boolean;
  /** Where to resume so that everything up to here is not read again. */
  readonly position: Position | undefined;
  readonly #origin: Origin;
  readonly #view: View;
  readonly #columns = new Map<number, Column>();
  #rows: readonly Row[] | undefined;

  /** For sources and the engine; user code has `RecordBatch.of`. */
  constructor(origin: Origin, schema: Schema | undefined, position?: Position, view?: View) {
    this.#origin = origin;
    this.schemaKnown = schema !== undefined;
    this.schema = schema ?? NO_SCHEMA;
    this.position = position;
    this.#view = view ?? {
      selection: undefined,
      length: origin.length,
      ownColumns: true,
      columns: this.schema.fields.map(({ name, type }, index) => ({ name, type, index })),
    };
    this.length = this.#view.length;
  }

  /** A batch of plain objects. Without a schema it is one whose schema is known late. */
  static of<Row extends object>(
    rows: readonly Row[],
    schema?: Schema,
    position?: Position,
    bytes?: number,
    locate?: Locator,
  ): RecordBatch<Row> {
    return new RecordBatch<Row>(new ObjectOrigin(rows, schema, bytes, locate), schema, position);
  }

  /** Bytes that it keeps alive in memory, its parent's included; `compact()` cuts it loose. */
  get bytes(): number {
    return this.#origin.bytes;
  }

  /** True when the rows are objects already, so that asking for them costs nothing. */
  get hasRows(): boolean {
    return this.#rows !== undefined || (this.#origin instanceof ObjectOrigin && this.#view.ownColumns);
  }

  /** Plain objects, keys in the order of the schema; made once. */
  get rows(): readonly Row[] {
    this.#rows ??= (this.#origin.rows?.(this.#view) ??
      constructRows(
        this.#view.columns.map(c => c.name),
        this.schema.fields.map((_, i) => this.#columnAt(i)),
        this.length,
      )) as readonly Row[];
    return this.#rows;
  }

  /** @internal `rows` for a loop that checks by itself that each is an object. */
  get uncheckedRows(): readonly unknown[] {
    const origin = this.#origin;
    return this.#view.ownColumns && this.#view.selection === undefined && origin instanceof ObjectOrigin ? origin.given : this.rows;
  }

  /** A column by name, decoded on `get`; COLUMN_UNKNOWN when there is none. With the schema unknown: the field of each row. */
  column(name: string): Column {
    const at = this.schema.indexOf(name);
    if (at >= 0) return this.#columnAt(at);
    if (!this.schemaKnown) return fieldOfRows(this.rows as readonly Record<string, unknown>[], name);
    throw new MillraceError('COLUMN_UNKNOWN', `no column ${JSON.stringify(name)}${suggestion(name, this.schema.names)}`);
  }

  /** The rows as bytes, if they already are in that encoding. */
  encoded(codec: Codec): Uint8Array[] | undefined {
    return this.#origin.encoded?.(codec, this.#view);
  }

  /** The same, one piece a row. */
  encodedRows(codec: Codec): Uint8Array[] | undefined {
    return this.#origin.encodedRows?.(codec, this.#view);
  }

  /** All its rows as bytes, where they are nothing else, and nothing was chosen or laid over them. */
  get packed(): PackedRows | undefined {
    const { selection, ownColumns } = this.#view;
    return selection === undefined && ownColumns ? this.#origin.packed : undefined;
  }

  /** The line at which each row began, where a file has lines and no rows were chosen yet. */
  get lines(): ArrayLike<number> | undefined {
    return this.#view.selection === undefined ? this.#origin.lines : undefined;
  }

  /** Where row `row` stood in its source (a file and a line), or else the batch's position. */
  locate(row: number): Position | undefined {
    return this.locator(row);
  }

  /** `locate` for those who keep it longer than the batch: it holds on to what it needs, not to the rows. */
  get locator(): Locator {
    return locatorOf(this.#origin.locate, this.#view.selection, this.position);
  }

  /** These rows (ascending row numbers of this batch), as a view. */
  select(rows: Uint32Array): RecordBatch<Row> {
    if (rows.length === this.length) return this;
    const { selection, columns, ownColumns } = this.#view;
    const base = selection === undefined ? rows : rows.map(row => selection[row] as number);
    const next: View = {
      selection: base,
      length: rows.length,
      ownColumns,
      columns: columns.map(column => ('overlay' in column ? { ...column, overlay: new SelectedColumn(column.overlay, rows) } : column)),
    };
    const batch = this.#with<Row>(this.schema, next);
    if (this.#rows !== undefined) batch.#rows = pick(this.#rows, rows);
    return batch;
  }

  /** Rows `start` (inclusive) to `end` (exclusive), as a view. */
  slice(start: number, end = this.length): RecordBatch<Row> {
    const from = Math.max(0, start);
    return this.select(Uint32Array.from({ length: Math.max(0, Math.min(end, this.length) - from) }, (_, i) => i + from));
  }

  /** These columns in this order, as a view. */
  project<Next = Record<string, unknown>>(names: readonly string[]): RecordBatch<Next> {
    if (!this.schemaKnown) return this.#ofRows(projectRows(this.rows as readonly object[], names));
    const schema = this.schema.project(names);
    return this.#with(schema, this.#viewOf(names.map(name => this.#view.columns[this.schema.indexOf(name)] as ViewColumn)));
  }

  /** All names at once, as a view. */
  rename<Next = Record<string, unknown>>(names: Readonly<Record<string, string>>): RecordBatch<Next> {
    if (!this.schemaKnown) return this.#ofRows(renameRows(this.rows as readonly object[], names));
    const schema = this.schema.rename(names);
    return this.#with(
      schema,
      this.#viewOf(this.#view.columns.map((column, i) => ({ ...column, name: (schema.fields[i] as { name: string }).name }))),
    );
  }

  /** With this column (as long as the batch) in place of the one of that name, or at the end. */
  withColumn<Next = Record<string, unknown>>(name: string, overlay: Column, nullable = true): RecordBatch<Next> {
    if (!this.schemaKnown) return this.#ofRows(overlayRows(this.rows as readonly object[], name, overlay));
    const schema = this.schema.with({ name, type: overlay.type, nullable });
    const column: ViewColumn = { name, type: overlay.type, overlay };
    const at = this.schema.indexOf(name);
    return this.#with(schema, this.#viewOf(at < 0 ? [...this.#view.columns, column] : this.#view.columns.with(at, column)));
  }

  /** The same rows under another schema of the same columns (types known late, or read as others). */
  withSchema(schema: Schema): RecordBatch<Row> {
    if (!this.schemaKnown) return this.#typed(schema);
    return this.#with(
      schema,
      this.#viewOf(this.#view.columns.map((column, i) => ({ ...column, type: (schema.fields[i] as { type: DataType }).type }))),
    );
  }

  #typed(schema: Schema): RecordBatch<Row> {
    const origin = this.#view.ownColumns ? this.#origin.typed?.(schema) : undefined;
    if (origin === undefined)
      return RecordBatch.of(this.rows as readonly object[], schema, this.position, this.bytes, this.locator) as unknown as RecordBatch<Row>;
    const columns = schema.fields.map(({ name, type }, index) => ({ name, type, index }));
    return new RecordBatch<Row>(origin, schema, this.position, { ...this.#view, columns });
  }

  /** The same with another position, or none. */
  withPosition(position: Position | undefined): RecordBatch<Row> {
    if (position === this.position) return this;
    const batch = new RecordBatch<Row>(this.#origin, this.schemaKnown ? this.schema : undefined, position, this.#view);
    batch.#rows = this.#rows;
    return batch;
  }

  /** A batch that keeps nothing alive but what it shows. */
  compact(): RecordBatch<Row> {
    if (this.#view.selection === undefined && this.#view.ownColumns) return this;
    const origin = this.#origin.compact?.(this.#view);
    if (origin !== undefined) return new RecordBatch<Row>(origin, this.schemaKnown ? this.schema : undefined, this.position);
    return RecordBatch.of(
      this.rows as readonly object[],
      this.schemaKnown ? this.schema : undefined,
      this.position,
    ) as unknown as RecordBatch<Row>;
  }

  /** Somebody holds on to it, to a view or to bytes of it, for longer than a stage that `keepsNothing`: its memory is left to the collector. */
  keep(): this {
    this.#origin.keep?.();
    return this;
  }

  /** @internal Nobody looks at it, or at any view, column or bytes of it, any more. Only the engine can know. */
  giveBack(): void {
    this.#origin.giveBack?.();
  }

  #with<Next>(schema: Schema, view: View): RecordBatch<Next> {
    return new RecordBatch<Next>(this.#origin, this.schemaKnown ? schema : undefined, this.position, view);
  }

  /** Records that nobody described stay objects; each is the one of its row. */
  #ofRows<Next>(rows: readonly object[]): RecordBatch<Next> {
    return RecordBatch.of(rows, undefined, this.position, this.bytes, this.locator) as unknown as RecordBatch<Next>;
  }

  #viewOf(columns: readonly ViewColumn[]): View {
    return { selection: this.#view.selection, length: this.length, columns, ownColumns: false };
  }

  #columnAt(at: number): Column {
    let column = this.#columns.get(at);
    if (column === undefined) {
      const shown = this.#view.columns[at] as ViewColumn;
      if ('overlay' in shown) column = shown.overlay;
      else {
        const whole = this.#origin.column(shown.index, shown.type);
        column = this.#view.selection === undefined ? whole : new SelectedColumn(whole, this.#view.selection);
      }
      this.#columns.set(at, column);
    }
    return column;
  }
}

const NO_SCHEMA = new Schema([]);

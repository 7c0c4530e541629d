import type { Codec, Origin, View } from '../../core/batch/batch.ts';
import type { Locator } from '../../core/batch/locator.ts';
import type { Column } from '../../core/batch/column.ts';
import type { PackedRows, RowForm, RowPlaces } from '../../core/batch/packed.ts';
import type { Schema } from '../../schema/schema.ts';
import type { DataType } from '../../schema/types.ts';
import { lineLocator } from '../line-locator.ts';
import { parseRecords } from './parse-records.ts';
import { rawField } from './raw-field.ts';
import type { JsonRecords } from './records.ts';

/** Neighbouring records of at least so many bytes are handed on in one piece; smaller ones are gathered: a view costs more than a copy. */
const SMALL_RANGE_BYTES = 4096;
/** Objects weigh about so many times their JSON. */
const WEIGHT_OF_ROWS = 3;

/** Records of an NDJSON or JSON file as they came: rows are parsed at most once, and the bytes are there for a target of NDJSON. */
export class NdjsonOrigin implements Origin {
  readonly length: number;
  readonly locate: Locator;
  readonly lines: Float64Array;
  readonly #records: JsonRecords;
  readonly #schema: Schema | undefined;
  #rows: readonly object[] | undefined;

  /** The records are valid: checked with `checkRecords` or parsed already. */
  constructor(records: JsonRecords, schema: Schema | undefined, rows?: readonly object[]) {
    this.#records = records;
    this.#schema = schema;
    this.#rows = rows;
    this.length = records.lines.length;
    this.lines = records.lines;
    this.locate = lineLocator(records.file, records.lines);
  }

  get bytes(): number {
    const { bytes, starts, lines, offsets } = this.#records;
    const rows = this.#rows === undefined ? 0 : bytes.length * WEIGHT_OF_ROWS;
    return bytes.buffer.byteLength + starts.byteLength + lines.byteLength + offsets.byteLength + rows;
  }

  /** Of json columns `text` gives the very text of the file: 1.10 stays 1.10, keys stand twice where they stood twice. */
  column(index: number, type: DataType): Column {
    const name = this.#schema?.fields[index]?.name ?? '';
    const rows = this.#allRows() as readonly Record<string, unknown>[];
    const get = (row: number): unknown => (rows[row] as Record<string, unknown>)[name] ?? null;
    const column: Column = { type, length: this.length, get };
    return type.kind === 'json' || type.kind === 'jsonb' ? { ...column, text: row => rawField(this.#text(row), name) } : column;
  }

  rows(view: View): readonly object[] {
    const rows = this.#allRows();
    const all = view.selection === undefined ? rows : Array.from(view.selection, row => rows[row] as object);
    return view.ownColumns ? all : all.map((row, i) => shown(row as Record<string, unknown>, view, i, this.#schema));
  }

  encoded(codec: Codec, view: View): Uint8Array[] | undefined {
    if (codec !== 'ndjson' || !view.ownColumns) return undefined;
    return view.selection === undefined ? [this.#records.bytes] : ranges(this.#records, view.selection);
  }

  encodedRows(codec: Codec, view: View): Uint8Array[] | undefined {
    if (codec !== 'ndjson' || !view.ownColumns) return undefined;
    const { bytes, starts } = this.#records;
    return Array.from({ length: view.length }, (_, i) => {
      const row = view.selection?.[i] ?? i;
      return bytes.subarray(starts[row], starts[row + 1]);
    });
  }

  get packed(): PackedRows {
    const { bytes, starts, file, lines } = this.#records;
    return { bytes, starts, form: new JsonForm(this.#schema), places: { file, lines } };
  }

  /** The same records under a schema that was found late. */
  typed(schema: Schema): Origin {
    return new NdjsonOrigin(this.#records, schema, this.#rows);
  }

  compact(view: View): Origin | undefined {
    if (!view.ownColumns || view.selection === undefined) return undefined;
    return new NdjsonOrigin(selected(this.#records, view.selection), this.#schema);
  }

  #allRows(): readonly object[] {
    this.#rows ??= parseRecords(this.#records);
    return this.#rows;
  }

  #text(row: number): string {
    const { bytes, starts } = this.#records;
    return bytes.toString('utf8', starts[row] as number, (starts[row + 1] as number) - 1);
  }
}

/** Valid JSON objects, each ended by LF, read under a schema. */
class JsonForm implements RowForm {
  readonly #schema: Schema | undefined;

  constructor(schema: Schema | undefined) {
    this.#schema = schema;
  }

  isLike(other: RowForm): boolean {
    if (!(other instanceof JsonForm)) return false;
    const [own, others] = [this.#schema, other.#schema];
    return own === others || (own !== undefined && others !== undefined && own.equals(others));
  }

  open(bytes: Buffer, starts: Uint32Array, places?: RowPlaces): Origin {
    const rows = starts.length - 1;
    const { file, lines } = places ?? { file: '', lines: new Float64Array(rows) };
    return new NdjsonOrigin({ file, lines: Float64Array.from(lines), offsets: new Float64Array(rows), bytes, starts }, this.#schema);
  }
}

/** A row under other columns than its own. */
function shown(row: Record<string, unknown>, view: View, at: number, schema: Schema | undefined): object {
  return Object.fromEntries(
    view.columns.map(column => {
      if ('overlay' in column) return [column.name, column.overlay.get(at)];
      return [column.name, row[schema?.fields[column.index]?.name ?? ''] ?? null];
    }),
  );
}

function ranges(records: JsonRecords, selection: Uint32Array): Uint8Array[] {
  const { bytes, starts } = records;
  const chunks: Uint8Array[] = [];
  let gathered: Uint8Array[] = [];
  const flush = (): void => {
    if (gathered.length > 0) chunks.push(gathered.length === 1 ? (gathered[0] as Uint8Array) : Buffer.concat(gathered));
    gathered = [];
  };
  for (let i = 0; i < selection.length;) {
    const first = selection[i] as number;
    let next = first + 1;
    while (++i < selection.length && selection[i] === next) next++;
    const piece = bytes.subarray(starts[first], starts[next]);
    if (piece.length >= SMALL_RANGE_BYTES) flush();
    gathered.push(piece);
    if (piece.length >= SMALL_RANGE_BYTES) flush();
  }
  flush();
  return chunks;
}

function selected(records: JsonRecords, selection: Uint32Array): JsonRecords {
  const { file, lines, offsets } = records;
  const bytes = Buffer.concat(ranges(records, selection));
  const starts = new Uint32Array(selection.length + 1);
  for (let i = 0; i < selection.length; i++) {
    const row = selection[i] as number;
    starts[i + 1] = (starts[i] as number) + (records.starts[row + 1] as number) - (records.starts[row] as number);
  }
  const at = (from: Float64Array): Float64Array => Float64Array.from(selection, row => from[row] as number);
  return { file, bytes, starts, lines: at(lines), offsets: at(offsets) };
}

import type { Codec, Origin, View, ViewColumn } from '../../../core/batch/batch.ts';
import type { Column, TextBytes } from '../../../core/batch/column.ts';
import { rowsByColumn } from '../../../core/batch/construct-rows.ts';
import type { PackedRows, RowForm } from '../../../core/batch/packed.ts';
import type { DataType } from '../../../schema/types.ts';
import { rowReader } from './compile-rows.ts';
import { copyFields, type FieldTable } from './copy-fields.ts';
import type { CopyRows } from './copy-frames.ts';
import type { RowMemory } from './row-memory.ts';
import { type CopyColumn, CopyLayout, isOverlay, rowOf } from './copy-layout.ts';
import type { DigitWriter } from '../values/print-digits.ts';
import type { TextBuffer } from '../../../values/text-buffer.ts';
import type { TextOutput } from '../../../values/write-number.ts';
import type { DecodeText, FieldDecoder, FieldSource } from '../values/field.ts';

/**
 * Rows as a COPY gave them, in binary: decoded field by field when somebody asks, passed on as bytes when nobody does.
 * As codec `pg-copy` a batch is whole CopyData messages, ready to be sent to another server.
 */
export class PgCopyOrigin implements Origin {
  readonly length: number;
  readonly bytes: number;
  readonly #layout: CopyLayout;
  readonly #source: FieldSource;
  readonly #starts: Uint32Array;
  #fields: Int32Array | undefined;
  /** Where it can be used again. */
  #memory: RowMemory | undefined;

  constructor({ bytes, starts, memory }: CopyRows, layout: CopyLayout) {
    this.#memory = memory;
    this.length = starts.length;
    this.bytes = bytes.buffer.byteLength + starts.byteLength;
    this.#layout = layout;
    this.#source = { bytes: bytes as TextBuffer, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
    this.#starts = starts;
  }

  column(index: number, type: DataType): Column {
    const { fields, width, source } = this.#table();
    const { decode, text, textFrom } = this.#layout.decoders[index] as FieldDecoder;
    const { view } = source;
    const get = (row: number): unknown => {
      const at = fields[row * width + index] as number;
      const length = view.getInt32(at);
      return length < 0 ? null : decode(source, at + 4, length);
    };
    const digits = this.#layout.digitWriters[index];
    const print = (out: TextOutput, row: number): boolean => {
      const at = fields[row * width + index] as number;
      return view.getInt32(at) >= 0 && (digits as DigitWriter)(out, source, at + 4);
    };
    const plain = { type, length: this.length, get, ...(digits === undefined ? {} : { print }) };
    if (text === undefined) return plain;
    const column = { ...plain, text: (row: number) => this.#text(text, row, index) };
    return textFrom === undefined ? column : { ...column, utf8: fieldBytes(this.#table(), index, textFrom) };
  }

  rows(view: View): readonly object[] {
    const read = rowReader(this.#layout, view);
    if (read === undefined) return rowsByColumn(this, view);
    const overlays = view.columns.map(column => (isOverlay(column) ? column.overlay : undefined));
    return read({ source: this.#source, starts: this.#starts, selection: view.selection, length: view.length, overlays });
  }

  encoded(codec: Codec, view: View): Uint8Array[] | undefined {
    if (codec !== 'pg-copy') return undefined;
    if (!view.columns.every(column => isOverlay(column) || this.#layout.passes(column))) return undefined;
    if (!view.ownColumns) {
      const copied = copyFields(this.#table(), view, this.#memory?.takeWriter());
      return copied === undefined ? undefined : [copied.bytes];
    }
    return view.selection === undefined ? [this.#source.bytes] : this.#ranges(view.selection);
  }

  encodedRows(codec: Codec, view: View): Uint8Array[] | undefined {
    if (codec !== 'pg-copy' || !view.columns.every(column => isOverlay(column) || this.#layout.passes(column))) return undefined;
    if (view.ownColumns) {
      const { bytes } = this.#source;
      return Array.from({ length: view.length }, (_, i) => {
        const row = rowOf(view, i);
        return bytes.subarray(this.#starts[row], this.#starts[row + 1] ?? bytes.length);
      });
    }
    const copied = copyFields(this.#table(), view);
    return copied && Array.from(copied.starts, (start, i) => copied.bytes.subarray(start, copied.starts[i + 1] ?? copied.bytes.length));
  }

  get packed(): PackedRows {
    return { bytes: this.#source.bytes, starts: this.#starts, form: new CopyForm(this.#layout) };
  }

  compact(view: View): Origin | undefined {
    const copied = copyFields(this.#table(), view);
    if (copied === undefined) return undefined;
    // The writer has reserved more than it needed.
    const bytes = Buffer.allocUnsafeSlow(copied.bytes.length);
    bytes.set(copied.bytes);
    const layout = view.ownColumns
      ? this.#layout
      : new CopyLayout(
          view.columns.map(column => this.#columnOf(column)),
          this.#layout.options,
        );
    return new PgCopyOrigin({ bytes, starts: copied.starts }, layout);
  }

  giveBack(): void {
    this.#memory?.giveBack();
    this.#memory = undefined;
  }

  keep(): void {
    this.#memory = undefined;
  }

  #text(text: DecodeText, row: number, index: number): string | null {
    const { fields, width, source } = this.#table();
    const at = fields[row * width + index] as number;
    const length = source.view.getInt32(at);
    return length < 0 ? null : text(source, at + 4, length);
  }

  #columnOf(column: ViewColumn): CopyColumn {
    if (isOverlay(column)) return { name: column.name, type: column.type, wire: 'binary', isPortable: true };
    return { ...(this.#layout.columns[column.index] as CopyColumn), name: column.name };
  }

  #table(): FieldTable {
    const width = this.#layout.columns.length;
    this.#fields ??= fieldPositions(this.#source.view, this.#starts, width, this.#memory);
    return { source: this.#source, starts: this.#starts, fields: this.#fields, width };
  }

  /** The messages of some rows: neighbours as one piece; all copied together where the pieces would be small. */
  #ranges(selection: Uint32Array): Uint8Array[] {
    const { bytes } = this.#source;
    const pieces: Uint8Array[] = [];
    let total = 0;
    for (let i = 0; i < selection.length;) {
      const first = selection[i] as number;
      let next = first + 1;
      for (i++; i < selection.length && selection[i] === next; i++) next++;
      const piece = bytes.subarray(this.#starts[first], this.#starts[next] ?? bytes.length);
      pieces.push(piece);
      total += piece.length;
    }
    if (pieces.length <= 1 || total / pieces.length > WORTH_A_WRITE) return pieces;
    const joined = Buffer.allocUnsafeSlow(total);
    let at = 0;
    for (const piece of pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    return [joined];
  }
}

/** CopyData messages of one layout. */
class CopyForm implements RowForm {
  readonly #layout: CopyLayout;

  constructor(layout: CopyLayout) {
    this.#layout = layout;
  }

  isLike(other: RowForm): boolean {
    return other instanceof CopyForm && this.#layout.isLike(other.#layout);
  }

  open(bytes: Buffer, starts: Uint32Array): Origin {
    return new PgCopyOrigin({ bytes, starts: starts.subarray(0, -1) }, this.#layout);
  }
}

/** A piece of fewer bytes costs less to copy than to hand to a socket on its own. */
const WORTH_A_WRITE = 16_384;
const ROW_HEAD = 7;

function fieldBytes({ fields, width, source }: FieldTable, index: number, from: number): TextBytes {
  const { bytes, view } = source;
  return {
    bytes,
    start: row => {
      const at = fields[row * width + index] as number;
      return view.getInt32(at) < 0 ? -1 : at + 4 + from;
    },
    end: row => {
      const at = fields[row * width + index] as number;
      return at + 4 + view.getInt32(at);
    },
  };
}

function fieldPositions(view: DataView, starts: Uint32Array, width: number, memory: RowMemory | undefined): Int32Array {
  const fields = memory?.fields(starts.length * width) ?? new Int32Array(starts.length * width);
  let field = 0;
  for (let row = 0; row < starts.length; row++) {
    let at = (starts[row] as number) + ROW_HEAD;
    for (let i = 0; i < width; i++) {
      fields[field++] = at;
      const length = view.getInt32(at);
      at += length > 0 ? length + 4 : 4;
    }
  }
  return fields;
}

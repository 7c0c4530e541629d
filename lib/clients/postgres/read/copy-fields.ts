import type { View, ViewColumn } from '../../../core/batch/batch.ts';
import type { Column } from '../../../core/batch/column.ts';
import { ByteWriter } from '../values/byte-writer.ts';
import { isOverlay, rowOf } from './copy-layout.ts';
import { canEncode, type FieldWriter, fieldWriter } from '../values/encode.ts';
import type { FieldSource } from '../values/field.ts';

/** Rows of a COPY and where their fields lie. */
export interface FieldTable {
  readonly source: FieldSource;
  readonly starts: Uint32Array;
  /** Position of each field's length, row by row. */
  readonly fields: Int32Array;
  readonly width: number;
}

export interface CopiedRows {
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
}

/**
 * The rows of a view as new CopyData messages: fields of the origin copied, as many at once as stand side by side, overlays encoded.
 * Undefined where an overlay is of a type that is not written in binary. `into`: an empty writer.
 */
export function copyFields(table: FieldTable, view: View, into?: ByteWriter): CopiedRows | undefined {
  const parts = partsOf(view.columns);
  if (parts === undefined) return undefined;
  const out = into ?? new ByteWriter(table.source.bytes.length + 64);
  const starts = new Uint32Array(view.length);
  for (let i = 0; i < view.length; i++) {
    const start = out.at;
    starts[i] = start;
    out.reserve(ROW_HEAD);
    out.bytes[start] = COPY_DATA;
    out.view.setInt16(start + 5, view.columns.length);
    out.at = start + ROW_HEAD;
    const base = rowOf(view, i) * table.width;
    for (let p = 0; p < parts.length; p++) {
      const part = parts[p] as Part;
      if (part.overlay === undefined) copySpan(out, table, base + part.first, base + part.last);
      else writeValue(out, part.overlay.get(i), part.write);
    }
    out.view.setInt32(start + 1, out.at - start - 1);
  }
  return { bytes: out.bytes.subarray(0, out.at), starts };
}

const COPY_DATA = 0x64;
const ROW_HEAD = 7;

/** Fields `first` to `last` of the origin, side by side; or one that was laid over it. */
type Part = { readonly first: number; last: number; readonly overlay?: never } | { readonly overlay: Column; readonly write: FieldWriter };

function partsOf(columns: readonly ViewColumn[]): Part[] | undefined {
  const parts: Part[] = [];
  for (const column of columns) {
    const before = parts.at(-1);
    if (isOverlay(column)) {
      if (!canEncode(column.type)) return undefined;
      parts.push({ overlay: column.overlay, write: fieldWriter(column.type) });
    } else if (before !== undefined && before.overlay === undefined && before.last === column.index - 1) before.last = column.index;
    else parts.push({ first: column.index, last: column.index });
  }
  return parts;
}

/** Up to so many bytes a loop is cheaper than a call. */
const SHORT_SPAN = 48;

function copySpan(out: ByteWriter, { source, fields }: FieldTable, first: number, last: number): void {
  const from = fields[first] as number;
  const end = fields[last] as number;
  const to = end + 4 + Math.max(source.view.getInt32(end), 0);
  const count = to - from;
  out.reserve(count);
  if (count > SHORT_SPAN) source.bytes.copy(out.bytes, out.at, from, to);
  else {
    const { bytes, at } = out;
    for (let i = 0; i < count; i++) bytes[at + i] = source.bytes[from + i] as number;
  }
  out.at += count;
}

function writeValue(out: ByteWriter, value: unknown, write: FieldWriter): void {
  if (value === null || value === undefined) out.int32(-1);
  else write(out, value);
}

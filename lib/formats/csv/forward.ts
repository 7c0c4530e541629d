import type { View, ViewColumn } from '../../core/batch/batch.ts';
import { MillraceError } from '../../errors.ts';
import { ByteWriter } from '../byte-writer.ts';
import { fieldCopier } from './copy-field.ts';
import { fieldWriter } from './field-writer.ts';
import { csvOptions } from './options.ts';
import type { FieldIndex, RecordBytes } from './records.ts';

const LF = 10;
const CR = 13;
const QUOTE = 34;
const DOT = 46;
const BACKSLASH = 92;
/** Ranges of selected rows smaller than this are gathered: a view of memory costs more than copying it. */
const SMALL_RANGE_BYTES = 4096;

const PLAIN = fieldWriter(csvOptions.parse({}));

/**
 * The rows of a view as records that PostgreSQL's COPY takes, copied only where they must be. Delimiter: a comma. Undefined where a value
 * that was laid over them has no text, so that whoever encodes row by row finds the row at fault.
 */
export function forwardedRecords(fields: FieldIndex, view: View): Uint8Array[] | undefined {
  const { records } = fields;
  if (view.length === 0) return [];
  if (view.columns.length === 0) return undefined;
  if (!showsAllColumns(view, records.width) || needsRepair(records.bytes)) {
    try {
      return [rewritten(fields, view)];
    } catch (thrown) {
      if (thrown instanceof MillraceError) return undefined;
      throw thrown;
    }
  }
  if (view.selection === undefined) return [records.bytes.subarray(0, records.starts[records.starts.length - 1])];
  return selectedRanges(records, view.selection);
}

/** The same, one piece a record. */
export function forwardedRows(fields: FieldIndex, view: View): Uint8Array[] | undefined {
  const { records } = fields;
  if (view.columns.length === 0 || view.columns.some(column => 'overlay' in column)) return undefined;
  if (showsAllColumns(view, records.width) && !needsRepair(records.bytes)) {
    return Array.from({ length: view.length }, (_, i) => {
      const row = view.selection?.[i] ?? i;
      return records.bytes.subarray(records.starts[row], records.starts[row + 1]);
    });
  }
  const starts = new Uint32Array(view.length + 1);
  const bytes = rewritten(fields, view, starts);
  return Array.from({ length: view.length }, (_, i) => bytes.subarray(starts[i], starts[i + 1]));
}

/** The records of a view on their own, in their own dialect; undefined where values were laid over them, which are not bytes. */
export function copiedRecords(fields: FieldIndex, view: View): RecordBytes | undefined {
  const { records } = fields;
  if (view.columns.length === 0 || view.columns.some(column => 'overlay' in column)) return undefined;
  const starts = new Uint32Array(view.length + 1);
  const bytes = rewritten(fields, view, starts).slice();
  return {
    bytes: Buffer.from(bytes.buffer),
    starts,
    width: view.columns.length,
    delimiter: records.delimiter,
    hasQuotes: records.hasQuotes || bytes.includes(QUOTE),
  };
}

function showsAllColumns(view: View, width: number): boolean {
  return view.ownColumns || (view.columns.length === width && view.columns.every((column, i) => 'index' in column && column.index === i));
}

/** A CR may be a line end to make LF of, or data to put in quotes; a record that begins with `\.` would end the COPY. */
function needsRepair(bytes: Buffer): boolean {
  return bytes.includes(CR) || bytes.includes('\\.');
}

/** Neighbours in one piece; small pieces gathered into one. */
function selectedRanges({ bytes, starts }: RecordBytes, selection: Uint32Array): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let gathered: ByteWriter | undefined;
  for (let i = 0; i < selection.length;) {
    const first = selection[i] as number;
    let next = first + 1;
    while (++i < selection.length && selection[i] === next) next++;
    const from = starts[first] as number;
    const to = starts[next] as number;
    if (to - from < SMALL_RANGE_BYTES) {
      gathered ??= new ByteWriter(bytes.length >> 2);
      gathered.copy(bytes, from, to);
      continue;
    }
    if (gathered !== undefined) chunks.push(gathered.taken());
    gathered = undefined;
    chunks.push(bytes.subarray(from, to));
  }
  if (gathered !== undefined) chunks.push(gathered.taken());
  return chunks;
}

/** Writes a field of a row of the view. */
type CopyField = (out: ByteWriter, row: number, at: number) => void;

/** The rows of a view record by record: fields that the file has are copied with their quotes, others printed. Ended by LF. */
function rewritten(fields: FieldIndex, view: View, starts?: Uint32Array): Uint8Array {
  const { records } = fields;
  const out = new ByteWriter(Math.ceil((records.bytes.length * view.length) / fields.length) + 64);
  const copies = view.columns.map(column => copierOf(fields, column));
  const { selection, length } = view;
  for (let at = 0; at < length; at++) {
    const row = selection === undefined ? at : (selection[at] as number);
    for (let c = 0; c < copies.length; c++) {
      if (c > 0) out.byte(records.delimiter);
      (copies[c] as CopyField)(out, row, at);
    }
    out.byte(LF);
    if (starts !== undefined) starts[at + 1] = out.length;
  }
  return out.taken();
}

function copierOf(fields: FieldIndex, column: ViewColumn): CopyField {
  if ('overlay' in column) {
    const copy = fieldCopier(column.overlay, PLAIN);
    return (out, _, at) => copy(out, at);
  }
  const { bytes, starts: recordStarts } = fields.records;
  const ends = fields.ends(column.index);
  const starts = column.index === 0 ? recordStarts : fields.ends(column.index - 1);
  const skip = column.index === 0 ? 0 : 1;
  const mayNeedQuotes = needsRepair(bytes);
  return (out, row) => {
    const start = (starts[row] as number) + skip;
    const end = ends[row] as number;
    if (mayNeedQuotes && needsQuotes(bytes, start, end)) {
      out.byte(QUOTE);
      out.copy(bytes, start, end);
      out.byte(QUOTE);
    } else out.copy(bytes, start, end);
  };
}

/** Of a field as it stands: an unquoted one with a CR, or one that begins with `\.` and may come first in its record. */
function needsQuotes(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end || bytes[start] === QUOTE) return false;
  if (bytes[start] === BACKSLASH && bytes[start + 1] === DOT && end - start >= 2) return true;
  for (let i = start; i < end; i++) if (bytes[i] === CR) return true;
  return false;
}

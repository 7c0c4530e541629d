import type { View } from '../../../core/batch/batch.ts';
import type { Column } from '../../../core/batch/column.ts';
import { recordCode } from '../../../core/batch/record-code.ts';
import { type CopyLayout, isOverlay } from './copy-layout.ts';
import type { Decode, FieldSource } from '../values/field.ts';

/** Rows as plain objects, read straight through: `selection` undefined for all rows from the first. */
export type RowReader = (input: RowInput) => object[];

export interface RowInput {
  readonly source: FieldSource;
  readonly starts: Uint32Array;
  readonly selection: Uint32Array | undefined;
  readonly length: number;
  /** By column of the view; undefined for those of the origin. */
  readonly overlays: readonly (Column | undefined)[];
}

/** A reader with its decoders still open, so that it is compiled once for all readings of the same form. */
type OpenReader = (input: RowInput, decoders: readonly Decode[]) => object[];

const compiled = new Map<string, OpenReader | undefined>();
const MAX_COMPILED = 256;

/** A reader for these columns of rows of this layout; undefined where code generation is off. */
export function rowReader(layout: CopyLayout, view: View): RowReader | undefined {
  const code = readerCode(layout, view);
  let read = compiled.get(code);
  if (read === undefined && !compiled.has(code)) {
    read = compile(code);
    if (compiled.size >= MAX_COMPILED) compiled.clear();
    compiled.set(code, read);
  }
  if (read === undefined) return undefined;
  const open = read;
  const decoders = layout.decoders.map(decoder => decoder.decode);
  return input => open(input, decoders);
}

function compile(code: string): OpenReader | undefined {
  try {
    return (new Function(code) as () => OpenReader)();
  } catch {
    return undefined;
  }
}

/** Bytes before a row's first field: the type, the length, the count of fields. */
const ROW_HEAD = 7;

/**
 * Goes from field to field, decodes those that the view shows and skips the others; then makes the object.
 */
function readerCode(layout: CopyLayout, view: View): string {
  const wanted = new Set(view.columns.flatMap(column => (isOverlay(column) ? [] : [column.index])));
  const last = Math.max(-1, ...wanted);
  const fields = layout.columns.slice(0, last + 1).map((_, i) => (wanted.has(i) ? readCode(layout, i) : SKIP));
  const { setup, record } = recordCode(view.columns.map(({ name }) => name));
  const values = view.columns.map((column, i) => (isOverlay(column) ? `o${i}.get(i)` : `v${column.index}`));
  return `${setup}
  return function read(input, decoders) {
    const { source, starts, selection, length, overlays } = input;
    const { bytes, view } = source;
    ${[...wanted].map(i => `const d${i} = decoders[${i}];`).join(' ')}
    ${view.columns.map((column, i) => (isOverlay(column) ? `const o${i} = overlays[${i}];` : '')).join('')}
    const rows = new Array(length);
    for (let i = 0; i < length; i++) {
      let at = starts[${view.selection === undefined ? 'i' : 'selection[i]'}] + ${ROW_HEAD};
      let length = 0;
      ${fields.join('\n')}
      rows[i] = ${record(values)};
    }
    return rows;
  };`;
}

const SKIP = 'length = view.getInt32(at); at += length > 0 ? length + 4 : 4;';

function readCode(layout: CopyLayout, index: number): string {
  const value = layout.decoders[index]?.inline ?? `d${index}(source, at, length)`;
  return `length = view.getInt32(at); at += 4; let v${index} = null; if (length >= 0) { v${index} = ${value}; at += length; }`;
}

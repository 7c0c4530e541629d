import type { View, ViewColumn } from '../../../core/batch/batch.ts';
import type { Column } from '../../../core/batch/column.ts';
import { sameType } from '../../../schema/types.ts';
import { fieldDecoder, type Wire, type WireColumn } from '../values/decode.ts';
import { digitWriter, type DigitWriter } from '../values/print-digits.ts';
import type { DecodeOptions, FieldDecoder } from '../values/field.ts';

/** A column as it stands in the rows of a COPY. */
export interface CopyColumn extends WireColumn {
  readonly wire: Wire;
  /** Another server reads its bytes as this one wrote them. */
  readonly isPortable: boolean;
}

/** What the rows of a COPY are made of; shared by all its batches. */
export class CopyLayout {
  readonly columns: readonly CopyColumn[];
  readonly options: DecodeOptions;
  readonly decoders: readonly FieldDecoder[];
  readonly digitWriters: readonly (DigitWriter | undefined)[];

  constructor(columns: readonly CopyColumn[], options: DecodeOptions) {
    this.columns = columns;
    this.options = options;
    this.decoders = columns.map(column => fieldDecoder(column, options));
    this.digitWriters = columns.map(({ type, wire }) => (wire === 'binary' ? digitWriter(type) : undefined));
  }

  /** Rows of both can stand in one batch. */
  isLike(other: CopyLayout): boolean {
    if (other === this) return true;
    const { columns, options } = other;
    if (columns.length !== this.columns.length || options.int8 !== this.options.int8 || options.numeric !== this.options.numeric)
      return false;
    return columns.every((column, i) => isSameColumn(column, this.columns[i] as CopyColumn));
  }

  /** True where the bytes of this column can go to another server as they are, as the type that the view has for it. */
  passes(column: ViewColumn & { readonly index: number }): boolean {
    const own = this.columns[column.index] as CopyColumn;
    return own.isPortable && own.wire === 'binary' && sameType(own.type, column.type, false);
  }
}

function isSameColumn(a: CopyColumn, b: CopyColumn): boolean {
  return (
    a.name === b.name && a.wire === b.wire && a.isPortable === b.isPortable && sameType(a.type, b.type) && a.type.domain === b.type.domain
  );
}

/** Where the values of a view's column come from. */
export function isOverlay(column: ViewColumn): column is ViewColumn & { readonly overlay: Column } {
  return 'overlay' in column;
}

/** Row numbers of the origin that a view shows: by its selection, or all. */
export function rowOf(view: View, row: number): number {
  return view.selection === undefined ? row : (view.selection[row] as number);
}

import type { Column } from '../../core/batch/column.ts';
import { textPrinter } from '../../schema/print.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { printOf } from '../print-column.ts';
import type { FieldWriter } from './field-writer.ts';

/** Writes the field of a row. */
export type CopyField = (out: ByteWriter, row: number) => void;

/** A column's values as fields: their bytes where the source has those, else as it prints them. */
export function fieldCopier(column: Column, writer: FieldWriter): CopyField {
  const { utf8 } = column;
  if (utf8 !== undefined) {
    return (out, row) => {
      const start = utf8.start(row);
      if (start < 0) writer.write(out, null);
      else writer.copy(out, utf8.bytes, start, utf8.end(row));
    };
  }
  const text = columnText(column);
  const print = writer.takesPrinted ? printOf(column) : undefined;
  if (print === undefined) return (out, row) => writer.write(out, text(row));
  return (out, row) => {
    const start = out.length;
    if (print(out, row) && !writer.isNull(out, start)) return;
    out.length = start;
    writer.write(out, text(row));
  };
}

/** The text of a column's values: as the source has it, else printed by its type. */
export function columnText(column: Column): (row: number) => string | null {
  if (column.text !== undefined) return row => (column.text as (row: number) => string | null)(row);
  const print = textPrinter(column.type);
  return row => {
    const value = column.get(row);
    return value === null || value === undefined ? null : print(value);
  };
}

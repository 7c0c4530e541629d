import { inColumn, MillraceError } from '../../../errors.ts';
import type { AnyBatch, AnyRow, RejectedRow } from '../../../core/define.ts';
import type { Column } from '../../../core/batch/column.ts';
import { ByteWriter } from '../values/byte-writer.ts';
import type { FieldWriter } from '../values/encode.ts';

/** How a column of a batch becomes a field. */
export interface ColumnEncoding {
  readonly name: string;
  readonly write: FieldWriter;
  /** Writes the source's own text (`column.text`), where a column has it: JSON keeps its blanks and its digits this way. */
  readonly writeText?: (out: ByteWriter, text: string) => void;
}

/** Rows as bytes, in the order of the batch without those that were refused. */
export interface EncodedRows {
  readonly chunk: Uint8Array;
  /** Rows in the chunk. */
  readonly rows: number;
  /** Ascending by index. */
  readonly rejected: readonly RejectedRow[];
  /** To be called when nobody has the chunk any more: its memory is used again. */
  readonly giveBack: () => void;
}

export type RowEncoder = (batch: AnyBatch) => EncodedRows;

/** What stands around the fields of a row. In generated code: statements over `out`, `start` and `column count`. */
export interface RowFrame {
  readonly begin: (out: ByteWriter) => void;
  readonly between: ((out: ByteWriter) => void) | undefined;
  readonly writeNull: (out: ByteWriter) => void;
  readonly finish: (out: ByteWriter, start: number) => void;
}

/**
 * Rows as binary COPY data: each one CopyData message (`d`, int32 length, int16 count of fields, the fields). Works on plain objects where the
 * batch has them, else column by column. A row with a value that cannot be written is left out and reported with its column.
 * Source: https://www.postgresql.org/docs/18/sql-copy.html, "Binary Format"
 */
export function rowEncoder(columns: readonly ColumnEncoding[]): RowEncoder {
  return framedEncoder(columns, {
    begin: out => {
      out.reserve(7);
      out.bytes[out.at] = 0x64;
      out.view.setInt16(out.at + 5, columns.length);
      out.at += 7;
    },
    between: undefined,
    writeNull: out => out.int32(-1),
    finish: (out, start) => out.view.setInt32(start + 1, out.at - start - 1),
  });
}

/** An encoder of rows in any frame. */
export function framedEncoder(columns: readonly ColumnEncoding[], frame: RowFrame): RowEncoder {
  const out = new ByteWriter();
  const ofRows = compile(columns, frame, 'rows');
  const ofColumns = compile(columns, frame, 'columns');
  return batch => {
    // What a batch before it left behind that ended in an error.
    out.at = 0;
    const rejected: RejectedRow[] = [];
    const failed = (index: number, thrown: unknown): void => {
      rejected.push(refusal(columns, batch, index, thrown));
    };
    if (batch.hasRows && !hasOwnText(columns, batch))
      ofRows(out, { values: batch.rows, writes: columns.map(column => column.write), length: batch.length }, failed);
    else ofColumns(out, { ...readersOf(columns, batch), length: batch.length }, failed);
    const chunk = out.take();
    let isGivenBack = false;
    const giveBack = (): void => {
      if (!isGivenBack) out.giveBack(chunk);
      isGivenBack = true;
    };
    return { chunk, rows: batch.length - rejected.length, rejected, giveBack };
  };
}

/** What was looked at as rows, and not changed, still has the text that it came as. */
function hasOwnText(columns: readonly ColumnEncoding[], batch: AnyBatch): boolean {
  return columns.some(({ name, writeText }) => writeText !== undefined && batch.column(name).text !== undefined);
}

interface Input {
  /** Rows, or a reader for each column. */
  readonly values: readonly unknown[];
  readonly writes: readonly FieldWriter[];
  readonly length: number;
}

interface Reader {
  get(row: number): unknown;
}

type Loop = (out: ByteWriter, input: Input, failed: (index: number, thrown: unknown) => void) => void;

function readersOf(columns: readonly ColumnEncoding[], batch: AnyBatch): { values: Reader[]; writes: FieldWriter[] } {
  const read = columns.map(({ name, write, writeText }): [Reader, FieldWriter] => {
    const column: Column = batch.column(name);
    if (writeText === undefined || column.text === undefined) return [column, write];
    return [{ get: row => (column.text as (row: number) => string | null)(row) }, writeText as FieldWriter];
  });
  return { values: read.map(([reader]) => reader), writes: read.map(([, write]) => write) };
}

/** A loop of straight code, in which every field has its own call site; a plain loop where code generation is off. */
function compile(columns: readonly ColumnEncoding[], frame: RowFrame, face: 'rows' | 'columns'): Loop {
  const value = (i: number): string => (face === 'rows' ? `row[${JSON.stringify(columns[i]?.name)}]` : `c${i}.get(i)`);
  const each = (text: (i: number) => string): string => columns.map((_, i) => text(i)).join('\n');
  const code = `
    return function encode(out, input, failed) {
      const { values, writes, length } = input;
      ${each(i => `const w${i} = writes[${i}];${face === 'columns' ? ` const c${i} = values[${i}];` : ''}`)}
      let value;
      for (let i = 0; i < length; i++) {
        const start = out.at;
        try {
          ${face === 'rows' ? 'const row = values[i];' : ''}
          begin(out);
          ${each(i => `${i > 0 && frame.between !== undefined ? 'between(out);' : ''} value = ${value(i)}; if (value === null || value === undefined) writeNull(out); else w${i}(out, value);`)}
          finish(out, start);
        } catch (error) {
          out.at = start;
          failed(i, error);
        }
      }
    };`;
  try {
    const make = new Function('begin', 'between', 'writeNull', 'finish', code) as (...parts: unknown[]) => Loop;
    return make(frame.begin, frame.between, frame.writeNull, frame.finish);
  } catch {
    return plainLoop(columns, frame, face);
  }
}

function plainLoop(columns: readonly ColumnEncoding[], frame: RowFrame, face: 'rows' | 'columns'): Loop {
  return (out, { values, writes, length }, failed) => {
    for (let i = 0; i < length; i++) {
      const start = out.at;
      try {
        frame.begin(out);
        for (let c = 0; c < columns.length; c++) {
          if (c > 0) frame.between?.(out);
          const value = face === 'rows' ? (values[i] as AnyRow)[(columns[c] as ColumnEncoding).name] : (values[c] as Reader).get(i);
          if (value === null || value === undefined) frame.writeNull(out);
          else (writes[c] as FieldWriter)(out, value);
        }
        frame.finish(out, start);
      } catch (error) {
        out.at = start;
        failed(i, error);
      }
    }
  };
}

/** Which column it was is found by trying them one by one: the loop itself pays nothing for it. */
function refusal(columns: readonly ColumnEncoding[], batch: AnyBatch, index: number, thrown: unknown): RejectedRow {
  const { values, writes } = readersOf(columns, batch);
  const scratch = new ByteWriter(64);
  for (const [c, column] of columns.entries()) {
    try {
      const value = (values[c] as Reader).get(index);
      if (value !== null && value !== undefined) (writes[c] as FieldWriter)(scratch, value);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      return { index, code: error.code, reason: inColumn(error, column.name).message };
    }
  }
  throw thrown;
}

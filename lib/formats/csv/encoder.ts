import type { AnyBatch, RejectedRow } from '../../core/define.ts';
import { inColumn, MillraceError } from '../../errors.ts';
import type { Schema } from '../../schema/schema.ts';
import type { CheckText, Encoded, Encoder } from '../format.ts';
import { ByteWriter } from '../byte-writer.ts';
import { type CopyField, fieldCopier } from './copy-field.ts';
import { type FieldWriter, fieldWriter } from './field-writer.ts';
import { type CsvOptions, isPlain, list } from './options.ts';

/**
 * Batches into CSV or TSV of this dialect, in UTF-8 (`check` refuses what another encoding lacks): a header line where `headers` is true, null
 * as `nullText`, '' as `""`, values as the value table prints them, quotes only where they are needed. Bytes that are of the same dialect
 * already are written as they are. A row with a value that has no text is rejected with that error's code (VALUE_INVALID, VALUE_NOT_CARRIED:
 * also text with a lone surrogate). OPTION_INVALID for quotes of several
 * characters (a text that ends in a part of one could not be read again); COLUMN_UNKNOWN for a batch without a column of the schema.
 */
export function csvEncoder(options: CsvOptions, schema: Schema, check?: CheckText): Encoder {
  const long = [options.quote, options.escape].find(sign => typeof sign === 'string' && [...sign].length > 1);
  if (long !== undefined)
    throw new MillraceError('OPTION_INVALID', `${JSON.stringify(long)}: CSV is written with quotes and escapes of one character only`);
  const writer = fieldWriter(options);
  const passesBytes = check === undefined && isPlain(options) && list(options.delimiter)[0] === ',';
  const out = new ByteWriter();
  return {
    start: fresh => (fresh && options.headers === true ? [headerLine(schema, writer, check)] : []),
    encode(batch) {
      const bytes = passesBytes && sameColumns(batch.schema, schema) ? batch.encoded('csv') : undefined;
      if (bytes !== undefined) return { chunks: bytes, rejected: [] };
      out.restart();
      return encodeRows(batch, schema.names, { writer, check, out });
    },
    end: () => [],
  };
}

function headerLine(schema: Schema, writer: FieldWriter, check: CheckText | undefined): Uint8Array {
  const out = new ByteWriter(256);
  for (const [i, name] of schema.names.entries()) {
    if (i > 0) writer.delimiter(out);
    const start = out.length;
    writer.write(out, name);
    try {
      check?.(out.bytes, start, out.length);
    } catch (thrown) {
      throw thrown instanceof MillraceError ? inColumn(thrown, name) : thrown;
    }
  }
  writer.recordEnd(out);
  return out.taken();
}

function sameColumns(a: Schema, b: Schema): boolean {
  return a === b || (a.fields.length === b.fields.length && a.fields.every((field, i) => field.name === b.fields[i]?.name));
}

interface Encoding {
  readonly writer: FieldWriter;
  readonly check: CheckText | undefined;
  readonly out: ByteWriter;
}

function encodeRows(batch: AnyBatch, names: readonly string[], { writer, check, out }: Encoding): Encoded {
  const fields = names.map(name => checkedField(fieldCopier(batch.column(name), writer), check));
  const rejected: RejectedRow[] = [];
  const width = fields.length;
  for (let row = 0; row < batch.length; row++) {
    const start = out.length;
    let column = 0;
    try {
      for (; column < width; column++) {
        if (column > 0) writer.delimiter(out);
        (fields[column] as CopyField)(out, row);
      }
      writer.recordEnd(out);
    } catch (thrown) {
      out.length = start;
      rejected.push(rejectedRow(thrown, row, names[column] as string));
    }
  }
  return { chunks: out.length === 0 ? [] : [out.taken()], rejected };
}

function checkedField(copy: CopyField, check: CheckText | undefined): CopyField {
  if (check === undefined) return copy;
  return (out, row) => {
    const start = out.length;
    copy(out, row);
    check(out.bytes, start, out.length);
  };
}

/** Only errors of values are a row's own; a fault of the program stops the run. */
function rejectedRow(thrown: unknown, index: number, column: string): RejectedRow {
  if (!(thrown instanceof MillraceError)) throw thrown;
  return { index, code: thrown.code, reason: inColumn(thrown, column).message };
}

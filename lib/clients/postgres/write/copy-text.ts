import type { Printer } from '../../../schema/print.ts';
import type { ByteWriter } from '../values/byte-writer.ts';
import { type ColumnEncoding, framedEncoder, type RowEncoder } from './encode-rows.ts';
import type { FieldWriter } from '../values/encode.ts';

const TAB = 0x09;
const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;
const CAPITAL_N = 0x4e;

/**
 * Rows as COPY text: one line a row, tabs between fields, `\N` for NULL. Not in CopyData messages yet (`dataFrame`).
 * Source: https://www.postgresql.org/docs/18/sql-copy.html, "Text Format"
 */
export function textRowEncoder(columns: readonly ColumnEncoding[]): RowEncoder {
  return framedEncoder(columns, {
    begin: () => undefined,
    between: out => out.int8(TAB),
    writeNull: out => {
      out.int8(BACKSLASH);
      out.int8(CAPITAL_N);
    },
    finish: out => out.int8(NEWLINE),
  });
}

/** The text of a value, escaped. */
export function textFieldWriter(print: Printer): FieldWriter {
  return (out, value) => writeEscaped(out, print(value));
}

/** VALUE_NOT_CARRIED for NUL and lone surrogates. */
export function writeEscaped(out: ByteWriter, text: string): void {
  out.text(NEEDS_ESCAPE.test(text) ? text.replace(ESCAPED, char => ESCAPES[char] as string) : text);
}

const NEEDS_ESCAPE = /[\\\b\f\n\r\t\v]/;
const ESCAPED = /[\\\b\f\n\r\t\v]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** The five bytes that make what follows one CopyData message: on the way in it need not be one row. */
export function dataHeader(length: number): Uint8Array {
  const header = new Uint8Array(5);
  header[0] = 0x64;
  new DataView(header.buffer).setInt32(1, length + 4);
  return header;
}

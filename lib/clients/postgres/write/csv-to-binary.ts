import type { DataType } from '../../../schema/types.ts';
import { FIELD_OVERHEAD, fieldForm, type FieldForm, type FieldOutput } from './field-text.ts';

const COMMA = 44;
const LF = 10;
const QUOTE = 34;

/**
 * Records of CSV as COPY takes them (commas, LF, no header) as the rows of a binary COPY, not in CopyData messages yet; undefined where one has a
 * field that only the server can judge. `rows` is their number.
 */
export type CsvToBinary = (chunks: readonly Uint8Array[], rows: number) => Uint8Array | undefined;

/** For columns of these types; undefined where the text of one can be read by the server only. */
export function csvToBinary(types: readonly DataType[]): CsvToBinary | undefined {
  const forms = types.map(fieldForm).filter((form): form is FieldForm => form !== undefined);
  if (forms.length === 0 || forms.length < types.length) return undefined;
  const fields = forms.map((form, i) => fieldWriter(form, i === forms.length - 1 ? LF : COMMA));
  return (chunks, rows) => {
    const bytes = Buffer.allocUnsafeSlow(
      chunks.reduce((sum, chunk) => sum + chunk.length, 0) + rows * (2 + fields.length * FIELD_OVERHEAD) + FIELD_OVERHEAD,
    );
    const out = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 0 };
    for (const chunk of chunks)
      if (!writeRows(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength), fields, out)) return undefined;
    return bytes.subarray(0, out.at);
  };
}

/** Writes the field that begins at `at`, and gives the place behind its delimiter; -1 where it cannot. */
type WriteField = (input: Buffer, at: number, out: FieldOutput) => number;

function writeRows(input: Buffer, fields: readonly WriteField[], out: FieldOutput): boolean {
  const width = fields.length;
  for (let at = 0; at < input.length;) {
    out.view.setInt16(out.at, width);
    out.at += 2;
    for (let c = 0; c < width; c++) {
      at = (fields[c] as WriteField)(input, at, out);
      if (at < 0) return false;
    }
  }
  return true;
}

/** An unquoted field of nothing is NULL. */
function fieldWriter(form: FieldForm, behind: number): WriteField {
  if ('prefix' in form) return textWriter(form.prefix, behind);
  const { read } = form;
  return (input, at, out) => {
    const first = input[at] as number;
    if (first === behind) {
      out.view.setInt32(out.at, -1);
      out.at += 4;
      return at + 1;
    }
    if (first === QUOTE) {
      const end = read(input, at + 1, out);
      return end >= 0 && input[end] === QUOTE && input[end + 1] === behind ? end + 2 : -1;
    }
    const end = read(input, at, out);
    return end >= 0 && input[end] === behind ? end + 1 : -1;
  };
}

function textWriter(prefix: Uint8Array, behind: number): WriteField {
  return (input, at, out) => {
    const { bytes } = out;
    const start = out.at;
    let byte = input[at] as number;
    if (byte === behind) {
      out.view.setInt32(start, -1);
      out.at = start + 4;
      return at + 1;
    }
    let to = start + 4;
    for (let i = 0; i < prefix.length; i++) bytes[to++] = prefix[i] as number;
    let i = at;
    if (byte === QUOTE) {
      // Two quotes are one of the text's; one ends it.
      for (;;) {
        byte = input[++i] as number;
        if (byte === QUOTE && input[++i] !== QUOTE) break;
        bytes[to++] = byte;
      }
      if (input[i] !== behind) return -1;
    } else {
      for (; byte !== behind; byte = input[++i] as number) bytes[to++] = byte;
    }
    out.view.setInt32(start, to - start - 4);
    out.at = to;
    return i + 1;
  };
}

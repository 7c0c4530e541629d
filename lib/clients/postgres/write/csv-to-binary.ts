import type { DataType } from '../../../schema/types.ts';
import { LIST_GROWTH } from './field-text-lists.ts';
import { FIELD_OVERHEAD, fieldForm, type FieldForm, type FieldOutput, type FieldReader } from './field-text.ts';

const COMMA = 44;
const LF = 10;
const QUOTE = 34;
/** More bytes than that, where room is needed for many times as many, are the server's. */
const LONGEST_WITH_LISTS = 16 * 1024 * 1024;

/**
 * Records of CSV as COPY takes them (commas, LF, no header) as the rows of a binary COPY, not in CopyData messages yet; undefined where one has a
 * field that only the server can judge. `rows` is their number.
 */
export type CsvToBinary = (chunks: readonly Uint8Array[], rows: number) => Uint8Array | undefined;

/** For columns of these types; undefined where the text of one can be read by the server only. */
export function csvToBinary(types: readonly DataType[]): CsvToBinary | undefined {
  const forms = types.map(fieldForm).filter((form): form is FieldForm => form !== undefined);
  if (forms.length === 0 || forms.length < types.length) return undefined;
  const growth = forms.some(form => 'isList' in form) ? LIST_GROWTH : 1;
  const fields = forms.map((form, i) => fieldWriter(form, i === forms.length - 1 ? LF : COMMA));
  return (chunks, rows) => {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (growth > 1 && length > LONGEST_WITH_LISTS) return undefined;
    const bytes = Buffer.allocUnsafeSlow(length * growth + rows * (2 + fields.length * FIELD_OVERHEAD) + FIELD_OVERHEAD);
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
  if (form.isList === true) return listWriter(form.read, behind);
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

/** Two quotes are one of the list's: it is read without those of CSV. */
function listWriter(read: FieldReader, behind: number): WriteField {
  let scratch = Buffer.allocUnsafeSlow(1024);
  return (input, at, out) => {
    if (input[at] === behind) {
      out.view.setInt32(out.at, -1);
      out.at += 4;
      return at + 1;
    }
    const isQuoted = input[at] === QUOTE;
    let i = isQuoted ? at + 1 : at;
    let length = 0;
    for (; ; i++) {
      const byte = input[i];
      if (byte === undefined) return -1;
      if (isQuoted ? byte === QUOTE && input[++i] !== QUOTE : byte === behind) break;
      if (!isQuoted && byte === QUOTE) return -1;
      if (length + 1 >= scratch.length) scratch = Buffer.concat([scratch], scratch.length * 2);
      scratch[length++] = byte;
    }
    scratch[length] = 0;
    return input[i] === behind && read(scratch, 0, out) === length ? i + 1 : -1;
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

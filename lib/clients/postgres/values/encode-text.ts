import { MillraceError } from '../../../errors.ts';
import { bytesOfText, invalid } from '../../../schema/print.ts';
import { type DataType, typeName } from '../../../schema/types.ts';
import { printJson } from '../../../values/json.ts';
import type { FieldWriter } from './encode.ts';

export function boolWriter(type: DataType): FieldWriter {
  return (out, value) => {
    const isTrue = value === true || value === 'true';
    if (!isTrue && value !== false && value !== 'false') invalid(type);
    out.int32(1);
    out.int8(isTrue ? 1 : 0);
  };
}

/** text, varchar and bpchar. The server cuts blanks off what is too long for varchar(n): here that is refused. */
export function textWriter(type: DataType): FieldWriter {
  const { length } = type;
  if (length === undefined) {
    return (out, value) => {
      if (typeof value !== 'string') invalid(type);
      out.textField(value);
    };
  }
  return (out, value) => {
    if (typeof value !== 'string') invalid(type);
    if (value.length > length && charactersOf(value) > length) tooLong(type);
    out.textField(value);
  };
}

/** VALUE_NOT_CARRIED for a text of more characters than the type has. */
export function tooLong(type: DataType): never {
  throw new MillraceError('VALUE_NOT_CARRIED', `a text has more characters than type ${typeName(type)} holds`);
}

/** Code points, as the server counts. */
export function charactersOf(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    const char = text.charCodeAt(i);
    if (char >= 0xd800 && char < 0xdc00) count--;
  }
  return count;
}

export function enumWriter(type: DataType): FieldWriter {
  const labels = type.labels === undefined ? undefined : new Set(type.labels);
  return (out, value) => {
    if (typeof value !== 'string' || labels?.has(value) === false) invalid(type);
    out.textField(value);
  };
}

const UUID = /^\{?[0-9a-f]{4}(?:-?[0-9a-f]{4}){7}\}?$/i;

export function uuidWriter(type: DataType): FieldWriter {
  return (out, value) => {
    if (typeof value !== 'string') invalid(type);
    out.reserve(20);
    out.view.setInt32(out.at, 16);
    const { bytes, at } = out;
    if (value.length !== 36 || !writeHex(value, bytes, at + 4)) {
      if (!UUID.test(value) || value.startsWith('{') !== value.endsWith('}')) invalid(type);
      writeHex(value.replace(/[{}]/g, ''), bytes, at + 4);
    }
    out.at = at + 20;
  };
}

/** 32 hex digits with hyphens anywhere (the server takes them after any group of four) as 16 bytes; false when that is not what is there. */
function writeHex(text: string, bytes: Uint8Array, start: number): boolean {
  let nibbles = 0;
  let high = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === 45) {
      if (nibbles % 4 !== 0 || nibbles === 0 || nibbles === 32 || text.charCodeAt(i - 1) === 45) return false;
      continue;
    }
    const digit = char <= 57 ? char - 48 : (char | 32) - 87;
    if (digit < 0 || digit > 15 || (char > 57 && digit < 10) || nibbles === 32) return false;
    if (nibbles % 2 === 0) high = digit << 4;
    else bytes[start + (nibbles >> 1)] = high | digit;
    nibbles++;
  }
  return nibbles === 32;
}

/** Bytes, or their text: `\x` and hexadecimal digits, or base64. */
export function byteaWriter(type: DataType): FieldWriter {
  return (out, value) => {
    if (value instanceof Uint8Array) {
      out.int32(value.length);
      out.raw(value);
      return;
    }
    const bytes = typeof value === 'string' ? bytesOfText(value) : undefined;
    if (bytes === undefined) invalid(type);
    out.int32(bytes.length);
    out.raw(bytes);
  };
}

export function jsonWriter(): FieldWriter {
  return (out, value) => out.textField(printJson(value));
}

/** One version byte, then the text. */
export function jsonbWriter(): FieldWriter {
  return (out, value) => {
    const start = out.at;
    out.int32(0);
    out.int8(1);
    out.text(printJson(value));
    out.view.setInt32(start, out.at - start - 4);
  };
}

import { JsonNull, parseJson, parseShortNumbers } from '../../../values/json.ts';
import type { TextBuffer } from '../../../values/text-buffer.ts';
import type { DecodeText, FieldDecoder, FieldSource } from './field.ts';

/** Up to so many bytes a string made in JavaScript is cheaper than a call into C++. */
const SHORT_TEXT = 16;

/** UTF-8. A string of its own: one cut out of a longer one would keep all of that in memory. */
export const decodeText: DecodeText = ({ bytes }, at, length) => {
  if (length > SHORT_TEXT) return bytes.utf8Slice(at, at + length);
  const end = at + length;
  let text = '';
  let i = at;
  for (; i + 4 <= end; i += 4) {
    const a = bytes[i] as number;
    const b = bytes[i + 1] as number;
    const c = bytes[i + 2] as number;
    const d = bytes[i + 3] as number;
    if ((a | b | c | d) > 127) return bytes.utf8Slice(at, end);
    text += String.fromCharCode(a, b, c, d);
  }
  for (; i < end; i++) {
    const a = bytes[i] as number;
    if (a > 127) return bytes.utf8Slice(at, end);
    text += String.fromCharCode(a);
  }
  return text;
};

export const textDecoder: FieldDecoder = { decode: decodeText, text: decodeText, textFrom: 0 };

export const jsonDecoder: FieldDecoder = {
  decode: (source, at, length) => jsonValue(decodeText(source, at, length)),
  text: decodeText,
  textFrom: 0,
};

/** A byte with the version of the form stands before the text. */
export const jsonbDecoder: FieldDecoder = {
  decode: (source, at, length) => {
    const text = decodeText(source, at + 1, length - 1);
    return (mayHaveLongNumber(source.bytes, at + 1, at + length) ? parseJson(text) : parseShortNumbers(text)) ?? JsonNull;
  },
  text: (source, at, length) => decodeText(source, at + 1, length - 1),
  textFrom: 1,
};

const ZERO = 48;
const NINE = 57;
const DOT = 46;
/** Fewer digits (and dots) in a row are no number that a double does not carry: jsonb has no exponents. */
const LONG_NUMBER = 16;

/** Of so many in a row one stands where this looks. */
function mayHaveLongNumber(bytes: TextBuffer, start: number, end: number): boolean {
  for (let at = start + LONG_NUMBER - 1; at < end; at += LONG_NUMBER) {
    const byte = bytes[at] as number;
    if (byte <= NINE && (byte >= ZERO || byte === DOT)) return true;
  }
  return false;
}

/** JSON's null is a value, SQL's NULL is none. */
function jsonValue(text: string): unknown {
  return parseJson(text) ?? JsonNull;
}

/** A copy: a view would keep the whole batch in memory. */
export const byteaDecoder: FieldDecoder = {
  decode: ({ bytes }, at, length) => Buffer.from(bytes.subarray(at, at + length)),
  text: hexText,
};

function hexText({ bytes }: FieldSource, at: number, length: number): string {
  return `\\x${bytes.hexSlice(at, at + length)}`;
}

const HEX = Buffer.from('0123456789abcdef');
const uuid = Buffer.alloc(36, '-') as TextBuffer;

const decodeUuid: DecodeText = ({ bytes }, at) => {
  let to = 0;
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + i] as number;
    if (i === 4 || i === 6 || i === 8 || i === 10) to++;
    uuid[to++] = HEX[byte >> 4] as number;
    uuid[to++] = HEX[byte & 15] as number;
  }
  return uuid.latin1Slice(0, 36);
};

export const uuidDecoder: FieldDecoder = { decode: decodeUuid, text: decodeUuid };

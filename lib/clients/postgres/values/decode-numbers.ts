import { MillraceError } from '../../../errors.ts';
import type { DecodeOptions, DecodeText, FieldDecoder } from './field.ts';

const TWO_TO_32 = 4_294_967_296;

export const boolDecoder: FieldDecoder = {
  decode: ({ bytes }, at) => bytes[at] === 1,
  inline: 'bytes[at] === 1',
  text: ({ bytes }, at) => (bytes[at] === 1 ? 'true' : 'false'),
};

export const int2Decoder: FieldDecoder = { decode: ({ view }, at) => view.getInt16(at), inline: 'view.getInt16(at)' };
export const int4Decoder: FieldDecoder = { decode: ({ view }, at) => view.getInt32(at), inline: 'view.getInt32(at)' };
export const oidDecoder: FieldDecoder = { decode: ({ view }, at) => view.getUint32(at), inline: 'view.getUint32(at)' };
export const float8Decoder: FieldDecoder = { decode: ({ view }, at) => view.getFloat64(at), inline: 'view.getFloat64(at)' };

export const float4Decoder: FieldDecoder = { decode: ({ view }, at) => shortest(view.getFloat32(at)) };

/** The double that has the float's shortest digits: 0.1, not 0.10000000149011612. */
export function shortest(float: number): number {
  if (Number.isInteger(float) && Math.abs(float) <= 16_777_216) return float;
  // Of decimals with at most six digits only one rounds to a float, so the first that does is the shortest.
  for (let scale = 10; scale <= 1e6; scale *= 10) {
    const units = Math.round(float * scale);
    if (Math.abs(units) >= 1e6) break;
    if (Math.fround(units / scale) === float) return units / scale;
  }
  if (!Number.isFinite(float)) return float;
  for (let digits = 1; digits < 9; digits++) {
    const shorter = Number(float.toPrecision(digits));
    if (Math.fround(shorter) === float) return shorter;
  }
  return Number(float.toPrecision(9));
}

const int8Text: DecodeText = ({ view }, at) => {
  const high = view.getInt32(at);
  const number = high * TWO_TO_32 + view.getUint32(at + 4);
  return Number.isSafeInteger(number) ? String(number) : String(view.getBigInt64(at));
};

export function int8Decoder(options: DecodeOptions, column: string): FieldDecoder {
  if (options.int8 === 'bigint') return { decode: ({ view }, at) => view.getBigInt64(at), inline: 'view.getBigInt64(at)', text: int8Text };
  return {
    text: int8Text,
    decode: ({ view }, at) => {
      const number = view.getInt32(at) * TWO_TO_32 + view.getUint32(at + 4);
      if (number <= Number.MAX_SAFE_INTEGER && number >= Number.MIN_SAFE_INTEGER) return number;
      throw new MillraceError(
        'VALUE_INVALID',
        `column ${JSON.stringify(column)}: an int8 lies beyond 2^53, which a number does not carry exactly; read it with int8: 'bigint'`,
      );
    },
  };
}

const NAN = 0xc000;
const INFINITE = 0xd000;
const NEGATIVE_INFINITE = 0xf000;
const NEGATIVE = 0x4000;
/** `0000` to `9999`: a numeric's digits come in groups of four. */
const GROUPS = Array.from({ length: 10_000 }, (_, i) => String(i).padStart(4, '0'));

/** The most digits behind the point that lie in one group. */
const GROUP_DIGITS = 4;
/** Whole groups of which a number is made without loss. */
const WHOLE_GROUPS = 3;
const POWERS = [1, 10, 100, 1000, 10_000];
/** By scale: the point and the digits behind it. */
const fractions: (readonly string[])[] = [];

/** `.07` of the group 700 at scale 2. */
function fractionOf(group: number, scale: number): string {
  if (scale === 0) return '';
  const texts = (fractions[scale] ??= Array.from(
    { length: POWERS[scale] as number },
    (_, digits) => `.${String(digits).padStart(scale, '0')}`,
  ));
  return texts[Math.floor(group / (POWERS[GROUP_DIGITS - scale] as number))] as string;
}

/**
 * All digits, the zeros of the scale included, as PostgreSQL prints them.
 * Source: numeric_send and get_str_from_var of src/backend/utils/adt/numeric.c: int16 count of groups, weight of the first, sign, scale; groups
 */
export const numericText: DecodeText = ({ view }, at) => {
  const count = view.getInt16(at);
  const weight = view.getInt16(at + 2);
  const sign = view.getUint16(at + 4);
  const scale = view.getUint16(at + 6);
  if (sign >= NAN) return notFinite(sign);
  const groups = at + 8;
  if (scale <= GROUP_DIGITS && weight >= 0 && weight < WHOLE_GROUPS) {
    let whole = 0;
    for (let i = 0; i <= weight; i++) whole = whole * 10_000 + (i < count ? view.getInt16(groups + 2 * i) : 0);
    const fraction = fractionOf(weight + 1 < count ? view.getInt16(groups + 2 * weight + 2) : 0, scale);
    return sign === NEGATIVE ? `-${whole}${fraction}` : `${whole}${fraction}`;
  }
  let text = sign === NEGATIVE ? '-' : '';
  if (weight < 0) text += '0';
  for (let i = 0; i <= weight; i++) {
    const group = i < count ? view.getInt16(groups + 2 * i) : 0;
    text += i === 0 ? String(group) : (GROUPS[group] as string);
  }
  if (scale === 0) return text;
  text += '.';
  let left = scale;
  for (let i = weight + 1; left > 0; i++, left -= 4) {
    const group = GROUPS[i >= 0 && i < count ? view.getInt16(groups + 2 * i) : 0] as string;
    text += left >= 4 ? group : group.slice(0, left);
  }
  return text;
};

function notFinite(sign: number): string {
  if (sign === NAN) return 'NaN';
  return sign === INFINITE ? 'Infinity' : sign === NEGATIVE_INFINITE ? '-Infinity' : 'NaN';
}

export function numericDecoder({ numeric }: DecodeOptions): FieldDecoder {
  if (numeric === 'text') return { decode: numericText, text: numericText };
  return { decode: (source, at, length) => Number(numericText(source, at, length)), text: numericText };
}

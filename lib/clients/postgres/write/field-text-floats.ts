import type { FieldReader } from './field-text.ts';

const MINUS = 45;
const PLUS = 43;
const DOT = 46;
const ZERO = 48;
/** Whole numbers of so many digits are exact in a double. */
const EXACT_DIGITS = 15;
const POWERS = Array.from({ length: 23 }, (_, i) => 10 ** i);
const LONGEST_FLOAT = 64;
/** Below these the server may say that the number is out of range. */
const LEAST_NORMAL = 2.2250738585072014e-308;
const LEAST_NORMAL_FLOAT4 = 2 ** -126;

/** Digits with or without a point and an exponent: the nearest double, as strtod has it. NaN, Infinity and -Infinity. */
export const float8Reader: FieldReader = (input, at, out) => {
  const value = readNumber(input, at);
  if (end < 0) return -1;
  out.view.setInt32(out.at, 8);
  out.view.setFloat64(out.at + 4, value);
  out.at += 12;
  return end;
};

/** The same, as strtof has it. */
export const float4Reader: FieldReader = (input, at, out) => {
  const value = readNumber(input, at);
  const size = Math.abs(value);
  if (end < 0 || (size !== 0 && size < LEAST_NORMAL_FLOAT4)) return -1;
  const { view } = out;
  view.setInt32(out.at, 4);
  if (Number.isFinite(value)) {
    // A double in the very middle of two floats may be one that a text a little above or below it was rounded to.
    view.setFloat64(out.at + 4, value);
    if ((view.getInt32(out.at + 8) & BELOW_FLOAT4) === MIDDLE || Math.fround(size) === Infinity) return -1;
  }
  view.setFloat32(out.at + 4, value);
  out.at += 8;
  return end;
};

/** The bits of a double that a float has not, and of these the highest. */
const BELOW_FLOAT4 = 0x1fffffff;
const MIDDLE = 0x10000000;

/** Behind what `readNumber` has read; -1 where it knows it not, or no double has it. */
let end = -1;

function readNumber(input: Buffer, at: number): number {
  const isNegative = input[at] === MINUS;
  const first = isNegative ? at + 1 : at;
  let i = first;
  let mantissa = 0;
  for (let digit = (input[i] as number) - ZERO; digit >= 0 && digit <= 9; digit = (input[++i] as number) - ZERO)
    mantissa = mantissa * 10 + digit;
  if (i === first) return readWord(input, first, isNegative);
  let digits = i - first;
  let fraction = 0;
  if (input[i] === DOT) {
    const point = ++i;
    for (let digit = (input[i] as number) - ZERO; digit >= 0 && digit <= 9; digit = (input[++i] as number) - ZERO)
      mantissa = mantissa * 10 + digit;
    fraction = i - point;
    digits += fraction;
    if (fraction === 0) return (end = -1);
  }
  let value: number;
  if (((input[i] as number) | 32) === 101) {
    i++;
    if (input[i] === MINUS || input[i] === PLUS) i++;
    const exponent = i;
    while ((input[i] as number) >= ZERO && (input[i] as number) <= 57) i++;
    if (i === exponent) return (end = -1);
    value = slowly(input, first, i);
  } else value = digits <= EXACT_DIGITS && fraction <= 22 ? mantissa / (POWERS[fraction] as number) : slowly(input, first, i);
  // NaN: too long, or nothing that a double has.
  end = Number.isNaN(value) ? -1 : i;
  return isNegative ? -value : value;
}

const NOT_A_NUMBER = Buffer.from('NaN');
const INFINITE = Buffer.from('Infinity');

/** As the server prints them. */
function readWord(input: Uint8Array, first: number, isNegative: boolean): number {
  end = -1;
  const isInfinite = input[first] === INFINITE[0];
  const word = isInfinite ? INFINITE : NOT_A_NUMBER;
  for (let i = 0; i < word.length; i++) if (input[first + i] !== word[i]) return NaN;
  if (!isInfinite && isNegative) return NaN;
  end = first + word.length;
  return isInfinite ? (isNegative ? -Infinity : Infinity) : NaN;
}

function slowly(input: Buffer, start: number, behind: number): number {
  if (behind - start > LONGEST_FLOAT) return NaN;
  const value = Number(input.toString('latin1', start, behind));
  return Number.isFinite(value) && value >= LEAST_NORMAL ? value : NaN;
}

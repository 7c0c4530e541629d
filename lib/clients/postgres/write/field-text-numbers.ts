import type { FieldReader } from './field-text.ts';

const MINUS = 45;
const DOT = 46;
const ZERO = 48;
/** Whole numbers of so many digits are exact in a double, and fit an int8. */
const EXACT_DIGITS = 15;
const TWO_TO_32 = 4_294_967_296;

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= 57;
}

/** Digits with or without a minus. */
export const int2Reader: FieldReader = (input, at, out) => {
  const isNegative = input[at] === MINUS;
  const first = isNegative ? at + 1 : at;
  let i = first;
  let value = 0;
  for (let digit = (input[i] as number) - ZERO; digit >= 0 && digit <= 9; digit = (input[++i] as number) - ZERO) value = value * 10 + digit;
  if (i === first || i - first > 4) return -1;
  out.view.setInt32(out.at, 2);
  out.view.setInt16(out.at + 4, isNegative ? -value : value);
  out.at += 6;
  return i;
};

export const int4Reader: FieldReader = (input, at, out) => {
  const isNegative = input[at] === MINUS;
  const first = isNegative ? at + 1 : at;
  let i = first;
  let value = 0;
  for (let digit = (input[i] as number) - ZERO; digit >= 0 && digit <= 9; digit = (input[++i] as number) - ZERO) value = value * 10 + digit;
  if (i === first || i - first > 10 || value > 2_147_483_647) return -1;
  out.view.setInt32(out.at, 4);
  out.view.setInt32(out.at + 4, isNegative ? -value : value);
  out.at += 8;
  return i;
};

export const int8Reader: FieldReader = (input, at, out) => {
  const isNegative = input[at] === MINUS;
  const first = isNegative ? at + 1 : at;
  let i = first;
  let value = 0;
  for (let digit = (input[i] as number) - ZERO; digit >= 0 && digit <= 9; digit = (input[++i] as number) - ZERO) value = value * 10 + digit;
  if (i === first || i - first > EXACT_DIGITS) return -1;
  if (isNegative) value = -value;
  out.view.setInt32(out.at, 8);
  out.view.setInt32(out.at + 4, Math.floor(value / TWO_TO_32));
  out.view.setInt32(out.at + 8, value >>> 0);
  out.at += 12;
  return i;
};

const MAX_OID = 4_294_967_295;

/** Digits without a zero before them: what that would mean differs between servers. */
export const oidReader: FieldReader = (input, at, out) => {
  let i = at;
  let value = 0;
  for (let digit = (input[i] as number) - ZERO; digit >= 0 && digit <= 9; digit = (input[++i] as number) - ZERO) value = value * 10 + digit;
  if (i === at || i - at > 10 || value > MAX_OID || (input[at] === ZERO && i - at > 1)) return -1;
  out.view.setInt32(out.at, 4);
  out.view.setUint32(out.at + 4, value);
  out.at += 8;
  return i;
};

const POSITIVE = 0x0000;
const NEGATIVE = 0x4000;
/** Digits before the point, and behind it. Longer ones are for the server. */
const MOST_DIGITS = 32;

/** Digits with or without a point, exactly, with as many behind the point as stand there. A declared scale is the server's to keep, as of text. */
export const numericReader: FieldReader = (input, at, out) => {
  const isNegative = input[at] === MINUS;
  const first = isNegative ? at + 1 : at;
  let i = first;
  while (isDigit(input[i])) i++;
  const whole = i;
  if (whole === first || whole - first > MOST_DIGITS) return -1;
  let end = whole;
  if (input[i] === DOT) {
    i++;
    while (isDigit(input[i])) i++;
    if (i === whole + 1 || i - whole > MOST_DIGITS) return -1;
    end = i;
  }
  const start = out.at;
  const { view } = out;
  const scale = end === whole ? 0 : end - whole - 1;
  const wholeGroups = (whole - first + 3) >> 2;
  const allGroups = wholeGroups + ((scale + 3) >> 2);
  let weight = wholeGroups - 1;
  let to = start + 12;
  // Behind the last group that is not zero: no others are written.
  let last = to;
  // The first group has what is left over of the digits before the point; the last one is filled up with zeros.
  let digit = first;
  let next = whole - (wholeGroups - 1) * 4;
  for (let g = 0; g < allGroups; g++, next += 4) {
    if (g === wholeGroups) {
      digit++;
      next++;
    }
    let group = 0;
    for (; digit < next; digit++) group = group * 10 + (digit < end ? (input[digit] as number) - ZERO : 0);
    if (group === 0 && to === start + 12) weight--;
    else {
      view.setInt16(to, group);
      to += 2;
      if (group !== 0) last = to;
    }
  }
  const groups = (last - start - 12) >> 1;
  view.setInt32(start, 8 + groups * 2);
  view.setInt16(start + 4, groups);
  view.setInt16(start + 6, groups === 0 ? 0 : weight);
  view.setInt16(start + 8, groups > 0 && isNegative ? NEGATIVE : POSITIVE);
  view.setInt16(start + 10, scale);
  out.at = last;
  return end;
};

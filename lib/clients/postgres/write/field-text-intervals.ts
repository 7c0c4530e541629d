import type { FieldReader } from './field-text.ts';

const MINUS = 45;
const PLUS = 43;
const DOT = 46;
const ZERO = 48;
const SPACE = 32;
const COLON = 58;
const TWO_TO_32 = 4_294_967_296;
const MAX_INT32 = 2_147_483_647;
const LONGEST_NUMBER = 10;
const [P, T, Y, M, D, H, S] = [...Buffer.from('PTYMDHS')] as [number, number, number, number, number, number, number];
const [YEAR, MON, DAY] = ['year', 'mon', 'day'].map(word => Buffer.from(word)) as [Buffer, Buffer, Buffer];

let months = 0;
let days = 0;
let micros = 0;
/** What `readNumber` has read last, and whether a sign stood before it. */
let value = 0;
let isSigned = false;

/** As the server prints it in styles `postgres` (`1 year 2 mons -3 days +04:05:06.7`) and `iso_8601` (`P1Y2M-3DT4H5M6.7S`). */
export const intervalReader: FieldReader = (input, at, out) => {
  months = days = micros = 0;
  const end = input[at] === P ? readIso(input, at + 1) : readWords(input, at);
  if (end < 0 || Math.abs(months) > MAX_INT32 || Math.abs(days) > MAX_INT32 || !Number.isSafeInteger(micros)) return -1;
  out.view.setInt32(out.at, 16);
  out.view.setInt32(out.at + 4, Math.floor(micros / TWO_TO_32));
  out.view.setInt32(out.at + 8, micros >>> 0);
  out.view.setInt32(out.at + 12, days);
  out.view.setInt32(out.at + 16, months);
  out.at += 20;
  return end;
};

/** Digits with or without a sign; gives the place behind them, -1 where there are none. */
function readNumber(input: Uint8Array, at: number): number {
  const isNegative = input[at] === MINUS;
  isSigned = isNegative || input[at] === PLUS;
  const first = isSigned ? at + 1 : at;
  let i = first;
  value = 0;
  for (let digit = (input[i] as number) - ZERO; digit >= 0 && digit <= 9; digit = (input[++i] as number) - ZERO) value = value * 10 + digit;
  if (isNegative) value = -value;
  return i === first || i - first > LONGEST_NUMBER ? -1 : i;
}

/** Years, months, days, in this order, and a time. */
function readWords(input: Uint8Array, at: number): number {
  let i = at;
  let last = 0;
  let parts = 0;
  let startsBelowZero = false;
  let hasOtherSign = false;
  for (;;) {
    const first = i;
    i = readNumber(input, i);
    if (i < 0) return -1;
    if (parts === 0) startsBelowZero = input[first] === MINUS;
    else hasOtherSign ||= isSigned;
    parts++;
    if (input[i] === COLON) {
      i = readTime(input, first, i);
      break;
    }
    if (input[i] !== SPACE) return -1;
    const unit = [YEAR, MON, DAY].findIndex(word => word[0] === input[i + 1]) + 1;
    if (unit <= last) return -1;
    last = unit;
    const word = unit === 1 ? YEAR : unit === 2 ? MON : DAY;
    for (let c = 0; c < word.length; c++) if (input[i + 1 + c] !== word[c]) return -1;
    i += 1 + word.length;
    if (input[i] === PLURAL) i++;
    if (unit === 1) months += value * 12;
    else if (unit === 2) months += value;
    else days += value;
    if (input[i] !== SPACE) break;
    i++;
  }
  // In style `sql_standard` the first sign would be that of all.
  return startsBelowZero && parts > 1 && !hasOtherSign ? -1 : i;
}

const PLURAL = 115;

/** `HH:MM:SS`, hours of any number, up to six digits behind; the hours have been read. Its sign is that of all. */
function readTime(input: Uint8Array, first: number, behindHours: number): number {
  const minutes = two(input, behindHours + 1);
  const seconds = two(input, behindHours + 4);
  if (behindHours - first - (isSigned ? 1 : 0) < 2 || minutes < 0 || seconds < 0 || input[behindHours + 3] !== COLON) return -1;
  const time = ((Math.abs(value) * 60 + minutes) * 60 + seconds) * 1_000_000;
  const end = readFraction(input, behindHours + 6);
  if (end < 0) return -1;
  micros = (time + fraction) * (input[first] === MINUS ? -1 : 1);
  return end;
}

/** Two digits below 60; -1 for all else. */
function two(input: Uint8Array, at: number): number {
  const tens = (input[at] as number) - ZERO;
  const ones = (input[at + 1] as number) - ZERO;
  return tens >= 0 && tens < 6 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}

/** Microseconds, of `.` and one to six digits. */
let fraction = 0;

function readFraction(input: Uint8Array, at: number): number {
  fraction = 0;
  if (input[at] !== DOT) return at;
  let i = at + 1;
  for (let digit = (input[i] as number) - ZERO; digit >= 0 && digit <= 9 && i < at + 7; digit = (input[++i] as number) - ZERO)
    fraction = fraction * 10 + digit;
  const next = input[i] as number;
  if (i === at + 1 || (next >= ZERO && next <= 57)) return -1;
  fraction *= 10 ** (at + 7 - i);
  return i;
}

/** Years, months, days, then `T` and hours, minutes, seconds; each with a sign of its own. */
function readIso(input: Uint8Array, at: number): number {
  let i = at;
  let place = 0;
  let isTime = false;
  for (;;) {
    if (input[i] === T && !isTime) {
      isTime = true;
      place = 3;
      i++;
    } else if (place > 0 && !isNumber(input[i])) return i;
    const first = i;
    i = readNumber(input, i);
    if (i < 0 || input[first] === PLUS) return -1;
    if (input[i] === DOT) {
      i = readFraction(input, i);
      if (i < 0 || !isTime || input[i] !== S) return -1;
      micros += fraction * (input[first] === MINUS ? -1 : 1);
    }
    const unit = (isTime ? [H, M, S] : [Y, M, D]).indexOf(input[i] as number) + (isTime ? 4 : 1);
    if (unit <= place || unit === (isTime ? 3 : 0)) return -1;
    place = unit;
    i++;
    if (unit === 1) months += value * 12;
    else if (unit === 2) months += value;
    else if (unit === 3) days += value;
    else micros += value * (unit === 4 ? 3_600_000_000 : unit === 5 ? 60_000_000 : 1_000_000);
  }
}

function isNumber(byte: number | undefined): boolean {
  return byte === MINUS || (byte !== undefined && byte >= ZERO && byte <= 57);
}

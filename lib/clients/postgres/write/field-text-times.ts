import type { FieldOutput, FieldReader } from './field-text.ts';

const MINUS = 45;
const PLUS = 43;
const DOT = 46;
const COLON = 58;
const ZERO = 48;
const SPACE = 32;
const CAPITAL_T = 84;
const CAPITAL_Z = 90;
/** Days from 0000-03-01 to 2000-01-01. */
const EPOCH_DAYS = 730_425;
const DAY_SECONDS = 86_400;
const TWO_TO_32 = 4_294_967_296;
/** Not a time: no place, and no count of seconds, is so far off. */
const NONE = -1e15;
const MONTH_DAYS = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** `YYYY-MM-DD`. */
export const dateReader: FieldReader = (input, at, out) => {
  const days = readDate(input, at);
  if (days === NONE) return -1;
  out.view.setInt32(out.at, 4);
  out.view.setInt32(out.at + 4, days);
  out.at += 8;
  return at + 10;
};

/** `HH:MM:SS`, with up to six digits behind. */
export const timeReader: FieldReader = (input, at, out) => {
  const seconds = readSeconds(input, at);
  if (seconds === NONE) return -1;
  const end = fractionEnd(input, at + 8);
  if (end < 0) return -1;
  writeMicros(out, seconds, fractionOf(input, at + 8, end));
  return end;
};

/** `YYYY-MM-DD HH:MM:SS`, or with `T`, with up to six digits behind; no zone, which the server would leave out. */
export const timestampReader: FieldReader = (input, at, out) => {
  const days = readDate(input, at);
  const seconds = readSeconds(input, at + 11);
  if (days === NONE || seconds === NONE || !isBetween(input[at + 10])) return -1;
  const end = fractionEnd(input, at + 19);
  if (end < 0 || !writeMicros(out, days * DAY_SECONDS + seconds, fractionOf(input, at + 19, end))) return -1;
  return end;
};

/** The same with `Z`, `±HH` or `±HH:MM` right behind: without it the session's zone would count. */
export const timestamptzReader: FieldReader = (input, at, out) => {
  const days = readDate(input, at);
  const seconds = readSeconds(input, at + 11);
  if (days === NONE || seconds === NONE || !isBetween(input[at + 10])) return -1;
  const end = fractionEnd(input, at + 19);
  if (end < 0) return -1;
  const behind = readOffset(input, end);
  if (behind < 0) return -1;
  return writeMicros(out, days * DAY_SECONDS + seconds - offset, fractionOf(input, at + 19, end)) ? behind : -1;
};

/** A time with an offset in the same forms. */
export const timetzReader: FieldReader = (input, at, out) => {
  const seconds = readSeconds(input, at);
  const end = seconds === NONE ? -1 : fractionEnd(input, at + 8);
  const behind = end < 0 ? -1 : readOffset(input, end);
  if (behind < 0) return -1;
  writeMicros(out, seconds, fractionOf(input, at + 8, end));
  out.view.setInt32(out.at - 12, 12);
  // Seconds west of Greenwich.
  out.view.setInt32(out.at, -offset);
  out.at += 4;
  return behind;
};

/** Seconds east of Greenwich, as `readOffset` has read them last. */
let offset = 0;

/** Behind `Z`, `±HH` or `±HH:MM`; -1 for anything else. */
function readOffset(input: Uint8Array, at: number): number {
  offset = 0;
  const sign = input[at];
  if (sign === CAPITAL_Z) return at + 1;
  if (sign !== PLUS && sign !== MINUS) return -1;
  const hours = two(input, at + 1);
  const hasMinutes = input[at + 3] === COLON;
  const minutes = hasMinutes ? two(input, at + 4) : 0;
  if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59) return -1;
  offset = (hours * 3600 + minutes * 60) * (sign === MINUS ? -1 : 1);
  return at + (hasMinutes ? 6 : 3);
}

function isBetween(byte: number | undefined): boolean {
  return byte === SPACE || byte === CAPITAL_T;
}

function two(input: Uint8Array, at: number): number {
  const tens = (input[at] as number) - ZERO;
  const ones = (input[at + 1] as number) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}

/** Days since 2000-01-01 of years 1 to 9999; else NONE. */
function readDate(input: Uint8Array, at: number): number {
  const century = two(input, at);
  const rest = two(input, at + 2);
  const month = two(input, at + 5);
  const day = two(input, at + 8);
  if (century < 0 || rest < 0 || input[at + 4] !== MINUS || input[at + 7] !== MINUS) return NONE;
  const year = century * 100 + rest;
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > (MONTH_DAYS[month] as number)) return NONE;
  if (month === 2 && day === 29 && (year % 4 !== 0 || (year % 100 === 0 && year % 400 !== 0))) return NONE;
  // Years that begin in March: the day that may be there or not is their last.
  const y = month < 3 ? year - 1 : year;
  const m = month < 3 ? month + 9 : month - 3;
  return 365 * y + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + Math.floor((153 * m + 2) / 5) + day - 1 - EPOCH_DAYS;
}

/** Seconds since midnight, before 24:00; else NONE. */
function readSeconds(input: Uint8Array, at: number): number {
  const hours = two(input, at);
  const minutes = two(input, at + 3);
  const seconds = two(input, at + 6);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 59) return NONE;
  return input[at + 2] === COLON && input[at + 5] === COLON ? hours * 3600 + minutes * 60 + seconds : NONE;
}

/** Behind `.` and one to six digits; `at` itself where there is none; -1 for anything between. */
function fractionEnd(input: Uint8Array, at: number): number {
  if (input[at] !== DOT) return at;
  let i = at + 1;
  while ((input[i] as number) >= ZERO && (input[i] as number) <= 57) i++;
  return i === at + 1 || i > at + 7 ? -1 : i;
}

/** Microseconds. */
function fractionOf(input: Uint8Array, at: number, end: number): number {
  let micros = 0;
  for (let i = at + 1; i < at + 7; i++) micros = micros * 10 + (i < end ? (input[i] as number) - ZERO : 0);
  return micros;
}

/** False, and nothing written, where a double does not carry the count exactly. */
function writeMicros(out: FieldOutput, seconds: number, micros: number): boolean {
  const count = seconds * 1_000_000 + micros;
  if (!Number.isSafeInteger(count)) return false;
  out.view.setInt32(out.at, 8);
  out.view.setInt32(out.at + 4, Math.floor(count / TWO_TO_32));
  out.view.setInt32(out.at + 8, count >>> 0);
  out.at += 12;
  return true;
}

import { isAscii, isUtf8 } from 'node:buffer';
import { isExactNumber, parseJson } from '../../values/json.ts';
import { encodingInvalid, firstInvalidByte } from '../text/utf8.ts';
import { malformed, notJson } from './malformed.ts';
import type { JsonRecords } from './records.ts';

const LF = 10;
const DOT = 46;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const SPACE = 32;
const OPEN_BRACE = 123;
/** Numbers with fewer digits and a short exponent are what a double carries. */
const LONG_DIGITS = 16;
const LONG_EXPONENT = /\d[eE][+-]?\d{3}/;
const LONG_EXPONENT_OF_NUMBER = /[:,[]\s*-?\d[\d.]*[eE][+-]?\d{3}/;

/**
 * The objects of all records, exact as `parseJson`. DATA_MALFORMED for a record that is no JSON object, ENCODING_INVALID, each with file,
 * line and byte.
 */
export function parseRecords(records: JsonRecords): object[] {
  const rows = new Array<object>(records.lines.length);
  eachRecord(records, (row, i) => (rows[i] = row));
  return rows;
}

/** The same without keeping anything: for bytes that pass through. */
export function checkRecords(records: JsonRecords): void {
  eachRecord(records, () => undefined);
}

function eachRecord(records: JsonRecords, take: (row: object, i: number) => void): void {
  const { bytes, starts } = records;
  const isPlain = isAscii(bytes);
  if (!isPlain && !isUtf8(bytes)) throw invalidEncoding(records);
  const text = isPlain ? bytes.toString('latin1') : bytes.toString('utf8');
  const hasExponents = LONG_EXPONENT.test(text);
  let at = 0;
  for (let i = 0; i < records.lines.length; i++) {
    const start = starts[i] as number;
    const next = starts[i + 1] as number;
    const end = isPlain ? next - 1 : text.indexOf('\n', at);
    const record = text.slice(at, end);
    at = end + 1;
    const isExact = !hasLongNumber(bytes, start, next) && !(hasExponents && LONG_EXPONENT_OF_NUMBER.test(record));
    take(parseRecord(record, isExact, records, i), i);
  }
}

function parseRecord(text: string, isExact: boolean, records: JsonRecords, i: number): object {
  try {
    const value: unknown = isExact ? JSON.parse(text) : parseJson(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (thrown) {
    throw notJson(placeOf(records, i), isExact ? thrown : reparsed(text));
  }
  throw malformed(placeOf(records, i), 'a record is to be a JSON object');
}

/** What JSON.parse says: where the fault is. */
function reparsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    return thrown;
  }
}

/**
 * True where a number in these bytes may not be what a double carries: looks at every 16th byte only, since no shorter run of digits
 * can be.
 */
function hasLongNumber(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start + LONG_DIGITS - 1; at < end; at += LONG_DIGITS) {
    if (!isDigit(bytes[at] as number)) continue;
    let from = at;
    while (from > start && isDigit(bytes[from - 1] as number)) from--;
    let to = at + 1;
    while (isDigit(bytes[to] as number)) to++;
    at = to - 1;
    if (to - from >= LONG_DIGITS && isNumberAt(bytes, from) && !isExactNumber(numberText(bytes, from, to))) return true;
  }
  return false;
}

/** A digit or the point among digits. */
function isDigit(byte: number): boolean {
  return (byte >= ZERO && byte <= NINE) || byte === DOT;
}

/** A number stands behind a colon, a comma, a bracket or a blank, perhaps with its sign; digits in text mostly do not. */
function isNumberAt(bytes: Buffer, from: number): boolean {
  const before = bytes[from - 1] === MINUS ? bytes[from - 2] : bytes[from - 1];
  return before === undefined || before <= SPACE || before === 58 || before === 44 || before === 91;
}

function numberText(bytes: Buffer, from: number, to: number): string {
  let end = to;
  if (((bytes[end] as number) | 0x20) === 101) {
    end++;
    if (bytes[end] === MINUS || bytes[end] === 43) end++;
    while (isDigit(bytes[end] as number)) end++;
  }
  const text = bytes.toString('latin1', from, end);
  // The common case, a double in its shortest form, without the closer look.
  return String(Number(text)) === text ? '0' : text;
}

function invalidEncoding(records: JsonRecords): Error {
  const at = firstInvalidByte(records.bytes) ?? 0;
  let row = 0;
  while (row + 1 < records.lines.length && (records.starts[row + 1] as number) <= at) row++;
  const place = placeOf(records, row);
  const start = records.starts[row] as number;
  return encodingInvalid({ ...place, offset: place.offset + at - start }, records.bytes.subarray(start));
}

function placeOf({ file, lines, offsets }: JsonRecords, i: number): { file: string; line: number; offset: number } {
  return { file, line: lines[i] as number, offset: offsets[i] as number };
}

/** Whether nothing but blanks stands there: such a line is no record. */
export function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === OPEN_BRACE || (byte !== SPACE && byte !== 9 && byte !== 13 && byte !== LF)) return false;
  }
  return true;
}

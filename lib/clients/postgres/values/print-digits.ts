/**
 * The text of values of a fixed form (`FieldDecoder.text`), written as ASCII without a string in between. False, and nothing written, for what is rare:
 * years beyond 1 to 9999, infinity, NaN, and as of `writeFloat`.
 */
import { shortestFloat4 } from '../../../schema/numbers.ts';
import type { DataType } from '../../../schema/types.ts';
import { dateOf } from '../../../values/calendar.ts';
import { type TextOutput, writeFloat, writeWhole } from '../../../values/write-number.ts';
import { shortest } from './decode-numbers.ts';
import type { FieldSource } from './field.ts';

/** Writes a value that is not null. */
export type DigitWriter = (out: TextOutput, source: FieldSource, at: number) => boolean;

const TWO_TO_32 = 4_294_967_296;
const ZERO = 48;
const MINUS = 45;
const DOT = 46;
/** The longest of those of a fixed length: a uuid. */
const ROOM = 36;
const EPOCH_DAYS = 10_957;
const DAY_SECONDS = 86_400;
/** Of 0001-01-01 and 10000-01-01, since 1970. */
const LEAST_DAYS = -719_162;
const MOST_DAYS = 2_932_897;

/** Undefined for types whose text may hold other than letters, digits and `+ - . :`. */
export function digitWriter({ kind }: DataType): DigitWriter | undefined {
  switch (kind) {
    case 'bool':
      return writeBool;
    case 'int2':
      return (out, { view }, at) => writeWhole(out, view.getInt16(at));
    case 'int4':
      return (out, { view }, at) => writeWhole(out, view.getInt32(at));
    case 'int8':
      return (out, { view }, at) => writeWhole(out, view.getInt32(at) * TWO_TO_32 + view.getUint32(at + 4));
    case 'oid':
      return (out, { view }, at) => writeWhole(out, view.getUint32(at));
    case 'float4':
      return (out, { view }, at) => writeFloat(out, shortestFloat4(shortest(view.getFloat32(at))));
    case 'float8':
      return (out, { view }, at) => writeFloat(out, view.getFloat64(at));
    case 'numeric':
      return writeNumeric;
    case 'uuid':
      return writeUuid;
    case 'date':
      return dateWriter();
    case 'timestamp':
      return instantWriter(false);
    case 'timestamptz':
      return instantWriter(true);
    default:
      return undefined;
  }
}

const [TRUE, FALSE] = [Buffer.from('true'), Buffer.from('false')];

function writeBool(out: TextOutput, { bytes }: FieldSource, at: number): boolean {
  const word = bytes[at] === 1 ? TRUE : FALSE;
  out.reserve(ROOM);
  for (let i = 0; i < word.length; i++) out.bytes[out.length + i] = word[i] as number;
  out.length += word.length;
  return true;
}

const HEX = Buffer.from('0123456789abcdef');

function writeUuid(out: TextOutput, { bytes }: FieldSource, at: number): boolean {
  out.reserve(ROOM);
  let to = out.length;
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) out.bytes[to++] = MINUS;
    const byte = bytes[at + i] as number;
    out.bytes[to++] = HEX[byte >> 4] as number;
    out.bytes[to++] = HEX[byte & 15] as number;
  }
  out.length = to;
  return true;
}

function twoDigits(bytes: Uint8Array, at: number, value: number): void {
  const tens = (value * 205) >> 11;
  bytes[at] = ZERO + tens;
  bytes[at + 1] = ZERO + value - tens * 10;
}

/** Writes a day, counted from 1970. */
type DayWriter = (out: TextOutput, days: number) => boolean;

/** One for each column: its days come in crowds. */
function dayWriter(): DayWriter {
  let lastDays = NaN;
  const lastDate = new Uint8Array(10);
  return (out, days) => {
    if (days !== lastDays) {
      if (days < LEAST_DAYS || days >= MOST_DAYS) return false;
      const { year, month, day } = dateOf(days);
      const century = (year / 100) | 0;
      twoDigits(lastDate, 0, century);
      twoDigits(lastDate, 2, year - century * 100);
      lastDate[4] = lastDate[7] = MINUS;
      twoDigits(lastDate, 5, month);
      twoDigits(lastDate, 8, day);
      lastDays = days;
    }
    out.reserve(ROOM);
    const { bytes, length } = out;
    for (let i = 0; i < 10; i++) bytes[length + i] = lastDate[i] as number;
    out.length = length + 10;
    return true;
  };
}

function dateWriter(): DigitWriter {
  const writeDay = dayWriter();
  return (out, { view }, at) => writeDay(out, view.getInt32(at) + EPOCH_DAYS);
}

function instantWriter(isZoned: boolean): DigitWriter {
  const writeDay = dayWriter();
  return (out, { view }, at) => {
    const count = view.getInt32(at) * TWO_TO_32 + view.getUint32(at + 4);
    if (!Number.isSafeInteger(count)) return false;
    const all = Math.floor(count / 1_000_000);
    const micros = (count - all * 1_000_000) | 0;
    const days = Math.floor(all / DAY_SECONDS);
    if (!writeDay(out, days + EPOCH_DAYS)) return false;
    const seconds = (all - days * DAY_SECONDS) | 0;
    const { bytes } = out;
    let to = out.length;
    const hours = (seconds / 3600) | 0;
    const minutes = ((seconds / 60) | 0) - hours * 60;
    bytes[to] = 84;
    twoDigits(bytes, to + 1, hours);
    bytes[to + 3] = bytes[to + 6] = 58;
    twoDigits(bytes, to + 4, minutes);
    twoDigits(bytes, to + 7, seconds - hours * 3600 - minutes * 60);
    to += 9;
    if (micros > 0) to = writeFraction(bytes, to, micros);
    if (isZoned) bytes[to++] = 90;
    out.length = to;
    return true;
  };
}

/** Three digits where they are enough, else six. */
function writeFraction(bytes: Uint8Array, at: number, micros: number): number {
  const count = micros % 1000 === 0 ? 3 : 6;
  bytes[at] = DOT;
  let rest = count === 3 ? (micros / 1000) | 0 : micros;
  for (let i = at + count; i > at; i--) {
    const tens = (rest / 10) | 0;
    bytes[i] = ZERO + rest - tens * 10;
    rest = tens;
  }
  return at + count + 1;
}

const NOT_FINITE = 0xc000;
const NEGATIVE = 0x4000;

function writeNumeric(out: TextOutput, { view }: FieldSource, at: number): boolean {
  const count = view.getInt16(at);
  const weight = view.getInt16(at + 2);
  const sign = view.getUint16(at + 4);
  const scale = view.getUint16(at + 6);
  if (sign >= NOT_FINITE) return false;
  out.reserve(Math.max(weight, 0) * 4 + scale + ROOM);
  const { bytes } = out;
  let to = out.length;
  if (sign === NEGATIVE) bytes[to++] = MINUS;
  if (weight < 0) bytes[to++] = ZERO;
  for (let i = 0; i <= weight; i++) {
    const group = i < count ? view.getInt16(at + 8 + 2 * i) : 0;
    const skipped = i > 0 ? 0 : group >= 1000 ? 0 : group >= 100 ? 1 : group >= 10 ? 2 : 3;
    to += fourDigits(bytes, to, group, skipped);
  }
  if (scale > 0) bytes[to++] = DOT;
  let i = weight + 1;
  for (let left: number = scale; left > 0; left -= 4) {
    fourDigits(bytes, to, i >= 0 && i < count ? view.getInt16(at + 8 + 2 * i) : 0, 0);
    to += Math.min(left, 4);
    i++;
  }
  out.length = to;
  return true;
}

/** The last digits of a group of four, all but those that are skipped; gives how many these are. */
function fourDigits(bytes: Uint8Array, at: number, group: number, skipped: number): number {
  const hundreds = (group / 100) | 0;
  const [first, rest] = [(hundreds / 10) | 0, group - hundreds * 100];
  const third = (rest / 10) | 0;
  let to = at;
  if (skipped < 1) bytes[to++] = ZERO + first;
  if (skipped < 2) bytes[to++] = ZERO + hundreds - first * 10;
  if (skipped < 3) bytes[to++] = ZERO + third;
  bytes[to++] = ZERO + rest - third * 10;
  return to - at;
}

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
      return (out, { view }, at) => writeDate(out, view.getInt32(at) + EPOCH_DAYS);
    case 'timestamp':
      return (out, { view }, at) => writeInstant(out, view, at, false);
    case 'timestamptz':
      return (out, { view }, at) => writeInstant(out, view, at, true);
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

let lastDays = NaN;
const lastDate = new Uint8Array(10);

/** Days come in crowds. */
function writeDate(out: TextOutput, days: number): boolean {
  if (days < LEAST_DAYS || days >= MOST_DAYS) return false;
  if (days !== lastDays) {
    const { year, month, day } = dateOf(days);
    const century = Math.floor(year / 100);
    twoDigits(lastDate, 0, century);
    twoDigits(lastDate, 2, year - century * 100);
    lastDate[4] = lastDate[7] = MINUS;
    twoDigits(lastDate, 5, month);
    twoDigits(lastDate, 8, day);
    lastDays = days;
  }
  out.reserve(ROOM);
  for (let i = 0; i < 10; i++) out.bytes[out.length + i] = lastDate[i] as number;
  out.length += 10;
  return true;
}

function writeInstant(out: TextOutput, view: DataView, at: number, isZoned: boolean): boolean {
  const count = view.getInt32(at) * TWO_TO_32 + view.getUint32(at + 4);
  if (!Number.isSafeInteger(count)) return false;
  const all = Math.floor(count / 1_000_000);
  const micros = count - all * 1_000_000;
  const days = Math.floor(all / DAY_SECONDS);
  const seconds = all - days * DAY_SECONDS;
  if (!writeDate(out, days + EPOCH_DAYS)) return false;
  const { bytes } = out;
  let to = out.length;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) - hours * 60;
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
}

/** Three digits where they are enough, else six. */
function writeFraction(bytes: Uint8Array, at: number, micros: number): number {
  const count = micros % 1000 === 0 ? 3 : 6;
  bytes[at] = DOT;
  let rest = count === 3 ? micros / 1000 : micros;
  for (let i = at + count; i > at; i--) {
    const tens = Math.floor(rest / 10);
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
    if (i > 0 || group >= 1000) bytes[to++] = ZERO + Math.floor(group / 1000);
    if (i > 0 || group >= 100) bytes[to++] = ZERO + (Math.floor(group / 100) % 10);
    if (i > 0 || group >= 10) bytes[to++] = ZERO + (Math.floor(group / 10) % 10);
    bytes[to++] = ZERO + (group % 10);
  }
  if (scale > 0) bytes[to++] = DOT;
  for (let i = weight + 1, left = scale; left > 0; i++, left -= 4) {
    const group = i >= 0 && i < count ? view.getInt16(at + 8 + 2 * i) : 0;
    for (let power = 1000, digit = 0; digit < 4 && digit < left; digit++, power /= 10)
      bytes[to++] = ZERO + (Math.floor(group / power) % 10);
  }
  out.length = to;
  return true;
}

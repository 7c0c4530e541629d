/**
 * Times: in binary form distances from 2000-01-01 in days or microseconds.
 * Source: src/backend/utils/adt/timestamp.c, date.c (the *_send functions)
 */
import { twoDigits } from '../../../values/calendar.ts';
import { printLocalDate, printTime } from '../../../values/local-time.ts';
import { Timestamp } from '../../../values/timestamp.ts';
import type { DecodeText, FieldDecoder, FieldSource } from './field.ts';

/** Days from 1970 to 2000. */
const EPOCH_DAYS = 10_957;
const EPOCH_MS = EPOCH_DAYS * 86_400_000;
const MICROS_A_DAY = 86_400_000_000;
const TWO_TO_32 = 4_294_967_296;
const MAX_INT4 = 2_147_483_647;
const MIN_INT4 = -2_147_483_648;

/** Infinite instants are the largest and the least int8; 0 for all others. */
function infinity({ view }: FieldSource, at: number): number {
  const high = view.getInt32(at);
  if (high === MAX_INT4 && view.getInt32(at + 4) === -1) return Infinity;
  return high === MIN_INT4 && view.getInt32(at + 4) === 0 ? -Infinity : 0;
}

/** Days from 1970 and microseconds of the day, exact for every int8. */
function splitMicros({ view }: FieldSource, at: number): { days: number; micros: number } {
  const micros = view.getInt32(at) * TWO_TO_32 + view.getUint32(at + 4);
  if (Number.isSafeInteger(micros)) {
    const days = Math.floor(micros / MICROS_A_DAY);
    return { days: days + EPOCH_DAYS, micros: micros - days * MICROS_A_DAY };
  }
  const exact = view.getBigInt64(at);
  const day = BigInt(MICROS_A_DAY);
  const ofDay = ((exact % day) + day) % day;
  return { days: Number((exact - ofDay) / day) + EPOCH_DAYS, micros: Number(ofDay) };
}

export const timestamptzText: DecodeText = (source, at) => printInstant(source, at, 'Z');

export const timestamptzDecoder: FieldDecoder = {
  decode: (source, at) => {
    const { view } = source;
    const micros = view.getInt32(at) * TWO_TO_32 + view.getUint32(at + 4);
    if (!Number.isSafeInteger(micros)) return farInstant(source, at);
    const ms = Math.floor(micros / 1000);
    return new Timestamp(ms + EPOCH_MS, micros - ms * 1000);
  },
  text: timestamptzText,
};

/** Beyond 285 years from 2000. */
function farInstant(source: FieldSource, at: number): Timestamp {
  const sign = infinity(source, at);
  if (sign !== 0) return sign > 0 ? Timestamp.INFINITY : Timestamp.NEGATIVE_INFINITY;
  return Timestamp.fromEpochMicros(source.view.getBigInt64(at) + BigInt(EPOCH_MS) * 1000n);
}

export const timestampText: DecodeText = (source, at) => printInstant(source, at, '');
export const timestampDecoder: FieldDecoder = { decode: timestampText, text: timestampText };

function printInstant(source: FieldSource, at: number, zone: string): string {
  const sign = infinity(source, at);
  if (sign !== 0) return printLocalDate(sign);
  const { days, micros } = splitMicros(source, at);
  const date = dateText(days);
  return date.endsWith(' BC') ? `${date.slice(0, -3)}T${printTime(micros)}${zone} BC` : `${date}T${printTime(micros)}${zone}`;
}

export const dateOnlyText: DecodeText = ({ view }, at) => {
  const days = view.getInt32(at);
  if (days === MAX_INT4 || days === MIN_INT4) return printLocalDate(days > 0 ? Infinity : -Infinity);
  return dateText(days + EPOCH_DAYS);
};
export const dateDecoder: FieldDecoder = { decode: dateOnlyText, text: dateOnlyText };

/** Dates come in crowds: the text of a day is kept, for as many days as there are places; a day has one place. */
const PLACES = 32_768;
const daysKept = new Int32Array(PLACES);
const textsKept = new Array<string>(PLACES).fill('');

function dateText(days: number): string {
  const place = days & (PLACES - 1);
  const kept = textsKept[place] as string;
  if (daysKept[place] === days && kept !== '') return kept;
  daysKept[place] = days;
  return (textsKept[place] = printLocalDate(days));
}

const timeText: DecodeText = ({ view }, at) => printTime(view.getInt32(at) * TWO_TO_32 + view.getUint32(at + 4));
export const timeDecoder: FieldDecoder = { decode: timeText, text: timeText };

/** The zone is stored in seconds west of Greenwich. */
const timetzText: DecodeText = (source, at, length) => timeText(source, at, length) + zoneText(-source.view.getInt32(at + 8));
export const timetzDecoder: FieldDecoder = { decode: timetzText, text: timetzText };

/** `+02`, `-03:30`, `+01:02:03`: as short as PostgreSQL has it. */
function zoneText(seconds: number): string {
  const east = Math.abs(seconds);
  const [hours, minutes, rest] = [Math.floor(east / 3600), Math.floor(east / 60) % 60, east % 60];
  const tail = rest !== 0 ? `:${twoDigits(minutes)}:${twoDigits(rest)}` : minutes !== 0 ? `:${twoDigits(minutes)}` : '';
  return `${seconds < 0 ? '-' : '+'}${twoDigits(hours)}${tail}`;
}

/** ISO 8601 as PostgreSQL prints it with IntervalStyle iso_8601: `P1Y2M3DT4H5M6.7S`, each part with its own sign. */
const intervalText: DecodeText = (source, at) => {
  const { view } = source;
  const [days, months] = [view.getInt32(at + 8), view.getInt32(at + 12)];
  const sign = infinity(source, at);
  if (sign > 0 && days === MAX_INT4 && months === MAX_INT4) return 'infinity';
  if (sign < 0 && days === MIN_INT4 && months === MIN_INT4) return '-infinity';
  const years = Math.trunc(months / 12);
  const date = part(years, 'Y') + part(months - years * 12, 'M') + part(days, 'D');
  const time = intervalTime(view.getBigInt64(at));
  if (time === '') return date === '' ? 'PT0S' : `P${date}`;
  return `P${date}T${time}`;
};
export const intervalDecoder: FieldDecoder = { decode: intervalText, text: intervalText };

function part(value: number, unit: string): string {
  return value === 0 ? '' : `${value}${unit}`;
}

function intervalTime(micros: bigint): string {
  const sign = micros < 0n ? '-' : '';
  const positive = micros < 0n ? -micros : micros;
  const minutes = Number(positive / 60_000_000n);
  const rest = Number(positive % 60_000_000n);
  const hours = Math.floor(minutes / 60);
  const fraction =
    rest % 1_000_000 === 0
      ? ''
      : `.${String(rest % 1_000_000)
          .padStart(6, '0')
          .replace(/0+$/, '')}`;
  const seconds = rest === 0 ? '' : `${sign}${Math.floor(rest / 1_000_000)}${fraction}S`;
  return `${hours === 0 ? '' : `${sign}${hours}H`}${minutes % 60 === 0 ? '' : `${sign}${minutes % 60}M`}${seconds}`;
}

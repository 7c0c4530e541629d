/**
 * Dates and times without a zone: in a record ISO 8601 text, no zone is ever invented. `2024-03-01`, `12:30:00.120`, `2024-03-01T12:30:00`,
 * `infinity`, `-infinity`; years before 1 end in ` BC`. Fractions are left out when they are zero, else they have three digits or six.
 */
import { daysOf, fractionText, printDate, twoDigits } from './calendar.ts';

const MICROS_A_DAY = 86_400_000_000;
const DATE = /^(\d{4,7})-(\d\d)-(\d\d)( BC)?$/;
const TIME = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?$/;
const LOCAL = /^(\d{4,7}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)( BC)?$/;

/** Days since 1970; ±Infinity of `infinity`; undefined for what is no date of the calendar. */
export function parseDate(text: string): number | undefined {
  const match = DATE.exec(text);
  if (match === null) return infinityOf(text);
  return daysOf(match[4] === undefined ? Number(match[1]) : 1 - Number(match[1]), Number(match[2]), Number(match[3]));
}

/** Microseconds since midnight, 24:00:00 included; undefined for what is no time of day. */
export function parseTime(text: string): number | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  if (minute > 59 || second > 60) return undefined;
  const micros = ((hour * 60 + minute) * 60 + second) * 1_000_000 + Number((match[4] ?? '').padEnd(6, '0'));
  return micros <= MICROS_A_DAY ? micros : undefined;
}

/** An instant of a calendar without a zone: days since 1970 (±Infinity: infinite) and microseconds since midnight. */
export interface LocalTimestamp {
  readonly days: number;
  readonly micros: number;
}

/** Undefined for what is no date and time; 24:00 becomes the next day. */
export function parseLocalTimestamp(text: string): LocalTimestamp | undefined {
  const match = LOCAL.exec(text);
  if (match === null) {
    const days = infinityOf(text) ?? parseDate(text);
    return days === undefined ? undefined : { days, micros: 0 };
  }
  const days = parseDate(`${match[1] as string}${match[3] ?? ''}`);
  const micros = parseTime(match[2] as string);
  if (days === undefined || micros === undefined) return undefined;
  return micros === MICROS_A_DAY ? { days: days + 1, micros: 0 } : { days, micros };
}

/** `12:30:00`, `12:30:00.120`, `12:30:00.000001`, `24:00:00`. */
export function printTime(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000);
  const minutes = Math.floor(seconds / 60);
  return `${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}:${twoDigits(seconds % 60)}${fractionText(micros - seconds * 1_000_000)}`;
}

/** `2024-03-01`, `0044-03-15 BC`, `infinity`. */
export function printLocalDate(days: number): string {
  return Number.isFinite(days) ? printDate(days) : infinityText(days);
}

/** `2024-03-01T12:30:00`, `0044-03-15T00:00:00 BC`, `infinity`. */
export function printLocalTimestamp({ days, micros }: LocalTimestamp): string {
  if (!Number.isFinite(days)) return infinityText(days);
  const date = printDate(days);
  return date.endsWith(' BC') ? `${date.slice(0, -3)}T${printTime(micros)} BC` : `${date}T${printTime(micros)}`;
}

function infinityOf(text: string): number | undefined {
  if (text === 'infinity') return Infinity;
  return text === '-infinity' ? -Infinity : undefined;
}

function infinityText(days: number): string {
  return days > 0 ? 'infinity' : '-infinity';
}

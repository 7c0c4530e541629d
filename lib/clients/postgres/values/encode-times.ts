import { MillraceError } from '../../../errors.ts';
import { invalid } from '../../../schema/print.ts';
import { type DataType, typeName } from '../../../schema/types.ts';
import { parseDate, parseLocalTimestamp, parseTime } from '../../../values/local-time.ts';
import { Timestamp } from '../../../values/timestamp.ts';
import type { ByteWriter } from './byte-writer.ts';
import type { FieldWriter } from './encode.ts';

/** PostgreSQL counts from 2000-01-01. */
const EPOCH_SECONDS = 946_684_800;
const EPOCH_DAYS = 10_957;
const MS_A_DAY = 86_400_000;
const SECONDS_A_DAY = 86_400;
/** 4713-11-24 BC and the year 294277, in seconds since 2000: what timestamps reach. */
const LEAST_SECONDS = -211_813_488_000;
const MOST_SECONDS = 9_223_371_331_200;
/** The days that dates reach: Julian day 0, and the end of the year 5874897. */
const LEAST_DAYS = -2_451_545;
const MOST_DAYS = 2_145_031_948;
const MAX_INT32 = 2_147_483_647;
const MIN_INT32 = -2_147_483_648;
const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);
/** Seconds whose microseconds are still exact in a double. */
const EXACT_SECONDS = 9_007_199_253;

/** An instant as a Date, a Timestamp or ISO text with its zone. */
export function timestamptzWriter(type: DataType): FieldWriter {
  const step = stepOf(type);
  return (out, value) => {
    const instant =
      value instanceof Date ? value : typeof value === 'string' ? (Timestamp.fromText(value) ?? invalid(type)) : invalid(type);
    const ms = instant.getTime();
    out.int32(8);
    if (Number.isNaN(ms)) {
      const sign = instant instanceof Timestamp && instant.isInfinite ? instant.valueOf() : invalid(type);
      out.bigint64(sign > 0 ? MAX_INT64 : MIN_INT64);
      return;
    }
    writeInstant(out, ms, instant instanceof Timestamp ? instant.micros : 0, { type, step });
  };
}

/** ISO text without a zone; a Date is read in UTC. */
export function timestampWriter(type: DataType): FieldWriter {
  const step = stepOf(type);
  return (out, value) => {
    if (value instanceof Date) {
      writeLocalDate(out, value, { type, step });
      return;
    }
    const local = typeof value === 'string' ? parseLocalTimestamp(value) : undefined;
    if (local === undefined) invalid(type);
    out.int32(8);
    if (Number.isFinite(local.days)) {
      const seconds = Math.floor(local.micros / 1_000_000);
      writeSeconds(out, (local.days - EPOCH_DAYS) * SECONDS_A_DAY + seconds, local.micros - seconds * 1_000_000, { type, step });
    } else out.bigint64(local.days > 0 ? MAX_INT64 : MIN_INT64);
  };
}

interface TimeForm {
  readonly type: DataType;
  /** Microseconds that the declared precision can tell apart. */
  readonly step: number;
}

function writeLocalDate(out: ByteWriter, date: Date, form: TimeForm): void {
  const instant = Timestamp.from(date);
  out.int32(8);
  if (instant.isInfinite) out.bigint64(instant.valueOf() > 0 ? MAX_INT64 : MIN_INT64);
  else if (Number.isNaN(instant.getTime())) invalid(form.type);
  else writeInstant(out, instant.getTime(), instant.micros, form);
}

/** Milliseconds since 1970, and microseconds beyond them. */
function writeInstant(out: ByteWriter, ms: number, micros: number, form: TimeForm): void {
  const seconds = Math.floor(ms / 1000);
  writeSeconds(out, seconds - EPOCH_SECONDS, (ms - seconds * 1000) * 1000 + micros, form);
}

/** Seconds since 2000, and microseconds beyond them. */
function writeSeconds(out: ByteWriter, seconds: number, micros: number, { type, step }: TimeForm): void {
  if (!(seconds >= LEAST_SECONDS && seconds < MOST_SECONDS)) invalid(type);
  if (micros % step !== 0) tooFine(type);
  if (seconds > -EXACT_SECONDS && seconds < EXACT_SECONDS) out.int64(seconds * 1_000_000 + micros);
  else out.bigint64(BigInt(seconds) * 1_000_000n + BigInt(micros));
}

export function dateWriter(type: DataType): FieldWriter {
  return (out, value) => {
    const days = typeof value === 'string' ? parseDate(value) : value instanceof Date ? daysOfMidnight(value, type) : undefined;
    if (days === undefined) invalid(type);
    out.int32(4);
    if (!Number.isFinite(days)) {
      out.int32(days > 0 ? MAX_INT32 : MIN_INT32);
      return;
    }
    const sinceEpoch = days - EPOCH_DAYS;
    if (sinceEpoch < LEAST_DAYS || sinceEpoch > MOST_DAYS) invalid(type);
    out.int32(sinceEpoch);
  };
}

/** Only midnight (UTC) is a date: of any other time something would be lost. */
function daysOfMidnight(date: Date, type: DataType): number {
  const instant = Timestamp.from(date);
  if (instant.isInfinite) return instant.valueOf();
  const days = instant.getTime() / MS_A_DAY;
  return Number.isInteger(days) && instant.micros === 0 ? days : invalid(type);
}

export function timeWriter(type: DataType): FieldWriter {
  const step = stepOf(type);
  return (out, value) => {
    const micros = typeof value === 'string' ? parseTime(value) : undefined;
    if (micros === undefined) invalid(type);
    if (micros % step !== 0) tooFine(type);
    out.int32(8);
    out.int64(micros);
  };
}

const TIMETZ = /^(\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?(?:Z|([+-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?)$/i;

/** Microseconds since midnight, and the zone in seconds west of Greenwich. */
export function timetzWriter(type: DataType): FieldWriter {
  const step = stepOf(type);
  return (out, value) => {
    const match = typeof value === 'string' ? TIMETZ.exec(value) : null;
    const micros = match === null ? undefined : parseTime(match[1] as string);
    if (match === null || micros === undefined) invalid(type);
    const [hours, minutes, seconds] = [Number(match[3] ?? 0), Number(match[4] ?? 0), Number(match[5] ?? 0)];
    if (hours > 15 || minutes > 59 || seconds > 59) invalid(type);
    if (micros % step !== 0) tooFine(type);
    out.int32(12);
    out.int64(micros);
    out.int32((match[2] === '-' ? 1 : -1) * (hours * 3600 + minutes * 60 + seconds));
  };
}

function stepOf({ precision = 6 }: DataType): number {
  return 10 ** (6 - precision);
}

/** VALUE_NOT_CARRIED for fractions of a second that the type would round. */
export function tooFine(type: DataType): never {
  throw new MillraceError('VALUE_NOT_CARRIED', `a value has more digits of a second than type ${typeName(type)} keeps`);
}

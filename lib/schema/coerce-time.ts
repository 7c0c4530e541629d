import { MillraceError } from '../errors.ts';
import { JsonNull } from '../values/json.ts';
import { type LocalTimestamp, parseLocalTimestamp, printLocalDate, printLocalTimestamp } from '../values/local-time.ts';
import { Timestamp } from '../values/timestamp.ts';
import { CoercionFailure } from './coercion-failure.ts';
import { type FormattedTime, timeFormat } from './time-format.ts';

export interface TimeOptions {
  /** What a number, or digits, count since 1970. Not told: numbers are no times. */
  readonly epoch?: 'seconds' | 'milliseconds' | undefined;
  /** The zone of times that are written without one: `Z`, `+02:00`. Not told: such a time is no instant. */
  readonly zone?: string | undefined;
  /** Formats besides ISO 8601, tried in order: `DD/MM/YYYY`, `MMM D YYYY HH:mm`. Day before month only where one says so. */
  readonly formats?: readonly string[] | undefined;
}

const NO_INSTANT = new CoercionFailure('it is not an ISO 8601 time with a zone (tell epoch or formats for other forms)');
const NO_ZONE = new CoercionFailure('it has no zone (tell the zone, or coerce it to timestamp)');
const NO_EPOCH = new CoercionFailure('it is too far from 1970, or has more digits than microseconds');
const NO_LOCAL = new CoercionFailure('it is not an ISO 8601 date and time (tell formats for other forms)');
const NO_DATE = new CoercionFailure('it is not an ISO 8601 date (tell formats for other forms)');
const NOT_MIDNIGHT = new CoercionFailure('it has a time of day, which a date cannot keep');
const IS_ZONED = new CoercionFailure('it has a zone, which the type cannot keep (coerce it to datetime)');
const INVALID = new CoercionFailure('it is an invalid Date');

type Coerced<T> = T | null | CoercionFailure;

/** Instants: a zone that is written counts before the one that is told. */
export function timestampCoercion({ epoch, zone, formats = [] }: TimeOptions): (value: unknown) => Coerced<Timestamp> {
  checkZone(zone);
  const readers = formats.map(timeFormat);
  return value => {
    if (value instanceof Date) return validInstant(value);
    if (typeof value === 'number' || typeof value === 'bigint') return epoch === undefined ? NO_INSTANT : ofEpoch(String(value), epoch);
    if (typeof value !== 'string') return value === JsonNull ? null : NO_INSTANT;
    const text = value.trim();
    const instant = Timestamp.fromText(text);
    if (instant !== undefined) return instant;
    if (epoch !== undefined && EPOCH.test(text)) return ofEpoch(text, epoch);
    const found = localTime(text, readers);
    if (found === undefined) return NO_INSTANT;
    const written = found.zone ?? zone;
    return written === undefined ? NO_ZONE : (Timestamp.fromLocal(found.days, found.micros, written) ?? NO_INSTANT);
  };
}

/** Dates and times without a zone, in one form: `2024-03-01T12:30:00`. */
export function localTimestampCoercion({ formats = [] }: TimeOptions): (value: unknown) => Coerced<string> {
  return localCoercion(formats, NO_LOCAL, printLocalTimestamp);
}

/** Dates: `2024-03-01`. A time of day other than midnight would be lost: it is refused. */
export function dateCoercion({ formats = [] }: TimeOptions): (value: unknown) => Coerced<string> {
  return localCoercion(formats, NO_DATE, ({ days, micros }) => (micros === 0 ? printLocalDate(days) : NOT_MIDNIGHT));
}

function localCoercion(
  formats: readonly string[],
  otherwise: CoercionFailure,
  print: (time: LocalTimestamp) => string | CoercionFailure,
): (value: unknown) => Coerced<string> {
  const readers = formats.map(timeFormat);
  return value => {
    if (value instanceof Date) return value instanceof Timestamp && value.isInfinite ? String(value) : IS_ZONED;
    if (typeof value !== 'string') return value === JsonNull ? null : otherwise;
    const text = value.trim();
    const found = parseLocalTimestamp(text) ?? localTime(text, readers);
    if (found === undefined) return Timestamp.fromText(text) === undefined ? otherwise : IS_ZONED;
    return 'zone' in found && found.zone !== undefined ? IS_ZONED : print(found);
  };
}

function checkZone(zone: string | undefined): void {
  if (zone !== undefined && Timestamp.fromLocal(0, 0, zone) === undefined) {
    throw new MillraceError('OPTION_INVALID', `${JSON.stringify(zone)} is not a zone; write Z or an offset such as +02:00`);
  }
}

function validInstant(date: Date): Coerced<Timestamp> {
  const instant = Timestamp.from(date);
  return Number.isNaN(instant.getTime()) && !instant.isInfinite ? INVALID : instant;
}

/** ISO 8601 without a zone, or one of the formats. */
function localTime(text: string, readers: readonly ((text: string) => FormattedTime | undefined)[]): FormattedTime | undefined {
  const local = parseLocalTimestamp(text);
  if (local !== undefined && Number.isFinite(local.days)) return { ...local, zone: undefined };
  for (const read of readers) {
    const found = read(text);
    if (found !== undefined) return found;
  }
  return undefined;
}

const EPOCH = /^([+-]?)(\d{1,15})(?:\.(\d+))?$/;

/** Exact: digits are shifted as text. */
function ofEpoch(text: string, unit: 'seconds' | 'milliseconds'): Coerced<Timestamp> {
  const [, sign, whole = '', fraction = ''] = EPOCH.exec(text) ?? [];
  const places = unit === 'seconds' ? 6 : 3;
  if (whole === '' || /[1-9]/.test(fraction.slice(places))) return NO_EPOCH;
  const micros = BigInt(`${sign === '-' ? '-' : ''}${whole}${fraction.slice(0, places).padEnd(places, '0')}`);
  try {
    return Timestamp.fromEpochMicros(micros);
  } catch {
    return NO_EPOCH;
  }
}

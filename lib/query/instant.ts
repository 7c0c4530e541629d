/**
 * Dates compared: Dates by their microseconds, ISO text by what it stands for. A date is its midnight; what has no zone is read as UTC where it
 * meets an instant, and an instant as its wall clock in UTC where it meets a column without zone. NaN: not comparable.
 */
import { type LocalTimestamp, parseLocalTimestamp, parseTime, printLocalTimestamp } from '../values/local-time.ts';
import { Timestamp } from '../values/timestamp.ts';

const MS_A_DAY = 86_400_000;

/** The instant of ISO text, with a zone or without; undefined for other text. */
export function instantOf(text: string): Timestamp | undefined {
  const zoned = Timestamp.fromText(text);
  if (zoned !== undefined) return zoned;
  const local = parseLocalTimestamp(text);
  if (local === undefined) return undefined;
  const whole = Math.floor(local.micros / 1000);
  const instant = new Timestamp(local.days * MS_A_DAY + whole, local.micros - whole * 1000);
  return Number.isNaN(instant.getTime()) ? undefined : instant;
}

/** Compares a Date with this instant: less than 0 when it is earlier. */
export function dateComparator(literal: Timestamp): (date: Date) => number {
  const ms = literal.valueOf();
  const { micros } = literal;
  return date => {
    const other = date.valueOf();
    return other === ms ? (date instanceof Timestamp ? date.micros : 0) - micros : other - ms;
  };
}

/** Compares texts of columns of dates and timestamps without a zone with ISO text; undefined when that is none. */
export function localTextComparator(literal: string): ((text: string) => number) | undefined {
  const local = localOf(literal);
  return local === undefined ? undefined : localComparator(local);
}

/** What ISO text, with a zone or without, stands for in a column without zone; undefined for other text. */
export function localOf(literal: string): LocalTimestamp | undefined {
  const local = parseLocalTimestamp(literal);
  if (local !== undefined) return local;
  const instant = Timestamp.fromText(literal);
  return instant === undefined ? undefined : wallClock(instant);
}

/** The same with an instant. */
export function localDateComparator(literal: Timestamp): (text: string) => number {
  return localComparator(wallClock(literal));
}

/** Compares times of day with ISO text; undefined when that is none. */
export function timeComparator(literal: string): ((text: string) => number) | undefined {
  const micros = parseTime(literal);
  return micros === undefined ? undefined : text => (parseTime(text) ?? Number.NaN) - micros;
}

function wallClock(instant: Timestamp): LocalTimestamp {
  const ms = instant.valueOf();
  if (!Number.isFinite(ms)) return { days: ms, micros: 0 };
  const days = Math.floor(ms / MS_A_DAY);
  return { days, micros: (ms - days * MS_A_DAY) * 1000 + instant.micros };
}

function localComparator(literal: LocalTimestamp): (text: string) => number {
  const timestamp = printLocalTimestamp(literal);
  if (!isCanonicalTimestamp(timestamp)) return text => compareParsed(text, literal);
  const date = timestamp.slice(0, 10);
  const afterMidnight = literal.micros > 0 ? -1 : 0;
  return text => {
    if (isCanonicalDate(text)) return text === date ? afterMidnight : text < date ? -1 : 1;
    if (isCanonicalTimestamp(text)) return text === timestamp ? 0 : text < timestamp ? -1 : 1;
    return compareParsed(text, literal);
  };
}

function compareParsed(text: string, literal: LocalTimestamp): number {
  const value = parseLocalTimestamp(text);
  if (value === undefined) return Number.NaN;
  return value.days === literal.days ? value.micros - literal.micros : value.days - literal.days;
}

const DASH = 45;
const COLON = 58;

/** Of years with four digits the text of a record sorts as the date does. */
function isCanonicalDate(text: string): boolean {
  return text.length === 10 && text.charCodeAt(4) === DASH && text.charCodeAt(7) === DASH;
}

/** As records have it: `2024-03-01T12:30:00`, or with three or six digits of a second that are not all zero. */
function isCanonicalTimestamp(text: string): boolean {
  const { length } = text;
  if (length !== 19 && length !== 23 && length !== 26) return false;
  if (text.charCodeAt(4) !== DASH || text[10] !== 'T' || text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return false;
  return !text.startsWith('24', 11) && (length === 19 || (text[19] === '.' && !text.endsWith('000')));
}

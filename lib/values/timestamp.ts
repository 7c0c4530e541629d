import { MillraceError } from '../errors.ts';
import { dateOf, daysOf, fractionText, twoDigits, yearText } from './calendar.ts';

const INFINITE = Symbol('infinite');
const MS_A_DAY = 86_400_000;

/**
 * A Date that keeps the microseconds. Where microseconds are of no interest it is used as a Date. `infinity` and `-infinity` are instants of
 * their own: their getTime() is NaN as of an invalid Date, and they compare with `<` and `>` as what they are. Date reaches the year 275760;
 * what lies beyond (PostgreSQL reaches 294276) is invalid here.
 */
export class Timestamp extends Date {
  /** Microseconds within the millisecond, 0 to 999. */
  readonly micros: number;
  declare readonly [INFINITE]?: 1 | -1;

  /** Milliseconds since 1970 (whole, may be negative), and microseconds beyond them. */
  constructor(epochMs: number, micros = 0) {
    super(epochMs);
    this.micros = micros;
  }

  /** PostgreSQL's `infinity`: after every other instant. */
  static readonly INFINITY: Timestamp = infinite(new this(Number.NaN), 1);
  /** PostgreSQL's `-infinity`: before every other instant. */
  static readonly NEGATIVE_INFINITY: Timestamp = infinite(new this(Number.NaN), -1);

  /** Microseconds since 1970; VALUE_NOT_CARRIED beyond the year 275760. */
  static fromEpochMicros(epochMicros: bigint | number): Timestamp {
    const whole = BigInt(epochMicros);
    const ms = whole / 1000n - (whole < 0n && whole % 1000n !== 0n ? 1n : 0n);
    const timestamp = new Timestamp(Number(ms), Number(whole - ms * 1000n));
    if (Number.isNaN(timestamp.getTime()))
      throw new MillraceError('VALUE_NOT_CARRIED', 'a timestamp lies beyond the years that a Date can hold (271821 BC to 275760)');
    return timestamp;
  }

  /**
   * ISO 8601 with a zone (`2024-01-01T12:00:00.000001+02:00`, `Z`), a blank for the T, ` BC`, `infinity`, `-infinity`; undefined for anything
   * else, a date that the calendar does not have, and digits beyond the microsecond. What `toISOString` prints comes back as it was.
   */
  static fromText(text: string): Timestamp | undefined {
    if (text === 'infinity') return Timestamp.INFINITY;
    if (text === '-infinity') return Timestamp.NEGATIVE_INFINITY;
    const match = ZONED.exec(text);
    if (match === null) return undefined;
    const days = daysOf(match[9] === undefined ? Number(match[1]) : 1 - Number(match[1]), Number(match[2]), Number(match[3]));
    const micros = microsOfDay(match);
    return days === undefined || micros === undefined ? undefined : Timestamp.fromLocal(days, micros, match[8] as string);
  }

  /** Days since 1970 and microseconds since midnight as they are seen in a zone (`Z`, `+02:00`, `-0330`); undefined where the zone is none. */
  static fromLocal(days: number, microsOfDay: number, zone: string): Timestamp | undefined {
    const offset = offsetSeconds(zone);
    if (offset === undefined) return undefined;
    const timestamp = new Timestamp(days * MS_A_DAY + Math.floor(microsOfDay / 1000) - offset * 1000, microsOfDay % 1000);
    return Number.isNaN(timestamp.getTime()) ? undefined : timestamp;
  }

  /** The instant of a Date, microseconds and infinities kept where it is a Timestamp. */
  static from(date: Date): Timestamp {
    return date instanceof Timestamp ? date : new Timestamp(date.getTime());
  }

  /** True of `infinity` and `-infinity`. */
  get isInfinite(): boolean {
    return this[INFINITE] !== undefined;
  }

  /** Microseconds since 1970; VALUE_NOT_CARRIED for an infinite or invalid instant, which has none. */
  get epochMicros(): bigint {
    if (Number.isNaN(this.getTime()))
      throw new MillraceError('VALUE_NOT_CARRIED', 'an infinite or invalid timestamp has no distance from 1970');
    return BigInt(this.getTime()) * 1000n + BigInt(this.micros);
  }

  /** Less than 0 when this is before `other`; microseconds and infinities count. */
  compare(other: Date): number {
    const mine = this[INFINITE] ?? 0;
    const theirs = (other instanceof Timestamp ? other[INFINITE] : undefined) ?? 0;
    if (mine !== 0 || theirs !== 0) return mine - theirs;
    return this.getTime() - other.getTime() || this.micros - (other instanceof Timestamp ? other.micros : 0);
  }

  /**
   * ISO 8601 in UTC; no fraction when it is zero, else three digits, or six where microseconds need them. Years past 9999 have more digits and
   * years before 1 end in ` BC`, both as PostgreSQL reads them. RangeError for an invalid Date, as Date has it.
   */
  override toISOString(): string {
    const ms = this.getTime();
    if (Number.isNaN(ms)) return infinityText(this[INFINITE]);
    const days = Math.floor(ms / MS_A_DAY);
    const { year, month, day } = dateOf(days);
    const msOfDay = ms - days * MS_A_DAY;
    const seconds = Math.floor(msOfDay / 1000);
    const minutes = Math.floor(seconds / 60);
    const time = `${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}:${twoDigits(seconds % 60)}`;
    const fraction = fractionText((msOfDay - seconds * 1000) * 1000 + this.micros);
    return `${yearText(year)}-${twoDigits(month)}-${twoDigits(day)}T${time}${fraction}Z${year > 0 ? '' : ' BC'}`;
  }

  /** As toISOString; null for an invalid Date, as Date has it. */
  override toJSON(): string {
    return Number.isNaN(this.getTime()) && !this.isInfinite ? (null as unknown as string) : this.toISOString();
  }

  override toString(): string {
    return Number.isNaN(this.getTime()) && !this.isInfinite ? 'Invalid Date' : this.toISOString();
  }

  /** Milliseconds since 1970; ±Infinity of the infinite ones, so that `<` and `>` hold. */
  override valueOf(): number {
    const sign = this[INFINITE];
    return sign === undefined ? this.getTime() : sign * Infinity;
  }
}

const ZONED = /^(\d{4,6})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)? ?(Z|z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)( BC)?$/;

const OFFSET = /^[+-]\d\d(?::?\d\d(?::?\d\d)?)?$/;

/** 24:00:00 and the leap second 60 are taken as PostgreSQL takes them: as the first moment of what follows. */
function microsOfDay(match: RegExpExecArray): number | undefined {
  const [hour, minute, second] = [Number(match[4]), Number(match[5]), Number(match[6] ?? 0)];
  const fraction = match[7] ?? '';
  if (fraction.length > 6 && Number(fraction.slice(6)) !== 0) return undefined;
  const micros = fraction === '' ? 0 : Number(fraction.slice(0, 6).padEnd(6, '0'));
  if (minute > 59 || second > 60 || (second === 60 && micros > 0)) return undefined;
  const sum = ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros;
  return sum > 86_400_000_000 ? undefined : sum;
}

/** Seconds east of Greenwich; undefined beyond 15:59:59, the most that PostgreSQL takes. */
function offsetSeconds(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0;
  if (!OFFSET.test(zone)) return undefined;
  const digits = zone.slice(1).replaceAll(':', '');
  const [hours, minutes, seconds] = [Number(digits.slice(0, 2)), Number(digits.slice(2, 4) || 0), Number(digits.slice(4, 6) || 0)];
  if (hours > 15 || minutes > 59 || seconds > 59) return undefined;
  const offset = hours * 3600 + minutes * 60 + seconds;
  return zone.startsWith('-') ? -offset : offset;
}

function infinite(timestamp: Timestamp, sign: 1 | -1): Timestamp {
  return Object.defineProperty(timestamp, INFINITE, { value: sign });
}

function infinityText(sign: 1 | -1 | undefined): string {
  if (sign === undefined) throw new RangeError('Invalid time value');
  return sign === 1 ? 'infinity' : '-infinity';
}

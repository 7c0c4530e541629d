/**
 * What values are ordered by. Numbers come first by their value whatever their form (NaN is the greatest), then false and true, texts by code point,
 * dates and times, bytes, lists, objects: any two values have an order, and none throws. Text stands for what its column's type says: digits of
 * numeric, dates without a zone, times, the blanks of char(n). Text of a file (`untyped`) that is a decimal number is a number.
 */
import { JsonNull, JsonNumber, printJson } from '../values/json.ts';
import { parseTime } from '../values/local-time.ts';
import { Timestamp } from '../values/timestamp.ts';
import type { DataType } from '../schema/types.ts';
import type { Field } from '../schema/schema.ts';
import { type Reading, readingOf, withoutPadding } from './comparator.ts';
import { compareDecimals, type Decimal, decimalOfNumber, parseDecimal, shortDecimal } from './decimal.ts';
import { instantOf, localOf } from './instant.ts';
import { compareText } from './text-order.ts';

/** What a value is ordered by; null: it comes last. */
export type SortValue = null | number | bigint | Decimal | boolean | string | Moment | Uint8Array | SortList | SortText;

/** A point on a calendar: days since 1970 (±Infinity: infinite) and microseconds since midnight. Instants in UTC; times of day have 0 days. */
export class Moment {
  readonly days: number;
  readonly micros: number;

  constructor(days: number, micros: number) {
    this.days = days;
    this.micros = micros;
  }
}

class SortList {
  readonly items: readonly SortValue[];

  constructor(items: readonly SortValue[]) {
    this.items = items;
  }
}

/** Any other value, by its JSON. */
class SortText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** How the values of a column are ordered. */
export interface SortReading {
  readonly reading: Reading;
  /** Of the items of lists. */
  readonly items: SortReading | undefined;
}

export function sortReadingOf(field: Pick<Field, 'type' | 'untyped'> | undefined): SortReading {
  const element: DataType | undefined = field?.type.kind === 'array' ? field.type.element : undefined;
  return {
    reading: field === undefined ? 'text' : readingOf({ name: '', nullable: true, ...field }),
    items: element === undefined ? undefined : sortReadingOf({ type: element }),
  };
}

export function sortValueOf(value: unknown, reading: SortReading): SortValue {
  switch (typeof value) {
    case 'number':
    case 'boolean':
      return value;
    case 'bigint':
      return value <= MAX_SAFE && value >= -MAX_SAFE ? Number(value) : value;
    case 'string':
      return textValue(value, reading.reading);
    case 'object':
      return value === null || value === JsonNull ? null : objectValue(value, reading);
    case 'undefined':
      return null;
    default:
      return new SortText('');
  }
}

/** Less than 0 when `a` comes before `b`; null is the last. */
export function compareSortValues(a: SortValue, b: SortValue): number {
  const rank = rankOf(a);
  const difference = rank - rankOf(b);
  if (difference !== 0) return difference;
  switch (rank) {
    case RANKS.number:
      return compareNumbers(a as Numeric, b as Numeric);
    case RANKS.boolean:
      return Number(a) - Number(b);
    case RANKS.text:
      return compareText(a as string, b as string);
    case RANKS.moment:
      return compareMoments(a as Moment, b as Moment);
    case RANKS.bytes:
      return Buffer.compare(a as Uint8Array, b as Uint8Array);
    case RANKS.list:
      return compareLists((a as SortList).items, (b as SortList).items);
    case RANKS.other:
      return compareText((a as SortText).text, (b as SortText).text);
    default:
      return 0;
  }
}

/** Kinds of values in their order. */
export const RANKS = { number: 0, boolean: 1, text: 2, moment: 3, bytes: 4, list: 5, other: 6, nothing: 7 } as const;

export function rankOf(value: SortValue): number {
  switch (typeof value) {
    case 'number':
    case 'bigint':
      return RANKS.number;
    case 'boolean':
      return RANKS.boolean;
    case 'string':
      return RANKS.text;
    default:
      if (value === null) return RANKS.nothing;
      if (value instanceof Moment) return RANKS.moment;
      if (value instanceof Uint8Array) return RANKS.bytes;
      if (value instanceof SortList) return RANKS.list;
      return value instanceof SortText ? RANKS.other : RANKS.number;
  }
}

type Numeric = number | bigint | Decimal;

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const MS_A_DAY = 86_400_000;
/** Behind every other: a Date that is none. */
const INVALID_DATE = new Moment(Infinity, 1);

function textValue(text: string, reading: Reading): SortValue {
  switch (reading) {
    case 'numeric':
      return shortDecimal(text) ?? parseDecimal(text) ?? text;
    case 'untyped':
      return shortDecimal(text) ?? (/\d$|\.$/.test(text) ? parseDecimal(text) : undefined) ?? text;
    case 'padded':
      return withoutPadding(text);
    case 'local': {
      const local = localOf(text);
      return local === undefined ? text : new Moment(local.days, local.micros);
    }
    case 'instant': {
      const instant = instantOf(text);
      return instant === undefined ? text : momentOf(instant);
    }
    case 'time': {
      const micros = parseTime(text);
      return micros === undefined ? text : new Moment(0, micros);
    }
    default:
      return text;
  }
}

function objectValue(value: object, { items }: SortReading): SortValue {
  if (value instanceof Date) return momentOf(value);
  if (value instanceof Uint8Array) return value;
  if (value instanceof JsonNumber) return shortDecimal(value.text) ?? parseDecimal(value.text) ?? value.text;
  if (Array.isArray(value)) return new SortList((value as unknown[]).map(item => sortValueOf(item, items ?? PLAIN)));
  try {
    return new SortText(printJson(value));
  } catch {
    return new SortText('');
  }
}

const PLAIN: SortReading = { reading: 'text', items: undefined };

function momentOf(date: Date): Moment {
  const ms = date.valueOf();
  if (Number.isNaN(ms)) return INVALID_DATE;
  if (!Number.isFinite(ms)) return new Moment(ms, 0);
  const days = Math.floor(ms / MS_A_DAY);
  return new Moment(days, (ms - days * MS_A_DAY) * 1000 + (date instanceof Timestamp ? date.micros : 0));
}

function compareMoments(a: Moment, b: Moment): number {
  return a.days === b.days ? a.micros - b.micros : a.days < b.days ? -1 : 1;
}

function compareNumbers(a: Numeric, b: Numeric): number {
  if (typeof a === 'object' || typeof b === 'object') return compareDecimals(decimalOf(a), decimalOf(b));
  if (a < b) return -1;
  if (a > b) return 1;
  // NaN is neither.
  return Number(a !== a) - Number(b !== b);
}

function decimalOf(value: Numeric): Decimal {
  if (typeof value === 'object') return value;
  return typeof value === 'number' ? decimalOfNumber(value) : (parseDecimal(String(value)) as Decimal);
}

function compareLists(a: readonly SortValue[], b: readonly SortValue[]): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const difference = compareSortValues(a[i] as SortValue, b[i] as SortValue);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

import { compareSortValues, Moment, RANKS, rankOf, type SortReading, type SortValue, sortValueOf } from '../../query/sort-value.ts';

/** A key of an order, for all its columns in a run: doubles of any two of them can be compared. */
export class SortKey {
  readonly reading: SortReading;
  /** 1: the least first. */
  readonly sign: 1 | -1;
  /** What the doubles are made of: the kind of the first value. Other kinds of values lie at their ends. */
  rank: number | undefined;

  constructor(reading: SortReading, direction: 'asc' | 'desc') {
    this.reading = reading;
    this.sign = direction === 'asc' ? 1 : -1;
  }
}

/**
 * The values of one key, row by row, as doubles that are in order as the values are: most comparisons are one of two doubles. Where they are equal
 * and that does not say all (texts with the same beginning, digits that no double carries, null beside infinity), the values themselves are compared.
 */
export class KeyColumn {
  /** By row: less where the row comes before, in the direction of the key; equal where `compare` has to say. */
  doubles = new Float64Array(256);
  length = 0;
  /** Bytes that texts and other values take here, about. */
  bytes = 0;
  readonly #key: SortKey;
  /** Values that their doubles don't say; undefined where they do. */
  #values: (SortValue | undefined)[] | undefined;

  constructor(key: SortKey) {
    this.#key = key;
  }

  push(raw: unknown): void {
    const row = this.length++;
    if (row === this.doubles.length) this.#grow();
    const value = sortValueOf(raw, this.#key.reading);
    if (value === null) {
      this.doubles[row] = Infinity;
      this.#keep(row, null);
      return;
    }
    const double = this.#doubleOf(value);
    this.doubles[row] = this.#key.sign * double;
    if (!isWhole(value, double)) this.#keep(row, value);
  }

  /** Of two rows whose doubles are equal. */
  compare(a: number, b: number): number {
    if (this.#values === undefined) return 0;
    const left = this.#values[a];
    const right = this.#values[b];
    if (left === undefined && right === undefined) return 0;
    return this.#ordered(left === undefined ? this.value(a) : left, right === undefined ? this.value(b) : right);
  }

  /** A row here with one of another column of the same key: less than 0 where it comes before. */
  compareWith(a: number, other: KeyColumn, b: number): number {
    const left = this.doubles[a] as number;
    const right = other.doubles[b] as number;
    if (left !== right) return left < right ? -1 : 1;
    if (this.#values?.[a] === undefined && other.#values?.[b] === undefined) return 0;
    return this.#ordered(this.value(a), other.value(b));
  }

  value(row: number): SortValue {
    const value = this.#values?.[row];
    if (value !== undefined) return value;
    const double = this.#key.sign * (this.doubles[row] as number);
    if (this.#key.rank === RANKS.boolean) return double === 1;
    if (this.#key.rank !== RANKS.moment) return double;
    const days = Math.floor(double / MICROS_A_DAY);
    return new Moment(days, double - days * MICROS_A_DAY);
  }

  /** The last row is forgotten. */
  pop(): void {
    const row = --this.length;
    if (this.#values === undefined || this.#values.length <= row) return;
    const value = this.#values.pop();
    if (value !== undefined) this.bytes -= 8 + weightOf(value);
  }

  /** All but these rows (in ascending order) are forgotten. */
  keep(rows: Uint32Array): void {
    this.doubles = Float64Array.from({ length: Math.max(rows.length, 256) }, (_, i) =>
      i < rows.length ? (this.doubles[rows[i] as number] as number) : 0,
    );
    this.length = rows.length;
    const values = this.#values;
    if (values === undefined) return;
    this.#values = Array.from(rows, row => values[row]);
    this.bytes = this.#values.reduce((sum: number, value) => sum + (value === undefined ? 0 : 8 + weightOf(value)), 0);
  }

  /** Null comes last in either direction. */
  #ordered(a: SortValue, b: SortValue): number {
    return a === null || b === null ? Number(a === null) - Number(b === null) : this.#key.sign * compareSortValues(a, b);
  }

  #doubleOf(value: Exclude<SortValue, null>): number {
    const rank = rankOf(value);
    this.#key.rank ??= rank;
    if (rank !== this.#key.rank) return rank < this.#key.rank ? -Infinity : Infinity;
    switch (typeof value) {
      case 'number':
        return value === value ? value : Infinity;
      case 'bigint':
      case 'boolean':
        return Number(value);
      case 'string':
        return textDouble(value);
      default:
        if (value instanceof Moment) return momentDouble(value);
        if (rank === RANKS.bytes) return bytesDouble(value as Uint8Array);
        return rank === RANKS.number ? decimalDouble(value as { sign: number; exponent: number; digits: string }) : 0;
    }
  }

  #keep(row: number, value: SortValue): void {
    this.#values ??= [];
    // Without holes: an array with holes is slow.
    for (let i = this.#values.length; i < row; i++) this.#values.push(undefined);
    this.#values.push(value);
    this.bytes += 8 + weightOf(value);
  }

  #grow(): void {
    const doubles = new Float64Array(this.doubles.length * 2);
    doubles.set(this.doubles);
    this.doubles = doubles;
  }
}

const MICROS_A_DAY = 86_400_000_000;
/** So many days around 1970 microseconds are whole numbers of a double. */
const EXACT_DAYS = 100_000;

/** Whether the double says all of the value. */
function isWhole(value: SortValue, double: number): boolean {
  if (!Number.isFinite(double)) return false;
  if (typeof value === 'number' || typeof value === 'boolean') return true;
  return value instanceof Moment && Math.abs(value.days) < EXACT_DAYS;
}

function momentDouble({ days, micros }: Moment): number {
  return Math.abs(days) < EXACT_DAYS ? days * MICROS_A_DAY + micros : days * MICROS_A_DAY;
}

function decimalDouble({ sign, exponent, digits }: { sign: number; exponent: number; digits: string }): number {
  if (sign === 0) return 0;
  if (exponent === Infinity) return sign * Infinity;
  return sign * Number(`0.${digits.slice(0, 400)}e${exponent}`);
}

const PREFIX_BYTES = 6;

/** The first bytes of the text's UTF-8 as one number: byte order is the order of code points. The end of a text comes before every byte. */
function textDouble(text: string): number {
  let double = 0;
  let count = 0;
  for (let i = 0; i < text.length && count < PREFIX_BYTES; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return beyondAscii(text, i, double, count);
    double = double * 257 + unit + 1;
    count++;
  }
  for (; count < PREFIX_BYTES; count++) double *= 257;
  return double;
}

/** A half of a character has no UTF-8: it is written as if it were a character of its own, which keeps the order. */
function beyondAscii(text: string, from: number, start: number, length: number): number {
  let double = start;
  let count = length;
  const put = (byte: number): void => {
    if (count++ < PREFIX_BYTES) double = double * 257 + byte + 1;
  };
  for (let i = from; i < text.length && count < PREFIX_BYTES; i++) {
    const point = text.codePointAt(i) as number;
    if (point < 0x80) put(point);
    else if (point < 0x800) {
      put(0xc0 | (point >> 6));
      put(0x80 | (point & 63));
    } else if (point < 0x10000) {
      put(0xe0 | (point >> 12));
      put(0x80 | ((point >> 6) & 63));
      put(0x80 | (point & 63));
    } else {
      i++;
      put(0xf0 | (point >> 18));
      put(0x80 | ((point >> 12) & 63));
      put(0x80 | ((point >> 6) & 63));
      put(0x80 | (point & 63));
    }
  }
  while (count < PREFIX_BYTES) put(-1);
  return double;
}

function bytesDouble(bytes: Uint8Array): number {
  let double = 0;
  for (let i = 0; i < PREFIX_BYTES; i++) double = double * 257 + (i < bytes.length ? (bytes[i] as number) + 1 : 0);
  return double;
}

function weightOf(value: SortValue): number {
  if (typeof value === 'string') return 24 + value.length;
  if (value instanceof Uint8Array) return 96 + value.length;
  return value === null ? 0 : 64;
}

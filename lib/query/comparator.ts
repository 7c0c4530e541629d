import { JsonNumber } from '../values/json.ts';
import { Timestamp } from '../values/timestamp.ts';
import type { Field } from '../schema/schema.ts';
import { compareDecimals, decimalOfNumber, type Decimal, parseDecimal, shortDecimal } from './decimal.ts';
import { dateComparator, instantOf, localDateComparator, localTextComparator, timeComparator } from './instant.ts';
import { isNumeric, numericOperand, type NumericOperand, type Operand } from './operand.ts';
import { textComparator } from './text-order.ts';

/**
 * What a text stands for in a column. Everything else is judged by what it is: a number by its value whatever the column's type is, a Date by its
 * instant. `untyped` text (CSV) is what the literal is.
 */
export type Reading = 'text' | 'padded' | 'numeric' | 'local' | 'instant' | 'time' | 'untyped';

export function readingOf(field: Field | undefined): Reading {
  if (field === undefined) return 'text';
  if (field.untyped === true) return 'untyped';
  switch (field.type.kind) {
    case 'numeric':
      return 'numeric';
    case 'bpchar':
      return 'padded';
    case 'date':
    case 'timestamp':
      return 'local';
    case 'timestamptz':
      return 'instant';
    case 'time':
      return 'time';
    default:
      return 'text';
  }
}

/** A value compared with a literal: less than 0 when it comes before it, 0 when it is equal, NaN when the two don't compare. */
export type Comparator = (value: unknown) => number;

export function comparatorOf(operand: Operand, reading: Reading): Comparator {
  switch (typeof operand) {
    case 'string':
      return ofText(operand, reading);
    case 'number':
      return ofNumber(operand, reading);
    case 'boolean':
      return ofBoolean(operand, reading);
    default:
      return isNumeric(operand) ? ofDigits(operand, reading) : ofInstant(Timestamp.fromText(operand.timestamp) as Timestamp, reading);
  }
}

/**
 * The number that a value is, as a double, where a double is exact enough to tell it from all others: what a set of numbers is asked for.
 * Undefined where it takes the comparator.
 */
export function plainNumber(value: unknown, reading: Reading): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return reading === 'numeric' || reading === 'untyped' ? shortDecimal(value) : undefined;
  return typeof value === 'bigint' && value <= MAX_SAFE && value >= -MAX_SAFE ? Number(value) : undefined;
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const NOT_COMPARABLE = Number.NaN;

function ofText(literal: string, reading: Reading): Comparator {
  if (reading === 'numeric') {
    const number = numericOperand(literal);
    return number === undefined ? () => NOT_COMPARABLE : comparatorOf(number, reading);
  }
  const compare = textComparatorOf(literal, reading);
  const instant = instantOf(literal);
  const compareDate = instant === undefined ? undefined : dateComparator(instant);
  return value => {
    if (typeof value === 'string') return compare(value);
    return compareDate !== undefined && value instanceof Date ? compareDate(value) : NOT_COMPARABLE;
  };
}

function textComparatorOf(literal: string, reading: Reading): (text: string) => number {
  switch (reading) {
    case 'local':
      return localTextComparator(literal) ?? (() => NOT_COMPARABLE);
    case 'time':
      return timeComparator(literal) ?? (() => NOT_COMPARABLE);
    case 'instant': {
      const instant = instantOf(literal);
      return instant === undefined ? () => NOT_COMPARABLE : instantTextComparator(instant);
    }
    case 'padded': {
      const compare = textComparator(withoutPadding(literal));
      return text => compare(withoutPadding(text));
    }
    default:
      return textComparator(literal);
  }
}

/** The blanks that char(n) is filled up with mean nothing in PostgreSQL's comparisons. */
export function withoutPadding(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 32) end--;
  return text.slice(0, end);
}

function instantTextComparator(literal: Timestamp): (text: string) => number {
  const compare = dateComparator(literal);
  return text => {
    const instant = instantOf(text);
    return instant === undefined ? NOT_COMPARABLE : compare(instant);
  };
}

function ofInstant(literal: Timestamp, reading: Reading): Comparator {
  const compareDate = dateComparator(literal);
  const compare = reading === 'local' ? localDateComparator(literal) : instantTextComparator(literal);
  const readsText = reading !== 'numeric' && reading !== 'time';
  return value => {
    if (value instanceof Date) return compareDate(value);
    return readsText && typeof value === 'string' ? compare(value) : NOT_COMPARABLE;
  };
}

function ofBoolean(literal: boolean, reading: Reading): Comparator {
  const wanted = Number(literal);
  return value => {
    if (typeof value === 'boolean') return Number(value) - wanted;
    if (reading !== 'untyped' || typeof value !== 'string') return NOT_COMPARABLE;
    const text = value.toLowerCase();
    return text === 'true' ? 1 - wanted : text === 'false' ? -wanted : NOT_COMPARABLE;
  };
}

function ofNumber(literal: number, reading: Reading): Comparator {
  const compareExactly = exactly(decimalOfNumber(literal), reading);
  return value => {
    if (typeof value === 'number' || typeof value === 'bigint') return value < literal ? -1 : value > literal ? 1 : value === value ? 0 : 1;
    const short = typeof value === 'string' ? plainNumber(value, reading) : undefined;
    return short === undefined ? compareExactly(value) : short < literal ? -1 : short > literal ? 1 : 0;
  };
}

/** A literal that no double carries: only values whose double is its nearest one need be compared digit by digit. */
function ofDigits(literal: NumericOperand, reading: Reading): Comparator {
  const compareExactly = exactly(parseDecimal(literal.numeric) as Decimal, reading);
  const nearest = Number(literal.numeric);
  const whole = /^[+-]?\d+$/.test(literal.numeric) ? BigInt(literal.numeric.replace('+', '')) : undefined;
  if (Number.isNaN(nearest)) return compareExactly;
  return value => {
    if (whole !== undefined && (typeof value === 'number' || typeof value === 'bigint')) {
      return value < whole ? -1 : value > whole ? 1 : value === value ? 0 : 1;
    }
    const double = plainNumber(value, reading);
    return double === undefined || !(double < nearest || double > nearest) ? compareExactly(value) : double < nearest ? -1 : 1;
  };
}

function exactly(literal: Decimal, reading: Reading): Comparator {
  return value => {
    const decimal = decimalOf(value, reading);
    return decimal === undefined ? NOT_COMPARABLE : compareDecimals(decimal, literal);
  };
}

function decimalOf(value: unknown, reading: Reading): Decimal | undefined {
  switch (typeof value) {
    case 'number':
      return decimalOfNumber(value);
    case 'bigint':
      return parseDecimal(String(value));
    case 'string':
      if (reading === 'numeric') return parseDecimal(value);
      return reading === 'untyped' && /\d$|\.$/.test(value) ? parseDecimal(value) : undefined;
    default:
      return value instanceof JsonNumber ? parseDecimal(value.text) : undefined;
  }
}

import { Timestamp } from '../values/timestamp.ts';
import { JsonNumber } from '../values/json.ts';
import { compareDecimals, type Decimal, decimalOfNumber, parseDecimal } from './decimal.ts';

/**
 * A literal in a predicate, as plain JSON. What JSON has no form for is an object of one key: `{ numeric: '9007199254740993' }` is a bigint,
 * or a decimal with more digits than a double keeps, or NaN and the infinities; `{ timestamp: '2024-01-01T00:00:00.000001Z' }` is a Date.
 */
export type Operand = string | number | boolean | NumericOperand | TimestampOperand;
export interface NumericOperand {
  readonly numeric: string;
}
export interface TimestampOperand {
  readonly timestamp: string;
}

/** The operand that a value of a program, or of JSON, stands for; undefined where there is none (null, lists, other objects, invalid dates). */
export function operandOf(value: unknown): Operand | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value + 0 : { numeric: String(value) };
    case 'bigint':
      return numericOperand(String(value));
    default:
      return objectOperand(value);
  }
}

/** Digits as a number where that is the very same number, else with all their digits; undefined for what is no number. */
export function numericOperand(text: string): number | NumericOperand | undefined {
  const decimal = parseDecimal(text);
  if (decimal === undefined) return undefined;
  const number = Number(text);
  return Number.isFinite(number) && isSame(decimal, number) ? number + 0 : { numeric: text };
}

export function isNumeric(operand: Operand): operand is NumericOperand {
  return typeof operand === 'object' && 'numeric' in operand;
}

function isSame(decimal: Decimal, number: number): boolean {
  return compareDecimals(decimal, decimalOfNumber(number)) === 0;
}

function objectOperand(value: unknown): Operand | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (value instanceof JsonNumber) return numericOperand(value.text);
  if (value instanceof Date) return timestampOperand(Timestamp.from(value));
  const keys = Object.keys(value);
  if (keys.length !== 1) return undefined;
  const { numeric, timestamp } = value as { numeric?: unknown; timestamp?: unknown };
  if (typeof numeric === 'string') return numericOperand(numeric);
  const instant = typeof timestamp === 'string' ? Timestamp.fromText(timestamp) : undefined;
  return instant === undefined ? undefined : timestampOperand(instant);
}

function timestampOperand(instant: Timestamp): TimestampOperand | undefined {
  return Number.isNaN(instant.valueOf()) ? undefined : { timestamp: instant.toISOString() };
}

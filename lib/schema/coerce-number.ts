import { isExactNumber, JsonNumber } from '../values/json.ts';
import { CoercionFailure, noneOf } from './coercion-failure.ts';
import { DECIMAL, MAX_INT8, MIN_INT8, NOT_FINITE } from './numbers.ts';

const NO_INTEGER = new CoercionFailure('it is not a whole number');
const TOO_LARGE = new CoercionFailure('it is too large for the type');
const NO_NUMBER = new CoercionFailure('it is not a number');

/** A number where it is safe, else a bigint. */
export function toInteger(value: unknown): unknown {
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? value + 0 : Number.isInteger(value) ? wholeOf(BigInt(value)) : NO_INTEGER;
  if (typeof value === 'bigint') return wholeOf(value);
  if (typeof value === 'string') return integerOfText(value.trim());
  return value instanceof JsonNumber ? integerOfText(value.text) : noneOf(value, NO_INTEGER);
}

const WHOLE_FORMS = /^(?:([+-]?)(\d+)(?:\.0*)?|0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)$/;

function integerOfText(text: string): unknown {
  const match = WHOLE_FORMS.exec(text);
  if (match === null)
    return DECIMAL.test(text) && isExactNumber(text.replace(/^\+/, '')) && Number.isSafeInteger(Number(text))
      ? Number(text) + 0
      : NO_INTEGER;
  const digits = match[2];
  if (digits === undefined) return wholeOf(BigInt(text));
  return digits.length <= 15
    ? Number(match[1] === '-' ? -Number(digits) : digits) + 0
    : wholeOf(BigInt(`${match[1] === '-' ? '-' : ''}${digits}`));
}

function wholeOf(whole: bigint): unknown {
  if (whole >= Number.MIN_SAFE_INTEGER && whole <= Number.MAX_SAFE_INTEGER) return Number(whole);
  return whole >= MIN_INT8 && whole <= MAX_INT8 ? whole : TOO_LARGE;
}

/** Whole numbers within bounds. */
export function boundedInteger({ least, most }: { readonly least: number; readonly most: number }): (value: unknown) => unknown {
  return value => {
    const whole = toInteger(value);
    if (whole instanceof CoercionFailure || whole === null) return whole;
    return typeof whole === 'number' && whole >= least && whole <= most ? whole : TOO_LARGE;
  };
}

/** The nearest double of digits; past its range nothing. */
export function toFloat(value: unknown): unknown {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  const text = typeof value === 'string' ? value.trim() : value instanceof JsonNumber ? value.text : undefined;
  if (text === undefined) return noneOf(value, NO_NUMBER);
  if (NOT_FINITE.test(text)) return Number(text);
  if (!DECIMAL.test(text)) return NO_NUMBER;
  const number = Number(text);
  return Number.isFinite(number) ? number : TOO_LARGE;
}

/** The nearest single precision float. */
export function toSingle(value: unknown): unknown {
  const number = toFloat(value);
  if (typeof number !== 'number') return number;
  const single = Math.fround(number);
  return Number.isFinite(single) || !Number.isFinite(number) ? single : TOO_LARGE;
}

/** Digits, as they are. */
export function toNumeric(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  const text = typeof value === 'string' ? value.trim() : value instanceof JsonNumber ? value.text : undefined;
  if (text === undefined) return noneOf(value, NO_NUMBER);
  return DECIMAL.test(text) || NOT_FINITE.test(text) ? text : NO_NUMBER;
}

/**
 * Numbers compared exactly, whatever their form: digits of any length, doubles, bigints. A double stands for the decimal that it prints as
 * (0.1 equals the numeric 0.1), a whole one for its exact value. NaN equals itself and is greater than everything, as PostgreSQL has it.
 */
export interface Decimal {
  /** -1, 0 or 1. */
  readonly sign: number;
  /** The value is 0.digits × 10^exponent; ±Infinity and NaN have the exponent Infinity. */
  readonly exponent: number;
  /** Without zeros at either end; `1` for infinities, `2` for NaN, so that it is the greatest. */
  readonly digits: string;
}

const ZERO: Decimal = { sign: 0, exponent: 0, digits: '' };
const NAN: Decimal = { sign: 1, exponent: Infinity, digits: '2' };
const INFINITE: Decimal = { sign: 1, exponent: Infinity, digits: '1' };
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** Decimal digits with sign, point and exponent, `NaN`, `Infinity`, `-Infinity`; undefined for anything else. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return notFinite(text);
  const whole = match[2] as string;
  const fraction = match[3] ?? '';
  if (whole === '' && fraction === '') return undefined;
  const all = whole + fraction;
  const start = all.search(/[1-9]/);
  if (start < 0) return ZERO;
  return {
    sign: match[1] === '-' ? -1 : 1,
    exponent: whole.length - start + Number(match[4] ?? 0),
    digits: all.slice(start, endOfDigits(all)),
  };
}

export function decimalOfNumber(value: number): Decimal {
  if (!Number.isFinite(value)) return notFinite(String(value)) as Decimal;
  const text = Number.isInteger(value) && Math.abs(value) > Number.MAX_SAFE_INTEGER ? String(BigInt(value)) : String(value);
  return parseDecimal(text) as Decimal;
}

/** Less than 0 when `a` is less. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  if (a.sign !== b.sign) return a.sign - b.sign;
  if (a.exponent !== b.exponent) return a.exponent < b.exponent ? -a.sign : a.sign;
  if (a.digits === b.digits) return 0;
  return a.digits < b.digits ? -a.sign : a.sign;
}

/**
 * The double of plain digits (no exponent) that are at most 15 places long, as most are; undefined for everything else. So short, two decimals are
 * equal or in order exactly as their doubles are, and none of the exact form above need be made.
 */
export function shortDecimal(text: string): number | undefined {
  const length = text.length;
  if (length === 0 || length > 16) return undefined;
  let at = 0;
  const first = text.charCodeAt(0);
  const isNegative = first === 45;
  if (isNegative || first === 43) at = 1;
  let mantissa = 0;
  let point = -1;
  const start = at;
  for (; at < length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit >= 0 && digit <= 9) mantissa = mantissa * 10 + digit;
    else if (digit === -2 && point < 0) point = at;
    else return undefined;
  }
  const places = length - start - (point < 0 ? 0 : 1);
  if (places === 0 || places > 15) return undefined;
  const value = point < 0 ? mantissa : mantissa / (POWERS[length - point - 1] as number);
  return isNegative ? -value : value;
}

/** Powers of ten that a double holds exactly: dividing whole numbers by them rounds once, as reading the text does. */
const POWERS = Array.from({ length: 16 }, (_, i) => Number(`1e${i}`));

function notFinite(text: string): Decimal | undefined {
  if (text === 'NaN') return NAN;
  if (text === 'Infinity') return INFINITE;
  return text === '-Infinity' ? { ...INFINITE, sign: -1 } : undefined;
}

/** Behind the last digit that is not zero. A loop: a regex for trailing zeros takes quadratic time. */
function endOfDigits(digits: string): number {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 48) end--;
  return end;
}

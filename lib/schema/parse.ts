import { MillraceError } from '../errors.ts';
import { JsonNull, parseJson } from '../values/json.ts';
import { parseDate, parseLocalTimestamp, parseTime, printLocalDate, printLocalTimestamp, printTime } from '../values/local-time.ts';
import { Timestamp } from '../values/timestamp.ts';
import { arrayLiteralParser } from './array-literal.ts';
import { DECIMAL, INTEGER_BOUNDS, MAX_INT8, MIN_INT8, WHOLE } from './numbers.ts';
import { type DataType, TEXT, typeName } from './types.ts';

/** The value in a record of a text that is not NULL. VALUE_INVALID, naming only the type, for a text that is none of the type. */
export type Parser = (text: string) => unknown;

export interface ParseOptions {
  /** What int8 becomes: numbers (one past 2^53 is VALUE_INVALID, which names this option), or always bigints. */
  readonly int8?: 'number' | 'bigint';
  /** What numeric becomes: its digits, or the nearest number. */
  readonly numeric?: 'text' | 'number';
}

/**
 * Reads what `textPrinter` writes, and what PostgreSQL writes with DateStyle ISO, TimeZone UTC and bytea_output hex. Blanks around numbers are
 * allowed, as the server allows them. Times without a zone come in one form, `2024-03-01T12:30:00`.
 */
export function textParser(type: DataType, options: ParseOptions = {}): Parser {
  switch (type.kind) {
    case 'bool':
      return text => BOOLEANS.get(text) ?? BOOLEANS.get(text.trim().toLowerCase()) ?? invalid(type);
    case 'int2':
    case 'int4':
    case 'oid':
      return integerParser(type, INTEGER_BOUNDS[type.kind]);
    case 'int8':
      return options.int8 === 'bigint' ? bigintParser(type) : safeIntegerParser(type);
    case 'float4': {
      const parse = floatParser(type);
      return text => Math.fround(parse(text));
    }
    case 'float8':
      return floatParser(type);
    case 'numeric':
      return options.numeric === 'number' ? floatParser(type) : numericParser(type);
    case 'bytea':
      return text => (/^\\x(?:[0-9a-f]{2})*$/i.test(text) ? Buffer.from(text.slice(2), 'hex') : invalid(type));
    case 'json':
    case 'jsonb':
      return text => parseJson(text) ?? JsonNull;
    case 'timestamptz':
      return text => Timestamp.fromText(text) ?? invalid(type);
    case 'timestamp':
      return text => printLocalTimestamp(parseLocalTimestamp(text) ?? invalid(type));
    case 'date':
      return text => printLocalDate(parseDate(text) ?? invalid(type));
    case 'time':
      return text => printTime(parseTime(text) ?? invalid(type));
    case 'array':
      return arrayLiteralParser(type, textParser(type.element ?? TEXT, options));
    default:
      return text => text;
  }
}

function invalid(type: DataType): never {
  throw new MillraceError('VALUE_INVALID', `a text cannot be read as ${typeName(type)}`);
}

const BOOLEANS = new Map([
  ...['t', 'true', 'y', 'yes', 'on', '1'].map(text => [text, true] as const),
  ...['f', 'false', 'n', 'no', 'off', '0'].map(text => [text, false] as const),
]);

/** Digits without the blanks around them. */
function digitsOf(text: string, pattern: RegExp, type: DataType): string {
  if (pattern.test(text)) return text;
  const trimmed = text.trim();
  return pattern.test(trimmed) ? trimmed : invalid(type);
}

function integerParser(type: DataType, { least, most }: { least: number; most: number }): Parser {
  return text => {
    const number = Number(digitsOf(text, WHOLE, type));
    // `-0` is the whole number 0.
    return number >= least && number <= most ? number + 0 : invalid(type);
  };
}

function safeIntegerParser(type: DataType): Parser {
  return text => {
    const number = Number(digitsOf(text, WHOLE, type));
    if (Number.isSafeInteger(number)) return number + 0;
    throw new MillraceError(
      'VALUE_INVALID',
      `a value of type ${typeName(type)} is past 2^53, where a number is not exact; read it with the option int8: 'bigint'`,
    );
  };
}

function bigintParser(type: DataType): Parser {
  return text => {
    const whole = BigInt(digitsOf(text, WHOLE, type).replace(/^\+/, ''));
    return whole >= MIN_INT8 && whole <= MAX_INT8 ? whole : invalid(type);
  };
}

const NOT_FINITE = new Map([
  ['nan', Number.NaN],
  ['infinity', Infinity],
  ['+infinity', Infinity],
  ['-infinity', -Infinity],
  ['inf', Infinity],
  ['+inf', Infinity],
  ['-inf', -Infinity],
]);

/** Digits past the range of a double are refused, as the server refuses them. */
function floatParser(type: DataType): (text: string) => number {
  return text => {
    const named = NOT_FINITE.get(text.trim().toLowerCase());
    if (named !== undefined) return named;
    const digits = digitsOf(text, DECIMAL, type);
    const number = Number(digits);
    const isOutOfRange = !Number.isFinite(number) || (number === 0 && /^[^eE]*[1-9]/.test(digits));
    return isOutOfRange ? invalid(type) : number;
  };
}

function numericParser(type: DataType): Parser {
  return text => {
    if (DECIMAL.test(text)) return text;
    const named = NOT_FINITE.get(text.trim().toLowerCase());
    return named === undefined ? digitsOf(text, DECIMAL, type) : String(named);
  };
}

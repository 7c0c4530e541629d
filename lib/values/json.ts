import { MillraceError } from '../errors.ts';
import { JsonNull, JsonNumber } from './json-number.ts';
import { JsonParser, malformed } from './json-parser.ts';
import { Timestamp } from './timestamp.ts';

export { isExactNumber, JsonNull, JsonNumber } from './json-number.ts';

/** A number with so many digits may be more than a double holds; a shorter one never is, but for its exponent. */
const LONG_DIGITS = /\d{16}|\d[\d.]{16}|\d[eE][+-]?\d{3}/;

/**
 * The value of a JSON text, exactly: a number that a double does not carry becomes a JsonNumber; a key `__proto__` is a key like any other.
 * Only documents with long digit runs pay for it. DATA_MALFORMED, without a word of the text, when it is no JSON.
 */
export function parseJson(text: string): unknown {
  return LONG_DIGITS.test(text) ? new JsonParser(text).parse() : parseShortNumbers(text);
}

/** The same of a text in which no number is longer than a double carries. */
export function parseShortNumbers(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed();
  }
}

/**
 * JSON text of a value, always valid JSON: JsonNumber and bigint as bare digits, dates as ISO 8601, bytes as base64, -0 as `-0`; NaN, infinities and
 * invalid dates as text; a Map as an object, a Set as a list; what JSON.stringify leaves out is left out. VALUE_INVALID for a value that contains
 * itself or is nested some thousands deep.
 */
export function printJson(value: unknown): string {
  try {
    return isPlain(value) ? JSON.stringify(value) : printed(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new MillraceError('VALUE_INVALID', 'a value cannot be printed as JSON: it contains itself, or is nested too deep');
  }
}

/** True where JSON.stringify prints the very same. */
function isPlain(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && (value !== 0 || 1 / value > 0);
    case 'object':
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isPlain(value[i])) return false;
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key in value) if (!isPlain((value as Record<string, unknown>)[key])) return false;
  return true;
}

function printed(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return Number.isFinite(value) ? (Object.is(value, -0) ? '-0' : String(value)) : `"${String(value)}"`;
    case 'bigint':
      return value.toString();
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      return value === null ? 'null' : printedObject(value);
    default:
      return 'null';
  }
}

function printedObject(value: object): string {
  if (Array.isArray(value)) return `[${Array.from(value as unknown[], printed).join(',')}]`;
  if (value instanceof JsonNumber) return value.text;
  if (value === JsonNull) return 'null';
  if (value instanceof Date) return JSON.stringify(isInvalid(value) ? 'Invalid Date' : Timestamp.from(value).toISOString());
  if (value instanceof Uint8Array) return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`;
  if (value instanceof Map) return printedObject(Object.fromEntries(value as Map<string, unknown>));
  if (value instanceof Set) return printedObject([...(value as Set<unknown>)]);
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return printed(value.valueOf());
  if ('toJSON' in value && typeof value.toJSON === 'function') return printed((value as { toJSON(): unknown }).toJSON());
  const parts: string[] = [];
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key];
    if (item !== undefined && typeof item !== 'function' && typeof item !== 'symbol') parts.push(`${JSON.stringify(key)}:${printed(item)}`);
  }
  return `{${parts.join(',')}}`;
}

function isInvalid(date: Date): boolean {
  return Number.isNaN(date.getTime()) && !(date instanceof Timestamp && date.isInfinite);
}

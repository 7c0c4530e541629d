/**
 * What makes two values the same key. Two are the same where neither comes before the other when they are sorted: numbers by their exact value whatever
 * their form, dates by their instant with its microseconds, bytes by what they are; the text of a `numeric`, of a date or of char(n) by what it stands
 * for. Otherwise than there text of a file is text (`01` is not `1`), the JSON null is not NULL, and objects are the same whatever the order of their
 * fields. NULL and a missing field are the same, and NaN is itself.
 */
import { JsonNull, JsonNumber, printJson } from '../values/json.ts';
import type { Field } from '../schema/schema.ts';
import { compareDecimals, type Decimal, decimalOfNumber, parseDecimal, shortDecimal } from './decimal.ts';
import { Moment, type SortReading, sortReadingOf, sortValueOf } from './sort-value.ts';

/** A value that is the same (as JavaScript's Map has it, and in JSON) for the same key. */
export type Identity = string | number | boolean | null;

/** How the values of a column are told apart; of a column that nobody described, by what they are. */
export function identityReadingOf(field: Pick<Field, 'type' | 'untyped'> | undefined): SortReading {
  return field === undefined || field.untyped === true ? PLAIN : sortReadingOf(field);
}

/** VALUE_INVALID for a value that has no JSON. */
export function identityOf(value: unknown, reading: SortReading): Identity {
  switch (typeof value) {
    case 'string':
      return reading.reading === 'text' ? plainText(value) : textIdentity(value, reading);
    case 'number':
      return numberIdentity(value);
    case 'boolean':
      return value;
    case 'bigint':
      return decimalIdentity(parseDecimal(String(value)) as Decimal, Number(value));
    case 'object':
      return value === null ? null : objectIdentity(value, reading);
    case 'undefined':
      return null;
    default:
      return `${MARK}x${printJson(value)}`;
  }
}

/** Several of them as one. */
export function joinedIdentity(parts: readonly Identity[]): string {
  let joined = '';
  for (const part of parts) joined += typeof part === 'string' ? `s${part.length}:${part}` : `${part === null ? '_' : String(part)};`;
  return joined;
}

/** No text of a record begins so: one that does has another before it. */
const MARK = '\0';
const PLAIN: SortReading = { reading: 'text', items: undefined };

function plainText(text: string): string {
  return text.charCodeAt(0) === 0 ? `${MARK}s${text}` : text;
}

/** JSON has no NaN and no infinities. */
function numberIdentity(value: number): Identity {
  return Number.isFinite(value) ? (value === 0 ? 0 : value) : `${MARK}f${value}`;
}

/** The double, where that is this very number. */
function decimalIdentity(decimal: Decimal, nearest: number): Identity {
  if (compareDecimals(decimalOfNumber(nearest), decimal) === 0) return numberIdentity(nearest);
  return `${MARK}n${decimal.sign}e${decimal.exponent}d${decimal.digits}`;
}

function digitsIdentity(text: string): Identity {
  const short = shortDecimal(text);
  if (short !== undefined) return numberIdentity(short);
  const decimal = parseDecimal(text);
  return decimal === undefined ? plainText(text) : decimalIdentity(decimal, Number(text));
}

function textIdentity(text: string, reading: SortReading): Identity {
  if (reading.reading === 'numeric' || reading.reading === 'untyped') return digitsIdentity(text);
  const value = sortValueOf(text, reading);
  return value instanceof Moment ? momentIdentity(value) : plainText(value as string);
}

function momentIdentity({ days, micros }: Moment): string {
  return `${MARK}t${days}:${micros}`;
}

function objectIdentity(value: object, reading: SortReading): Identity {
  if (value instanceof Date) return momentIdentity(sortValueOf(value, reading) as Moment);
  if (value instanceof Uint8Array) return `${MARK}b${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')}`;
  if (value instanceof JsonNumber) return digitsIdentity(value.text);
  if (value === JsonNull) return `${MARK}j`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value)) {
    const items = reading.items ?? PLAIN;
    return `${MARK}l${joinedIdentity((value as unknown[]).map(item => identityOf(item, items)))}`;
  }
  if (prototype === Object.prototype || prototype === null) {
    const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `${MARK}o${joinedIdentity(fields.flatMap(([name, item]) => [name, identityOf(item, PLAIN)]))}`;
  }
  return `${MARK}x${printJson(value)}`;
}

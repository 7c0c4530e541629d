/**
 * One text for each value, the same on both sides of a comparison where the values are the same. Columns of one type: the text that the value table has
 * for it (1.0 and 1.00 are two numerics, -0 and 0 two floats). Of two types of numbers: by value. Where one side has only text (CSV, JSON) it is
 * read as the other side's type; what can't be is a text. JSON: by value, whatever the order of keys.
 */
import type { Column } from '../core/batch/column.ts';
import { decimalOfNumber, parseDecimal } from '../query/decimal.ts';
import { textParser } from '../schema/parse.ts';
import { textPrinter } from '../schema/print.ts';
import type { Field } from '../schema/schema.ts';
import { type DataType, sameType } from '../schema/types.ts';
import { JsonNull, JsonNumber, printJson } from '../values/json.ts';

/** The text of a value of a column; null of NULL. */
export type Canonical = (value: unknown) => string | null;

export function canonicalOf(own: Field, other: Field): Canonical {
  const print = printerOf(own, other);
  return value => {
    if (value === null || value === undefined) return null;
    try {
      return print(value);
    } catch {
      return ofAny(value);
    }
  };
}

/** All texts of a column. */
export function canonicalTexts(column: Column, canonical: Canonical): (row: number) => string | null {
  return row => canonical(column.get(row));
}

function printerOf(own: Field, other: Field): (value: unknown) => string {
  const [mine, theirs] = [own.type, other.type];
  if (isJson(mine) || isJson(theirs)) return own.untyped === true ? jsonOfText : ofAny;
  if (isNumber(mine) && isNumber(theirs) && !(sameType(mine, theirs, false) && own.inferred === other.inferred)) return decimalText;
  if (isLoose(own) && isLoose(other)) return looseOf(mine, theirs);
  if (isLoose(own) && mine.kind === 'text') return readAs(theirs);
  return textPrinter(mine);
}

/** A type that nobody declared. */
function isLoose({ untyped, inferred }: Field): boolean {
  return untyped === true || inferred === true;
}

function isJson({ kind }: DataType): boolean {
  return kind === 'json' || kind === 'jsonb';
}

function isNumber({ kind }: DataType): boolean {
  return NUMBERS.has(kind);
}

const NUMBERS: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric']);

/** The text is read as the type, and printed as values of it are. */
function readAs(type: DataType): (value: unknown) => string {
  const parse = textParser(type, { int8: 'bigint', numeric: 'text' });
  const print = textPrinter(type);
  return value => {
    if (typeof value !== 'string') return print(value);
    if (type.kind === 'bytea' && !value.startsWith('\\x')) return print(base64Of(value));
    return print(parse(value));
  };
}

function base64Of(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new TypeError('no base64');
  return bytes;
}

/** Where nobody declared either type: digits of CSV are numbers where the other side has numbers. */
function looseOf(mine: DataType, theirs: DataType): (value: unknown) => string {
  if (mine.kind !== 'text' || theirs.kind === 'text') return isNumber(mine) || mine.kind === 'text' ? looseText : textPrinter(mine);
  return isNumber(theirs) ? value => (typeof value === 'string' ? decimalText(value) : looseText(value)) : readAs(theirs);
}

/** Of values that say themselves what they are. */
function looseText(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint' || value instanceof JsonNumber) return decimalText(value);
  return typeof value === 'string' ? value : ofAny(value);
}

function decimalText(value: unknown): string {
  const decimal = typeof value === 'number' ? decimalOfNumber(value) : parseDecimal(String(value));
  if (decimal === undefined) throw new TypeError('no number');
  const { sign, exponent, digits } = decimal;
  return sign === 0 ? '0' : `${sign < 0 ? '-' : ''}${digitsText(digits, exponent)}`;
}

/** 0.digits × 10^exponent, as a person writes it where that is short. */
function digitsText(digits: string, exponent: number): string {
  if (exponent <= 0 || exponent > LONGEST_WHOLE) return `.${digits}e${exponent}`;
  return exponent >= digits.length ? digits.padEnd(exponent, '0') : `${digits.slice(0, exponent)}.${digits.slice(exponent)}`;
}

const LONGEST_WHOLE = 20;

function jsonOfText(value: unknown): string {
  return typeof value === 'string' ? ofAny(JSON.parse(value) as unknown) : ofAny(value);
}

function ofAny(value: unknown): string {
  return printJson(sortedKeys(value));
}

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== 'object' || value === null || value === JsonNull || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sortedKeys(item)]),
  );
}

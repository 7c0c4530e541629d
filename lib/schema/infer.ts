import { Timestamp } from '../values/timestamp.ts';
import { JsonNumber } from '../values/json.ts';
import { Schema } from './schema.ts';
import type { DataType } from './types.ts';
import { BOOL, BYTEA, FLOAT8, INT8, JSONB, NUMERIC, TEXT, TIMESTAMPTZ } from './types.ts';

const MIN_INT8 = -(2n ** 63n);
const MAX_INT8 = 2n ** 63n - 1n;

/**
 * The columns of records that nobody described: names in the order of their first appearance, all nullable. A column whose values all fit the
 * type that `hint` has for its name keeps that type (digits stay numeric, text stays uuid, through a user's function).
 */
export function inferSchema(rows: readonly object[], hint?: Schema): Schema {
  const columns = new Map<string, unknown[]>();
  for (const row of rows as readonly Record<string, unknown>[]) {
    for (const name of Object.keys(row)) {
      const values = columns.get(name);
      if (values === undefined) columns.set(name, [row[name]]);
      else values.push(row[name]);
    }
  }
  return new Schema(
    [...columns].map(([name, values]) => ({ name, type: hintedType(name, values, hint) ?? inferType(values), nullable: true })),
  );
}

function hintedType(name: string, values: readonly unknown[], hint: Schema | undefined): DataType | undefined {
  const type = hint?.fields[hint.indexOf(name)]?.type;
  if (type === undefined) return undefined;
  const fits = accepts(type);
  return values.every(value => value === null || value === undefined || fits(value)) ? type : undefined;
}

/**
 * The narrowest type that carries all values exactly: whole numbers int8 (numeric past 64 bits), with fractions float8 (numeric where bigints
 * are among them), booleans, dates timestamptz, bytes bytea, lists and objects jsonb, text; mixes jsonb; nothing but null text.
 */
export function inferType(values: Iterable<unknown>): DataType {
  let type: DataType | undefined;
  for (const value of values) {
    if (value === null || value === undefined) continue;
    const next = typeOfValue(value);
    type = type === undefined || type === next ? next : joined(type, next);
    if (type === JSONB) return JSONB;
  }
  return type ?? TEXT;
}

function typeOfValue(value: unknown): DataType {
  switch (typeof value) {
    case 'boolean':
      return BOOL;
    case 'number':
      return Number.isInteger(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER && !Object.is(value, -0) ? INT8 : FLOAT8;
    case 'bigint':
      return value >= MIN_INT8 && value <= MAX_INT8 ? INT8 : NUMERIC;
    case 'object':
      if (value instanceof Date) return TIMESTAMPTZ;
      if (value instanceof Uint8Array) return BYTEA;
      if (value instanceof JsonNumber) return NUMERIC;
      return JSONB;
    default:
      return TEXT;
  }
}

const NUMBERS: readonly DataType[] = [INT8, FLOAT8, NUMERIC];

function joined(a: DataType, b: DataType): DataType {
  if (!NUMBERS.includes(a) || !NUMBERS.includes(b)) return JSONB;
  return a === NUMERIC || b === NUMERIC ? NUMERIC : FLOAT8;
}

const DIGITS = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^(NaN|-?Infinity)$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DATE = /^\d{4,6}-\d\d-\d\d( BC)?$|^-?infinity$/;
const TIME = /^\d\d:\d\d(:\d\d(\.\d{1,6})?)?$/;
const LOCAL = /^\d{4,6}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?( BC)?$|^-?infinity$/;

/** Whether a value (not null) may stand in a column of this type, as records have it. */
export function accepts(type: DataType): (value: unknown) => boolean {
  switch (type.kind) {
    case 'bool':
      return value => typeof value === 'boolean';
    case 'int2':
      return value => isWholeBetween(value, -32_768, 32_767);
    case 'int4':
      return value => isWholeBetween(value, -2_147_483_648, 2_147_483_647);
    case 'oid':
      return value => isWholeBetween(value, 0, 4_294_967_295);
    case 'int8':
      return value =>
        typeof value === 'number' ? Number.isSafeInteger(value) : typeof value === 'bigint' && value >= MIN_INT8 && value <= MAX_INT8;
    case 'float4':
    case 'float8':
      return value => typeof value === 'number';
    case 'numeric':
      return value =>
        typeof value === 'number' ||
        typeof value === 'bigint' ||
        value instanceof JsonNumber ||
        (typeof value === 'string' && DIGITS.test(value));
    case 'timestamptz':
      return value => value instanceof Date || (typeof value === 'string' && Timestamp.fromText(value) !== undefined);
    case 'timestamp':
      return matches(LOCAL);
    case 'date':
      return matches(DATE);
    case 'time':
      return matches(TIME);
    case 'uuid':
      return matches(UUID);
    case 'enum':
      return value => typeof value === 'string' && (type.labels === undefined || type.labels.includes(value));
    case 'bytea':
      return value => value instanceof Uint8Array;
    case 'json':
    case 'jsonb':
      return () => true;
    case 'array':
      return arrayOf(accepts(type.element ?? TEXT));
    case 'varchar':
    case 'bpchar':
      return type.length === undefined ? isText : value => isText(value) && [...(value as string)].length <= (type.length as number);
    default:
      return isText;
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function matches(pattern: RegExp): (value: unknown) => boolean {
  return value => typeof value === 'string' && pattern.test(value);
}

function isWholeBetween(value: unknown, least: number, most: number): boolean {
  if (typeof value === 'bigint') return value >= BigInt(least) && value <= BigInt(most);
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}

function arrayOf(fits: (value: unknown) => boolean): (value: unknown) => boolean {
  const isArray = (value: unknown): boolean =>
    Array.isArray(value) && value.every(item => item === null || (Array.isArray(item) ? isArray(item) : fits(item)));
  return isArray;
}

/**
 * The type of a column of text, for tables made of files: digits of at most 15 places without leading zeros int8, with a point numeric, true and
 * false bool, ISO dates and times, uuid; anything else, and nothing at all, text. So no text changes when it is printed again.
 */
export function inferTextType(texts: Iterable<string | null>): DataType {
  let candidates: readonly TextType[] = TEXT_TYPES;
  let isEmpty = true;
  for (const text of texts) {
    if (text === null) continue;
    isEmpty = false;
    candidates = candidates.filter(candidate => candidate.fits(text));
    if (candidates.length === 0) return TEXT;
  }
  return isEmpty ? TEXT : (candidates[0]?.type ?? TEXT);
}

interface TextType {
  readonly type: DataType;
  readonly fits: (text: string) => boolean;
}

const TEXT_TYPES: readonly TextType[] = [
  { type: BOOL, fits: text => text === 'true' || text === 'false' },
  { type: INT8, fits: text => /^(0|-?[1-9]\d{0,14})$/.test(text) },
  {
    type: NUMERIC,
    fits: text => /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text) && text.replace(/\D/g, '').length <= 15 && !/^-0+(\.0+)?$/.test(text),
  },
  { type: { kind: 'date' }, fits: text => /^\d{4}-\d\d-\d\d$/.test(text) && Timestamp.fromText(`${text}T00:00:00Z`) !== undefined },
  {
    type: TIMESTAMPTZ,
    fits: text =>
      /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d(:?\d\d)?)$/.test(text) && Timestamp.fromText(text) !== undefined,
  },
  {
    type: { kind: 'timestamp' },
    fits: text => /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?$/.test(text) && Timestamp.fromText(`${text}Z`) !== undefined,
  },
  { type: { kind: 'uuid' }, fits: text => UUID.test(text) },
];

import { JsonNumber } from '../values/json.ts';
import { accepts } from './accepts.ts';
import { MAX_INT8, MIN_INT8 } from './numbers.ts';
import { type Field, Schema } from './schema.ts';
import type { DataType } from './types.ts';
import { BOOL, BYTEA, FLOAT8, INT8, JSONB, NUMERIC, TEXT, TIMESTAMPTZ } from './types.ts';

export { accepts } from './accepts.ts';
export { inferTextType } from './infer-text.ts';

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
    [...columns].map(([name, values]): Field => {
      const type = hintedType(name, values, hint);
      return type === undefined ? { name, type: inferType(values), nullable: true, inferred: true } : { name, type, nullable: true };
    }),
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
  let hasBigint = false;
  for (const value of values) {
    if (value === null || value === undefined) continue;
    hasBigint ||= typeof value === 'bigint';
    const next = typeOfValue(value);
    type = type === undefined || type === next ? next : joined(type, next);
    if (type === JSONB) return JSONB;
  }
  return hasBigint && type === FLOAT8 ? NUMERIC : (type ?? TEXT);
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

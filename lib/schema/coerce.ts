import { MillraceError, suggestion } from '../errors.ts';
import { JsonNull, JsonNumber, parseJson } from '../values/json.ts';
import { dateCoercion, localTimestampCoercion, type TimeOptions, timestampCoercion } from './coerce-time.ts';
import { boundedInteger, toFloat, toInteger, toNumeric, toSingle } from './coerce-number.ts';
import { CoercionFailure, noneOf } from './coercion-failure.ts';
import { floatText, INTEGER_BOUNDS } from './numbers.ts';
import { type DataType, TYPE_ALIASES, type TypeKind } from './types.ts';

export { CoercionFailure } from './coercion-failure.ts';

export interface CoercionOptions extends TimeOptions {
  /** How text becomes bytes; utf8 by default. */
  readonly binary?: 'utf8' | 'base64' | 'hex' | undefined;
}

/** A value that is not null in its new type (null where JSON has null), or a CoercionFailure. Never throws. */
export type Coercion = (value: unknown) => unknown;

const KINDS = [
  'text',
  'int2',
  'int4',
  'int8',
  'float4',
  'float8',
  'numeric',
  'bool',
  'timestamptz',
  'timestamp',
  'date',
  'json',
  'jsonb',
  'bytea',
] as const satisfies readonly TypeKind[];
type CoercibleKind = (typeof KINDS)[number];

/** The type of a name that people use (`integer`, `datetime`) or of a type's own; OPTION_INVALID with the nearest name. */
export function coercionType(name: string): DataType & { readonly kind: CoercibleKind } {
  const aliased: string = Object.hasOwn(TYPE_ALIASES, name)
    ? TYPE_ALIASES[name as keyof typeof TYPE_ALIASES]
    : name === 'json'
      ? 'jsonb'
      : name;
  const kind = KINDS.find(known => known === aliased);
  if (kind === undefined)
    throw new MillraceError('OPTION_INVALID', `values cannot be coerced to ${JSON.stringify(name)}${suggestion(name, COERCION_NAMES)}`);
  return { kind };
}

/** `string`, `integer`, `float`, `boolean`, `datetime`, `json`, `binary` first, as they are most used. */
export const COERCION_NAMES: readonly string[] = [
  ...new Set([
    'string',
    'integer',
    'float',
    'boolean',
    'datetime',
    'json',
    'binary',
    ...Object.entries(TYPE_ALIASES).flatMap(([name, kind]) => (KINDS.some(known => known === kind) ? [name] : [])),
    ...KINDS,
  ]),
];

/**
 * How values become values of a type, without losing anything of them:
 * text of everything with a plain text form; whole numbers of decimal, 0x, 0o, 0b digits and whole floats; floats of digits; booleans of
 * true/1/yes/y/on, false/0/no/n/off; instants of ISO 8601 with a zone (more when told by `options`); JSON of JSON text; bytes of text.
 */
export function coercion({ kind }: DataType & { readonly kind: CoercibleKind }, options: CoercionOptions = {}): Coercion {
  switch (kind) {
    case 'text':
      return toText;
    case 'int2':
    case 'int4':
      return boundedInteger(INTEGER_BOUNDS[kind]);
    case 'int8':
      return toInteger;
    case 'float4':
      return toSingle;
    case 'float8':
      return toFloat;
    case 'numeric':
      return toNumeric;
    case 'bool':
      return toBoolean;
    case 'timestamptz':
      return timestampCoercion(options);
    case 'timestamp':
      return localTimestampCoercion(options);
    case 'date':
      return dateCoercion(options);
    case 'json':
    case 'jsonb':
      return toJson;
    case 'bytea':
      return BYTES[options.binary ?? 'utf8'];
  }
}

const NO_TEXT = new CoercionFailure('a value of this kind has no plain text form');
const NO_BOOLEAN = new CoercionFailure('it is not one of true, 1, yes, y, on, false, 0, no, n, off');
const NO_JSON = new CoercionFailure('it is not JSON text');
const NO_BYTES = new CoercionFailure('it is not text in the encoding told, nor bytes');

function toText(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return floatText(value);
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      if (value instanceof Date) return dateText(value);
      return value instanceof JsonNumber ? value.text : noneOf(value, NO_TEXT);
  }
}

function dateText(date: Date): unknown {
  const text = timestampCoercion({})(date);
  return text instanceof CoercionFailure ? text : String(text);
}

const BOOLEANS = new Map<unknown, boolean>([
  ...['true', '1', 'yes', 'y', 'on', 1, 1n, true].map(form => [form, true] as const),
  ...['false', '0', 'no', 'n', 'off', 0, 0n, false].map(form => [form, false] as const),
]);

function toBoolean(value: unknown): unknown {
  return BOOLEANS.get(typeof value === 'string' ? value.trim().toLowerCase() : value) ?? noneOf(value, NO_BOOLEAN);
}

/** Text is read; whatever else there is, is a JSON value already. */
function toJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return parseJson(value) ?? JsonNull;
  } catch {
    return NO_JSON;
  }
}

const BYTES: Readonly<Record<'utf8' | 'base64' | 'hex', Coercion>> = {
  utf8: value => (typeof value === 'string' && !/\p{Surrogate}/u.test(value) ? Buffer.from(value, 'utf8') : bytesOf(value)),
  base64: value => (typeof value === 'string' && isBase64(value) ? Buffer.from(value, 'base64') : bytesOf(value)),
  hex: value =>
    typeof value === 'string' && /^(?:\\x)?(?:[0-9a-f]{2})*$/i.test(value) ? Buffer.from(value.replace(/^\\x/, ''), 'hex') : bytesOf(value),
};

function bytesOf(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value;
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : noneOf(value, NO_BYTES);
}

function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(text) && (text.includes('=') ? text.length % 4 === 0 : text.length % 4 !== 1);
}

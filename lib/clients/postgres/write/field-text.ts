/**
 * The text of CSV fields as PostgreSQL's binary form, without a string or a value in between. Each reader takes only the forms that the server's
 * input functions read in the very same way whatever its settings are; all others are left to the server.
 */
import type { DataType } from '../../../schema/types.ts';
import { elementOid } from '../values/encode-array.ts';
import { float4Reader, float8Reader } from './field-text-floats.ts';
import { intervalReader } from './field-text-intervals.ts';
import { listReader } from './field-text-lists.ts';
import { int2Reader, int4Reader, int8Reader, numericReader, oidReader } from './field-text-numbers.ts';
import { dateReader, timeReader, timestampReader, timestamptzReader, timetzReader } from './field-text-times.ts';

/** Room for binary data, large enough for what is written. */
export interface FieldOutput {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;
}

/**
 * Reads the text of a field from `at` on, writes its length and its value, and gives the place behind it; -1 for a form that is not known here. The
 * text ends before the first byte that cannot be part of it: the caller looks which one that is.
 */
export type FieldReader = (input: Buffer, at: number, out: FieldOutput) => number;

/**
 * What a type's fields are read by. `prefix`: the bytes as they stand, behind these bytes (the version of jsonb). `isList`: quotes within are not those
 * of CSV, and each byte of the text may take LIST_GROWTH bytes.
 */
export type FieldForm = { readonly read: FieldReader; readonly isList?: true } | { readonly prefix: Uint8Array };

/** The most that a value takes beyond the bytes of its text. */
export const FIELD_OVERHEAD = 24;

const NO_PREFIX = new Uint8Array(0);
const JSONB_VERSION = Uint8Array.of(1);

/** How a type's fields are read; undefined where only the server can. */
export function fieldForm(type: DataType): FieldForm | undefined {
  switch (type.kind) {
    case 'text':
    case 'varchar':
    case 'bpchar':
    case 'enum':
    case 'json':
      return { prefix: NO_PREFIX };
    case 'jsonb':
      return { prefix: JSONB_VERSION };
    case 'int2':
      return { read: int2Reader };
    case 'int4':
      return { read: int4Reader };
    case 'int8':
      return { read: int8Reader };
    case 'oid':
      return { read: oidReader };
    case 'float4':
      return { read: float4Reader };
    case 'float8':
      return { read: float8Reader };
    case 'numeric':
      return { read: numericReader };
    case 'bool':
      return { read: boolReader };
    case 'uuid':
      return { read: uuidReader };
    case 'bytea':
      return { read: byteaReader };
    case 'date':
      return { read: dateReader };
    case 'time':
      return { read: timeReader };
    case 'timetz':
      return { read: timetzReader };
    case 'interval':
      // Of some fields only (`interval year to month`): what digits mean would depend on them.
      return type.name === undefined ? { read: intervalReader } : undefined;
    case 'array':
      return type.element === undefined ? undefined : listForm(type.element);
    case 'timestamp':
      return { read: timestampReader };
    case 'timestamptz':
      return { read: timestamptzReader };
    default:
      return undefined;
  }
}

/** Of elements whose type has the same number in every server. */
function listForm(element: DataType): FieldForm | undefined {
  const oid = elementOid(element);
  const form = oid === undefined || element.kind === 'array' ? undefined : fieldForm(element);
  return form === undefined || oid === undefined ? undefined : { read: listReader(form, oid), isList: true };
}

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');

/** `true`, `false`, `t` and `f`. */
const boolReader: FieldReader = (input, at, out) => {
  const isTrue = input[at] === TRUE[0];
  const word = isTrue ? TRUE : FALSE;
  let length = 0;
  while (length < word.length && input[at + length] === word[length]) length++;
  if (length !== word.length && length !== 1) return -1;
  out.view.setInt32(out.at, 1);
  out.bytes[out.at + 4] = isTrue ? 1 : 0;
  out.at += 5;
  return at + length;
};

const HYPHEN = 45;

/** 32 digits in groups of 8, 4, 4, 4, 12. */
const uuidReader: FieldReader = (input, at, out) => {
  let to = out.at + 4;
  let i = at;
  while (i < at + 36) {
    if (i - at === 8 || i - at === 13 || i - at === 18 || i - at === 23) {
      if (input[i++] !== HYPHEN) return -1;
      continue;
    }
    const high = HEX[input[i] as number] as number;
    const low = HEX[input[i + 1] as number] as number;
    if (!(high >= 0 && low >= 0)) return -1;
    out.bytes[to++] = (high << 4) | low;
    i += 2;
  }
  out.view.setInt32(out.at, 16);
  out.at = to;
  return i;
};

const BACKSLASH = 92;
const LOWER_X = 120;

/** `\\x` and pairs of digits. */
const byteaReader: FieldReader = (input, at, out) => {
  if (input[at] !== BACKSLASH || input[at + 1] !== LOWER_X) return -1;
  const { bytes } = out;
  let to = out.at + 4;
  let i = at + 2;
  for (let high = HEX[input[i] as number] as number; high >= 0; high = HEX[input[i] as number] as number) {
    const low = HEX[input[i + 1] as number] as number;
    if (!(low >= 0)) return -1;
    bytes[to++] = (high << 4) | low;
    i += 2;
  }
  out.view.setInt32(out.at, to - out.at - 4);
  out.at = to;
  return i;
};

/** What a byte is worth as a hexadecimal digit; -1 where it is none. */
const HEX = Int8Array.from({ length: 256 }, (_, byte) => hexDigit(byte));

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

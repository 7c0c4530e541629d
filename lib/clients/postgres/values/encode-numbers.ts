import { MillraceError } from '../../../errors.ts';
import { DECIMAL, float4Text, INTEGER_BOUNDS, MAX_INT8, MIN_INT8, NOT_FINITE, WHOLE } from '../../../schema/numbers.ts';
import { invalid } from '../../../schema/print.ts';
import { type DataType, typeName } from '../../../schema/types.ts';
import { isExactNumber, JsonNumber } from '../../../values/json.ts';
import type { FieldWriter } from './encode.ts';

/** int2 and oid. */
export function intWriter(type: DataType, kind: 'int2' | 'oid'): FieldWriter {
  const { least, most } = INTEGER_BOUNDS[kind];
  const isShort = kind === 'int2';
  return (out, value) => {
    const number = typeof value === 'number' ? value : wholeNumber(value, type);
    if (!(Number.isInteger(number) && number >= least && number <= most)) invalid(type);
    out.int32(isShort ? 2 : 4);
    if (isShort) out.int16(number);
    else out.int32(number);
  };
}

export function int4Writer(type: DataType): FieldWriter {
  return (out, value) => {
    let number = value as number;
    if (typeof value !== 'number' || (value | 0) !== value) {
      number = typeof value === 'number' ? value : wholeNumber(value, type);
      if ((number | 0) !== number) invalid(type);
    }
    out.reserve(8);
    out.view.setInt32(out.at, 4);
    out.view.setInt32(out.at + 4, number);
    out.at += 8;
  };
}

export function int8Writer(type: DataType): FieldWriter {
  return (out, value) => {
    out.int32(8);
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value)) invalid(type);
      out.int64(value);
      return;
    }
    const whole = typeof value === 'bigint' ? value : wholeBigint(value, type);
    if (whole < MIN_INT8 || whole > MAX_INT8) invalid(type);
    out.bigint64(whole);
  };
}

export function float8Writer(type: DataType): FieldWriter {
  return (out, value) => {
    out.int32(8);
    out.float64(typeof value === 'number' ? value : exactDouble(value, type));
  };
}

/** A double goes into a float4 when the shortest digits of both are the same (9.99), so that nobody sees a difference. */
export function float4Writer(type: DataType): FieldWriter {
  return (out, value) => {
    const number = typeof value === 'number' ? value : exactDouble(value, type);
    const single = Math.fround(number);
    if (single !== number && !Number.isNaN(number) && !(Number.isFinite(single) && Number(float4Text(single)) === number)) rounded(type);
    out.int32(4);
    out.float32(single);
  };
}

/** VALUE_NOT_CARRIED for digits that the type would round away. */
export function rounded(type: DataType): never {
  throw new MillraceError('VALUE_NOT_CARRIED', `a value has digits that type ${typeName(type)} would round away`);
}

function wholeNumber(value: unknown, type: DataType): number {
  const text = value instanceof JsonNumber ? value.text : value;
  return typeof text === 'bigint' || (typeof text === 'string' && WHOLE.test(text)) ? Number(text) : invalid(type);
}

function wholeBigint(value: unknown, type: DataType): bigint {
  const text = value instanceof JsonNumber ? value.text : value;
  return typeof text === 'string' && WHOLE.test(text) ? BigInt(text.replace(/^\+/, '')) : invalid(type);
}

/** Digits as a double, if it stands for the very same decimal. */
function exactDouble(value: unknown, type: DataType): number {
  if (typeof value === 'bigint') return BigInt(Number(value)) === value ? Number(value) : rounded(type);
  const text = value instanceof JsonNumber ? value.text : value;
  if (typeof text !== 'string') return invalid(type);
  if (NOT_FINITE.test(text)) return Number(text);
  if (!DECIMAL.test(text)) return invalid(type);
  return isExactNumber(text.replace(/^\+/, '')) ? Number(text) : rounded(type);
}

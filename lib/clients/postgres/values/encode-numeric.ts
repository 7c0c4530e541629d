import { DECIMAL } from '../../../schema/numbers.ts';
import { invalid } from '../../../schema/print.ts';
import type { DataType } from '../../../schema/types.ts';
import { JsonNumber } from '../../../values/json.ts';
import type { ByteWriter } from './byte-writer.ts';
import { rounded } from './encode-numbers.ts';
import type { FieldWriter } from './encode.ts';

const POSITIVE = 0x0000;
const NEGATIVE = 0x4000;
/** Sign words of what has no digits. Infinity is known to servers from 14 on. */
const NOT_FINITE: Readonly<Record<string, number>> = { NaN: 0xc000, Infinity: 0xd000, '-Infinity': 0xf000 };
const MAX_WHOLE_DIGITS = 131_072;
const MAX_SCALE = 16_383;

/**
 * numeric, exactly as its digits say: groups of four decimal digits, the weight of the first, the sign, and the digits to show behind the point.
 * Digits that a declared scale would round away are VALUE_NOT_CARRIED.
 */
export function numericWriter(type: DataType): FieldWriter {
  const { precision } = type;
  const scale = precision === undefined ? undefined : (type.scale ?? 0);
  const mostWhole = precision === undefined ? MAX_WHOLE_DIGITS : precision - (type.scale ?? 0);
  return (out, value) => {
    const text = typeof value === 'string' ? value : digitsOf(value, type);
    const decimal = parseDecimal(text);
    if (decimal === undefined) {
      writeWords(out, 0, 0, NOT_FINITE[text] ?? invalid(type), 0);
      return;
    }
    if (scale !== undefined && decimal.digits !== '' && decimal.whole - decimal.digits.length < -scale) rounded(type);
    if (decimal.digits !== '' && decimal.whole > mostWhole) invalid(type);
    if (decimal.shown > MAX_SCALE) invalid(type);
    writeDecimal(out, decimal);
  };
}

function digitsOf(value: unknown, type: DataType): string {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof JsonNumber ? String(value) : invalid(type);
}

/** 0.digits × 10^whole, without zeros at either end; no digits for zero. */
interface Decimal {
  readonly isNegative: boolean;
  readonly digits: string;
  readonly whole: number;
  /** Digits behind the point as they were written. */
  readonly shown: number;
}

const PLAIN = /^(-?)(\d+)(?:\.(\d+))?$/;

function parseDecimal(text: string): Decimal | undefined {
  const plain = PLAIN.exec(text);
  if (plain !== null) return decimalOf(plain[1] === '-', plain[2] as string, plain[3] ?? '', 0);
  if (!DECIMAL.test(text)) return undefined;
  const match = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text);
  return decimalOf(match?.[1] === '-', match?.[2] ?? '', match?.[3] ?? '', Number(match?.[4] ?? 0));
}

function decimalOf(isNegative: boolean, whole: string, fraction: string, exponent: number): Decimal {
  const all = whole + fraction;
  let start = 0;
  while (start < all.length && all.charCodeAt(start) === 48) start++;
  let end = all.length;
  while (end > start && all.charCodeAt(end - 1) === 48) end--;
  return {
    isNegative,
    digits: all.slice(start, end),
    whole: whole.length - start + exponent,
    shown: Math.max(0, fraction.length - exponent),
  };
}

function writeDecimal(out: ByteWriter, { isNegative, digits, whole, shown }: Decimal): void {
  if (digits === '') {
    writeWords(out, 0, 0, POSITIVE, shown);
    return;
  }
  // The first group holds what is left over of the digits before the point: 1 to 4 of them.
  const weight = Math.ceil(whole / 4) - 1;
  const lead = whole - weight * 4;
  const groups = Math.ceil((digits.length - lead) / 4) + 1;
  writeWords(out, groups, weight, isNegative ? NEGATIVE : POSITIVE, shown);
  for (let i = 0, end = lead; i < groups; i++, end += 4) out.int16(group(digits, end));
}

/** The four decimal digits that end before `end`; there are zeros outside of the digits. */
function group(digits: string, end: number): number {
  let value = 0;
  for (let i = end - 4; i < end; i++) value = value * 10 + (i >= 0 && i < digits.length ? digits.charCodeAt(i) - 48 : 0);
  return value;
}

/** Length, count of groups, weight, sign, scale. */
function writeWords(out: ByteWriter, groups: number, weight: number, sign: number, shown: number): void {
  out.reserve(12 + groups * 2);
  out.int32(8 + groups * 2);
  out.int16(groups);
  out.int16(weight);
  out.int16(sign);
  out.int16(shown);
}

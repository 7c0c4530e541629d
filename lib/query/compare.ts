import { JsonNumber } from '../values/json.ts';
import { Timestamp } from '../values/timestamp.ts';
import type { DataType } from '../schema/types.ts';
import type { Operand } from './predicate.ts';

/** Less than 0, 0 or more than 0 as the value is before, at or after the operand; undefined where they can't be compared. */
export type Compare = (value: unknown) => number | undefined;

/** Compares the values of a column with one operand, exactly, as the column's type asks for. `untyped` text is read as the operand's type. */
export function comparing(operand: Operand, type: DataType | undefined, isUntyped: boolean): Compare {
  if (isUntyped && typeof operand !== 'string') return untyped(operand);
  if (typeof operand === 'boolean') return value => (typeof value === 'boolean' ? Number(value) - Number(operand) : undefined);
  if (type?.kind === 'numeric') return digits(operand);
  if (type?.kind === 'timestamptz' || operand instanceof Date) return instant(operand);
  if (typeof operand === 'string') return text(operand, type);
  return number(operand);
}

function number(operand: number | bigint): Compare {
  const exact = digits(operand);
  return value => {
    if (typeof value === 'number' && typeof operand === 'number') return Number.isNaN(value) || Number.isNaN(operand) ? nanOrder(value, operand) : value - operand || 0;
    if (typeof value === 'number' || typeof value === 'bigint') return Number.isNaN(value) ? 1 : value < operand ? -1 : value > operand ? 1 : 0;
    return value instanceof JsonNumber ? exact(value) : undefined;
  };
}

/** PostgreSQL's order: NaN is equal to NaN and above every other number. */
function nanOrder(value: number, operand: number): number {
  return Number(Number.isNaN(value)) - Number(Number.isNaN(operand));
}

const ISO_DATE = /^(\d{4,6}-\d\d-\d\d)(?:[T ](.*))?$/;

/** Text by code point. Columns of local times take ISO text with a T or a blank, and dates for midnight. */
function text(operand: string, type: DataType | undefined): Compare {
  const isLocal = type?.kind === 'timestamp';
  const wanted = isLocal ? localTime(operand) : operand;
  return value => (typeof value === 'string' ? compareText(isLocal ? localTime(value) : value, wanted) : value instanceof Date ? instant(operand)(value) : undefined);
}

function localTime(value: string): string {
  const match = ISO_DATE.exec(value);
  return match === null ? value : `${match[1] as string}T${match[2] ?? '00:00:00'}`;
}

/** Less than 0 when a is before b by code points (UTF-16 order puts U+E000–U+FFFF behind what is beyond them). */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return (x >= 0xd800 && x < 0xe000 ? x + 0x10000 : x) - (y >= 0xd800 && y < 0xe000 ? y + 0x10000 : y);
  }
  return a.length - b.length;
}

function instant(operand: Operand): Compare {
  const wanted = operand instanceof Date ? operand : typeof operand === 'string' ? instantOf(operand) : undefined;
  if (wanted === undefined) return () => undefined;
  const mark = Timestamp.from(wanted);
  return value => {
    const when = value instanceof Date ? Timestamp.from(value) : typeof value === 'string' ? instantOf(value) : undefined;
    return when === undefined ? undefined : when.compare(mark);
  };
}

/** A date is its midnight, a time without a zone is UTC. */
function instantOf(value: string): Timestamp | undefined {
  return Timestamp.fromText(value) ?? Timestamp.fromText(`${value}Z`) ?? Timestamp.fromText(`${value}T00:00:00Z`);
}

interface Decimal {
  readonly sign: number;
  /** Significant digits, and how many of them stand before the point. */
  readonly digits: string;
  readonly point: number;
}

/** Decimals of any length, without a double in between. */
function digits(operand: Operand): Compare {
  const wanted = decimalOf(operand);
  if (wanted === undefined) return () => undefined;
  return value => {
    const decimal = decimalOf(value);
    return decimal === undefined ? undefined : compareDecimals(decimal, wanted);
  };
}

const DECIMAL = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?\s*$/;

function decimalOf(value: unknown): Decimal | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint' && !(value instanceof JsonNumber)) return undefined;
  const shown = String(value);
  if (shown === 'NaN') return { sign: 3, digits: '', point: 0 };
  if (shown === 'Infinity' || shown === '-Infinity') return { sign: shown === 'Infinity' ? 2 : -2, digits: '', point: 0 };
  const match = DECIMAL.exec(shown);
  const whole = match?.[2] ?? '';
  const fraction = match?.[3] ?? '';
  if (match === null || whole + fraction === '') return undefined;
  const zeros = /^0*/.exec(whole + fraction)?.[0].length ?? 0;
  const significant = (whole + fraction).slice(zeros).replace(/0+$/, '');
  if (significant === '') return { sign: 0, digits: '', point: 0 };
  return { sign: match[1] === '-' ? -1 : 1, digits: significant, point: whole.length - zeros + Number(match[4] ?? 0) };
}

function compareDecimals(a: Decimal, b: Decimal): number {
  if (a.sign !== b.sign || Math.abs(a.sign) !== 1) return a.sign - b.sign;
  if (a.point !== b.point) return (a.point - b.point) * a.sign;
  return (a.digits < b.digits ? -1 : a.digits > b.digits ? 1 : 0) * a.sign;
}

/** Text of a file against a number, a truth value or a date: the text is read as the operand's type; text that is none matches nothing. */
function untyped(operand: Exclude<Operand, string>): Compare {
  if (typeof operand === 'boolean') return value => (value === 'true' || value === 'false' ? Number(value === 'true') - Number(operand) : undefined);
  return operand instanceof Date ? instant(operand) : digits(operand);
}

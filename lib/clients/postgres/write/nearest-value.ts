/** What of a value its new type keeps, for columns of which the user said that they may lose something. */
import { DECIMAL, float4Text } from '../../../schema/numbers.ts';
import type { DataType } from '../../../schema/types.ts';
import { isExactNumber, JsonNumber } from '../../../values/json.ts';
import { parseLocalTimestamp, parseTime, printLocalDate, printLocalTimestamp, printTime } from '../../../values/local-time.ts';
import { Timestamp } from '../../../values/timestamp.ts';

/**
 * The nearest value that the target keeps, as the server's own cast has it. `lose` is called where something is lost. What has no such value (too
 * large, nothing of its type) comes back as it is: then the target refuses it.
 */
export type NearestValue = (value: unknown, lose: () => void) => unknown;

/**
 * Undefined where a value of the source would lose more than digits: numbers are rounded half away from zero to a declared scale, and to the nearest
 * float; times to the declared digits of a second; an instant becomes its date in UTC. Texts are never cut.
 */
export function nearestValue(source: DataType, target: DataType): NearestValue | undefined {
  if (NUMBERS.has(source.kind)) return nearestNumber(source, target);
  if (source.kind === 'timestamptz' && target.kind === 'date') return dateOfInstant;
  if (source.kind === 'timestamp' && target.kind === 'date') return dateOfLocal;
  if (source.kind !== target.kind || target.precision === undefined) return undefined;
  const step = 10 ** (6 - target.precision);
  switch (target.kind) {
    case 'timestamptz':
      return (value, lose) => nearestInstant(value, step, lose);
    case 'timestamp':
      return (value, lose) => nearestLocal(value, step, lose);
    case 'time':
      return (value, lose) => nearestTime(value, step, lose);
    default:
      return undefined;
  }
}

/** What `nearestValue` does, for a person. */
export function lossText(source: DataType, target: DataType): string {
  const { kind, scale = 0, precision = 0 } = target;
  if (kind === 'date') return source.kind === 'timestamptz' ? 'only its date in UTC is kept' : 'only its date is kept';
  if (kind === 'float4' || kind === 'float8') return `rounded to the nearest ${kind}`;
  return kind === 'numeric' ? `rounded to scale ${scale}` : `rounded to ${precision} digits of a second`;
}

const NUMBERS = new Set(['int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric']);

function nearestNumber(source: DataType, target: DataType): NearestValue | undefined {
  if (target.kind === 'float8') return nearestDouble;
  if (target.kind === 'float4') return nearestSingle;
  if (target.kind !== 'numeric' || target.precision === undefined) return undefined;
  const scale = target.scale ?? 0;
  const isSingle = source.kind === 'float4';
  return (value, lose) => {
    const text = isSingle && typeof value === 'number' ? float4Text(value) : textOf(value);
    const nearest = text === undefined ? undefined : roundedDigits(text, scale);
    return nearest === undefined ? value : lost(nearest, lose);
  };
}

/** The digits of a number; undefined for what has none. */
function textOf(value: unknown): string | undefined {
  const text = value instanceof JsonNumber ? value.text : typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
  return typeof text === 'string' && DECIMAL.test(text) ? text : undefined;
}

function lost(nearest: unknown, lose: () => void): unknown {
  lose();
  return nearest;
}

function nearestDouble(value: unknown, lose: () => void): unknown {
  const text = typeof value === 'number' ? undefined : textOf(value);
  if (text === undefined || isExactNumber(text.replace(/^\+/, ''))) return value;
  const nearest = Number(text);
  return isBeyond(nearest, /[1-9]/.test(text.replace(/e.*$/i, ''))) ? value : lost(nearest, lose);
}

function nearestSingle(value: unknown, lose: () => void): unknown {
  const text = typeof value === 'number' ? undefined : textOf(value);
  const isExact = text === undefined || isExactNumber(text.replace(/^\+/, ''));
  const number = typeof value === 'number' ? value : Number(text ?? Number.NaN);
  const single = Math.fround(number);
  if (!Number.isFinite(number) || isBeyond(single, number !== 0)) return value;
  const isKept = isExact && (single === number || Number(float4Text(single)) === number);
  return isKept ? value : lost(single, lose);
}

/** Too large or too small for the type, as the server would say. */
function isBeyond(nearest: number, isSome: boolean): boolean {
  return !Number.isFinite(nearest) || (nearest === 0 && isSome);
}

const DIGITS = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/;

/** Undefined where nothing is lost. A half goes away from zero. */
function roundedDigits(text: string, scale: number): string | undefined {
  const match = DIGITS.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = whole + fraction;
  const dropped = fraction.length - Number(exponent) - scale;
  if (dropped <= 0) return undefined;
  const cut = digits.length - dropped;
  const gone = cut < 0 ? digits : digits.slice(cut);
  if (!/[1-9]/.test(gone)) return undefined;
  const up = cut >= 0 && (digits[cut] ?? '0') >= '5' ? 1n : 0n;
  return `${sign === '-' ? '-' : ''}${BigInt(digits.slice(0, Math.max(cut, 0)) || '0') + up}e${-scale}`;
}

function dateOfInstant(value: unknown, lose: () => void): unknown {
  const instant = instantOf(value);
  if (instant === undefined) return value;
  if (instant.isInfinite) return printLocalDate(instant.valueOf());
  const days = Math.floor(instant.getTime() / MS_A_DAY);
  if (instant.getTime() !== days * MS_A_DAY || instant.micros !== 0) lose();
  return printLocalDate(days);
}

/** Undefined for what is none; its time may be infinite. */
function instantOf(value: unknown): Timestamp | undefined {
  const instant = value instanceof Date ? Timestamp.from(value) : typeof value === 'string' ? Timestamp.fromText(value) : undefined;
  return instant === undefined || (Number.isNaN(instant.getTime()) && !instant.isInfinite) ? undefined : instant;
}

const MS_A_DAY = 86_400_000;
const MICROS_A_DAY = 86_400_000_000;
const EPOCH_DAYS = 10_957;

function dateOfLocal(value: unknown, lose: () => void): unknown {
  if (value instanceof Date) return dateOfInstant(value, lose);
  const local = typeof value === 'string' ? parseLocalTimestamp(value) : undefined;
  if (local === undefined) return value;
  if (local.micros !== 0) lose();
  return printLocalDate(local.days);
}

function nearestInstant(value: unknown, step: number, lose: () => void): unknown {
  const instant = instantOf(value);
  if (instant === undefined || instant.isInfinite) return value;
  const days = Math.floor(instant.getTime() / MS_A_DAY);
  const micros = (instant.getTime() - days * MS_A_DAY) * 1000 + instant.micros;
  const nearest = roundedMicros(micros, step, days >= EPOCH_DAYS);
  if (nearest === micros) return value;
  return lost(new Timestamp(days * MS_A_DAY + Math.floor(nearest / 1000), nearest % 1000), lose);
}

function nearestLocal(value: unknown, step: number, lose: () => void): unknown {
  if (value instanceof Date) return nearestInstant(value, step, lose);
  const local = typeof value === 'string' ? parseLocalTimestamp(value) : undefined;
  if (local === undefined || !Number.isFinite(local.days)) return value;
  const nearest = roundedMicros(local.micros, step, local.days >= EPOCH_DAYS);
  if (nearest === local.micros) return value;
  const isNextDay = nearest === MICROS_A_DAY;
  return lost(printLocalTimestamp({ days: local.days + (isNextDay ? 1 : 0), micros: isNextDay ? 0 : nearest }), lose);
}

function nearestTime(value: unknown, step: number, lose: () => void): unknown {
  const micros = typeof value === 'string' ? parseTime(value) : undefined;
  if (micros === undefined) return value;
  const nearest = roundedMicros(micros, step, true);
  return nearest === micros ? value : lost(printTime(nearest), lose);
}

/** A half goes away from 2000-01-01, from which the server counts. Source: AdjustTimestampForTypmod of src/backend/utils/adt/timestamp.c */
function roundedMicros(micros: number, step: number, isAfter: boolean): number {
  const rest = micros % step;
  if (rest === 0) return micros;
  return rest * 2 > step || (rest * 2 === step && isAfter) ? micros - rest + step : micros - rest;
}

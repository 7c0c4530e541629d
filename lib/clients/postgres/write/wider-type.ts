import { type DataType, TEXT } from '../../../schema/types.ts';

/**
 * The type that a column of a table has to have so that it takes all values of another one, where each value that it has keeps its meaning; undefined where
 * it takes them as it is, or no type does both.
 */
export function widerType(source: DataType, there: DataType): DataType | undefined {
  if (there.domain !== undefined) return undefined;
  if (source.kind === 'array' || there.kind === 'array') return widerArray(source, there);
  if (there.kind === 'varchar' && there.length !== undefined) return widerText(source, there.length);
  if (there.kind === 'numeric' && there.precision !== undefined) return widerNumeric(source, there.precision, there.scale ?? 0);
  if (there.kind in DIGITS) return widerInteger(source, there.kind as Integer);
  if (there.kind === 'float4') return source.kind === 'float8' ? { kind: 'float8' } : undefined;
  return widerTime(source, there);
}

type Integer = keyof typeof DIGITS;

/** Of a numeric that declares them. */
const MOST_DIGITS = 1000;

/** Decimal digits that integers may have. */
const DIGITS = { int2: 5, int4: 10, int8: 19 };

function widerArray(source: DataType, there: DataType): DataType | undefined {
  if (source.kind !== there.kind) return undefined;
  const element = widerType(source.element ?? TEXT, there.element ?? TEXT);
  return element === undefined ? undefined : { kind: 'array', element };
}

function widerText({ kind, length }: DataType, there: number): DataType | undefined {
  if (kind === 'text' || (kind === 'varchar' && length === undefined)) return { kind: 'text' };
  return kind === 'varchar' && length !== undefined && length > there ? { kind, length } : undefined;
}

function widerInteger({ kind, precision, scale }: DataType, there: Integer): DataType | undefined {
  if (kind in DIGITS) return DIGITS[kind as Integer] > DIGITS[there] ? { kind } : undefined;
  if (kind !== 'numeric') return undefined;
  if (precision === undefined) return { kind };
  return precision < DIGITS[there] && (scale ?? 0) <= 0
    ? undefined
    : numeric(Math.max(precision - (scale ?? 0), DIGITS[there]), scale ?? 0);
}

/** Places before the point and behind it, each the greater number. */
function widerNumeric({ kind, precision, scale = 0 }: DataType, there: number, thereScale: number): DataType | undefined {
  const whole = there - thereScale;
  if (kind in DIGITS) return DIGITS[kind as Integer] > whole ? numeric(DIGITS[kind as Integer], thereScale) : undefined;
  if (kind !== 'numeric') return undefined;
  if (precision === undefined) return { kind };
  const isWithin = precision - scale <= whole && scale <= thereScale;
  return isWithin ? undefined : numeric(Math.max(precision - scale, whole), Math.max(scale, thereScale));
}

function numeric(whole: number, scale: number): DataType {
  return whole + scale > MOST_DIGITS ? { kind: 'numeric' } : { kind: 'numeric', precision: Math.max(1, whole + scale), scale };
}

const TIMES: readonly DataType['kind'][] = ['timestamptz', 'timestamp', 'time', 'timetz', 'interval'];

/** Digits of a second; without a number there are six. */
function widerTime({ kind, precision, name }: DataType, there: DataType): DataType | undefined {
  if (kind !== there.kind || !TIMES.includes(kind) || name !== undefined || there.name !== undefined) return undefined;
  if ((precision ?? 6) <= (there.precision ?? 6)) return undefined;
  return precision === undefined ? { kind } : { kind, precision };
}

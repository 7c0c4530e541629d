import { invalid } from '../../../schema/print.ts';
import type { DataType } from '../../../schema/types.ts';
import type { FieldWriter } from './encode.ts';

const MAX_INT32 = 2_147_483_647;
const MIN_INT32 = -2_147_483_648;
const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

/** Months, days and microseconds: three numbers that are never folded into each other. */
interface Interval {
  readonly months: number;
  readonly days: number;
  readonly micros: bigint;
}

/** ISO 8601 (`P1Y2M3DT4H5M6.5S`, each part with its own sign) or PostgreSQL's own form (`1 year 2 mons 3 days 04:05:06.5`); infinities. */
export function intervalWriter(type: DataType): FieldWriter {
  return (out, value) => {
    const interval = typeof value === 'string' ? parseInterval(value) : undefined;
    if (interval === undefined) invalid(type);
    const { months, days, micros } = interval;
    if (!isInt32(months) || !isInt32(days) || micros > MAX_INT64 || micros < MIN_INT64) invalid(type);
    out.int32(16);
    out.bigint64(micros);
    out.int32(days);
    out.int32(months);
  };
}

export function parseInterval(text: string): Interval | undefined {
  // Known to servers from 17 on; earlier ones get intervals as text, and refuse it.
  if (text === 'infinity') return { months: MAX_INT32, days: MAX_INT32, micros: MAX_INT64 };
  if (text === '-infinity') return { months: MIN_INT32, days: MIN_INT32, micros: MIN_INT64 };
  return text.startsWith('P') ? parseIso(text) : parsePostgres(text);
}

const ISO =
  /^P(?=.)(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)W)?(?:(-?\d+)D)?(?:T(?=.)(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?)(\d+)(?:[.,](\d{1,6}))?S)?)?$/;

function parseIso(text: string): Interval | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [years, months, weeks, days] = [1, 2, 3, 4].map(i => Number(match[i] ?? 0)) as [number, number, number, number];
  const seconds = microsOf(match[8] ?? '0', match[9] ?? '');
  const micros = (BigInt(match[5] ?? 0) * 3600n + BigInt(match[6] ?? 0) * 60n) * 1_000_000n + (match[7] === '-' ? -seconds : seconds);
  return { months: years * 12 + months, days: weeks * 7 + days, micros };
}

const WORDS = /^(?:([+-]?\d+) years? ?)?(?:([+-]?\d+) mons? ?)?(?:([+-]?\d+) days? ?)?(?:([+-]?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?$/;

function parsePostgres(text: string): Interval | undefined {
  const match = text === '' ? null : WORDS.exec(text);
  if (match === null) return undefined;
  const time = (BigInt(match[5] ?? 0) * 3600n + BigInt(match[6] ?? 0) * 60n) * 1_000_000n + microsOf(match[7] ?? '0', match[8] ?? '');
  return {
    months: Number(match[1] ?? 0) * 12 + Number(match[2] ?? 0),
    days: Number(match[3] ?? 0),
    micros: match[4] === '-' ? -time : time,
  };
}

function microsOf(seconds: string, fraction: string): bigint {
  return BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
}

function isInt32(value: number): boolean {
  return (value | 0) === value;
}

/** Bounds and texts of the numeric types, shared by printers, parsers and checks. */

export const MIN_INT8 = -(2n ** 63n);
export const MAX_INT8 = 2n ** 63n - 1n;

export const INTEGER_BOUNDS = {
  int2: { least: -32_768, most: 32_767 },
  int4: { least: -2_147_483_648, most: 2_147_483_647 },
  oid: { least: 0, most: 4_294_967_295 },
} as const;

/** A whole number as PostgreSQL reads it. */
export const WHOLE = /^[+-]?\d+$/;
/** A number in decimal digits as PostgreSQL reads it. */
export const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** What numeric and float have beside digits. */
export const NOT_FINITE = /^(?:NaN|-?Infinity)$/;

/** The shortest digits that stand for this double; -0 and what is not finite included. */
export function floatText(value: number): string {
  return value === 0 && 1 / value < 0 ? '-0' : String(value);
}

const LEAST_NORMAL_FLOAT4 = 2 ** -126;

/** The same of a single precision float; a double that is none keeps all its digits (the server rounds it). */
export function float4Text(value: number): string {
  return floatText(shortestFloat4(value));
}

/** The double with the fewest digits that stands for this float; a double that is none as it is. */
export function shortestFloat4(value: number): number {
  if (Math.fround(value) !== value || (Number.isInteger(value) && Math.abs(value) <= 16_777_216)) return value;
  // Normal floats need no look at fewer than six digits: zeros at the end fall away.
  for (let digits = Math.abs(value) < LEAST_NORMAL_FLOAT4 ? 1 : 6; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return shorter;
  }
  return Number(value.toPrecision(9));
}

/** The text of numbers, written as ASCII without a string in between: V8 keeps the strings that it makes of numbers, until its heap is in need. */

/** Bytes that grow at the end. */
export interface TextOutput {
  readonly bytes: Uint8Array;
  length: number;
  /** Room for so many bytes more, in `bytes` from `length` on. */
  reserve(more: number): void;
}

const ZERO = 48;
const MINUS = 45;
const DOT = 46;
/** The longest: a sign, 16 digits, a point, 23 digits. */
const ROOM = 48;
const BILLION = 1_000_000_000;

/** `String(value)` of a whole number up to 2^53. False, and nothing written, for any other. */
export function writeWhole(out: TextOutput, value: number): boolean {
  if (!Number.isSafeInteger(value)) return false;
  out.reserve(ROOM);
  const { bytes, length } = out;
  if (value < 0) bytes[length] = MINUS;
  out.length = value < 0 ? writeDigits(bytes, length + 1, -value) : writeDigits(bytes, length, value);
  return true;
}

/** Digits of a whole number, from `at` on; gives the place behind them. */
function writeDigits(bytes: Uint8Array, at: number, value: number): number {
  if (value >= BILLION) {
    const high = Math.floor(value / BILLION);
    const end = writeDigits(bytes, at, high) + 9;
    writeBackwards(bytes, end, end - 9, value - high * BILLION);
    return end;
  }
  let end = at + 1;
  for (let power = 10; power <= value; power *= 10) end++;
  writeBackwards(bytes, end, at, value);
  return end;
}

/** With zeros before it, if need be; below 2^31, for which a division costs little. */
function writeBackwards(bytes: Uint8Array, end: number, start: number, value: number): void {
  let rest = value | 0;
  for (let i = end - 1; i >= start; i--) {
    const tens = (rest / 10) | 0;
    bytes[i] = ZERO + rest - tens * 10;
    rest = tens;
  }
}

const TWO_TO_53 = 2 ** 53;
/** Below it the remainder of a digit needs two numbers to be exact; and below this one even more. */
const ONE_PIECE = 8;
const TWO_PIECES = 2 ** -19;
const bits = new DataView(new ArrayBuffer(8));
/** Half the distance from one double to the next, by the exponent of the first, from -19 on. */
const HALF_STEPS = Float64Array.from({ length: 72 }, (_, i) => 2 ** (i - 19 - 53));

/**
 * `String(value)`: the fewest digits that stand for this double, and of those the nearest. False, and nothing written, for what is rare: -0, NaN,
 * infinities, fractions below 2^-19, and beyond 2^53.
 *
 * Digits behind the point are made one by one, and every step is exact: the remainder is a multiple of the double's last place, and so is ten times it.
 * They are enough as soon as what is left, or what is missing to one more in the last place, is no more than half the distance to the next double (on
 * the edge itself the double whose last bit is 0 is read). Of a power of two the next double below is nearer than that; but down to 2^-19 these have at
 * most 14 digits, and no others with so few are as near.
 */
export function writeFloat(out: TextOutput, value: number): boolean {
  const size = Math.abs(value);
  if (!(size < TWO_TO_53)) return false;
  const whole = Math.floor(size);
  if (whole === size) return (value !== 0 || 1 / value > 0) && writeWhole(out, value);
  if (size < TWO_PIECES) return false;
  out.reserve(ROOM);
  const { bytes } = out;
  let at = out.length;
  if (value < 0) bytes[at++] = MINUS;
  at = writeDigits(bytes, at, whole);
  bytes[at++] = DOT;
  bits.setFloat64(0, size);
  const half = HALF_STEPS[(bits.getUint32(0) >>> 20) - 1023 + 19] as number;
  const isEven = (bits.getUint32(4) & 1) === 0;
  const write = size < ONE_PIECE ? writeFineFraction : writeFraction;
  out.length = write(bytes, at, { fraction: size - whole, half, isEven });
  return true;
}

interface Fraction {
  readonly fraction: number;
  /** Half the distance to the next double. */
  readonly half: number;
  /** The double's last bit is 0. */
  readonly isEven: boolean;
}

/** From 2^16 on a fraction is a multiple of 2^-36, and 100,000 times as much has 53 bits. */
const LEAST_OF_FIVE = 2 ** (16 - 53);
/** When so little is left five digits are likely to be more than enough. */
const MOST_OF_FIVE = 1e-6;

/** Of a multiple of 2^-49: ten times as much has 53 bits. */
function writeFraction(bytes: Uint8Array, start: number, { fraction, half: halfStep, isEven }: Fraction): number {
  let at = start;
  let rest = fraction;
  let half = halfStep;
  // Five at once: where they are not enough, fewer were not.
  while (half >= LEAST_OF_FIVE && half < MOST_OF_FIVE) {
    const five = Math.floor(rest * 100_000);
    const behind = rest * 100_000 - five;
    const halfBehind = half * 100_000;
    if (behind <= halfBehind || 1 - behind <= halfBehind) break;
    writeBackwards(bytes, at + 5, at, five);
    at += 5;
    rest = behind;
    half = halfBehind;
  }
  for (; ; at++) {
    rest *= 10;
    half *= 10;
    const digit = rest | 0;
    rest -= digit;
    const missing = 1 - rest;
    const isEnough = rest < half || (isEven && rest === half);
    const isUpEnough = missing < half || (isEven && missing === half);
    if (isEnough || isUpEnough) {
      bytes[at] = ZERO + (isUpEnough && (!isEnough || rest > missing || (rest === missing && (digit & 1) === 1)) ? digit + 1 : digit);
      return at + 1;
    }
    bytes[at] = ZERO + digit;
  }
}

const HIGH_BITS = 27;
const HIGH = 2 ** HIGH_BITS;
const LOW = 2 ** 45;

/** Of a multiple of 2^-72, in two whole numbers: 27 bits of it, and the 45 behind them. */
function writeFineFraction(bytes: Uint8Array, start: number, { fraction, half, isEven }: Fraction): number {
  let high = Math.floor(fraction * HIGH);
  let low = (fraction * HIGH - high) * LOW;
  let halfHigh = 0;
  let halfLow = half * HIGH * LOW;
  for (let at = start; ; at++) {
    low *= 10;
    const carry = Math.floor(low / LOW);
    low -= carry * LOW;
    high = high * 10 + carry;
    const digit = high >>> HIGH_BITS;
    high &= HIGH - 1;
    halfLow *= 10;
    const halfCarry = Math.floor(halfLow / LOW);
    halfLow -= halfCarry * LOW;
    halfHigh = halfHigh * 10 + halfCarry;
    const missingHigh = low > 0 ? HIGH - 1 - high : HIGH - high;
    const missingLow = low > 0 ? LOW - low : 0;
    const isEnough = high < halfHigh || (high === halfHigh && (low < halfLow || (isEven && low === halfLow)));
    const isUpEnough = missingHigh < halfHigh || (missingHigh === halfHigh && (missingLow < halfLow || (isEven && missingLow === halfLow)));
    if (isEnough || isUpEnough) {
      const isTie = high === missingHigh && low === missingLow;
      const isNearer = high > missingHigh || (high === missingHigh && low > missingLow);
      bytes[at] = ZERO + (isUpEnough && (!isEnough || isNearer || (isTie && (digit & 1) === 1)) ? digit + 1 : digit);
      return at + 1;
    }
    bytes[at] = ZERO + digit;
  }
}

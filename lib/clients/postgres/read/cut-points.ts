/** A value that a column has, as the server's statistics tell. */
export interface SamplePoint {
  /** As the server prints it. */
  readonly value: string;
  /** Of all rows, from 0 to 1: of a bound those between the bound before it and it, else those of this very value. */
  readonly share: number;
  /** Of the histogram; else one of the most common values. */
  readonly isBound: boolean;
}

/** Of values in order those where a new range begins, so that there are at most `count` ranges with about as many rows each. */
export function cutPoints(points: readonly SamplePoint[], count: number): string[] {
  // Nothing lies below the first bound.
  const first = points.findIndex(({ isBound }) => isBound);
  const shares = points.map(({ share }, i) => (i === first ? 0 : share));
  const step = shares.reduce((sum, share) => sum + share, 0) / count;
  const cuts: string[] = [];
  let before = 0;
  let next = step;
  for (const [i, { value, isBound }] of points.entries()) {
    const share = shares[i] as number;
    if (isBound) before += share;
    if (before >= next - step * ROUNDING && cuts.length < count - 1 && value !== cuts.at(-1)) {
      cuts.push(value);
      next = (Math.floor(before / step + ROUNDING) + 1) * step;
    }
    if (!isBound) before += share;
  }
  return cuts;
}

const ROUNDING = 1e-6;

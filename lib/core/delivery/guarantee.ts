import type { InParts } from './side-sink.ts';

/** What a run promises that fails, or is killed, and is started again. */
export type Guarantee = 'exactly-once' | 'at-least-once' | 'all-or-nothing';

export interface Promising {
  /** What the sink promises by itself. */
  readonly sink: Guarantee | undefined;
  /** It commits in between, with a checkpoint to go on from. */
  readonly isInParts: boolean;
  /** How the place of the dead letters takes that; undefined where there is none. */
  readonly letters: InParts | undefined;
}

/** Each record once, where all places come back to the commit that the run goes on from. */
export function guaranteeOf({ sink = 'at-least-once', isInParts, letters }: Promising): Guarantee {
  if (!isInParts) return sink;
  return letters === 'at-least-once' ? 'at-least-once' : 'exactly-once';
}

import type { MillraceError } from '../../errors.ts';
import type { Checkpoint } from '../define.ts';

/** What all attempts at a run share. */
export interface Course {
  /** For the report. */
  warn(message: string): void;
  /** Where this one begins; undefined: at the beginning. */
  begins(resumed: Checkpoint | undefined): void;
}

/** How an attempt ended: without a failure, everything is committed, or as much as was read when it was to stop. */
export interface Ending {
  readonly failure: MillraceError | undefined;
  /** What came after it. */
  readonly suppressed: readonly Error[];
  readonly isDrained: boolean;
  /** Nothing of it is at work any more. */
  readonly isSettled: boolean;
}

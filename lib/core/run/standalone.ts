import { RecordRejected } from '../delivery/rejects.ts';
import type { DeadLetter } from '../contracts.ts';

/** Batches of a stage that is used as a plain Node stream. */
export const STANDALONE = {
  batchRows: 1024,
  batchBytes: 256 * 1024,
  batchDelayMs: 100,
  memory: 16 * 1024 * 1024,
  stateMemory: 64 * 1024 * 1024,
} as const;

let isWarned = false;

/** Said once: what a stage that is used as a plain stream does without. */
export function warnStandalone(): void {
  if (isWarned) return;
  isWarned = true;
  process.emitWarning(
    "a Millrace stage is used as a plain Node stream: it has no dead letters, no checkpoint and no report; Millrace's own pipeline() has",
    {
      type: 'MillraceWarning',
      code: 'MILLRACE_PLAIN_STREAM',
    },
  );
}

/** Without a pipeline rejects go to the stage's own `onReject`; without that the first one ends the stream. */
export function takeReject(letter: DeadLetter, onReject: ((letter: DeadLetter) => void) | undefined): void {
  if (onReject === undefined) throw new RecordRejected(letter);
  onReject(letter);
}

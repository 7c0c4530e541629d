import { MillraceError } from '../../errors.ts';
import type { Checkpoint } from '../define.ts';
import type { Report } from './report.ts';

/** What is left of a run that failed. */
interface After {
  readonly suppressed?: readonly Error[];
  readonly checkpoint?: Checkpoint | undefined;
}

/** Why a run failed: the first error, what came after it, and the report of what was done until then. */
export class PipelineError extends MillraceError {
  override readonly name = 'PipelineError';
  /** What was done until then: `status` is `failed`, `error` is this one. */
  readonly report: Report;
  /** Errors that came after the first, as it was taken down. */
  readonly suppressed: readonly Error[];
  /** The last one that was committed: where a later run goes on (`resume`); undefined where the target keeps nothing of this run. */
  readonly checkpoint: Checkpoint | undefined;

  constructor(first: MillraceError, report: Report, { suppressed, checkpoint }: After = {}) {
    super(first.code, first.message, { stage: first.stage, retryable: first.retryable, hasWaited: first.hasWaited, cause: first });
    this.report = report;
    this.suppressed = suppressed ?? [];
    this.checkpoint = checkpoint;
  }
}

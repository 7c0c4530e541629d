import { MillraceError } from '../../errors.ts';
import { printMs } from '../../values/durations.ts';
import { countOf } from '../../values/counts.ts';
import type { RunOptions } from '../contracts.ts';
import type { Checkpoint } from '../define.ts';
import { Backoff } from '../delivery/backoff.ts';
import type { Services } from '../spill.ts';
import type { Ending } from './attempt.ts';
import { canGoOn, cannotBeginAgain } from './begins-again.ts';
import { seconds } from './counter.ts';
import type { Line } from './layout.ts';
import { listen } from './listen.ts';
import { type CheckedRunOptions, checkRunOptions } from './options.ts';
import { PipelineError } from './pipeline-error.ts';
import { ProgressMeter, type ProgressStanding } from './progress-meter.ts';
import type { Report } from './report.ts';
import { progressOf, reportOf } from './report-of.ts';
import { Run } from './run-line.ts';
import { type Tally, tallyOf, together } from './tally.ts';
import { abortController } from './waiting.ts';

/** Runs one line to its end, again where it was lost: resolves with the report, or rejects with a PipelineError, once everything is released. */
export async function runLine(line: Line, options: RunOptions, services: Services): Promise<Report> {
  return new Attempts(line, checkRunOptions(options), services).settle();
}

/** How long a service that never answered is asked again. */
const UNREACHED_LIMIT_MS = 10_000;
/** What comes of a server that was there before, and is there no more, or takes no writes any more. */
const IS_LOST: ReadonlySet<string> = new Set(['UNREACHABLE', 'NOT_PERMITTED']);

interface Known {
  /** Undefined: before the first. */
  readonly checkpoint: Checkpoint | undefined;
  /** What this run has committed up to there. */
  readonly tally: Tally | undefined;
}

/**
 * A run that is lost on the way is taken down and opened again: behind its last commit, where the target keeps one; else at its beginning, where nothing
 * of it is to be seen and all of it can be read again.
 */
class Attempts {
  readonly #line: Line;
  #options: CheckedRunOptions;
  readonly #services: Services;
  readonly #start = performance.now();
  readonly #warnings = new Set<string>();
  readonly #warn = (message: string): void => void this.#warnings.add(message);
  readonly #stop = abortController();
  readonly #unreached: Backoff;
  readonly #lost: Backoff;
  #run: Run;
  #attempts = 1;
  /** What earlier attempts have committed. */
  #before: Tally | undefined;
  /** The last one that is known to be committed. */
  #checkpoint: Checkpoint | undefined;
  /** Where the next attempt may find the job: at the last commit, at one whose reply was lost, or before some that the server has lost. */
  #known: Known[] = [];
  #hasBegun = false;
  #isKept = false;
  #isInParts = false;
  #resumedFrom: Report['resumedFrom'] = null;
  /** Something was read, or lost: it is more than a service that was never there. */
  #isUnderWay = false;
  /** What was lost first since the last commit. */
  #first: MillraceError | undefined;

  constructor(line: Line, options: CheckedRunOptions, services: Services) {
    this.#line = line;
    this.#options = options;
    this.#services = services;
    const { signal } = this.#stop;
    this.#unreached = new Backoff({ limitMs: Math.min(UNREACHED_LIMIT_MS, options.retryFor), signal });
    this.#lost = new Backoff({ limitMs: options.retryFor, signal });
    this.#run = this.#open();
  }

  async settle(): Promise<Report> {
    const stop = (): void => this.#stop.abort();
    const release = listen(this.#options, { cancel: stop, stop });
    const meter = new ProgressMeter(this.#options, () => this.#standing(), this.#warn);
    let ending: Ending;
    for (;;) {
      ending = await this.#run.settle(() => meter.start());
      this.#note();
      const { failure } = ending;
      if (failure === undefined || !(await this.#mayTryAgain(failure, ending))) break;
      this.#attempts++;
      this.#run = this.#open();
    }
    release();
    meter.end();
    return this.#end(ending);
  }

  #open(): Run {
    return new Run(this.#line, this.#options, this.#services, { warn: this.#warn, begins: resumed => this.#begins(resumed) });
  }

  /** An attempt finds out what is there of those before it. */
  #begins(resumed: Checkpoint | undefined): void {
    if (!this.#hasBegun) this.#resumedFrom = resumed?.source ?? null;
    this.#hasBegun = true;
    const found = this.#known.findLast(({ checkpoint }) => isSamePlace(checkpoint, resumed));
    this.#before = found?.tally;
    this.#isInParts ||= found?.tally !== undefined && resumed?.done !== true;
    this.#known = [found ?? { checkpoint: resumed, tally: undefined }];
    this.#checkpoint = resumed;
  }

  #note(): void {
    const { recent, inDoubt, isKept, parts } = this.#run.commits;
    this.#isUnderWay ||= (this.#run.counting.counters[0]?.out ?? 0) > 0;
    if (!isKept) return;
    this.#isKept = true;
    this.#isInParts ||= parts > 0;
    for (const { checkpoint, tally } of inDoubt === undefined ? recent : [...recent, inDoubt])
      this.#known.push({ checkpoint, tally: together(this.#before, tally) });
    const last = recent.at(-1);
    if (last === undefined) return;
    this.#checkpoint = last.checkpoint;
    this.#first = undefined;
    this.#lost.reset();
  }

  /** Waits for the next attempt, if there may be one. */
  async #mayTryAgain(failure: MillraceError, { isSettled }: Ending): Promise<boolean> {
    if (!isSettled || !failure.retryable || failure.hasWaited || this.#options.retryFor === 0) return false;
    const isUnreached = failure.code === 'UNREACHABLE' && !this.#isUnderWay;
    // A server that takes no writes may become one that does where it was one before.
    if (failure.code === 'NOT_PERMITTED' && !this.#isUnderWay) return false;
    this.#isUnderWay ||= !isUnreached;
    const { commits } = this.#run;
    const isBehindCommit = this.#isKept && this.#checkpoint !== undefined;
    if (commits.isCommitted) return false;
    if (isBehindCommit ? !canGoOn(this.#run.touched) : !(await this.#canBeginAgain())) return false;
    this.#first ??= failure;
    const waited = isUnreached ? await this.#unreached.wait(failure, this.#start) : await this.#lost.wait(failure);
    if (waited === undefined) return false;
    const last = commits.recent.at(-1);
    if (commits.isKept && last !== undefined) this.#before = together(this.#before, last.tally);
    // What this attempt has kept is its own: it is gone on with, not forgotten.
    if (commits.isKept) this.#options = { ...this.#options, resume: true };
    const from = isBehindCommit ? 'behind its last commit' : 'at its beginning';
    this.#warn(`attempt ${this.#attempts} failed (${failure.code}: ${failure.message}); after ${printMs(waited)} it went on ${from}`);
    return true;
  }

  /** A file that is gone cannot be read again. */
  async #canBeginAgain(): Promise<boolean> {
    try {
      return (await cannotBeginAgain(this.#line, this.#run.touched)) === undefined;
    } catch {
      return false;
    }
  }

  #tally(): Tally {
    return together(this.#before, tallyOf(this.#run.counting));
  }

  #standing(): ProgressStanding {
    return { ...progressOf(this.#tally(), this.#run.counting, this.#before), attempts: this.#attempts };
  }

  #end(ending: Ending): Report {
    const { commits } = this.#run;
    const failure =
      this.#options.signal?.aborted === true && ending.failure !== undefined ? this.#cancelled(ending.failure) : this.#failure(ending);
    const committed = (this.#before?.written ?? 0) + commits.committed;
    if (failure !== undefined && this.#isInParts)
      this.#warn(
        `${countOf(committed, 'record')} ${committed === 1 ? 'is' : 'are'} committed; with resume (--resume) the job goes on behind them`,
      );
    const report = reportOf({
      tally: this.#tally(),
      failure,
      isDrained: ending.isDrained,
      committed,
      resumedFrom: this.#resumedFrom as null,
      attempts: this.#attempts,
      seconds: seconds(performance.now() - this.#start),
      guarantee: commits.guarantee(this.#isInParts),
      since: this.#run.counting.source.following,
      warnings: [...this.#warnings],
    });
    if (failure === undefined) return report;
    const { suppressed } = ending;
    const later = ending.failure === undefined || ending.failure === failure ? suppressed : [ending.failure, ...suppressed];
    throw new PipelineError(failure, report, { suppressed: later, checkpoint: this.#checkpoint });
  }

  /** While it waited to go on. */
  #cancelled(failure: MillraceError): MillraceError {
    return failure.code === 'CANCELLED'
      ? failure
      : new MillraceError('CANCELLED', `the run was cancelled after it had failed: ${failure.message}`, { cause: failure });
  }

  /** Of a run that was lost and could not be gone on with: what lost it. */
  #failure({ failure }: Ending): MillraceError | undefined {
    const first = this.#first;
    if (failure === undefined || first === undefined || !failure.retryable || failure.hasWaited) return failure;
    const { stage, cause } = first;
    const code = this.#isUnderWay && IS_LOST.has(first.code) ? 'CONNECTION_LOST' : first.code;
    if (this.#attempts === 1 && code === first.code) return failure;
    const again = this.#attempts === 1 ? '' : `; tried again ${countOf(this.#attempts - 1, 'time')}`;
    const last = first.message === failure.message ? '' : `, the last time: ${failure.message}`;
    return new MillraceError(code, `${first.message}${again}${last}`, { stage, retryable: true, cause: cause ?? first });
  }
}

function isSamePlace(a: Checkpoint | undefined, b: Checkpoint | undefined): boolean {
  const where = (checkpoint: Checkpoint | undefined): string =>
    JSON.stringify(checkpoint && [checkpoint.source ?? null, checkpoint.done ?? false, checkpoint.operators]) ?? '';
  return where(a) === where(b);
}

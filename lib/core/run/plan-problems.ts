import { asMillraceError, MillraceError } from '../../errors.ts';
import type { PlanProblem } from '../plan.ts';

/** What a run would fail with: gathered, where the run would stop with the first. A fault of ours, and an abort, are thrown all the same. */
export class PlanProblems {
  readonly all: PlanProblem[] = [];
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(thrown: unknown, kind?: string): void {
    const { code, message, retryable, stage } = asMillraceError(thrown, kind);
    if (this.all.some(known => known.code === code && known.message === message)) return;
    this.all.push({ code, stage, message, retryable });
  }

  /** What a call gives; undefined, and a problem more, where it throws. */
  tried<T>(call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      return this.#caught(error);
    }
  }

  async awaited<T>(call: () => Promise<T>, kind?: string): Promise<T | undefined> {
    try {
      this.#throwIfAborted();
      return await call();
    } catch (error) {
      return this.#caught(error, kind);
    }
  }

  #caught(thrown: unknown, kind?: string): undefined {
    this.#throwIfAborted();
    const error: MillraceError = asMillraceError(thrown, kind);
    if (error.code === 'INTERNAL') throw error;
    this.add(error, kind);
    return undefined;
  }

  #throwIfAborted(): void {
    if (this.#signal.aborted) throw new MillraceError('CANCELLED', 'the plan was cancelled', { cause: this.#signal.reason });
  }
}

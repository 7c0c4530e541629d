import { MillraceError } from '../../errors.ts';

export interface BackoffOptions {
  /** Milliseconds from the first failure in which another try may begin; 0: there is none. */
  readonly limitMs: number;
  /** Aborted: nothing is waited for any more. */
  readonly signal?: AbortSignal | undefined;
  /** The longest wait before the second try; it doubles with each further one. */
  readonly firstMs?: number;
  /** The longest wait of all. */
  readonly mostMs?: number;
  /** From 0 to 1; for tests. */
  readonly random?: () => number;
}

/**
 * How long to wait before something is tried again: a random time up to a limit that doubles with each try (full jitter), so that many that failed
 * together do not come back together; at least as long as the other side asked for (`retryAfterMs` of the error). Leaves no timer behind.
 * Source: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export class Backoff {
  readonly #options: BackoffOptions;
  #since: number | undefined;
  #tries = 0;
  #isLast = false;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Something went well: what fails next is the first failure. */
  reset(): void {
    this.#since = undefined;
    this.#tries = 0;
    this.#isLast = false;
  }

  /**
   * Waits after a failure; gives the milliseconds that it waited, or undefined where it may not be tried again: its time is used up, or would be while the
   * other side wants to be left alone, or the signal is aborted. `since`: when that began, by `performance.now()`; now by default.
   */
  async wait(error: unknown, since = performance.now()): Promise<number | undefined> {
    const { limitMs, signal, firstMs = FIRST_MS, mostMs = MOST_MS, random = Math.random } = this.#options;
    const now = performance.now();
    this.#since ??= since;
    const left = this.#since + limitMs - now;
    const asked = error instanceof MillraceError ? (error.retryAfterMs ?? 0) : 0;
    if (left <= 0 || this.#isLast || asked > left || signal?.aborted === true) return undefined;
    const jitter = random() * Math.min(mostMs, firstMs * 2 ** this.#tries++);
    // The last try begins when the time is up, not before it.
    this.#isLast = asked + jitter >= left;
    await pause(Math.min(asked + jitter, left), signal);
    return isAborted(signal) ? undefined : performance.now() - now;
  }
}

/** Calls again and again what is safe to be called twice, as long as it fails with what may go well later. */
export async function retrying<T>(call: () => Promise<T>, options: BackoffOptions): Promise<T> {
  const backoff = new Backoff(options);
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const mayGoWell = error instanceof MillraceError && error.retryable && !error.hasWaited;
      if (!mayGoWell || (await backoff.wait(error)) === undefined) throw error;
    }
  }
}

const FIRST_MS = 500;
const MOST_MS = 15_000;

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** Resolves after so many milliseconds, or when the signal is aborted. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

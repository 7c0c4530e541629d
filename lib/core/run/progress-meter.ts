import type { StageCounter } from './counter.ts';
import { seconds } from './counter.ts';
import type { Progress } from './progress.ts';
import { tellProgress } from './tell-progress.ts';

/** Where the counts stand now. */
export interface ProgressStanding {
  readonly read: number;
  readonly written: number;
  readonly rejected: number;
  readonly bytesRead: number;
  readonly expectedRows: number;
  readonly expectedBytes: number;
  readonly attempts: number;
  readonly counters: readonly StageCounter[];
}

/** Calls `onProgress` again and again while a run lasts, and once at its end. Keeps no process alive. */
export class ProgressMeter {
  readonly #tell: ((progress: Progress) => void) | undefined;
  readonly #everyMs: number;
  readonly #standing: () => ProgressStanding;
  readonly #start = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #last = { at: performance.now(), read: 0, bytes: 0, busyMs: new Map<StageCounter, number>() };

  constructor(
    options: { onProgress?: ((progress: Progress) => void) | undefined; progressEveryMs: number },
    standing: () => ProgressStanding,
    warn: (message: string) => void,
  ) {
    this.#tell = tellProgress(options.onProgress, warn);
    this.#everyMs = options.progressEveryMs;
    this.#standing = standing;
  }

  start(): void {
    if (this.#tell === undefined || this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.show(this.#standing(), false), this.#everyMs).unref();
  }

  end(): void {
    clearInterval(this.#timer);
    this.show(this.#standing(), true);
  }

  show(standing: ProgressStanding, done: boolean): void {
    if (this.#tell === undefined) return;
    const now = performance.now();
    const passed = Math.max(now - this.#last.at, 1) / 1000;
    const total = Math.max(now - this.#start, 1) / 1000;
    const { read, written, rejected, bytesRead, attempts, counters } = standing;
    const fraction = done ? 1 : fractionOf(standing);
    const progress: Progress = {
      read,
      written,
      rejected,
      bytesRead,
      attempts,
      done,
      seconds: seconds(now - this.#start),
      recordsPerSecond: done ? read / total : Math.max(0, read - this.#last.read) / passed,
      bytesPerSecond: done ? bytesRead / total : Math.max(0, bytesRead - this.#last.bytes) / passed,
      ...(fraction === undefined ? {} : { fraction, secondsLeft: done ? 0 : (total / Math.max(fraction, 1e-6)) * (1 - fraction) }),
      slowestStage: this.#slowest(counters),
    };
    this.#last = { at: now, read, bytes: bytesRead, busyMs: new Map(counters.map(counter => [counter, counter.busyMs])) };
    this.#tell(progress);
  }

  #slowest(counters: readonly StageCounter[]): string | undefined {
    let slowest: StageCounter | undefined;
    let most = 0;
    for (const counter of counters) {
      const busy = counter.busyMs - (this.#last.busyMs.get(counter) ?? 0);
      if (busy > most) [slowest, most] = [counter, busy];
    }
    return slowest?.kind;
  }
}

/** Bytes tell better than rows, which are only estimated; an estimate that was too low stays below the whole. */
function fractionOf({ read, bytesRead, expectedRows, expectedBytes }: ProgressStanding): number | undefined {
  if (expectedBytes > 0) return Math.min(bytesRead / expectedBytes, 0.99);
  return expectedRows > 0 ? Math.min(read / expectedRows, 0.99) : undefined;
}

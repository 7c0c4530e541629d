import type { StageReport } from './report.ts';

/** What one stage counts while it runs. Times are milliseconds. */
export class StageCounter {
  readonly kind: string;
  in = 0;
  out = 0;
  made = 0;
  dropped = 0;
  rejected = 0;
  busyMs = 0;
  waitMs = 0;
  /** The source does what this stage says. */
  isPushed = false;

  constructor(kind: string) {
    this.kind = kind;
  }

  report(): StageReport {
    const { kind, in: taken, out, made, dropped, rejected } = this;
    const counts = { kind, in: taken, out, made, dropped, rejected, busySeconds: seconds(this.busyMs), waitSeconds: seconds(this.waitMs) };
    return this.isPushed ? { ...counts, pushed: true } : counts;
  }
}

/** Milliseconds as seconds, to the microsecond. */
export function seconds(ms: number): number {
  return Math.round(ms * 1000) / 1e6;
}

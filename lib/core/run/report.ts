/** What one stage did. In + made = out + dropped + rejected. */
export interface StageReport {
  readonly kind: string;
  readonly in: number;
  readonly out: number;
  readonly made: number;
  readonly dropped: number;
  readonly rejected: number;
  /** Seconds in which it worked (a source: was waited for). */
  readonly busySeconds: number;
  /** Seconds in which it waited for the stage before it, or after it. */
  readonly waitSeconds: number;
}

export interface ReportedError {
  readonly code: string;
  readonly stage: string | undefined;
  readonly message: string;
  readonly retryable: boolean;
}

/** Rejects of one cause: how many, and one that stands for them (place and reason; never the record). */
export interface RejectGroup {
  readonly stage: string;
  readonly code: string;
  readonly reason: string;
  readonly count: number;
}

/** How a run ended. Read + made = written + unchanged + superseded + dropped + rejected, each side counted apart. */
export interface Report {
  readonly status: 'ok' | 'failed' | 'stopped';
  readonly read: number;
  readonly written: number;
  readonly dropped: number;
  readonly made: number;
  readonly rejected: number;
  /** An upsert of an equal row. */
  readonly unchanged: number;
  /** An older version, or an earlier record of the same key. */
  readonly superseded: number;
  readonly deleted: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly seconds: number;
  readonly guarantee: string;
  readonly resumedFrom: unknown;
  readonly stages: readonly StageReport[];
  /** Kind of the stage that worked longest. */
  readonly bottleneck: string | undefined;
  readonly rejects: readonly RejectGroup[];
  readonly warnings: readonly string[];
  readonly error?: ReportedError;
}

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
  /** Done by the source, where nobody counts: all counts are 0. */
  readonly pushed?: true;
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

/** What became of one part of a source that is many. */
export interface TableReport extends Pick<Report, 'status' | 'read' | 'written' | 'rejected' | 'seconds'> {
  readonly table: string;
  readonly error?: ReportedError;
}

/** How a run ended. Read + made = written + unchanged + superseded + dropped + rejected, each side counted apart. */
export interface Report {
  /** `stopped`: by `drain`; what was read until then is committed. */
  readonly status: 'ok' | 'failed' | 'stopped';
  /** Records that came out of the source. */
  readonly read: number;
  /** Records that the target has. */
  readonly written: number;
  /** Left out by operators. */
  readonly dropped: number;
  /** Made by operators beyond one for one. */
  readonly made: number;
  /** Refused by operators or the sink. */
  readonly rejected: number;
  /** An upsert of an equal row. */
  readonly unchanged: number;
  /** An older version, or an earlier record of the same key. */
  readonly superseded: number;
  /** Records that the target had and has no more. */
  readonly deleted: number;
  /** As source and sink count them; 0 where they have none. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** From the call to the last release. */
  readonly seconds: number;
  /** What the sink promises of a run that fails and is started again: `all-or-nothing`, `at-least-once`, `exactly-once`. */
  readonly guarantee: string;
  /** The position where reading began; null: at the beginning. */
  readonly resumedFrom: unknown;
  /** Of a source that reads on where the last run ended: the column that it goes by, behind which value it began, and before which it ended; null: no bound. */
  readonly since?: { readonly column: string; readonly after: string | null; readonly upTo: string | null };
  /** How often it was begun: 1, and one more each time that it was lost and went on. What attempts that were lost had not committed counts nowhere. */
  readonly attempts: number;
  /** Source, operators, sink, in order. */
  readonly stages: readonly StageReport[];
  /** Kind of the stage that worked longest. */
  readonly bottleneck: string | undefined;
  /** Causes of rejects, most frequent first. */
  readonly rejects: readonly RejectGroup[];
  readonly warnings: readonly string[];
  /** Of a whole database: each of its tables, in the order in which they ended. */
  readonly tables?: readonly TableReport[];
  /** Why it failed. */
  readonly error?: ReportedError;
}

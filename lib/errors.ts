/**
 * The error classes and codes. A code is stable: decisions read `code` and `retryable`, never a message.
 * A message says what failed, what was found (of an option or address its value; of a record only place, column and type) and what to do.
 */

/** Every code with the exit status that the command line gives it (sysexits). docs/errors.md explains each. */
export const ERROR_CODES = {
  // what the caller wrote
  USAGE: 64,
  OPTION_UNKNOWN: 64,
  OPTION_INVALID: 64,
  ADDRESS_INVALID: 64,
  EXPRESSION_INVALID: 64,
  COLUMN_UNKNOWN: 64,
  COLUMN_DUPLICATE: 65,
  PREDICATE_INVALID: 64,
  PIPELINE_INVALID: 64,
  CONFIGURATION_INVALID: 78,
  // the data
  DATA_MALFORMED: 65,
  ENCODING_INVALID: 65,
  SCHEMA_UNKNOWN: 65,
  SCHEMA_MISMATCH: 65,
  VALUE_INVALID: 65,
  VALUE_NOT_CARRIED: 65,
  TYPE_NOT_CARRIED: 65,
  RECORD_TOO_LARGE: 65,
  OPERATOR_THREW: 65,
  VALIDATION_FAILED: 65,
  COERCION_FAILED: 65,
  ROW_REFUSED: 65,
  RECORD_REJECTED: 65,
  TOO_MANY_REJECTED: 65,
  // places
  NOT_FOUND: 66,
  EXISTS: 73,
  NOT_PERMITTED: 77,
  AUTHENTICATION_FAILED: 77,
  UNREACHABLE: 69,
  CONNECTION_LOST: 75,
  TIMEOUT: 75,
  IO_FAILED: 74,
  DISK_FULL: 74,
  SERVER_REFUSED: 65,
  // the run
  CHECKPOINT_DIFFERS: 65,
  JOB_RUNNING: 75,
  ENDED_EARLY: 75,
  CANCELLED: 130,
  STATE_TOO_LARGE: 70,
  COUNTS_DIFFER: 70,
  NOT_SETTLED: 70,
  INTERNAL: 70,
} as const;

/** A code: what decisions are made by. */
export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorDetails {
  readonly stage?: string | undefined;
  readonly retryable?: boolean;
  readonly hasWaited?: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** The base of everything that Millrace throws. */
export class MillraceError extends Error {
  override readonly name: string = 'MillraceError';
  /** What went wrong, for programs; docs/errors.md says what to do. */
  readonly code: ErrorCode;
  /** The stage that failed, as the report names it (`filter`, `postgres`, …). */
  stage: string | undefined;
  /** True where the same may go well at another time. */
  readonly retryable: boolean;
  /** True where a time limit of the caller's ran out while something was waited for: nobody tries again by himself. */
  readonly hasWaited: boolean;
  /** Milliseconds for which the other side wants to be left alone (`Retry-After`). */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.stage = details.stage;
    this.retryable = details.retryable ?? false;
    this.hasWaited = details.hasWaited ?? false;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** What `instanceof Error` is not always true of: thrown strings and objects become errors, MillraceErrors stay as they are. */
export function asMillraceError(thrown: unknown, stage?: string, code: ErrorCode = 'INTERNAL'): MillraceError {
  if (thrown instanceof MillraceError) {
    if (thrown.stage === undefined) thrown.stage = stage;
    return thrown;
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new MillraceError(code, message, { stage, cause: thrown });
}

/** The same of a value, with the column that it stands in before the message; unless that names it already. */
export function inColumn(error: MillraceError, column: string): MillraceError {
  const place = `column ${JSON.stringify(column)}: `;
  if (error.message.startsWith(place)) return error;
  return new MillraceError(error.code, place + error.message, { cause: error });
}

/** Of `candidates` the one most like `name` (edit distance at most a third of its length, at least 2, and never all of it); undefined when none is near. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance && distance < Math.max(name.length, candidate.length)) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** `; did you mean "x"?` or, where nothing is near, `; there is a, b, c`; for the end of a message. */
export function suggestion(name: string, candidates: readonly string[]): string {
  const nearest = nearestName(name, candidates);
  if (nearest !== undefined) return `; did you mean "${nearest}"?`;
  if (candidates.length === 0) return '';
  const shown = candidates.slice(0, 12).join(', ');
  return `; there is ${shown}${candidates.length > 12 ? ', …' : ''}`;
}

/** Damerau-Levenshtein with adjacent swaps (so `nmae` is 1 from `name`). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    const above = rows[i - 1] as number[];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min((above[j] as number) + 1, (row[j - 1] as number) + 1, (above[j - 1] as number) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, ((rows[i - 2] as number[])[j - 2] as number) + 1);
      row.push(least);
    }
    rows.push(row);
  }
  return (rows[a.length] as number[])[b.length] as number;
}

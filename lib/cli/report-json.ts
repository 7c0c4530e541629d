import { asMillraceError } from '../errors.ts';
import type { Report } from '../core/run/report.ts';
import { PipelineError } from '../core/run/pipeline-error.ts';

export type ReportTarget = 'stdout' | 'stderr';

/** What the report has that goes into the JSON as it is; `stages` to `error` follow, in this order. */
const FIELDS = [
  'status',
  'read',
  'written',
  'dropped',
  'made',
  'rejected',
  'unchanged',
  'superseded',
  'deleted',
  'bytesRead',
  'bytesWritten',
  'seconds',
  'guarantee',
  'resumedFrom',
] as const satisfies readonly (keyof Report)[];

/** The report as one JSON object on one line, with exactly the fields that the command line documents. */
export function printReport(report: Report, target: ReportTarget): void {
  const stages = report.stages.map(({ kind, in: taken, out, dropped, rejected, busySeconds, waitSeconds, pushed }) => ({
    kind,
    in: taken,
    out,
    dropped,
    rejected,
    busySeconds,
    waitSeconds,
    ...(pushed === undefined ? {} : { pushed }),
  }));
  const { bottleneck = null, warnings, since, tables, error } = report;
  const line = JSON.stringify({
    ...Object.fromEntries(FIELDS.map(name => [name, report[name]])),
    stages,
    bottleneck,
    warnings,
    ...(report.attempts > 1 ? { attempts: report.attempts } : {}),
    ...(since === undefined ? {} : { since }),
    ...(tables === undefined ? {} : { tables }),
    ...(error === undefined ? {} : { error: { ...error, stage: error.stage ?? null } }),
  });
  process[target].write(`${line}\n`);
}

/** The report of a run that failed; of one that never began, with nothing in it but the error. */
export function failedReport(thrown: unknown): Report {
  if (thrown instanceof PipelineError) return thrown.report;
  const { code, stage, message, retryable } = asMillraceError(thrown);
  return {
    status: 'failed',
    read: 0,
    written: 0,
    dropped: 0,
    made: 0,
    rejected: 0,
    unchanged: 0,
    superseded: 0,
    deleted: 0,
    bytesRead: 0,
    bytesWritten: 0,
    seconds: 0,
    guarantee: 'none',
    resumedFrom: null,
    attempts: 0,
    stages: [],
    bottleneck: undefined,
    rejects: [],
    warnings: [],
    error: { code, stage, message, retryable },
  };
}

import { printAddress } from '../config/print-address.ts';
import type { RejectGroup, Report, StageReport } from '../core/run/report.ts';
import { printSize } from '../values/sizes.ts';
import { printCount, printSeconds } from './numbers.ts';
import { countOf } from '../values/counts.ts';

export interface Places {
  readonly from: string;
  readonly to: string;
  readonly deadLetter?: string | undefined;
}

/** How many causes of rejects are shown. */
const MAX_CAUSES = 5;

/** What a run did, for a person. */
export function printSummary(report: Report, places: Places, output: NodeJS.WritableStream): void {
  output.write(`${summaryLines(report, places).join('\n')}\n`);
}

export function summaryLines(report: Report, places: Places): string[] {
  return [
    headline(report, places),
    ...counts(report),
    ...pushed(report),
    ...since(report),
    ...rejects(report, places),
    ...bottleneck(report),
    ...report.warnings.map(warning => `  warning: ${warning}`),
  ];
}

function headline({ status, read, written, seconds }: Report, { from, to }: Places): string {
  const verb = status === 'stopped' ? 'Stopped after' : 'Copied';
  const rate = seconds > 0 ? ` (${printCount(read / seconds)} read a second)` : '';
  return `${verb} ${countOf(written, 'record')} in ${printSeconds(seconds)}${rate}: ${place(from, 'standard input')} → ${place(to, 'standard output')}`;
}

/** Only what happened, and what was read only where it differs from what was written. */
function counts({
  read,
  written,
  made,
  dropped,
  rejected,
  unchanged,
  superseded,
  deleted,
  bytesRead,
  bytesWritten,
  stages,
}: Report): string[] {
  const parts = [`${printCount(read)} read`];
  if (made > 0) parts.push(`${printCount(made)} made`);
  if (dropped > 0) parts.push(`${printCount(dropped)} dropped by ${namesOf(stages, stage => stage.dropped)}`);
  if (rejected > 0) parts.push(`${printCount(rejected)} rejected`);
  if (unchanged > 0) parts.push(`${printCount(unchanged)} unchanged`);
  if (superseded > 0) parts.push(`${printCount(superseded)} superseded`);
  parts.push(`${printCount(written)} written`);
  if (deleted > 0) parts.push(`${printCount(deleted)} deleted`);
  const bytes = [...(bytesRead > 0 ? [`${printSize(bytesRead)} in`] : []), ...(bytesWritten > 0 ? [`${printSize(bytesWritten)} out`] : [])];
  return [`  ${parts.join(', ')}${bytes.length > 0 ? `; ${bytes.join(', ')}` : ''}`];
}

/** From where to where a source has read that reads only what is new. */
function since({ since: told }: Report): string[] {
  if (told === undefined) return [];
  const { column, after, upTo } = told;
  const start = after === null ? 'from the beginning' : `after ${after}`;
  return [`  by ${column}: ${start}${upTo === null ? '' : `, up to ${upTo}`}`];
}

/** Stages that count nothing here, because the source did them. */
function pushed({ stages }: Report): string[] {
  const kinds = stages.filter(stage => stage.pushed === true).map(({ kind }) => kind);
  return kinds.length === 0 ? [] : [`  done by ${stages[0]?.kind ?? 'the source'} itself: ${kinds.join(', ')}`];
}

function rejects({ rejected, rejects: groups }: Report, { deadLetter }: Places): string[] {
  if (rejected === 0) return [];
  const shown = groups
    .slice(0, MAX_CAUSES)
    .map(({ stage, code, reason, count }: RejectGroup) => `    ${printCount(count)} × ${stage} ${code}: ${reason}`);
  const more = groups.length > MAX_CAUSES ? [`    … and ${printCount(groups.length - MAX_CAUSES)} more causes`] : [];
  return [
    `  ${countOf(rejected, 'record')} refused${deadLetter === undefined ? '' : `, kept in ${place(deadLetter, 'standard output')}`}:`,
    ...shown,
    ...more,
  ];
}

/** Worth a line only where somebody waits. */
function bottleneck({ bottleneck: kind, stages, seconds }: Report): string[] {
  const busy = stages.find(stage => stage.kind === kind)?.busySeconds;
  return seconds < 1 || kind === undefined || busy === undefined ? [] : [`  slowest stage: ${kind} (${printSeconds(busy)} at work)`];
}

function namesOf(stages: readonly StageReport[], count: (stage: StageReport) => number): string {
  return [...new Set(stages.filter(stage => count(stage) > 0).map(stage => stage.kind))].join(', ') || 'the stages';
}

function place(address: string, standard: string): string {
  return address === '-' ? standard : printAddress(address);
}

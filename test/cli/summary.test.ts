import { expect } from 'chai';
import { printDuration, printSeconds } from '../../lib/cli/numbers.ts';
import { progressLine, showProgress } from '../../lib/cli/progress.ts';
import { summaryLines } from '../../lib/cli/summary.ts';
import type { Progress } from '../../lib/core/contracts.ts';
import type { Report, StageReport } from '../../lib/core/run/report.ts';

const stage = (kind: string, counts: Partial<StageReport> = {}): StageReport => ({
  kind,
  in: 0,
  out: 0,
  made: 0,
  dropped: 0,
  rejected: 0,
  busySeconds: 0,
  waitSeconds: 0,
  ...counts,
});
const report: Report = {
  status: 'ok',
  read: 231_083,
  written: 230_000,
  dropped: 1_071,
  made: 0,
  rejected: 12,
  unchanged: 0,
  superseded: 0,
  deleted: 0,
  bytesRead: 2 ** 24,
  bytesWritten: 0,
  seconds: 2,
  guarantee: 'all-or-nothing',
  resumedFrom: null,
  attempts: 1,
  stages: [stage('file'), stage('filter', { dropped: 1_071 }), stage('coerce', { rejected: 12 }), stage('postgres', { busySeconds: 1.5 })],
  bottleneck: 'postgres',
  rejects: [{ stage: 'coerce', code: 'COERCION_FAILED', reason: 'column "a": not an integer', count: 12 }],
  warnings: ['look out'],
};
const progress: Progress = {
  read: 1_234_567,
  written: 1,
  rejected: 0,
  bytesRead: 2 ** 20,
  seconds: 3,
  recordsPerSecond: 412_000.4,
  bytesPerSecond: 1,
  fraction: 0.427,
  secondsLeft: 11.2,
  slowestStage: 'filter',
  done: false,
  attempts: 1,
};

function terminal(isTTY: boolean): { output: NodeJS.WriteStream; written: string[] } {
  const written: string[] = [];
  return { written, output: { isTTY, columns: 40, write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream };
}

describe('the summary', () => {
  it('names the stages that the source did itself', () => {
    const stages = [stage('postgres'), stage('filter', { pushed: true }), stage('take', { pushed: true }), stage('map'), stage('file')];
    const lines = summaryLines({ ...report, stages, rejected: 0, dropped: 0 }, { from: 'postgres://h/app?table=t', to: 'a.csv' });
    expect(lines[2]).to.equal('  done by postgres itself: filter, take');
    expect(summaryLines(report, { from: 'a.csv', to: 'b.csv' }).join()).not.to.include('itself');
  });

  it('says what was read, dropped, refused and written, where, and how fast, without a password', () => {
    expect(summaryLines(report, { from: 'a.csv', to: 'postgres://me:s3cr3t@h/app?table=t', deadLetter: 'rejects.ndjson' })).to.deep.equal([
      'Copied 230,000 records in 2.00 s (115,542 read a second): a.csv → postgres://me:***@h/app?table=t',
      '  231,083 read, 1,071 dropped by filter, 12 rejected, 230,000 written; 16 MiB in',
      '  12 records refused, kept in rejects.ndjson:',
      '    12 × coerce COERCION_FAILED: column "a": not an integer',
      '  slowest stage: postgres (1.50 s at work)',
      '  warning: look out',
    ]);
  });

  it('says only what happened', () => {
    const small: Report = {
      ...report,
      read: 1,
      written: 1,
      dropped: 0,
      rejected: 0,
      rejects: [],
      warnings: [],
      seconds: 0.1,
      bytesRead: 0,
    };
    expect(summaryLines(small, { from: '-', to: 'b.csv' })).to.deep.equal([
      'Copied 1 record in 0.10 s (10 read a second): standard input → b.csv',
      '  1 read, 1 written',
    ]);
  });

  it('says when a signal stopped the run, and how many causes are not shown', () => {
    const rejects = Array.from({ length: 7 }, (_, i) => ({ stage: 's', code: 'C', reason: `r${i}`, count: 1 }));
    const lines = summaryLines({ ...report, status: 'stopped', rejects }, { from: 'a', to: 'b' });
    expect(lines[0]).to.match(/^Stopped after 230,000 records/);
    expect(lines).to.include('    … and 2 more causes');
  });
});

describe('progress', () => {
  it('names counts, rate, bytes, share, time left and the slowest stage', () => {
    expect(progressLine(progress)).to.equal('1,234,567 records, 412,000/s, 1 MiB, 42 %, 0:12 left, slowest: filter');
    expect(
      progressLine({
        ...progress,
        bytesRead: 0,
        slowestStage: undefined,
        rejected: 3,
        fraction: undefined as never,
        secondsLeft: undefined as never,
      }),
    ).to.equal('1,234,567 records, 412,000/s, 3 rejected');
  });

  it('is one live line on a terminal, cut to its width and taken away at the end', () => {
    const { output, written } = terminal(true);
    const display = showProgress(output);
    display.show(progress);
    display.show({ ...progress, done: true });
    display.end();
    expect(written).to.deep.equal(['\r\u001b[2K1,234,567 records, 412,000/s, 1 MiB, 4…', '\r\u001b[2K']);
  });

  it('is there on a terminal that does not say how wide it is', () => {
    for (const columns of [0, undefined]) {
      const { output, written } = terminal(true);
      showProgress(Object.assign(output, { columns })).show(progress);
      expect(written).to.deep.equal([`\r\u001b[2K${progressLine(progress)}`]);
    }
  });

  it('is a line every 10 s elsewhere, with no control characters', () => {
    const { output, written } = terminal(false);
    const display = showProgress(output);
    display.show(progress);
    display.end();
    expect(display.everyMs).to.equal(10_000);
    expect(written).to.deep.equal([`${progressLine(progress)}\n`]);
  });

  it('prints times for people', () => {
    expect([0, 7.01, 760, 11_100].map(printDuration)).to.deep.equal(['0:00', '0:08', '12:40', '3:05:00']);
    expect([0.34, 12.34, 250].map(printSeconds)).to.deep.equal(['0.34 s', '12.3 s', '4 min 10 s']);
  });
});

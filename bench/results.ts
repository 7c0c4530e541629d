/** Measures as text: medians with their spread, ratios, and whether each bar holds. */
import { cpus } from 'node:os';
import type { Bar, Job, Measure } from './job.ts';

export interface JobResult {
  readonly job: Job;
  /** Rows of `items`. */
  readonly rows: number;
  /** Records moved. */
  readonly moved: number;
  readonly measures: readonly Measure[];
}

export interface Verdict {
  readonly text: string;
  /** Undefined: the contender that it is against did not run. */
  readonly holds: boolean | undefined;
}

/** What was measured against each bar. */
export function verdicts({ job, measures }: JobResult): Verdict[] {
  const ours = job.contenders.find(({ isOurs }) => isOurs)?.name ?? '';
  return job.bars.map(bar => verdict(bar, of(measures, ours), 'against' in bar ? of(measures, bar.against) : []));
}

function verdict(bar: Bar, ours: readonly Measure[], theirs: readonly Measure[]): Verdict {
  if ('seconds' in bar)
    return {
      text: `${milliseconds(median(secondsOf(ours)))} (at most ${milliseconds(bar.seconds)})`,
      holds: median(secondsOf(ours)) <= bar.seconds,
    };
  if ('megabytes' in bar) return { text: `${peak(ours)} MB (at most ${bar.megabytes} MB)`, holds: peak(ours) <= bar.megabytes };
  if (theirs.length === 0) return { text: `${bar.against} did not run`, holds: undefined };
  const [mine, others] = [secondsOf(ours), secondsOf(theirs)];
  if ('atMost' in bar) {
    const ratios = pairs(mine, others, (a, b) => a / b);
    return { text: `${spread(ratios)} × the time of ${bar.against} (at most ${bar.atMost})`, holds: median(ratios) <= bar.atMost };
  }
  const ratios = pairs(mine, others, (a, b) => b / a);
  return { text: `${spread(ratios)} × as fast as ${bar.against} (at least ${bar.timesAsFast})`, holds: median(ratios) >= bar.timesAsFast };
}

/** Ratios of runs that stood beside each other in time. */
function pairs(a: readonly number[], b: readonly number[], ratio: (a: number, b: number) => number): number[] {
  return a.slice(0, b.length).map((value, i) => ratio(value, b[i] as number));
}

/** A page of Markdown. */
export function page(results: readonly JobResult[], { server, runs }: { readonly server: string; readonly runs: number }): string {
  const timed = results.filter(({ job }) => !job.name.startsWith('memory-'));
  const memory = results.filter(({ job }) => job.name.startsWith('memory-'));
  const machine = `Node ${process.version}, ${server}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'CPU'}, client and server on the same machine.`;
  return `# Results

Written by \`npm run bench\`; made anew by it, never by hand. ${machine}

${runs > 1 ? `Of ${runs} runs on one machine: what a job is compared with was measured beside it. ` : ''}Contenders alternate, each run in a process of its own, after a round that does not count; rows are counted at the target after each. Times are
medians, with the fastest and the slowest in brackets; ratios are those of runs that stood beside each other. Memory is the highest resident memory
of the client's process. Digits drift from machine to machine, ratios less.

${timed.map(timedSection).join('\n')}${memory.length === 0 ? '' : memorySection(memory)}`;
}

function timedSection(result: JobResult): string {
  const { job, moved, measures } = result;
  const lines = job.contenders.map(({ name }) => {
    const runs = of(measures, name);
    if (runs.length === 0) return `| ${name} | did not run | | |`;
    const seconds = secondsOf(runs);
    const rows = runs[0]?.rows ?? 0;
    const rate = rows > 1 ? `${Math.round(rows / median(seconds) / 1000).toLocaleString('en')}k` : '';
    return `| ${name} | ${spread(seconds, 3)} | ${rate} | ${Number.isNaN(peak(runs)) ? '' : peak(runs)} |`;
  });
  return `## ${job.title}

\`${job.name}\`, ${moved.toLocaleString('en')} ${moved === 1 ? 'record' : 'records'}

| | seconds | records/s | peak MB |
|---|---|---|---|
${lines.join('\n')}

${verdicts(result).map(bar).join('\n')}
`;
}

function memorySection(results: readonly JobResult[]): string {
  const lines = results.map(result => {
    const [one] = verdicts(result);
    return `| ${result.job.title} | ${result.moved.toLocaleString('en')} | ${one?.text ?? ''} | ${mark(one?.holds)} |`;
  });
  return `
## Memory

| | records | peak resident memory | |
|---|---|---|---|
${lines.join('\n')}
`;
}

const bar = ({ text, holds }: Verdict): string => `- ${mark(holds)}: ${text}`;
const mark = (holds: boolean | undefined): string => (holds === undefined ? 'not measured' : holds ? 'holds' : '**short**');
const of = (measures: readonly Measure[], name: string): Measure[] => measures.filter(({ contender }) => contender === name);
const secondsOf = (measures: readonly Measure[]): number[] => measures.map(({ seconds }) => seconds);
const peak = (measures: readonly Measure[]): number => Math.round(Math.max(...measures.map(({ peakMegabytes = NaN }) => peakMegabytes)));
const milliseconds = (seconds: number): string => `${(seconds * 1000).toFixed(1)} ms`;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** `1.23 (1.20 – 1.31)` */
function spread(values: readonly number[], digits = 2): string {
  const text = (value: number): string => value.toFixed(digits);
  return values.length < 2 ? text(median(values)) : `${text(median(values))} (${text(Math.min(...values))} – ${text(Math.max(...values))})`;
}

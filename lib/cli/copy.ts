import { fileAt, loadSink, loadSource } from '../config/places.ts';
import { openSpill } from '../clients/file/spill.ts';
import { MillraceError } from '../errors.ts';
import type { DeadLetter, RunOptions, Sink } from '../core/contracts.ts';
import { outlineOf, runStages } from '../core/run/pipeline.ts';
import type { Report } from '../core/run/report.ts';
import { PipelineError } from '../core/run/pipeline-error.ts';
import { parseNames } from '../query/parse-names.ts';
import { type ExitStatus, isClosedPipe, printError } from './exit.ts';
import { boundHeap } from './heap.ts';
import { operatorsFrom } from './operators.ts';
import type { CopyOptions } from './options.ts';
import { showProgress } from './progress.ts';
import { printReport } from './report-json.ts';
import { listenForSignals, type Stopping } from './signals.ts';
import { printSummary } from './summary.ts';

/** `millrace copy FROM TO`. Wrong options and addresses are thrown before anything is opened; what happens to the run is printed. */
export async function copy(from: string, to: string, options: CopyOptions): Promise<ExitStatus> {
  const stages = [
    await loadSource(from, { format: options.fromFormat, defaults: { int8: 'bigint' } }),
    ...(await operatorsFrom(options)),
    await loadSink(to, { format: options.toFormat, options: targetOptions(options) }),
  ];
  boundHeap(outlineOf(stages));
  const deadLetter = options.deadLetter === undefined ? undefined : await loadDeadLetters(options.deadLetter, { from, to });
  const stopping = listenForSignals(() => {
    progress?.end();
    if (!options.quiet) process.stderr.write('millrace: stopping; what was read is finished first (once more to stop at once)\n');
  });
  const progress = options.quiet ? undefined : showProgress(process.stderr);
  const { report, error } = await settle(stages, {
    drain: stopping.drain,
    signal: stopping.abort,
    ...(deadLetter === undefined ? {} : { deadLetter }),
    ...(options.maxRejected === undefined ? {} : { maxRejected: options.maxRejected }),
    ...(options.memory === undefined ? {} : { memory: options.memory }),
    ...(progress === undefined ? {} : { onProgress: progress.show, progressEveryMs: progress.everyMs }),
  });
  progress?.end();
  stopping.release();
  if (error !== undefined && to === '-' && error.stage === 'file' && isClosedPipe(error)) return 0;
  return tell({ report, error }, { from, to, options, stopping });
}

interface Outcome {
  readonly report: Report;
  readonly error?: PipelineError | undefined;
}

interface Run {
  readonly from: string;
  readonly to: string;
  readonly options: CopyOptions;
  readonly stopping: Stopping;
}

async function settle(stages: readonly unknown[], options: RunOptions): Promise<Outcome> {
  try {
    return { report: await runStages(stages, options, { openSpill }) };
  } catch (error) {
    if (error instanceof PipelineError) return { report: error.report, error };
    throw error;
  }
}

function tell({ report, error }: Outcome, { from, to, options, stopping }: Run): ExitStatus {
  const failed = error === undefined ? undefined : printError(error);
  if (options.json) printReport(report, to === '-' || options.deadLetter === '-' ? 'stderr' : 'stdout');
  else if (!options.quiet && error === undefined) printSummary(report, { from, to, deadLetter: options.deadLetter }, process.stderr);
  const isStopped = report.status === 'stopped' || error?.code === 'CANCELLED';
  return (isStopped ? stopping.status() : undefined) ?? failed ?? 0;
}

function targetOptions({ mode, key, before, after }: CopyOptions): Record<string, unknown> {
  const given = { mode, key: key === undefined ? undefined : parseNames(key, '--key'), before, after };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Letters are added to those that are there already. */
async function loadDeadLetters(place: string, { from, to }: { from: string; to: string }): Promise<Sink<DeadLetter>> {
  if (place === '-' && to === '-')
    throw new MillraceError('USAGE', 'standard output cannot take both the records and the dead letters; give --dead-letter a file');
  const file = fileAt(place, 'sink');
  const use =
    file === undefined ? undefined : file === fileAt(to, 'sink') ? 'go' : file === fileAt(from, 'source') ? 'come from' : undefined;
  if (use !== undefined) throw new MillraceError('USAGE', `${place} is where the records ${use}; give --dead-letter a file of its own`);
  return loadSink<DeadLetter>(place, { defaults: { mode: 'append' } });
}

import { openSpill } from '../clients/file/spill.ts';
import type { RunOptions } from '../core/contracts.ts';
import { outlineOf, runStages } from '../core/run/pipeline.ts';
import type { Report } from '../core/run/report.ts';
import { PipelineError } from '../core/run/pipeline-error.ts';
import { type ExitStatus, isClosedPipe, printError } from './exit.ts';
import { boundHeap } from './heap.ts';
import { type Around, lineFrom } from './line.ts';
import type { CopyOptions } from './options.ts';
import { showProgress } from './progress.ts';
import { printReport } from './report-json.ts';
import { listenForSignals, type Stopping } from './signals.ts';
import { printSummary } from './summary.ts';

/** `millrace copy FROM TO`. Wrong options and addresses are thrown before anything is opened; what happens to the run is printed. */
export async function copy(from: string, to: string, options: CopyOptions, around?: Around): Promise<ExitStatus> {
  const { stages, run } = await lineFrom(from, to, options, around);
  boundHeap(outlineOf(stages));
  const stopping = listenForSignals(() => {
    progress?.end();
    if (!options.quiet) process.stderr.write('millrace: stopping; what was read is finished first (once more to stop at once)\n');
  });
  const progress = options.quiet ? undefined : showProgress(process.stderr);
  const { report, error } = await settle(stages, {
    drain: stopping.drain,
    signal: stopping.abort,
    ...run,
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

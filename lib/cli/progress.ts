import type { Progress } from '../core/contracts.ts';
import { printSize } from '../values/sizes.ts';
import { printCount, printDuration } from './numbers.ts';
import { cutToWidth } from '../values/text-width.ts';
import { widthOf } from './terminal-width.ts';
import { countOf } from '../values/counts.ts';

export interface ProgressDisplay {
  readonly everyMs: number;
  readonly show: (progress: Progress) => void;
  /** Takes the live line away. */
  end(): void;
}

const ERASE_LINE = '\r\u001b[2K';

/** Shows where a run is: on a terminal one live line, else a line every 10 s. */
export function showProgress(output: NodeJS.WriteStream): ProgressDisplay {
  if (output.isTTY) {
    return {
      everyMs: 200,
      show: progress => {
        if (!progress.done) output.write(`${ERASE_LINE}${cutToWidth(progressLine(progress), widthOf(output, 80) - 1)}`);
      },
      end: () => void output.write(ERASE_LINE),
    };
  }
  return {
    everyMs: 10_000,
    show: progress => {
      if (!progress.done) output.write(`${progressLine(progress)}\n`);
    },
    end: () => undefined,
  };
}

/** `1,234,567 records, 412,000/s, 183 MiB, 42 %, 0:12 left, slowest: filter`. */
export function progressLine({
  read,
  rejected,
  bytesRead,
  recordsPerSecond,
  fraction,
  secondsLeft,
  slowestStage,
  attempts,
}: Progress): string {
  const parts = [countOf(read, 'record'), `${printCount(recordsPerSecond)}/s`];
  if (bytesRead > 0) parts.push(printSize(bytesRead));
  if (rejected > 0) parts.push(`${printCount(rejected)} rejected`);
  if (fraction !== undefined) parts.push(`${Math.floor(fraction * 100)} %`);
  if (secondsLeft !== undefined) parts.push(`${printDuration(secondsLeft)} left`);
  if (slowestStage !== undefined) parts.push(`slowest: ${slowestStage}`);
  if (attempts > 1) parts.push(`attempt ${attempts}`);
  return parts.join(', ');
}

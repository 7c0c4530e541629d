import { z } from 'zod';
import { MillraceError } from '../../errors.ts';
import { parseDuration } from '../../values/durations.ts';
import { parseSize } from '../../values/sizes.ts';
import type { RunOptions } from '../contracts.ts';
import { checkOptions } from './stage.ts';

const size = z.union([z.number().positive(), z.string()]).transform((value, context) => {
  try {
    return typeof value === 'number' ? Math.floor(value) : parseSize(value);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});
const duration = z.union([z.number().min(0), z.string()]).transform((value, context) => {
  try {
    return typeof value === 'number' ? value : parseDuration(value);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});
const given = <T>() => z.custom<T>(value => value !== undefined);

/** `0%` to `100%`. */
function isShare(text: string): boolean {
  return /^\d+(\.\d+)?%$/.test(text) && Number.parseFloat(text) <= 100;
}

const runOptions = z.strictObject({
  deadLetter: given<NonNullable<RunOptions['deadLetter']>>().optional(),
  maxRejected: z.union([z.int().min(0), z.string().refine(isShare, 'a number or a percentage such as "1%"')]).optional(),
  signal: z.instanceof(AbortSignal).optional(),
  drain: z.instanceof(AbortSignal).optional(),
  onProgress: z.custom<NonNullable<RunOptions['onProgress']>>(value => typeof value === 'function', 'wanted is a function').optional(),
  progressEveryMs: z.number().positive().default(500),
  memory: size.default(16 * 1024 * 1024),
  stateMemory: size.default(64 * 1024 * 1024),
  spillFolder: z.string().min(1).optional(),
  batchRows: z.int().positive().default(4096),
  batchBytes: size.default(256 * 1024),
  batchDelayMs: z.number().min(0).default(100),
  job: z.string().min(1).optional(),
  resume: z.boolean().default(false),
  checkpoint: z.boolean().optional(),
  checkpointEvery: z.int().positive().optional(),
  retryFor: duration.default(60_000),
  settleTimeoutMs: z.number().positive().default(30_000),
});

export type CheckedRunOptions = z.output<typeof runOptions>;

/** Options with their defaults; no batch may be more than a quarter of the flow account. */
export function checkRunOptions(options: RunOptions): CheckedRunOptions {
  const checked = checkOptions('pipeline', runOptions, options as z.input<typeof runOptions>);
  if (checked.memory < 1024)
    throw new MillraceError('OPTION_INVALID', `pipeline: option "memory": at least 1 KiB, not ${checked.memory} bytes`);
  return { ...checked, batchBytes: Math.max(256, Math.min(checked.batchBytes, Math.floor(checked.memory / 4))) };
}

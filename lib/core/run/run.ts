import type { RunOptions } from '../contracts.ts';
import { runLine } from './attempts.ts';
import { lineOf } from './layout.ts';
import { partWords, runParts } from './parts.ts';
import type { Report } from './report.ts';
import type { Services } from '../spill.ts';
import type { Stage } from './stage.ts';

/** Runs a pipeline, or the many lines of a source of parts: resolves with the report, or rejects with a PipelineError. */
export async function run(stages: readonly Stage[], options: RunOptions = {}, services: Services = {}): Promise<Report> {
  const line = lineOf(stages);
  const words = partWords(line);
  if (words !== undefined) return runParts(line, words, options, part => runLine(lineOf(part.stages), part.options, services));
  return runLine(line, options, services);
}

import type { Plan, PlanProblem } from '../core/contracts.ts';
import { explainPlan } from '../core/run/explain-plan.ts';
import { planStages } from '../core/run/pipeline.ts';
import { asMillraceError, MillraceError } from '../errors.ts';
import { visible } from '../values/text-width.ts';
import { type ExitStatus, printError } from './exit.ts';
import { lineFrom } from './line.ts';
import type { CopyOptions } from './options.ts';
import { unlessStopped } from './signals.ts';

/**
 * `millrace plan FROM TO`: what `copy` with the same options would do. Each thing that it would fail with is an error on stderr, and the first one
 * gives the exit status that `copy` would have.
 */
export async function planCopy(from: string, to: string, options: CopyOptions): Promise<ExitStatus> {
  const { stages, run } = await lineFrom(from, to, options);
  return unlessStopped(async signal => {
    const plan = await planStages(stages, { ...run, signal });
    if (options.json) printJson(plan);
    else if (!options.quiet) process.stdout.write(`${textOf(plan)}\n`);
    const [first = 0] = plan.problems.map(({ code, stage, message }) => printError(new MillraceError(code, message, { stage })));
    return first;
  });
}

/** Of a command line that says nothing that could be planned. */
export function printFailedPlan(thrown: unknown): void {
  const { code, stage, message, retryable } = asMillraceError(thrown);
  printJson({ stages: [], problems: [{ code, stage, message, retryable }] });
}

function printJson(plan: { readonly problems: readonly PlanProblem[] } & Partial<Plan>): void {
  process.stdout.write(`${JSON.stringify(plan)}\n`);
}

/** Problems are told as errors. A terminal must not obey the names of columns. */
function textOf(plan: Plan): string {
  return explainPlan({ ...plan, problems: [] })
    .split('\n')
    .map(visible)
    .join('\n');
}

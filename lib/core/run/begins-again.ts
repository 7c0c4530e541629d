import { inParts } from '../delivery/side-sink.ts';
import type { Line } from './layout.ts';
import type { SinkStage } from './stage.ts';

/** What a run has touched. A line of which nothing was read or opened can always begin again. */
export interface Touched {
  readonly isRead: boolean;
  readonly isSinkOpen: boolean;
  /** Where refused records go, once it was opened. */
  readonly deadLetter: SinkStage | undefined;
  /** Records that were refused. */
  readonly letters: number;
}

/** Whether one that is lost behind a commit can go on from there: letters that somebody has been given would be given once more. */
export function canGoOn({ deadLetter, letters }: Touched): boolean {
  return deadLetter === undefined || letters === 0 || inParts(deadLetter) === 'exactly-once';
}

/** Why a run that is lost cannot begin again at its beginning; undefined where it can. */
export async function cannotBeginAgain({ source, operators, sink }: Line, touched: Touched): Promise<string | undefined> {
  if (touched.isRead) {
    if ((await source.definition.canReopen?.(source.options, source.given)) !== true) return `${source.kind} can be read once`;
    for (const { kind, definition, options, given } of operators)
      if (definition.canReopen?.(options, given) === false) return `what ${kind} was given can be used once`;
  }
  if (touched.isSinkOpen && !(await takesBack(sink))) return `${sink.kind} cannot take back what it was given`;
  const { deadLetter } = touched;
  if (deadLetter !== undefined && !(await takesBack(deadLetter))) return `${deadLetter.kind} cannot take back dead letters`;
  return undefined;
}

async function takesBack({ definition, options, given }: SinkStage): Promise<boolean> {
  return definition.guarantee === 'all-or-nothing' && (await definition.takesBack?.(options, given)) !== false;
}

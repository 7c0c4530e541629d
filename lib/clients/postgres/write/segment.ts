import type { CopyFormat, CopyPlan } from './copy-plan.ts';
import { type Slice, sentRows } from './segment-slices.ts';

/** Rows that the server takes or refuses together: those of one COPY behind a savepoint. */
export class Segment {
  /** What was added to it, in order. */
  readonly slices: Slice[] = [];
  /** That were sent. */
  rows = 0;
  bytes = 0;
  readonly #plan: CopyPlan;

  constructor(plan: CopyPlan) {
    this.#plan = plan;
  }

  /** Which of its rows (counted over the slices, from 0) a line of the COPY is. */
  indexOfLine(line: number | undefined, format: CopyFormat): number | undefined {
    if (line === undefined) return undefined;
    const plan = this.#plan;
    let meant: number | undefined;
    let linesBefore = 0;
    let rowsBefore = 0;
    for (const slice of this.slices) {
      const sent = slice.entry.batch.select(sentRows(slice));
      if (sent.length === 0) continue;
      meant ??= plan.lineMeant(format, sent)(line);
      const lines = plan.lines(format, sent, sent.length);
      const row = meant <= linesBefore + lines ? plan.rowOfLine(meant - linesBefore, format, sent) : undefined;
      if (row !== undefined) return rowsBefore + row;
      linesBefore += lines;
      rowsBefore += sent.length;
    }
    return undefined;
  }
}

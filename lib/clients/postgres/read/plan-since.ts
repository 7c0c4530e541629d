import type { Position } from '../../../core/batch/batch.ts';
import type { SourcePlan } from '../../../core/plan.ts';
import { describeTable } from '../catalogue/describe.ts';
import type { PgTarget } from '../connection/connection-options.ts';
import { withSession } from '../connection/session.ts';
import { estimateOf, notesOn } from './plan-read.ts';
import { doingOf, type ReadWish } from './read-plan.ts';
import type { SinceWish } from './since-column.ts';
import { prepareSince, rulesOf, sinceParts, sincePlan, warningsOf } from './since-read.ts';

/** What would be read of what is new, and by which rule it would end. */
export async function planSince(
  target: PgTarget,
  wish: SinceWish,
  { signal, after, ...asked }: ReadWish & { readonly signal: AbortSignal; readonly after: Position | undefined },
): Promise<SourcePlan> {
  return withSession(target, { doing: doingOf({ table: wish.table }), signal }, async session => {
    const { client } = session;
    const relation = await describeTable(client, wish.table, target);
    const since = await prepareSince(client, wish, relation.columns, after);
    await session.begin({ isReadOnly: true });
    const plan = await sincePlan(client, since, asked, target);
    const parts = sinceParts(since, plan, asked.pushed?.limit);
    let [estimatedRows, estimatedBytes] = [0, 0];
    for (const part of parts) {
      const estimate = await estimateOf(client, part);
      estimatedRows += estimate.estimatedRows;
      estimatedBytes += estimate.estimatedBytes;
    }
    const notes = [...rulesOf(since), ...(await warningsOf(client, since)), ...notesOn(plan.columns)];
    await session.rollBack();
    return {
      statements: parts.map(({ statement }) => statement),
      estimatedRows,
      estimatedBytes,
      notes,
      hasPositions: true,
      isRepeatable: false,
    };
  });
}

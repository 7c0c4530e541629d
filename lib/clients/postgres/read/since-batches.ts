import { RecordBatch } from '../../../core/batch/batch.ts';
import type { AnyBatch, SourceContext } from '../../../core/define.ts';
import { Schema } from '../../../schema/schema.ts';
import { describeTable, fieldOf } from '../catalogue/describe.ts';
import type { PgPool } from '../connection/pool.ts';
import { onSession } from '../connection/session.ts';
import { copyOut } from './copy-out.ts';
import { CopyLayout } from './copy-layout.ts';
import type { DecodeOptions } from '../values/field.ts';
import { PgCopyOrigin } from './copy-origin.ts';
import type { Pushed } from './pushdown.ts';
import { doingOf, type ReadPlan, type ReadWish } from './read-plan.ts';
import type { SinceWish } from './since-column.ts';
import { prepareSince, reportOf, sinceParts, sincePlan, warningsOf } from './since-read.ts';

export interface SinceOptions extends DecodeOptions {
  readonly since: SinceWish;
  readonly pushed?: Pushed | undefined;
  readonly lockTimeoutMs: number;
}

/**
 * The rows of a table that are new since a position, in the order of the column that they are followed by; each batch with its own. The pool is closed.
 * What may still come late is asked for before the snapshot of the rows is taken: the other way round a transaction could end between the two.
 */
export async function* readSince(
  pool: PgPool,
  { since: wish, pushed, lockTimeoutMs, int8, numeric }: SinceOptions,
  context: SourceContext,
): AsyncGenerator<AnyBatch, void, undefined> {
  const read = { table: wish.table };
  const use = { doing: doingOf(read), signal: context.signal };
  try {
    const session = await pool.acquire(context.signal);
    const { parts, columns, shown } = await onSession(session, use, async ({ client, target }) => {
      const relation = await describeTable(client, wish.table, target);
      const since = await prepareSince(client, wish, relation.columns, context.after);
      await session.begin({ lockTimeoutMs, isReadOnly: true });
      const plan = await sincePlan(client, since, { pushed, columns: context.columns }, target);
      context.follows?.(reportOf(since));
      for (const warning of await warningsOf(client, since)) context.warn(warning);
      if (context.after === undefined && plan.estimatedRows !== undefined) context.expects({ rows: plan.estimatedRows });
      return {
        parts: sinceParts(since, plan, pushed?.limit),
        columns: plan.columns,
        shown: shownOf(plan, { pushed, columns: context.columns }),
      };
    });
    const schema = new Schema(columns.map(fieldOf));
    const layout = new CopyLayout(columns, { int8, numeric });
    const { batchRows, batchBytes } = context;
    const reading = { ...use, batchRows, batchBytes, counted: (count: { rows: number; bytes: number }) => context.counted(count) };
    // The transaction is that of the next part too.
    const kept = { ...session, release: () => undefined };
    for (const [i, { statement, position }] of parts.entries()) {
      const isLast = i === parts.length - 1;
      const batches = copyOut(isLast ? session : kept, statement, isLast ? { ...reading, finish: () => session.commit() } : reading);
      for await (const rows of batches) {
        const batch: AnyBatch = new RecordBatch(new PgCopyOrigin(rows, layout), schema, position(rows));
        yield shown.length === columns.length ? batch : batch.project(shown);
      }
    }
  } finally {
    await pool.close();
  }
}

/** Columns that are asked for; the others are read for the position's sake. */
function shownOf(plan: ReadPlan, { pushed, columns }: ReadWish): string[] {
  const names = plan.columns.map(({ name }) => name);
  return names.filter(name => (columns?.includes(name) ?? true) && (pushed?.columns?.includes(name) ?? true));
}

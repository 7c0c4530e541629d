import type pg from 'pg';
import type { CheckpointKeeper, KeeperContext, Stands } from '../../../core/define.ts';
import type { TableMode } from '../catalogue/table-mode.ts';
import { parseQualifiedName, quoteQualifiedName } from '../../../values/identifiers.ts';
import { describeTarget, type PgTarget } from '../connection/connection-options.ts';
import { withSession } from '../connection/session.ts';
import { forgetCheckpoint, lackingCheckpoints, loadCheckpoint, takesParts } from './checkpoint-table.ts';
import { lockJob } from './job-lock.ts';

/** Of a load, what its checkpoints depend on. */
export interface KeptLoad {
  readonly table: string;
  readonly mode: TableMode;
  readonly indexes?: 'keep' | 'rebuild' | undefined;
  readonly before?: string | undefined;
}

/**
 * A table that takes another one's place, and indexes that were dropped, stand there when all is done; which rows the source no longer has is known at the
 * end, by keys that go away with the transaction; what SQL before has set holds for its transaction.
 */
export function commitsParts({ mode, indexes, before }: KeptLoad): boolean {
  return mode !== 'replace' && mode !== 'sync' && indexes !== 'rebuild' && before === undefined;
}

/** Checkpoints of a table that is loaded stand in its database. `isPart`: of a whole database. */
export function tableKeeper<Options extends KeptLoad, Given>(
  reach: (options: Options, given: Given) => PgTarget,
  isPart: (given: Given) => boolean,
): CheckpointKeeper<Options, Given> {
  return {
    commitsParts,
    accumulates: ({ mode }) => ACCUMULATES[mode],
    target: (options, given) => `table ${options.table} in ${describeTarget(reach(options, given))}`,
    look: async (options, context, given) => {
      if (isPart(given)) return { refusal: 'the table is a part of a whole database' };
      const target = reach(options, given);
      if (target.means?.client !== undefined) return { refusal: 'the connection is one of yours' };
      const table = quoteQualifiedName(parseQualifiedName(options.table));
      return withSession(target, { doing: 'look for a checkpoint', signal: context.signal }, ({ client }) => look(client, table, context));
    },
  };
}

const ACCUMULATES = { create: 'made', append: 'added', upsert: 'merged', replace: undefined, sync: undefined } as const;

async function look(client: pg.Client, table: string, { job, resume, signal, isPlan }: KeeperContext): Promise<Stands> {
  const refusal = await lackingCheckpoints(client);
  if (refusal !== undefined) return { refusal };
  const parts = await takesParts(client, table);
  if ((await loadCheckpoint(client, job, table)) === undefined) return { checkpoint: undefined, commitsParts: parts };
  if (isPlan === true) return { checkpoint: await loadCheckpoint(client, job, table), commitsParts: parts };
  // Another run may be at work, and further on soon.
  const release = await lockJob(client, job.id, signal);
  const checkpoint = await loadCheckpoint(client, job, table);
  if (checkpoint === 'void' || !resume) await forgetCheckpoint(client, job.id);
  await release();
  if (resume) return { checkpoint, commitsParts: parts };
  const forgotten = checkpoint !== 'void' && checkpoint?.job === job.id ? checkpoint : undefined;
  return { checkpoint: undefined, forgotten, commitsParts: parts };
}

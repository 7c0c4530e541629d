import { z } from 'zod';
import { connectionFields, describeTarget } from '../lib/clients/postgres/connection/connection-options.ts';
import type { ConnectionMeans, WithClient } from '../lib/clients/postgres/connection/given-means.ts';
import { splitClient, targetOf } from '../lib/clients/postgres/connection/means.ts';
import { tableKeeper } from '../lib/clients/postgres/delivery/keeper.ts';
import { openPool } from '../lib/clients/postgres/connection/pool.ts';
import { mergesRows } from '../lib/clients/postgres/catalogue/table-mode.ts';
import { DRIFT_POLICIES } from '../lib/clients/postgres/write/drift.ts';
import { planTable } from '../lib/clients/postgres/write/plan-table.ts';
import type { LoadHooks } from '../lib/clients/postgres/write/load-hooks.ts';
import { TableWriter } from '../lib/clients/postgres/write/table-writer.ts';
import type { Sink } from '../lib/core/contracts.ts';
import { defineSink } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';

const TWICE = 'a column is named twice';
const isDistinct = (names: readonly string[]): boolean => new Set(names).size === names.length;

const options = z
  .strictObject({
    ...connectionFields,
    table: z.string().min(1).describe('users, crm.users, or names in double quotes; case is kept as it is written'),
    mode: z
      .enum(['create', 'append', 'replace', 'upsert', 'sync'])
      .default('create')
      .describe(
        'create: makes the table, which must not be there. append: adds to it. replace: empties it first. upsert: replaces rows of the same key, adds the others. sync: the same, and deletes rows of which no record came. All make it where it is not there',
      ),
    key: z
      .array(z.string())
      .refine(isDistinct, TWICE)
      .readonly()
      .optional()
      .describe('primary key of a table that is made; what upsert and sync go by, the primary key by default'),
    update: z
      .array(z.string())
      .refine(isDistinct, TWICE)
      .readonly()
      .optional()
      .describe('with upsert and sync: what of a row that is there is changed; all but the key by default'),
    deletedColumn: z
      .string()
      .min(1)
      .optional()
      .describe('with sync: rows of which no record came are marked in this column (timestamptz or boolean) instead of deleted'),
    replace: z
      .enum(['swap', 'truncate'])
      .optional()
      .describe(
        'with replace: swap fills another table and puts it in the place of this one, truncate empties this one; by default swap where nothing hangs on the table',
      ),
    lossy: z
      .array(z.string())
      .readonly()
      .optional()
      .describe('columns that may lose digits, or their time of day, where the table has a smaller type; the report counts them'),
    onDrift: z
      .enum(DRIFT_POLICIES)
      .default('refuse')
      .describe(
        'a table that is there and lacks columns of the records, or has smaller types: refuse. add: adds the columns. widen: also makes types wider, where no value changes. ignore: leaves such columns out',
      ),
    indexes: z
      .enum(['keep', 'rebuild'])
      .default('keep')
      .describe('rebuild: secondary indexes of a table that is there are dropped before the load and built after it, in its transaction'),
    parallel: z
      .number()
      .int()
      .min(1)
      .default(2)
      .describe(
        'with upsert and sync: connections that it may take; from 2 on many rows are staged by another one, in a table beside this one',
      ),
    before: z.string().min(1).optional().describe('SQL that runs first, in the transaction of the rows'),
    after: z.string().min(1).optional().describe('SQL that runs last, before the commit'),
    lockTimeoutMs: z.number().int().min(1).default(60_000).describe('milliseconds that a lock held by another session is waited for'),
    stallTimeoutMs: z
      .number()
      .int()
      .min(1)
      .default(600_000)
      .describe('milliseconds in which the server has to take or answer something while rows are sent'),
  })
  .refine(({ mode, update }) => update === undefined || mergesRows(mode), {
    path: ['update'],
    message: 'only modes upsert and sync change rows that are there',
  })
  .refine(({ mode, deletedColumn }) => deletedColumn === undefined || mode === 'sync', {
    path: ['deletedColumn'],
    message: 'only mode sync takes away what is not there any more',
  })
  .refine(({ mode, replace }) => replace === undefined || mode === 'replace', {
    path: ['replace'],
    message: 'only mode replace replaces a table',
  })
  .refine(({ mode, indexes }) => indexes === 'keep' || mode !== 'create', {
    path: ['indexes'],
    message: 'a table that is made gets its indexes after its rows anyway',
  });

export type PostgresSinkOptions<Row> = Omit<WithClient<z.input<typeof options>>, 'key' | 'update' | 'lossy'> & {
  key?: readonly (keyof Row & string)[];
  update?: readonly (keyof Row & string)[];
  lossy?: readonly (keyof Row & string)[];
};

/**
 * A table, by COPY, in one transaction: all of it or nothing; a long run whose source has positions commits in between, with a checkpoint to go on from.
 * Columns go by name; a table that is made has the exact types of the records.
 * Bytes pass as they are where source and table have the same types (PostgreSQL), or the table's input rules read them anyway (CSV).
 * A table is replaced by another one that takes its place at the end, so that others read the old rows until the commit; or, where something hangs
 * on it, by TRUNCATE (or DELETE) in the same transaction: then nobody reads it until the commit.
 * `before` and `after` are SQL that runs first and last in that transaction.
 * An upsert goes through a temporary table, many rows through an unlogged one that a second connection fills: of the records with one key the last one wins, and rows that are equal are not touched.
 * A sync deletes or marks, when all is merged, the rows of which no record came; not where the run was stopped or a record rejected.
 * A row that the server refuses goes to the dead letters, with the server's reason; without a place for it the run stops and names the row.
 *
 * Holds a batch; with dead letters what the server has not confirmed, at most half of the run's memory. Abort rolls back, and cancels a
 * statement that hangs. With dead letters deferred constraints are checked as rows come.
 * Errors: EXISTS, NOT_FOUND (a schema), OPTION_INVALID (an upsert without a key, a table that cannot be replaced, a sync of some records only), COLUMN_UNKNOWN,
 * SCHEMA_MISMATCH, TYPE_NOT_CARRIED, SCHEMA_UNKNOWN before the first row; ROW_REFUSED, COUNTS_DIFFER, TIMEOUT, CONNECTION_LOST, DISK_FULL, and
 * those of connecting.
 */
export function postgres<Row>(given: PostgresSinkOptions<Row>): Sink<Row> {
  checkArgument('postgres', 'options', given, 'object');
  const { options: plain, means } = splitClient<z.input<typeof options>>(given);
  return postgresKind.create<Row>(plain, means);
}

/** How it is connected, and what else belongs to the load of a table that is a part of a whole. */
type Given = ConnectionMeans & { readonly hooks?: LoadHooks };

const TITLES = { create: '', append: ', added to', replace: ', replaced', upsert: ', merged into by key', sync: ', made the same by key' };

export const postgresKind = defineSink<typeof options, Given | undefined>({
  kind: 'postgres',
  keepsNothing: true,
  options,
  takes: ['pg-copy', 'csv'],
  guarantee: 'all-or-nothing',
  title: ({ table, mode }) => `table ${table}${TITLES[mode]}`,
  place: ({ mode, key, update, deletedColumn, replace, ...given }, means) => {
    const how = [
      mode,
      replace,
      key && `by ${key.join()}`,
      update && `of ${update.join()}`,
      deletedColumn && `marked in ${deletedColumn}`,
    ].filter(text => text !== undefined);
    return `table ${given.table} in ${describeTarget(targetOf(given, means))}, ${how.join(' ')}`;
  },
  takesBack: (_options, means) => means?.client === undefined && means?.hooks === undefined,
  checkpoints: tableKeeper<z.output<typeof options>, Given | undefined>(targetOf, given => given?.hooks !== undefined),
  plan: (given, context, means) => planTable(targetOf(given, means), given, context),
  open: async (given, context, { hooks, ...means } = {}) =>
    TableWriter.open(openPool(targetOf(given, means)), { ...given, hooks }, context),
});

import type pg from 'pg';
import type { MillraceError } from '../../../errors.ts';
import type { DeletedMark } from '../catalogue/deleted-mark.ts';
import { lackingRemoval } from '../catalogue/rights.ts';
import type { TargetTable } from '../catalogue/target-table.ts';
import type { Upsert } from '../catalogue/upsert-key.ts';
import { limited } from '../connection/connect.ts';
import { mergeStatements } from './merge-statements.ts';
import { addSeenSql, removeOthersSql } from './seen-keys.ts';
import { STAGING } from './staging.ts';

/** What is sent for rows that are merged when all are there, `copy` first. */
export function mergeSql(table: TargetTable, upsert: Upsert, copy: string, gathersKeys: boolean): string[] {
  const { repeats, supersede, merge, skip, insert } = mergeStatements({ table: STAGING }, table, upsert);
  const seen = gathersKeys ? [addSeenSql({ table: STAGING }, upsert.key)] : [];
  return [copy, ...seen, repeats, supersede, ...(merge === undefined ? [skip, insert] : [merge()])].map(statement =>
    statement.replace(/\s+/g, ' '),
  );
}

/** What mode sync would do when all rows are merged. */
export interface RemovalPlan {
  readonly notes: readonly string[];
  readonly statement: string;
  readonly problems: readonly MillraceError[];
}

export async function planRemoval(
  client: pg.Client,
  table: TargetTable,
  key: readonly string[],
  mark: DeletedMark | undefined,
  shown: string,
): Promise<RemovalPlan> {
  const what = mark === undefined ? 'deleted' : `marked in ${mark.column}, if they are not yet`;
  const note = `rows of which no record comes are ${what}, in the same transaction: also those that a filter of this run leaves out; none where the run is stopped or a record rejected`;
  return {
    notes: [note, ...(mark === undefined ? await referring(client, table) : [])],
    statement: removeOthersSql(table, key, mark),
    problems: await lackingRemoval(client, table, mark?.name, shown),
  };
}

/** What becomes of rows of other tables. */
async function referring(client: pg.Client, { name }: TargetTable): Promise<string[]> {
  const { rows } = await client.query<{ shown: string; action: string }>(limited(REFERRING, [name]));
  return rows.map(({ shown, action }) => `foreign key ${shown} refers to it: ${ACTIONS[action] ?? STOPS}`);
}

const STOPS = 'the run stops where it refers to a row that would be deleted';
const ACTIONS: Readonly<Record<string, string>> = {
  c: 'rows that refer to deleted ones are deleted too',
  n: 'in rows that refer to deleted ones it becomes null',
  d: 'in rows that refer to deleted ones it becomes its default',
};

/** A key that refers to a partitioned table is there once more for each partition. */
const REFERRING = `SELECT pg_catalog.format('%I of %s', c.conname, c.conrelid::pg_catalog.regclass) AS shown, c.confdeltype::text AS action
  FROM pg_catalog.pg_constraint c WHERE c.contype = 'f' AND c.confrelid = pg_catalog.to_regclass($1) AND c.conparentid = 0
  ORDER BY c.conrelid::pg_catalog.regclass::text, c.conname`;

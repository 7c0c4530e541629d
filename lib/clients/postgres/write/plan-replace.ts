import type pg from 'pg';
import { emptyingStatement } from '../catalogue/empty-table.ts';
import { rebuiltIndexes } from '../catalogue/rebuilt-indexes.ts';
import { replaceWay } from '../catalogue/replace-way.ts';
import { lackingDelete } from '../catalogue/rights.ts';
import type { TargetTable } from '../catalogue/target-table.ts';
import type { PlanFindings } from './plan-findings.ts';
import { ShadowTable } from './shadow-table.ts';
import type { TableOptions } from './table-options.ts';

/** How rows get into a table. */
export interface Loading {
  /** Made by the run. */
  readonly isOwn?: boolean;
  /** Another table that takes its place. */
  readonly into?: string;
  /** Columns of the records that are left out. */
  readonly ignored?: readonly string[];
  /** Statements that follow the rows. */
  readonly after?: readonly string[];
}

interface Planned {
  readonly table: TargetTable;
  readonly shown: string;
  readonly options: Pick<TableOptions, 'replace' | 'indexes'>;
}

/** Of a swap what it sends; else what empties the table is in the plan. */
export async function planReplace(
  client: pg.Client,
  { table, shown, options }: Planned,
  found: PlanFindings,
): Promise<Loading | undefined> {
  const chosen = await found.tried(() => replaceWay(client, table.name, options.replace, shown));
  if (chosen === undefined) return undefined;
  if (chosen.way === 'swap') {
    found.notes.push('replace by swap: another table is made like it, filled, and put in its place');
    const swap = await ShadowTable.plan(client, table.name);
    found.statements.push(...swap.before);
    return { into: swap.table, after: swap.after };
  }
  const why = chosen.obstacles.length === 0 ? '' : `; no other can take its place: ${chosen.obstacles.join('; ')}`;
  found.notes.push(`replace by truncate: the table itself is emptied${why}`);
  const emptying = await found.tried(() => emptyingStatement(client, table, shown));
  if (emptying !== undefined) found.statements.push(emptying);
  if (emptying?.startsWith('DELETE') === true) found.problems.push(...(await lackingDelete(client, table, shown)));
  return undefined;
}

/** The statements that make again what is dropped before the load. */
export async function planRebuild(client: pg.Client, { table, shown, options }: Planned, found: PlanFindings): Promise<readonly string[]> {
  if (options.indexes !== 'rebuild') return [];
  const indexes = await found.tried(() => rebuiltIndexes(client, table, shown));
  if (indexes === undefined) return [];
  const { names, kept, drop, build } = indexes;
  const listed = names.map(name => JSON.stringify(name)).join(', ');
  found.notes.push(
    names.length === 0
      ? 'it has no index that could be rebuilt'
      : `indexes that are dropped before the load and built after it: ${listed}; others cannot read the table meanwhile`,
  );
  if (kept.length > 0) found.notes.push(`indexes that are not rebuilt: ${kept.join(', ')}`);
  found.statements.push(...drop);
  return build;
}

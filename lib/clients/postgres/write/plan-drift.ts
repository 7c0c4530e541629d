import type pg from 'pg';
import type { SinkPlanContext } from '../../../core/plan.ts';
import type { Schema } from '../../../schema/schema.ts';
import { imaginedColumns } from '../catalogue/imagined-table.ts';
import { lackingOwnership } from '../catalogue/rights.ts';
import type { TargetTable } from '../catalogue/target-table.ts';
import { fittingOf } from './fit-table.ts';
import { typedBy } from './inferred-types.ts';
import type { PlanFindings } from './plan-findings.ts';
import type { TableOptions } from './table-options.ts';

export interface Fitted {
  /** As it would be. */
  readonly table: TargetTable;
  /** Columns of the records that are left out. */
  readonly ignored: readonly string[];
}

/** What `onDrift` would make of a table that is there. */
export async function planDrift(
  client: pg.Client,
  { table, shown, options }: { readonly table: TargetTable; readonly shown: string; readonly options: TableOptions },
  { schema, first }: Pick<SinkPlanContext, 'schema' | 'first'>,
  found: PlanFindings,
): Promise<Fitted> {
  if (schema === undefined) return { table, ignored: [] };
  const typed: Schema = schema.fields.some(({ untyped }) => untyped === true) ? typedBy(schema, first) : schema;
  const collected: string[] = [];
  const making = { client, warn: (note: string) => void found.notes.push(note), collect: (sql: string) => void collected.push(sql) };
  const fitting = await found.tried(() => fittingOf(making, table, { records: schema, typed }, options, shown));
  if (fitting === undefined) return { table, ignored: [] };
  const { statements, notes, added, widened, ignored } = fitting;
  found.statements.push(...collected, ...statements);
  found.notes.push(...notes);
  if (statements.length === 0) return { table, ignored };
  found.notes.push('its columns are changed in the transaction of the rows: others cannot read it until that commits');
  found.problems.push(...(await lackingOwnership(client, table, shown)));
  const columns = table.columns.map(column => {
    const type = widened.find(each => each.column === column)?.type;
    return type === undefined ? column : { ...column, type, server: { ...column.server, type } };
  });
  return { table: { ...table, columns: [...columns, ...(await imaginedColumns(client, added, false))] }, ignored };
}

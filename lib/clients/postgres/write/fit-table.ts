import type { Schema } from '../../../schema/schema.ts';
import type { Making } from '../catalogue/create-table.ts';
import { markField, withoutMark } from '../catalogue/deleted-mark.ts';
import type { TargetTable } from '../catalogue/target-table.ts';
import type { PgTarget } from '../connection/connection-options.ts';
import { alterTable, type Drift, driftOf, driftSql } from './drift.ts';
import type { TableOptions } from './table-options.ts';

export interface Records {
  readonly records: Schema;
  /** The same with the types of untyped columns found. */
  readonly typed: Schema;
}

/** Whether columns have to be added whose types the first batch tells. */
export function waitsForTypes(records: Schema | undefined, { columns }: TargetTable, { onDrift }: TableOptions): boolean {
  if (records === undefined || (onDrift !== 'add' && onDrift !== 'widen')) return false;
  return records.fields.some(({ name, untyped }) => untyped === true && !columns.some(column => column.name === name));
}

/** What changes a table as `onDrift` says, and what is left out of the records. */
export interface Fitting extends Drift {
  readonly statements: readonly string[];
}

/** Types that the target lacks are made, or collected. */
export async function fittingOf(
  making: Making,
  found: TargetTable,
  { records, typed }: Records,
  { onDrift = 'refuse', deletedColumn }: TableOptions,
  shown: string,
): Promise<Fitting> {
  const drift = driftOf(records, typed, withoutMark(found, deletedColumn), onDrift, shown);
  const mark = lacksMark(found, records, deletedColumn) && (onDrift === 'add' || onDrift === 'widen') ? [markField(deletedColumn)] : [];
  const whole: Drift = {
    ...drift,
    added: [...drift.added, ...mark],
    notes: [...drift.notes, ...mark.map(({ name }) => `column ${JSON.stringify(name)} timestamptz is added to table ${shown}`)],
  };
  const change = await driftSql(making, found, whole);
  return { ...whole, statements: change === undefined ? [] : [change] };
}

function lacksMark({ columns }: TargetTable, records: Schema, mark: string | undefined): mark is string {
  return mark !== undefined && !records.has(mark) && !columns.some(({ name }) => name === mark);
}

/** Does it; `isChanged`: the table is not what it was. Errors: those of `alterTable`, TYPE_NOT_CARRIED. */
export async function fitTable(
  making: Making,
  found: TargetTable,
  records: Records,
  options: TableOptions,
  shown: string,
  target: PgTarget,
): Promise<{ readonly ignored: readonly string[]; readonly isChanged: boolean }> {
  const { statements, ignored, notes } = await fittingOf(making, found, records, options, shown);
  for (const statement of statements) await alterTable(making, statement, shown, target);
  for (const note of notes) making.warn(note);
  return { ignored, isChanged: statements.length > 0 };
}

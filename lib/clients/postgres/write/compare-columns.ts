import type { ColumnPlan } from '../../../core/plan.ts';
import { MillraceError } from '../../../errors.ts';
import type { Field, Schema } from '../../../schema/schema.ts';
import { typeName } from '../../../schema/types.ts';
import { type ColumnPair, matchColumns, type TargetTable } from '../catalogue/target-table.ts';
import { carry, type CarriedColumn } from './carry.ts';

/** Records of a schema beside a table. */
export interface Comparison {
  /** Columns that are written, in the order of the records. */
  readonly columns: readonly CarriedColumn[];
  /** All that stands in the way: COLUMN_UNKNOWN, SCHEMA_MISMATCH, TYPE_NOT_CARRIED. */
  readonly differences: readonly MillraceError[];
  /** What becomes of each column of the records. */
  readonly types: readonly ColumnPlan[];
}

export function compareColumns(schema: Schema, table: TargetTable, shown: string): Comparison {
  const { pairs, differences } = matchColumns(schema, table, shown);
  const all = [...differences];
  const carried = new Map<string, CarriedColumn>();
  for (const { field, column } of pairs) {
    try {
      carried.set(field.name, carry(field, column));
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      all.push(error);
    }
  }
  const types = schema.fields.map(field => {
    const column = table.columns.find(({ name }) => name === field.name);
    const isMade = column?.generatedBy !== undefined && column.generatedBy === field.generatedBy;
    return columnPlan(field, column, isMade ? 'left out' : (carried.get(field.name)?.change ?? 'refused'));
  });
  return { columns: [...carried.values()], differences: all, types };
}

/** Throws what stands in the way: one error, that names all of it, by the code of the first. */
export function throwDifferences(differences: readonly MillraceError[]): void {
  const [first, ...others] = differences;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  throw new MillraceError(first.code, differences.map(({ message }) => message).join('; and '));
}

function columnPlan({ name, type, inferred }: Field, column: ColumnPair['column'] | undefined, change: ColumnPlan['change']): ColumnPlan {
  return {
    name,
    from: type.domain ?? typeName(type),
    ...(column === undefined ? {} : { to: column.type.domain ?? typeName(column.type) }),
    change,
    ...(inferred === true ? { inferred } : {}),
  };
}

import type { ColumnPlan } from '../../../core/plan.ts';
import { MillraceError, suggestion } from '../../../errors.ts';
import { type Field, Schema } from '../../../schema/schema.ts';
import { typeName } from '../../../schema/types.ts';
import { type ColumnPair, matchColumns, type TargetColumn, type TargetTable } from '../catalogue/target-table.ts';
import { carry, type CarriedColumn, lossyWay } from './carry.ts';
import { type DriftPolicy, renamedFrom } from './drift.ts';
import type { LossyColumn } from './losses.ts';
import { widerType } from './wider-type.ts';
import { lossText } from './nearest-value.ts';

/** Records of a schema beside a table. */
export interface Comparison {
  /** Columns that are written, in the order of the records. */
  readonly columns: readonly CarriedColumn[];
  /** All that stands in the way: COLUMN_UNKNOWN, SCHEMA_MISMATCH, TYPE_NOT_CARRIED. */
  readonly differences: readonly MillraceError[];
  /** Those of the columns that may lose something. */
  readonly lossy: readonly LossyColumn[];
  /** What becomes of each column of the records. */
  readonly types: readonly ColumnPlan[];
}

/** What the user says of columns. */
export interface ColumnWishes {
  /** That may lose something where their type in the table is the cause. */
  readonly lossy?: readonly string[] | undefined;
  /** That are left out. */
  readonly ignored?: readonly string[] | undefined;
  /** What becomes of those that the table lacks; not there where nobody is asked. */
  readonly onDrift?: DriftPolicy | undefined;
}

export function compareColumns(schema: Schema, table: TargetTable, shown: string, wishes: ColumnWishes = {}): Comparison {
  const { lossy = [], ignored = [], onDrift } = wishes;
  const written = ignored.length === 0 ? schema : new Schema(schema.fields.filter(({ name }) => !ignored.includes(name)));
  const { pairs, differences } = matchColumns(written, table, shown, renamed =>
    onDrift === undefined ? '' : hintAt(renamed, schema, table),
  );
  const all = [...differences, ...unknownLossy(lossy, schema)];
  const reduced: LossyColumn[] = [];
  const carried = new Map<string, CarriedColumn>();
  for (const { field, column } of pairs) {
    try {
      const nearest = lossy.includes(field.name) ? lossyWay(field, column) : undefined;
      carried.set(field.name, carry(field, column, nearest !== undefined));
      if (nearest !== undefined) reduced.push({ name: field.name, target: column.type, nearest });
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      all.push(onDrift === undefined || onDrift === 'widen' ? error : withWider(error, field, column));
    }
  }
  const types = schema.fields.map(field => {
    const column = table.columns.find(({ name }) => name === field.name);
    const isMade = column?.generatedBy !== undefined && column.generatedBy === field.generatedBy;
    const plan = columnPlan(
      field,
      column,
      isMade || ignored.includes(field.name) ? 'left out' : (carried.get(field.name)?.change ?? 'refused'),
    );
    return plan.change === 'lossy' && column !== undefined ? { ...plan, loss: lossText(field.type, column.type) } : plan;
  });
  return { columns: [...carried.values()], differences: all, lossy: reduced, types };
}

/** Of a column that the table lacks. */
function hintAt(name: string, schema: Schema, table: TargetTable): string {
  const old = renamedFrom(name, schema, table);
  const renamed = old === undefined ? '' : `; if it is ${JSON.stringify(old)} under another name, rename that in the table`;
  return `${renamed}; onDrift (--on-drift) add adds it, ignore leaves it out`;
}

function withWider(error: MillraceError, { type }: Field, column: TargetColumn): MillraceError {
  const wider = widerType(type, column.type);
  if (wider === undefined) return error;
  return new MillraceError(error.code, `${error.message}; onDrift (--on-drift) widen makes it ${typeName(wider)}`);
}

function unknownLossy(lossy: readonly string[], schema: Schema): MillraceError[] {
  return lossy
    .filter(name => !schema.has(name))
    .map(name => {
      const place = `postgres: option "lossy": the records have no column ${JSON.stringify(name)}`;
      return new MillraceError('COLUMN_UNKNOWN', `${place}${suggestion(name, schema.names)}`);
    });
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

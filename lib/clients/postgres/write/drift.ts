/** What becomes of a table that is there when the records have columns that it lacks, or wider types. */
import { MillraceError } from '../../../errors.ts';
import type { Field, Schema } from '../../../schema/schema.ts';
import { type DataType, sameType, typeName } from '../../../schema/types.ts';
import { quoteIdentifier } from '../../../values/identifiers.ts';
import { columnDefinition, type Making, provideType } from '../catalogue/create-table.ts';
import type { TargetColumn, TargetTable } from '../catalogue/target-table.ts';
import type { PgTarget } from '../connection/connection-options.ts';
import { postgresError, sqlStateOf } from '../connection/errors.ts';
import { widerType } from './wider-type.ts';

/** add: columns are added. widen: that, and types become wider. ignore: columns that the table lacks are left out. */
export const DRIFT_POLICIES = ['refuse', 'ignore', 'add', 'widen'] as const;
export type DriftPolicy = (typeof DRIFT_POLICIES)[number];

export interface Drift {
  readonly added: readonly Field[];
  readonly widened: readonly { readonly column: TargetColumn; readonly type: DataType }[];
  /** By name. */
  readonly ignored: readonly string[];
  /** What is done, a sentence each. */
  readonly notes: readonly string[];
}

/** Columns that somebody else decides on are in neither. `typed`: the records with the types of untyped columns found. */
export function driftOf(records: Schema, typed: Schema, target: TargetTable, policy: DriftPolicy, shown: string): Drift {
  const there = new Map(target.columns.map(column => [column.name, column]));
  const lacking = typed.fields.filter(({ name }) => !there.has(name));
  const adds = policy === 'add' || policy === 'widen';
  const widened = records.fields.flatMap(field => {
    const column = there.get(field.name);
    if (policy !== 'widen' || column === undefined || column.generatedBy !== undefined || !isDeclared(field)) return [];
    const type = widerType(field.type, column.type);
    return type === undefined ? [] : [{ column, type }];
  });
  const renamed = (name: string): string => {
    const old = renamedFrom(name, typed, target);
    return old === undefined ? '' : `; if it is ${JSON.stringify(old)} under another name, rename that in the table`;
  };
  const column = (name: string): string => `column ${JSON.stringify(name)}`;
  const ignored = policy === 'ignore' ? lacking.map(({ name }) => name) : [];
  return {
    added: adds ? lacking.map(field => ({ ...field, nullable: true })) : [],
    widened,
    ignored,
    notes: [
      ...(adds ? lacking.map(({ name, type }) => `${column(name)} ${shownType(type)} is added to table ${shown}${renamed(name)}`) : []),
      ...widened.map(
        ({ column: { name, type: old }, type }) => `${column(name)} of table ${shown} becomes ${typeName(type)} (it is ${typeName(old)})`,
      ),
      ...(ignored.length === 0 ? [] : [leftOut(ignored, shown) + ignored.map(renamed).join('')]),
    ],
  };
}

/** What a refusal says of a column that the table lacks, when it might be another one renamed. */
export function renamedFrom(name: string, records: Schema, { columns }: TargetTable): string | undefined {
  const lacking = records.fields.filter(field => !columns.some(column => column.name === field.name));
  const gone = columns.filter(column => column.generatedBy === undefined && !records.has(column.name));
  const [field, old] = [lacking[0], gone[0]];
  if (lacking.length !== 1 || gone.length !== 1 || field?.name !== name || old === undefined) return undefined;
  return field.untyped === true || sameType(field.type, old.type) ? old.name : undefined;
}

/** The statement that does it; undefined where there is nothing to do. Enums that the target lacks are made, or collected. */
export async function driftSql(making: Making, { name }: TargetTable, { added, widened }: Drift): Promise<string | undefined> {
  const changes: string[] = [];
  for (const field of added) changes.push(`ADD COLUMN ${columnDefinition(field, await provideType(making, field, field.type))}`);
  for (const { column, type } of widened)
    changes.push(
      `ALTER COLUMN ${quoteIdentifier(column.name)} TYPE ${await provideType(making, { name: column.name, type, nullable: true }, type)}`,
    );
  return changes.length === 0 ? undefined : `ALTER TABLE ${name} ${changes.join(', ')}`;
}

/**
 * Changes the table, behind a savepoint: an error leaves the transaction as it was. SCHEMA_MISMATCH where something depends on a column, NOT_PERMITTED
 * for anybody but the owner.
 */
export async function alterTable(making: Making, statement: string, shown: string, target: PgTarget): Promise<void> {
  const { client } = making;
  await client.query('SAVEPOINT millrace_drift');
  try {
    await client.query(statement);
    await client.query('RELEASE SAVEPOINT millrace_drift');
  } catch (error) {
    if (sqlStateOf(error) === undefined) throw error;
    await client.query('ROLLBACK TO SAVEPOINT millrace_drift; RELEASE SAVEPOINT millrace_drift');
    const failed = postgresError(error, `change the columns of table ${shown}`, target);
    const { detail } = error as { detail?: string };
    if (failed.code !== 'SERVER_REFUSED' && failed.code !== 'OPTION_INVALID') throw failed;
    const what = detail === undefined ? failed.message : `${failed.message}: ${detail}`;
    throw new MillraceError('SCHEMA_MISMATCH', `${what}; drop what depends on it, or change the column yourself`, { cause: error });
  }
}

/** A type that nobody declared says nothing of the column that it goes into. */
function isDeclared({ untyped, inferred }: Field): boolean {
  return untyped !== true && inferred !== true;
}

function shownType(type: DataType): string {
  return type.domain ?? typeName(type);
}

function leftOut(names: readonly string[], shown: string): string {
  return `left out of the records, because table ${shown} has no such column: ${names.map(name => JSON.stringify(name)).join(', ')}`;
}

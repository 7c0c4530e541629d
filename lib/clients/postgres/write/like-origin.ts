import { Schema } from '../../../schema/schema.ts';
import type { Making } from '../catalogue/create-table.ts';
import { DefinedTable } from '../catalogue/definition/defined-table.ts';
import { TableOrigin } from '../catalogue/table-origin.ts';
import type { TargetTable } from '../catalogue/target-table.ts';
import type { TableOptions } from './table-options.ts';

/** Records that come from a table of PostgreSQL tell all that hangs on it. */
export async function likeItsOrigin(
  making: Making,
  schema: Schema,
  { table, key }: TableOptions,
  signal: AbortSignal,
): Promise<DefinedTable | undefined> {
  const definition = schema.origin instanceof TableOrigin ? await schema.origin.definition(signal) : undefined;
  return definition === undefined ? undefined : DefinedTable.plan(making, definition, { table, schema, key });
}

/** Of a table made like its origin: what is generated there is generated here, however each server prints it. */
export function asGenerated(schema: Schema, { columns }: TargetTable): Schema {
  const expressions = new Map(columns.map(({ name, generatedBy }) => [name, generatedBy]));
  return new Schema(
    schema.fields.map(field => {
      const generatedBy = field.generatedBy === undefined ? undefined : expressions.get(field.name);
      return generatedBy === undefined ? field : { ...field, generatedBy };
    }),
  );
}

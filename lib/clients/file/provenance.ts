import type { Column } from '../../core/batch/column.ts';
import type { AnyBatch } from '../../core/define.ts';
import { MillraceError } from '../../errors.ts';
import type { Field, Schema } from '../../schema/schema.ts';
import { INT8, TEXT } from '../../schema/types.ts';

/** Where a record began: the file as it was found, and the line, 1 for the first. */
const FIELDS: readonly Field[] = [
  { name: '_file', type: TEXT, nullable: false },
  { name: '_line', type: INT8, nullable: false },
];

/** The columns of a file and those that say where each record stood. COLUMN_DUPLICATE where the file has one of that name. */
export function withProvenanceFields(schema: Schema, path: string): Schema {
  return FIELDS.reduce((fields, field) => (fields.has(field.name) ? taken(field.name, path) : fields.with(field)), schema);
}

/** A batch as it was decoded, with where its records stood laid over it: nothing is made before somebody asks. COLUMN_DUPLICATE, as above. */
export function withProvenance(batch: AnyBatch, path: string): AnyBatch {
  for (const { name } of FIELDS) {
    if (batch.schemaKnown ? batch.schema.has(name) : batch.rows.some(row => Object.hasOwn(row, name))) taken(name, path);
  }
  const { length, lines } = batch;
  const file: Column = { type: TEXT, length, get: () => path, text: () => path };
  const line: Column = { type: INT8, length, get: row => lines?.[row] ?? null };
  return batch.withColumn('_file', file, false).withColumn('_line', line, false);
}

function taken(name: string, path: string): never {
  throw new MillraceError(
    'COLUMN_DUPLICATE',
    `${path}: it has a column ${JSON.stringify(name)} of its own; rename that, or leave out provenance`,
  );
}

import type { AnyBatch } from '../../../core/define.ts';
import { inferTextType } from '../../../schema/infer.ts';
import { Schema } from '../../../schema/schema.ts';
import { typeName } from '../../../schema/types.ts';

/** Untyped columns with the types that their values in the first batch have. */
export function typedBy({ fields }: Schema, first: AnyBatch | undefined): Schema {
  return new Schema(
    fields.map(({ name, type, nullable, untyped }) => ({
      name,
      type: untyped === true ? inferTextType(first === undefined ? [] : textsOf(first, name)) : type,
      nullable,
    })),
  );
}

/** Why a column has a type that a later record does not fit, and what to do. */
export function reasonsOf(records: Schema, { fields }: Schema, count: number): Map<string, string> {
  const guessed = fields.filter(({ name, type }) => records.field(name).untyped === true && type.kind !== 'text');
  return new Map(
    guessed.map(({ name, type }) => [
      name,
      `its type was inferred as ${typeName(type)} from the first ${count} records; make it text (coerce it to string), or make the table before`,
    ]),
  );
}

function* textsOf(batch: AnyBatch, name: string): Generator<string | null> {
  const column = batch.column(name);
  for (let row = 0; row < batch.length; row++) yield (column.text?.(row) ?? column.get(row)) as string | null;
}

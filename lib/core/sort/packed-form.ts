import type { Schema } from '../../schema/schema.ts';
import type { RowForm } from '../batch/packed.ts';
import type { AnyBatch } from '../define.ts';

/** How bytes are records: rows of this form, under this schema (undefined: known late). */
export interface PackedForm {
  readonly form: RowForm;
  readonly schema: Schema | undefined;
}

export function packedFormOf(batch: AnyBatch): PackedForm | undefined {
  const { packed, schemaKnown, schema } = batch;
  return packed && { form: packed.form, schema: schemaKnown ? schema : undefined };
}

/** The one that all have; undefined where some have none, or another one. */
export function commonForm(forms: readonly (PackedForm | undefined)[]): PackedForm | undefined {
  const [first] = forms;
  return first !== undefined && forms.every(one => one !== undefined && isLike(first, one)) ? first : undefined;
}

function isLike(a: PackedForm, b: PackedForm): boolean {
  const hasSameSchema = a.schema === undefined || b.schema === undefined ? a.schema === b.schema : a.schema.equals(b.schema);
  return hasSameSchema && a.form.isLike(b.form);
}

import { accepts, inferType } from '../../schema/infer.ts';
import type { DataType } from '../../schema/types.ts';
import { ArrayColumn } from '../batch/column.ts';
import type { AnyBatch, OperatorContext } from '../define.ts';

/** The type of a column that is laid over a batch: that of the column it takes the place of, where all values fit it; else that of the values. */
export function overlayType({ schema }: AnyBatch, name: string, column: readonly unknown[]): DataType {
  const type = schema.fields[schema.indexOf(name)]?.type;
  if (type === undefined) return inferType(column);
  const fits = accepts(type);
  return column.every(value => value === null || fits(value)) ? type : inferType(column);
}

/** A column laid over a batch. Of the rows in `kept`, those whose value does not fit the type are refused, and go. */
export function layOver(
  batch: AnyBatch,
  name: string,
  { type, values }: ArrayColumn,
  kept: Set<number>,
  context: OperatorContext,
): AnyBatch {
  const fits = accepts(type);
  for (const index of kept) {
    const value = values[index] ?? null;
    if (value === null || fits(value)) continue;
    kept.delete(index);
    const reason = `column ${JSON.stringify(name)}: a ${typeof value} where the first records had ${type.kind}`;
    context.reject(batch, index, 'SCHEMA_MISMATCH', reason);
  }
  return batch.withColumn(name, new ArrayColumn(type, values));
}

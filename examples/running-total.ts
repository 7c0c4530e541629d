/** A batch operator: one column is read, one is laid over the batch, and all the others stay the bytes that they are. */
import { ArrayColumn, defineOperator, type Operator } from 'millrace';
import { z } from 'zod';

const options = z.strictObject({ column: z.string(), as: z.string() });

/** Names of the columns of Row that hold numbers. */
type NumberColumn<Row> = { [K in keyof Row & string]: Row[K] extends number | null ? K : never }[keyof Row & string];

/**
 * Adds a column with the sum of another one up to here, in the order in which the records come. Null adds nothing. A record with something
 * that is no number is rejected (NO_NUMBER), and its value is not counted.
 */
export function runningTotal<Row, As extends string>(
  column: NumberColumn<Row>,
  as: As,
): Operator<Row, Omit<Row, As> & { readonly [K in As]: number }> {
  return runningTotalKind.create({ column, as }, undefined);
}

export const runningTotalKind = defineOperator<typeof options>({
  kind: 'runningTotal',
  options,
  batch: ({ column, as }, context) => {
    let total = 0;
    // All that later output depends on: so a run can go on where another one ended.
    context.keepState({ save: () => total, load: state => (total = Number(state)) });
    return batch => {
      const values = batch.column(column);
      const kept: number[] = [];
      const totals: number[] = [];
      for (let row = 0; row < batch.length; row++) {
        const value = values.get(row) ?? 0;
        if (typeof value === 'number' && Number.isFinite(value)) {
          total += value;
          kept.push(row);
          totals.push(total);
        } else context.reject(batch, row, 'NO_NUMBER', `column ${JSON.stringify(column)} does not hold a number`);
      }
      return batch.select(Uint32Array.from(kept)).withColumn(as, new ArrayColumn({ kind: 'float8' }, totals), false);
    };
  },
  reads: ({ column }) => [column],
  // COLUMN_UNKNOWN before the first record, where the schema is known.
  schema: (input, { column, as }) => {
    input.field(column);
    return input.with({ name: as, type: { kind: 'float8' }, nullable: false });
  },
  title: ({ column, as }) => `of ${column} as ${as}`,
});

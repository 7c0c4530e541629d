/** A batch operator: one column is read, one is laid over the batch, and all the others stay the bytes that they are. */
import { ArrayColumn, defineOperator, type Field, type Operator } from 'millrace';
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
    let sum = 0;
    // All that later output depends on: so a run can go on where another one ended.
    context.keepState({ save: () => sum, load: state => (sum = Number(state)) });
    return batch => {
      const values = batch.column(column);
      const kept: number[] = [];
      const sums: number[] = [];
      for (let row = 0; row < batch.length; row++) {
        const value = values.get(row) ?? 0;
        if (typeof value === 'number' && Number.isFinite(value)) {
          sum += value;
          kept.push(row);
          sums.push(sum);
        } else context.reject(batch, row, 'NO_NUMBER', `column ${JSON.stringify(column)} does not hold a number`);
      }
      return batch.select(Uint32Array.from(kept)).withColumn(as, new ArrayColumn({ kind: 'float8' }, sums), false);
    };
  },
  reads: ({ column }) => [column],
  // COLUMN_UNKNOWN before the first record, where the schema is known.
  schema: (input, { column, as }) => {
    input.field(column);
    return input.with(total(as));
  },
  // A sum of whole numbers is no whole number for good.
  sets: ({ as }) => [total(as)],
  title: ({ column, as }) => `of ${column} as ${as}`,
});

function total(name: string): Field {
  return { name, type: { kind: 'float8' }, nullable: false };
}

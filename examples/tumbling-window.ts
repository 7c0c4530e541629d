/** A stream operator: many records in, one record for each stretch of time out. Only the window that is open is kept. */
import { type AnyBatch, defineOperator, type Operator, type OperatorContext, RecordBatch, Schema } from 'millrace';
import { z } from 'zod';

const options = z.strictObject({
  /** The column with the time of a record, a Date; records come in its order. */
  time: z.string(),
  /** The column with the number. */
  value: z.string(),
  seconds: z.number().positive(),
});
type Options = z.output<typeof options>;

export interface Window {
  /** Inclusive, a multiple of the length since 1970. */
  start: Date;
  count: number;
  mean: number;
  min: number;
  max: number;
}

const schema = new Schema([
  { name: 'start', type: { kind: 'timestamptz' }, nullable: false },
  { name: 'count', type: { kind: 'int8' }, nullable: false },
  { name: 'mean', type: { kind: 'float8' }, nullable: false },
  { name: 'min', type: { kind: 'float8' }, nullable: false },
  { name: 'max', type: { kind: 'float8' }, nullable: false },
]);

/** Names of the columns of Row that hold a T. */
type ColumnOf<Row, T> = { [K in keyof Row & string]: Row[K] extends T ? K : never }[keyof Row & string];

interface WindowOptions<Row> {
  readonly time: ColumnOf<Row, Date>;
  readonly value: ColumnOf<Row, number>;
  readonly seconds: number;
}

/**
 * Count, mean, least and greatest value of every window of so many seconds that has records. A record that is older than its window is
 * rejected (TOO_LATE), one without a time or a number too (NO_READING).
 */
export function tumblingWindow<Row>(given: WindowOptions<Row>): Operator<Row, Window> {
  return tumblingWindowKind.create({ ...given }, undefined);
}

export const tumblingWindowKind = defineOperator<typeof options>({
  kind: 'tumblingWindow',
  options,
  stream: (given, context) => batches => windows(batches, given, context),
  reads: ({ time, value }) => [time, value],
  schema: () => schema,
  title: ({ seconds }) => `${seconds} s`,
});

async function* windows(
  batches: AsyncIterable<AnyBatch>,
  { time, value, seconds }: Options,
  context: OperatorContext,
): AsyncGenerator<AnyBatch> {
  let open: Readings | undefined;
  for await (const batch of batches) {
    const times = batch.column(time);
    const values = batch.column(value);
    const closed: Window[] = [];
    for (let row = 0; row < batch.length; row++) {
      const at = times.get(row);
      const reading = values.get(row);
      if (!(at instanceof Date) || typeof reading !== 'number') {
        context.reject(batch, row, 'NO_READING', `columns ${time} and ${value} do not hold a time and a number`);
        continue;
      }
      const start = Math.floor(at.getTime() / (seconds * 1000)) * seconds * 1000;
      if (open !== undefined && start < open.start) {
        context.reject(batch, row, 'TOO_LATE', `column ${time}: the window of the record is closed`);
        continue;
      }
      if (open !== undefined && start > open.start) {
        closed.push(open.close(context));
        open = undefined;
      }
      open ??= new Readings(start);
      open.add(reading);
    }
    // What is closed goes on before more input is waited for.
    if (closed.length > 0) yield RecordBatch.of<object>(closed, schema) as AnyBatch;
  }
  if (open !== undefined) yield RecordBatch.of<object>([open.close(context)], schema) as AnyBatch;
}

class Readings {
  readonly start: number;
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = -Infinity;

  constructor(start: number) {
    this.start = start;
  }

  add(reading: number): void {
    this.#count++;
    this.#sum += reading;
    this.#min = Math.min(this.#min, reading);
    this.#max = Math.max(this.#max, reading);
  }

  /** Of its records one goes on, as the window; the others are dropped: a stream operator says so itself. */
  close(context: OperatorContext): Window {
    context.dropped(this.#count - 1);
    return { start: new Date(this.start), count: this.#count, mean: this.#sum / this.#count, min: this.#min, max: this.#max };
  }
}

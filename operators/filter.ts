import { z } from 'zod';
import { MillraceError } from '../lib/errors.ts';
import { constructRows } from '../lib/core/batch/construct-rows.ts';
import type { Operator } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, type BatchFunction, defineOperator, type OperatorContext } from '../lib/core/define.ts';
import { threw } from '../lib/core/run/row-loop.ts';
import { compilePredicate } from '../lib/query/compile.ts';
import { type Predicate, predicateOf } from '../lib/query/predicate.ts';
import type { Where } from '../lib/query/where.ts';
import type { Schema } from '../lib/schema/schema.ts';
import type { Key } from './row-types.ts';

type Keep = (row: never) => boolean;

/**
 * The records for which a predicate or a function holds. The object form and the form over named fields decode only the columns that they read,
 * and what they let through stays as it came. A function that throws rejects the record (OPERATOR_THREW).
 * COLUMN_UNKNOWN and PREDICATE_INVALID come before the first record, where the schema is known.
 */
export function filter<Row, Kept extends Row = Row>(keep: Where<NoInfer<Row>> | ((row: Row) => row is Kept) | ((row: Row) => boolean)): Operator<Row, Kept>;
export function filter<Row, K extends Key<Row>>(fields: readonly K[], keep: (fields: Pick<Row, K>) => boolean): Operator<Row, Row>;
export function filter(first: object | Keep | readonly string[], second?: Keep): unknown {
  if (typeof first === 'function') return filterFunctionKind.create({}, first as (row: AnyRow) => boolean);
  if (!Array.isArray(first)) return filterKind.create({}, predicateOf(first));
  if (second === undefined) throw new MillraceError('PIPELINE_INVALID', 'filter: give a predicate, a function, or fields and a function');
  return filterFieldsKind.create({ fields: [...(first as string[])] }, second as (fields: AnyRow) => boolean);
}

/** The same of a predicate that is there already (an expression of the command line). */
export function filterBy<Row>(predicate: Predicate): Operator<Row, Row> {
  return filterKind.create({}, predicate);
}

const noOptions = z.strictObject({});
const fieldOptions = z.strictObject({ fields: z.array(z.string()).min(1) });

export const filterKind = defineOperator<typeof noOptions, Predicate>({
  kind: 'filter',
  options: noOptions,
  batch: (_options, context, predicate) => selecting(predicate, context.schema),
  reads: (_options, predicate) => compilePredicate(predicate).columns,
  schema: (input, _options, predicate) => {
    compilePredicate(predicate, input);
    return input;
  },
});

export const filterFunctionKind = defineOperator<typeof noOptions, (row: AnyRow) => boolean>({
  kind: 'filter',
  options: noOptions,
  row: (_options, _context, keep) => row => (keep(row) ? row : undefined),
  schema: input => input,
});

export const filterFieldsKind = defineOperator<typeof fieldOptions, (fields: AnyRow) => boolean>({
  kind: 'filter',
  options: fieldOptions,
  batch: ({ fields }, context, keep) => keeping(fields, context, keep),
  reads: ({ fields }) => fields,
  schema: input => input,
  title: ({ fields }) => fields.join(', '),
});

function selecting(predicate: Predicate, declared: Schema | undefined): BatchFunction {
  let schema = declared;
  let compiled = compilePredicate(predicate, declared);
  return batch => {
    if (batch.schemaKnown && batch.schema !== schema) {
      schema = batch.schema;
      compiled = compilePredicate(predicate, schema);
    }
    const columns = compiled.columns.map(name => batch.column(name));
    const values = new Array<unknown>(columns.length);
    const rows = new Uint32Array(batch.length);
    let count = 0;
    for (let row = 0; row < batch.length; row++) {
      for (let i = 0; i < columns.length; i++) values[i] = columns[i]?.get(row);
      if (compiled.values(values)) rows[count++] = row;
    }
    return count === batch.length ? batch : batch.select(rows.slice(0, count));
  };
}

function keeping(fields: readonly string[], context: OperatorContext, keep: (fields: AnyRow) => boolean): BatchFunction {
  return (batch: AnyBatch) => {
    const given = constructRows(fields, fields.map(name => batch.column(name)), batch.length) as AnyRow[];
    const rows = new Uint32Array(batch.length);
    let count = 0;
    for (let row = 0; row < batch.length; row++) {
      try {
        if (keep(given[row] as AnyRow)) rows[count++] = row;
      } catch (error) {
        const { code, reason } = threw(error);
        context.reject(batch, row, code, reason);
      }
    }
    return count === batch.length ? batch : batch.select(rows.slice(0, count));
  };
}

import { z } from 'zod';
import type { Operator } from '../lib/core/contracts.ts';
import { type AnyRow, defineOperator } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { compilePredicate } from '../lib/query/compile.ts';
import { parseExpression } from '../lib/query/parse-expression.ts';
import { type Predicate, predicateOf } from '../lib/query/predicate.ts';
import { printExpression } from '../lib/query/print-expression.ts';
import type { Where } from '../lib/query/where.ts';
import { keepingByFields, keepingByFunction, selecting } from './filter-loops.ts';
import type { Key } from './row-types.ts';

type Keep = (row: never) => boolean;

/**
 * The records for which a predicate or a function holds. The object form and the form over named fields decode only the columns that they read,
 * and what they let through stays as it came. A function that throws rejects the record (OPERATOR_THREW), one that gives a promise too
 * (VALUE_INVALID). PREDICATE_INVALID comes at once, COLUMN_UNKNOWN before the first record where the schema is known.
 */
export function filter<Row, Kept extends Row = Row>(
  keep: Where<NoInfer<Row>> | ((row: Row) => row is Kept) | ((row: Row) => boolean),
): Operator<Row, Kept>;
export function filter<Row, K extends Key<Row>>(fields: readonly K[], keep: (fields: Pick<Row, K>) => boolean): Operator<Row, Row>;
export function filter(first: object | Keep | readonly string[], second?: Keep): unknown {
  if (typeof first === 'function') return filterFunctionKind.create({}, first as (row: AnyRow) => boolean);
  if (!Array.isArray(first)) return filterKind.create({ where: first }, undefined);
  checkArgument('filter', 'keep', second, 'function');
  return filterFieldsKind.create({ fields: [...(first as string[])] }, second as (fields: AnyRow) => boolean);
}

/** The same of a predicate that is there already (an expression of the command line). */
export function filterBy<Row>(predicate: Predicate): Operator<Row, Row> {
  return filterKind.create({ where: predicate }, undefined);
}

/** A text is an expression, as on the command line; an object is the object form, or a predicate as JSON. */
const where = z.unknown().transform(given => (typeof given === 'string' ? parseExpression(given) : predicateOf(given)));
const predicateOptions = z.strictObject({ where });
const fieldOptions = z.strictObject({ fields: z.array(z.string()).min(1) });
const noOptions = z.strictObject({});

export const filterKind = defineOperator<typeof predicateOptions>({
  kind: 'filter',
  options: predicateOptions,
  keepsNothing: true,
  batch: (options, context) => selecting(options.where, context.schema, context),
  reads: options => compilePredicate(options.where).columns,
  schema: (input, options) => {
    compilePredicate(options.where, input);
    return input;
  },
  request: options => ({ filter: options.where }),
  title: options => printExpression(options.where),
});

export const filterFunctionKind = defineOperator<typeof noOptions, (row: AnyRow) => boolean>({
  kind: 'filter',
  options: noOptions,
  row: (_options, context, keep) => keepingByFunction(context, keep),
  schema: input => input,
});

export const filterFieldsKind = defineOperator<typeof fieldOptions, (fields: AnyRow) => boolean>({
  kind: 'filter',
  options: fieldOptions,
  keepsNothing: true,
  batch: ({ fields }, context, keep) => keepingByFields(fields, context, keep),
  reads: ({ fields }) => fields,
  schema: (input, { fields }) => {
    input.project(fields);
    return input;
  },
  title: ({ fields }) => fields.join(', '),
});

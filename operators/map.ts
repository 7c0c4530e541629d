import { z } from 'zod';
import { RecordBatch } from '../lib/core/batch/batch.ts';
import { ArrayColumn } from '../lib/core/batch/column.ts';
import { reading } from '../lib/core/batch/decodable.ts';
import { fieldsOf } from '../lib/core/batch/construct-rows.ts';
import type { Operator } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, type BatchFunction, defineOperator, type OperatorContext } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { notRecord } from '../lib/core/run/gather.ts';
import { layOver, overlayType } from '../lib/core/run/overlay.ts';
import { around, threw } from '../lib/core/run/row-function.ts';
import { isUnwantedPromise } from '../lib/core/run/waiting.ts';
import type { DataType } from '../lib/schema/types.ts';
import type { Key, Show } from './row-types.ts';

type Change = (row: never) => unknown;

/**
 * Another record for each record. Over named fields only those are decoded, what the function returns is laid over the record, and every other
 * column stays as it came. A function that throws rejects the record (OPERATOR_THREW).
 */
export function map<Row, Next>(change: (row: Row) => Next): Operator<Row, Next>;
export function map<Row, K extends Key<Row>, Set extends object>(
  fields: readonly K[],
  change: (fields: Pick<Row, K>) => Set,
): Operator<Row, Show<Omit<Row, keyof Set> & Set>>;
export function map(first: Change | readonly string[], second?: Change): unknown {
  if (typeof first === 'function') return mapKind.create({}, first as (row: AnyRow) => AnyRow);
  if (second === undefined) checkArgument('map', 'change', Array.isArray(first) ? second : first, 'function');
  checkArgument('map', 'fields', first, 'array');
  checkArgument('map', 'change', second, 'function');
  return mapFieldsKind.create({ fields: [...first] }, second as (fields: AnyRow) => AnyRow);
}

const noOptions = z.strictObject({});
const fieldOptions = z.strictObject({ fields: z.array(z.string()).min(1) });

export const mapKind = defineOperator<typeof noOptions, (row: AnyRow) => AnyRow>({
  kind: 'map',
  options: noOptions,
  row: (_options, context, change) =>
    around(change, 'changes', (_row, next) => {
      if (next === undefined || next === null)
        return context.reject('VALUE_INVALID', `the function gave ${String(next)}; leave records out with filter`);
      if (isUnwantedPromise(next)) return context.reject('VALUE_INVALID', 'the function gave a promise; use mapAsync');
      const found = notRecord(next);
      if (found !== undefined) return context.reject('VALUE_INVALID', `the function gave ${found}, not an object with fields`);
      return next as AnyRow;
    }),
});

export const mapFieldsKind = defineOperator<typeof fieldOptions, (fields: AnyRow) => AnyRow>({
  kind: 'map',
  options: fieldOptions,
  keepsNothing: true,
  batch: ({ fields }, context, change) => overlay(fields, context, change),
  reads: ({ fields }) => fields,
  // What comes out is known with the first batch; that the fields are there, before it.
  schema: (input, { fields }) => void input.project(fields),
  title: ({ fields }) => fields.join(', '),
});

/**
 * What the function returns, laid over the batch as columns. A column keeps the type that it has where all new values fit it (digits stay numeric);
 * else its type is that of the values of the first batch that has it. A later value that does not fit rejects its record.
 */
function overlay(fields: readonly string[], context: OperatorContext, change: (fields: AnyRow) => AnyRow): BatchFunction {
  const types = new Map<string, DataType>();
  return whole => {
    const refuse = (index: number, code: string, reason: string): void => context.reject(whole, index, code, reason);
    const { batch, given } = reading(whole, fields, refuse, some => ({ batch: some, given: fieldsOf(some, fields) }));
    const { values, kept } = applied(batch, given, context, change);
    if (!batch.schemaKnown) return merged(batch, values, kept);
    let made = batch;
    for (const name of namesOf(values, types)) {
      const column = values.map(value => (value !== undefined && Object.hasOwn(value, name) ? (value[name] ?? null) : null));
      const type = types.get(name) ?? overlayType(batch, name, column);
      types.set(name, type);
      made = layOver(made, name, new ArrayColumn(type, column), kept, context);
    }
    return kept.size === batch.length ? made : made.select(Uint32Array.from(kept));
  };
}

/** Names that batches before had stay columns of this one, where no value has them: the batches of a run are of one shape. */
function namesOf(values: readonly (AnyRow | undefined)[], types: ReadonlyMap<string, DataType>): Set<string> {
  const names = new Set(types.keys());
  for (const value of values) if (value !== undefined) for (const name of Object.keys(value)) names.add(name);
  return names;
}

/** What the function gives for each row, and the rows that it did not refuse. */
function applied(
  batch: AnyBatch,
  given: readonly AnyRow[],
  context: OperatorContext,
  change: (fields: AnyRow) => AnyRow,
): { values: (AnyRow | undefined)[]; kept: Set<number> } {
  const values: (AnyRow | undefined)[] = new Array<undefined>(batch.length).fill(undefined);
  const kept = new Set<number>();
  for (let index = 0; index < batch.length; index++) {
    let result: unknown;
    try {
      result = change(given[index] as AnyRow);
    } catch (error) {
      const { code, reason } = threw(error);
      context.reject(batch, index, code, reason);
      continue;
    }
    const problem = problemOf(result);
    if (problem === undefined) {
      values[index] = result as AnyRow;
      kept.add(index);
    } else context.reject(batch, index, 'VALUE_INVALID', problem);
  }
  return { values, kept };
}

/** Why a function's result is no set of fields. */
function problemOf(result: unknown): string | undefined {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return 'the function did not give an object of fields';
  return isUnwantedPromise(result) ? 'the function gave a promise; use mapAsync' : undefined;
}

/** Without a schema records are objects, and stay so. */
function merged(batch: AnyBatch, values: readonly (AnyRow | undefined)[], kept: ReadonlySet<number>): AnyBatch {
  const rows = batch.rows;
  return RecordBatch.of([...kept].map(index => ({ ...rows[index], ...values[index] })));
}

import { z } from 'zod';
import { RecordBatch } from '../lib/core/batch/batch.ts';
import type { Locator } from '../lib/core/batch/locator.ts';
import { withRows } from '../lib/core/batch/decodable.ts';
import type { Operator } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, defineOperator, type OperatorContext, type StreamFunction } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { fullness, notRecord } from '../lib/core/run/gather.ts';
import { threw } from '../lib/core/run/row-function.ts';

const options = z.strictObject({});

/**
 * Any number of records for each record, taken one by one as they are needed: an expansion of a million never stands in memory. A function
 * that throws rejects the record (OPERATOR_THREW); what it gave before is kept.
 */
export function flatMap<Row, Next>(expand: (row: Row) => Iterable<Next>): Operator<Row, Next> {
  checkArgument('flatMap', 'expand', expand, 'function');
  return flatMapKind.create({}, expand as (row: AnyRow) => Iterable<AnyRow>);
}

export const flatMapKind = defineOperator<typeof options, (row: AnyRow) => Iterable<AnyRow>>({
  kind: 'flatMap',
  options,
  stream: (_options, context, expand) => expanding(context, expand),
});

function expanding(context: OperatorContext, expand: (row: AnyRow) => Iterable<AnyRow>): StreamFunction {
  return async function* (batches) {
    const isFull = fullness(context.batchRows, context.batchBytes);
    for await (const given of batches) {
      const batch = withRows(given, (index, code, reason) => context.reject(given, index, code, reason));
      let rows: AnyRow[] = [];
      let origins: number[] = [];
      for (let index = 0; index < batch.length; index++) {
        for (const next of expansion(batch, index, context, expand)) {
          rows.push(next);
          origins.push(index);
          if (!isFull(rows)) continue;
          yield made(rows, origins, batch.locator);
          rows = [];
          origins = [];
        }
      }
      // Nothing is held while more input is waited for.
      if (rows.length > 0) yield made(rows, origins, batch.locator);
    }
  };
}

/** Each record stood where that stood of which it was made. */
function made(rows: readonly AnyRow[], origins: readonly number[], locate: Locator): AnyBatch {
  return RecordBatch.of(rows, undefined, undefined, undefined, row => locate(origins[row] as number));
}

/** The records of one record; one for one is neither made nor dropped. Where no more is asked for, the count is of what was given. */
function* expansion(
  batch: AnyBatch,
  index: number,
  context: OperatorContext,
  expand: (row: AnyRow) => Iterable<AnyRow>,
): Generator<AnyRow> {
  let count = 0;
  let isRejected = false;
  const refuse = (code: string, reason: string): void => {
    isRejected = true;
    context.reject(batch, index, code, reason);
  };
  try {
    for (const next of expand(batch.rows[index] as AnyRow)) {
      const found = notRecord(next);
      if (found !== undefined) return refuse('VALUE_INVALID', `the function gave ${found}, not an object with fields`);
      count++;
      yield next;
    }
  } catch (error) {
    // What `refuse` throws ends the run.
    if (isRejected) throw error;
    const { code, reason } = threw(error);
    refuse(code, reason);
  } finally {
    if (isRejected) context.made(count);
    else if (count === 0) context.dropped(1);
    else context.made(count - 1);
  }
}

import { z } from 'zod';
import type { Operator } from '../lib/core/contracts.ts';
import { type BatchFunction, defineOperator, type OperatorContext } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { RecordKeys } from '../lib/core/state/record-keys.ts';
import { SeenKeys } from '../lib/core/state/seen-keys.ts';
import type { Key } from './row-types.ts';

export interface DedupeOptions {
  /** Only so many keys are remembered, those that were new last: the same again behind more others than that goes through. All by default. */
  readonly last?: number | undefined;
}

const options = z.strictObject({
  key: z.array(z.string()).min(1).optional().describe('columns; all by default'),
  last: z.int().min(1).optional().describe('keys that are remembered; all by default'),
});

/**
 * The first record of each key, `dedupe('id')`, `dedupe(['country', 'city'])`, or of those that are the same in all columns, `dedupe()`; the others are
 * dropped. Only the columns of the key are decoded. Keys are the same by value: 1 and '1' are two; dates by their instant with microseconds, numeric by its
 * exact value, bytes by what they are, objects whatever the order of their fields, and null is null. Memory: the keys, on the state account
 * (STATE_TOO_LARGE where it is full), or the `last` so many of them. A checkpoint has the keys as far as they take about 4 MiB; with more the run commits
 * nothing before its end. COLUMN_UNKNOWN before the first record where the schema is known.
 */
export function dedupe<Row>(key?: Key<NoInfer<Row>> | readonly Key<NoInfer<Row>>[], given: DedupeOptions = {}): Operator<Row, Row> {
  checkArgument('dedupe', 'options', given, 'object');
  const columns = key === undefined ? {} : { key: (typeof key === 'string' ? [key] : key) as string[] };
  return dedupeKind.create({ ...columns, ...given }, undefined);
}

export const dedupeKind = defineOperator<typeof options>({
  kind: 'dedupe',
  options,
  keepsNothing: true,
  batch: ({ key, last = Infinity }, context) => {
    const seen = new SeenKeys(last, context);
    context.keepState(seen);
    return firstOfEach(new RecordKeys(key), seen, context);
  },
  reads: ({ key }) => key ?? 'all',
  schema: (input, { key }) => {
    key?.forEach(name => input.field(name));
    return input;
  },
  title: ({ key, last }) => `${key?.join(', ') ?? 'whole records'}${last === undefined ? '' : `, among the last ${last} keys`}`,
});

function firstOfEach(keys: RecordKeys, seen: SeenKeys, context: OperatorContext): BatchFunction {
  return batch => {
    const found = keys.of(batch, (index, code, reason) => context.reject(batch, index, code, reason));
    const rows = new Uint32Array(batch.length);
    let count = 0;
    for (let row = 0; row < batch.length; row++) {
      const key = found[row];
      if (key !== undefined && seen.add(key)) rows[count++] = row;
    }
    return count === batch.length ? batch : batch.select(rows.slice(0, count));
  };
}

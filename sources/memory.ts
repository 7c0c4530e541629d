import { z } from 'zod';
import { RecordBatch } from '../lib/core/batch/batch.ts';
import { ObjectOrigin } from '../lib/core/batch/objects.ts';
import type { Source } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, defineSource, type SourceContext } from '../lib/core/define.ts';
import { checkArgument, wrongArgument } from '../lib/core/run/check-argument.ts';
import { checkedRecord } from '../lib/core/run/gather.ts';
import type { SourcePlan } from '../lib/core/plan.ts';
import { Schema } from '../lib/schema/schema.ts';

interface Given {
  readonly records: readonly AnyRow[];
  readonly schema: Schema | undefined;
}

const noOptions = z.strictObject({});

/**
 * Records in memory, in order; with a schema sinks need not wait for the first records to infer one. They are passed on as they are, not copied.
 * Can be read many times; positions are `{ row }`. Something in the array that is no record is
 * VALUE_INVALID, with its index, as soon as a stage looks at it.
 */
export function memory<Row>(records: readonly Row[], schema?: Schema): Source<Row> {
  checkArgument('memory', 'records', records, 'array');
  if (schema !== undefined && !(schema instanceof Schema)) throw wrongArgument('memory', 'schema', schema, 'a Schema');
  return memoryKind.create<Row>({}, { records: records as readonly AnyRow[], schema });
}

export const memoryKind = defineSource<typeof noOptions, Given>({
  kind: 'memory',
  options: noOptions,
  describe: (_options, _context, { schema }) => Promise.resolve(schema),
  plan: (_options, _context, { records }) => planArray(records),
  canReopen: () => true,
  read: (_options, context, { records, schema }) => readArray(records, schema, context),
});

export function planArray(records: readonly AnyRow[]): Promise<SourcePlan> {
  return Promise.resolve({ estimatedRows: records.length, hasPositions: true, isRepeatable: true });
}

/** The first batches are small: V8's young space is too at first, and what outlives it is kept as old from then on. */
const FIRST_ROWS = 128;

/** Batches of an array that can be read again; honours `after` and `to`. */
export async function* readArray(records: readonly AnyRow[], schema: Schema | undefined, context: SourceContext): AsyncGenerator<AnyBatch> {
  const end = Math.min(records.length, rowOf(context.to, records.length - 1) + 1);
  let row = rowOf(context.after, -1) + 1;
  context.expects({ rows: Math.max(0, end - row) });
  const turns = turnTaker();
  let most = FIRST_ROWS;
  while (row < end && !context.signal.aborted) {
    most = Math.min(context.batchRows, 2 * most);
    const batch = batchAt(records, row, Math.min(end, row + most), schema, context.batchBytes);
    row += batch.length;
    context.counted({ rows: batch.length });
    yield batch;
    await turns();
  }
}

/** Records `start` to `end`, or as many of them as `batchBytes` has room for. */
function batchAt(records: readonly AnyRow[], start: number, end: number, schema: Schema | undefined, batchBytes: number): AnyBatch {
  const rows = records.slice(start, end);
  const batch = batchOf(rows, start, schema);
  if (rows.length === 1 || batch.bytes <= 2 * batchBytes) return batch;
  return batchAt(records, start, start + Math.max(1, Math.floor((rows.length * batchBytes) / batch.bytes)), schema, batchBytes);
}

function batchOf(rows: readonly AnyRow[], start: number, schema: Schema | undefined): AnyBatch {
  const check = (given: readonly object[]): void => {
    for (let i = 0; i < given.length; i++) checkedRecord(given[i] as object, start + i);
  };
  const origin = new ObjectOrigin(rows, schema, undefined, index => ({ row: start + index }), check);
  return new RecordBatch(origin, schema, { row: start + rows.length - 1 });
}

function rowOf(position: SourceContext['after'], otherwise: number): number {
  const row = position?.['row'];
  return typeof row === 'number' ? row : otherwise;
}

const TURN_AFTER_MS = 5;

/** Takes a turn of the event loop every few milliseconds: else timers and signals would wait for the last record. */
export function turnTaker(): () => Promise<void> | undefined {
  let last = performance.now();
  const taken = (): void => void (last = performance.now());
  return () => {
    if (performance.now() - last < TURN_AFTER_MS) return undefined;
    return new Promise<void>(resolve => setImmediate(resolve)).then(taken);
  };
}

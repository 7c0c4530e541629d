import { z } from 'zod';
import { RecordBatch } from '../lib/core/batch/batch.ts';
import type { Source } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, defineSource } from '../lib/core/define.ts';
import type { Schema } from '../lib/schema/schema.ts';

const options = z.strictObject({});

/** Records in memory whose columns are known: with the schema sinks need not wait for the first records to infer one. Positions: `{ row }`. */
export function memory<Row>(rows: readonly Row[], schema: Schema): Source<Row> {
  return memoryKind.create({}, { rows: rows as readonly AnyRow[], schema });
}

export const memoryKind = defineSource<typeof options, { rows: readonly AnyRow[]; schema: Schema }>({
  kind: 'memory',
  options,
  describe: (_options, _context, { schema }) => Promise.resolve(schema),
  async *read(_options, { after, to, batchRows, signal, counted, expects }, { rows, schema }) {
    const end = to === undefined ? rows.length : Number(to.row) + 1;
    let start = after === undefined ? 0 : Number(after.row) + 1;
    expects({ rows: end - start });
    while (start < end && !signal.aborted) {
      const list = rows.slice(start, Math.min(start + batchRows, end));
      start += list.length;
      counted({ rows: list.length });
      yield await Promise.resolve(RecordBatch.of(list, schema, { row: start - 1 }) as AnyBatch);
    }
  },
});

import { z } from 'zod';
import { RecordBatch } from '../lib/core/batch/batch.ts';
import type { Source } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, defineSource, type SourceContext } from '../lib/core/define.ts';
import { gather } from '../lib/core/run/gather.ts';

/** Anything that gives records: an array, a generator, a Node Readable in object mode, a web ReadableStream. */
export type Records<Row> = Iterable<Row> | AsyncIterable<Row>;

const options = z.strictObject({});

/**
 * Records that the program has or makes. An array can be read many times and has positions (`{ row }`); everything else once, from where it is.
 * Records that come one by one are gathered; one that stalls keeps nothing back for more than 100 ms. Left early, the iterator is closed and a
 * Node stream destroyed. A record that is no object is VALUE_INVALID, with its number.
 */
export function records<Row>(given: Records<Row>): Source<Row> {
  return recordsKind.create({}, given as Records<AnyRow>);
}

export const recordsKind = defineSource<typeof options, Records<AnyRow>>({
  kind: 'records',
  options,
  read: (_options, context, given) => (Array.isArray(given) ? fromArray(given as readonly AnyRow[], context) : fromIterable(given, context)),
});

async function* fromArray(rows: readonly AnyRow[], { after, to, batchRows, signal, counted, expects }: SourceContext): AsyncGenerator<AnyBatch> {
  const start = after === undefined ? 0 : Number(after.row) + 1;
  const end = to === undefined ? rows.length : Number(to.row) + 1;
  expects({ rows: end - start });
  let row = start - 1;
  for await (const list of gather(rows.slice(start, end), { batchRows, signal })) {
    counted({ rows: list.length });
    row += list.length;
    yield RecordBatch.of(list, undefined, { row }) as AnyBatch;
  }
}

async function* fromIterable(rows: Records<AnyRow>, { batchRows, signal, counted }: SourceContext): AsyncGenerator<AnyBatch> {
  for await (const list of gather(rows, { batchRows, signal })) {
    counted({ rows: list.length });
    yield RecordBatch.of(list) as AnyBatch;
  }
}

import type { AnyBatch } from '../../core/define.ts';
import type { Schema } from '../../schema/schema.ts';
import { withoutByteOrderMark } from '../text/byte-order-mark.ts';
import type { DecodeContext, Decoder } from '../format.ts';
import { batchOf } from '../ndjson/decode.ts';
import { ElementBatches } from './element-batches.ts';

/**
 * A JSON file: one array of objects, each a record; or one object, or several one behind the other. Read as a stream: memory holds a batch,
 * never the file, whatever the layout. The schema is known late, as of NDJSON.
 * Errors, each with file, line and byte: DATA_MALFORMED (also for a file that is cut off, has something behind its end or is empty),
 * ENCODING_INVALID, RECORD_TOO_LARGE.
 * Source: RFC 8259.
 */
export function jsonDecoder(): Decoder {
  return { describe: () => Promise.resolve(undefined), decode };
}

async function* decode(chunks: AsyncIterable<Uint8Array>, schema: Schema | undefined, context: DecodeContext): AsyncGenerator<AnyBatch> {
  let elements: ElementBatches | undefined;
  let skipped = 0;
  const input = context.after === undefined ? withoutByteOrderMark(chunks, bytes => (skipped = bytes)) : chunks;
  for await (const chunk of input) {
    elements ??= new ElementBatches(context, skipped);
    for (const records of chunk.length === 0 ? elements.whole() : elements.push(chunk)) yield batchOf(records, elements, schema, context);
  }
  elements ??= new ElementBatches(context, skipped);
  const last = elements.end();
  if (last !== undefined) yield batchOf(last, elements, schema, context);
}

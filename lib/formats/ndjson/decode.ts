import { RecordBatch } from '../../core/batch/batch.ts';
import type { AnyBatch } from '../../core/define.ts';
import type { Schema } from '../../schema/schema.ts';
import { withoutByteOrderMark } from '../text/byte-order-mark.ts';
import type { DecodeContext, Decoder } from '../format.ts';
import { LineBatches } from './line-batches.ts';
import { NdjsonOrigin } from './origin.ts';
import { checkRecords, parseRecords } from './parse-records.ts';
import type { JsonRecords } from './records.ts';

/**
 * NDJSON (JSON lines): one object a line, in UTF-8. Blank lines and a byte order mark are left out, LF and CRLF end lines, the last one
 * needs no end. Every line is checked before its batch is given on, also where its bytes pass to the target as they are.
 * The schema is known late, since the next line may have further fields; so batches have none unless one is given.
 * Errors, each with file, line and byte: DATA_MALFORMED, ENCODING_INVALID, RECORD_TOO_LARGE.
 * Source: https://github.com/ndjson/ndjson-spec and RFC 8259.
 */
export function ndjsonDecoder(): Decoder {
  return { describe: () => Promise.resolve(undefined), decode };
}

async function* decode(chunks: AsyncIterable<Uint8Array>, schema: Schema | undefined, context: DecodeContext): AsyncGenerator<AnyBatch> {
  let lines: LineBatches | undefined;
  let skipped = 0;
  const input = context.after === undefined ? withoutByteOrderMark(chunks, bytes => (skipped = bytes)) : chunks;
  for await (const chunk of input) {
    lines ??= new LineBatches(context, skipped);
    for (const records of chunk.length === 0 ? lines.whole() : lines.push(chunk)) yield batchOf(records, lines, schema, context);
  }
  const last = lines?.end();
  if (lines !== undefined && last !== undefined) yield batchOf(last, lines, schema, context);
}

/** Where its records stand in the input. */
export interface Reached {
  readonly offset: number;
  readonly line: number;
  readonly row: number;
}

/** Records whose bytes pass through are only checked; of all others the objects are wanted anyway. */
export function batchOf(
  records: JsonRecords,
  { offset, line, row }: Reached,
  schema: Schema | undefined,
  context: DecodeContext,
): AnyBatch {
  const rows = context.passesThrough === true ? checkRecords(records) : parseRecords(records);
  context.counted({ rows: records.lines.length });
  return new RecordBatch(new NdjsonOrigin(records, schema, rows ?? undefined), schema, { offset, line, row });
}

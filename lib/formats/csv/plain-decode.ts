import { RecordBatch } from '../../core/batch/batch.ts';
import type { AnyBatch } from '../../core/define.ts';
import { MillraceError } from '../../errors.ts';
import type { Schema } from '../../schema/schema.ts';
import type { DecodeContext } from '../format.ts';
import { type Unmarked, unmarked } from '../text/byte-order-mark.ts';
import { matchingSchema, textSchema } from './header.ts';
import type { CsvOptions } from './options.ts';
import { CsvOrigin } from './origin.ts';
import { delimiterOf, type Head, NO_HEAD, ownSchema, readHead } from './plain-head.ts';
import { PlainReader, type ReadRecords } from './plain-reader.ts';

/** The schema of plain RFC 4180: of its header, or its first record where it has none. */
export async function describePlain(
  chunks: AsyncIterable<Uint8Array>,
  options: CsvOptions,
  limits: { file: string; maxRecordBytes: number },
): Promise<Schema | undefined> {
  if (Array.isArray(options.headers)) return textSchema(options.headers, limits.file);
  const input = unmarked(chunks, options.bom);
  const iterator = input.chunks[Symbol.asyncIterator]();
  try {
    const head = await readHead(iterator, options, { ...limits, input });
    return ownSchema(head, options, limits.file);
  } finally {
    await iterator.return?.(undefined);
  }
}

/** Batches of plain RFC 4180 that keep their bytes. */
export async function* decodePlain(
  chunks: AsyncIterable<Uint8Array>,
  options: CsvOptions,
  schema: Schema | undefined,
  context: DecodeContext,
): AsyncGenerator<AnyBatch> {
  const isContinued = context.after !== undefined && context.after.offset > 0;
  const input = unmarked(chunks, options.bom && !isContinued);
  const iterator = input.chunks[Symbol.asyncIterator]();
  try {
    const opened = await open(iterator, input, options, schema, context);
    if (opened !== undefined) yield* batches(iterator, opened, input, context);
  } finally {
    await iterator.return?.(undefined);
  }
}

interface Opened {
  readonly reader: PlainReader;
  /** Bytes read already that are still to be scanned. */
  readonly head: Uint8Array;
  readonly show: (records: ReadRecords) => AnyBatch;
}

/** Reads the header, where there is one; undefined where the input is empty. */
async function open(
  iterator: AsyncIterator<Uint8Array>,
  input: Unmarked,
  options: CsvOptions,
  known: Schema | undefined,
  context: DecodeContext,
): Promise<Opened | undefined> {
  const { file, after } = context;
  let head: Head = NO_HEAD;
  let own = Array.isArray(options.headers) ? textSchema(options.headers, file) : known;
  const isContinued = after !== undefined && after.offset > 0;
  if (isContinued && own === undefined)
    throw new MillraceError('SCHEMA_UNKNOWN', `${file}: to go on in mid file takes the schema of its header`);
  if (!isContinued && (options.headers === true || own === undefined)) {
    head = await readHead(iterator, options, { file, maxRecordBytes: context.maxRecordBytes, input });
    own = ownSchema(head, options, file);
  }
  if (own === undefined) {
    context.counted({ bytes: input.skipped + head.bytes.length });
    return undefined;
  }
  const isHeader = head.first !== undefined && options.headers === true;
  const { schema, inOrder } = matchingSchema(own, options.headers === true ? known : undefined, file);
  const skipped = isHeader ? head.skipped : 0;
  const start = { offset: (after?.offset ?? 0) + skipped, line: isHeader ? head.line : (after?.line ?? 1), row: after?.row ?? 0 };
  const reader = new PlainReader({
    file,
    delimiter: delimiterOf(options),
    width: schema.fields.length,
    skipsBlank: schema.fields.length > 1 || options.skipEmptyLines,
    batchRows: context.batchRows,
    batchBytes: context.batchBytes,
    maxRecordBytes: context.maxRecordBytes,
    start,
    input,
  });
  const show = ({ records, end }: ReadRecords): AnyBatch => {
    const position = { ...end, offset: end.offset + input.skipped };
    const batch = new RecordBatch(new CsvOrigin(records), inOrder ? schema : own, position) as AnyBatch;
    return inOrder ? batch : batch.project(schema.names).withSchema(schema);
  };
  return { reader, head: head.bytes.subarray(skipped), show };
}

async function* batches(
  iterator: AsyncIterator<Uint8Array>,
  { reader, head, show }: Opened,
  input: Unmarked,
  context: DecodeContext,
): AsyncGenerator<AnyBatch> {
  const after = context.after ?? { offset: 0, row: 0 };
  let { offset, row } = after;
  const count = (end: { offset: number; row: number }) => {
    context.counted({ rows: end.row - row, bytes: end.offset + input.skipped - offset });
    row = end.row;
    offset = end.offset + input.skipped;
  };
  const give = (read: ReadRecords): AnyBatch => {
    count(read.end);
    return show(read);
  };
  for (const read of reader.read(head)) yield give(read);
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
    for (const read of reader.read(next.value)) yield give(read);
  }
  for (const read of reader.finish()) yield give(read);
  count({ offset: reader.offset, row });
}

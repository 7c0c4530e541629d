import { isUtf8 } from 'node:buffer';
import { RecordBatch } from '../../core/batch/batch.ts';
import type { AnyBatch } from '../../core/define.ts';
import { MillraceError } from '../../errors.ts';
import type { Schema } from '../../schema/schema.ts';
import { TEXT } from '../../schema/types.ts';
import type { DecodeContext } from '../format.ts';
import { encodingInvalid, firstInvalidByte, likelyEncoding, newlines } from './encoding.ts';
import { bareCarriageReturn, matchingSchema, numberedSchema, textSchema } from './header.ts';
import { type Input, utf8Input } from './input.ts';
import { tooLarge } from './malformed.ts';
import type { CsvOptions } from './options.ts';
import { CsvOrigin } from './origin.ts';
import { PlainReader, type ReadRecords } from './plain-reader.ts';
import { FieldIndex, type RecordBytes } from './records.ts';
import { RecordScanner } from './scan.ts';

const NOTHING = new Uint8Array(0);

/** The schema of plain RFC 4180: of its header, or its first record where it has none. */
export async function describePlain(
  chunks: AsyncIterable<Uint8Array>,
  options: CsvOptions,
  limits: { file: string; maxRecordBytes: number },
): Promise<Schema | undefined> {
  if (Array.isArray(options.headers)) return textSchema(options.headers, limits.file);
  const input = utf8Input(chunks, options, { file: limits.file, isContinued: false, counted: () => undefined });
  const iterator = input.chunks[Symbol.asyncIterator]();
  try {
    const head = await readHead(iterator, options, limits);
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
  const input = utf8Input(chunks, options, { file: context.file, isContinued, counted: count => context.counted(count) });
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
  input: Input,
  options: CsvOptions,
  known: Schema | undefined,
  context: DecodeContext,
): Promise<Opened | undefined> {
  const { file, after } = context;
  let head: Head = { bytes: NOTHING, skipped: 0, line: 1, first: undefined };
  let own = Array.isArray(options.headers) ? textSchema(options.headers, file) : known;
  const isContinued = after !== undefined && after.offset > 0;
  if (isContinued && own === undefined)
    throw new MillraceError('SCHEMA_UNKNOWN', `${file}: to go on in mid file takes the schema of its header`);
  if (!isContinued && (options.headers === true || own === undefined)) {
    head = await readHead(iterator, options, context);
    own = ownSchema(head, options, file);
  }
  if (own === undefined) {
    if (input.hasOffsets) context.counted({ bytes: input.skipped + head.bytes.length });
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
  });
  const show = ({ records, end }: ReadRecords): AnyBatch => {
    const position = input.hasOffsets ? { ...end, offset: end.offset + input.skipped } : undefined;
    const batch = new RecordBatch(new CsvOrigin(records), inOrder ? schema : own, position) as AnyBatch;
    return inOrder ? batch : batch.project(schema.names).withSchema(schema);
  };
  return { reader, head: head.bytes.subarray(skipped), show };
}

async function* batches(
  iterator: AsyncIterator<Uint8Array>,
  { reader, head, show }: Opened,
  input: Input,
  context: DecodeContext,
): AsyncGenerator<AnyBatch> {
  const after = context.after ?? { offset: 0, row: 0 };
  let { offset, row } = after;
  const count = (end: { offset: number; row: number }) => {
    context.counted({ rows: end.row - row, ...(input.hasOffsets ? { bytes: end.offset + input.skipped - offset } : {}) });
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

interface Head {
  /** All that was read. */
  readonly bytes: Uint8Array;
  /** Bytes up to the end of the first record, and the line behind it. */
  readonly skipped: number;
  readonly line: number;
  readonly first: RecordBytes | undefined;
}

/** Reads as far as the end of the first line that is not empty. */
async function readHead(
  iterator: AsyncIterator<Uint8Array>,
  options: CsvOptions,
  { file, maxRecordBytes }: { file: string; maxRecordBytes: number },
): Promise<Head> {
  const scanner = new RecordScanner({ delimiter: delimiterOf(options), wanted: 0, skipsBlank: true, file, line: 1 });
  const chunks: Uint8Array[] = [];
  const begin = { file, line: 1, offset: 0 };
  let read = 0;
  let start = 0;
  for (let isLast = false; !isLast;) {
    const next = await iterator.next();
    isLast = next.done === true;
    const chunk = isLast ? scanner.terminator() : (next.value as Uint8Array);
    if (chunk !== undefined) scanner.scan(chunk);
    if (scanner.error !== undefined)
      throw encodingFault(Buffer.concat([...chunks, chunk?.subarray(0, scanner.errorAt) ?? NOTHING]), begin) ?? scanner.error;
    if (chunk === undefined) break;
    if (!isLast) chunks.push(chunk);
    for (let i = 0; i < scanner.count; i++) {
      const end = scanner.ends[i] as number;
      if (end < 0) start = read - end;
      else
        return headOf(
          { chunks: isLast ? [...chunks, chunk] : chunks, start, end: read + end, given: isLast ? read : undefined },
          scanner,
          options,
          file,
        );
    }
    if (scanner.pending > maxRecordBytes)
      throw encodingFault(Buffer.concat(chunks), begin) ?? tooLarge({ file, line: scanner.recordLine }, maxRecordBytes, scanner.isQuoted);
    read += chunk.length;
  }
  return { bytes: Buffer.concat(chunks), skipped: 0, line: 1, first: undefined };
}

function headOf(
  found: { chunks: Uint8Array[]; start: number; end: number; given: number | undefined },
  scanner: RecordScanner,
  options: CsvOptions,
  file: string,
): Head {
  const all = found.chunks.length === 1 ? (found.chunks[0] as Uint8Array) : Buffer.concat(found.chunks);
  const record = Buffer.from(all.subarray(found.start, found.end));
  const fault = encodingFault(record, { file, line: 1 + newlines(all, found.start), offset: found.start });
  if (fault !== undefined) throw fault;
  return {
    bytes: found.given === undefined ? all : all.subarray(0, found.given),
    skipped: Math.min(found.end, found.given ?? found.end),
    line: scanner.lines[scanner.count - 1] as number,
    first: {
      bytes: record,
      starts: Uint32Array.of(0, record.length),
      width: scanner.fields,
      delimiter: delimiterOf(options),
      hasQuotes: true,
    },
  };
}

function encodingFault(bytes: Buffer, place: { file: string; line: number; offset: number }): MillraceError | undefined {
  const { file, line, offset } = place;
  const invalid = isUtf8(bytes) ? undefined : firstInvalidByte(bytes);
  if (invalid !== undefined) return encodingInvalid({ file, line: line + newlines(bytes, invalid), offset: offset + invalid }, bytes);
  // UTF-16 of Latin letters is valid UTF-8, with NULs.
  if (bytes.length > 3 && likelyEncoding(bytes).startsWith('utf-16'))
    return encodingInvalid({ file, line, offset: offset + bytes.indexOf(0) }, bytes);
  return undefined;
}

/** Undefined where there is no record; only empty lines, where no header is wanted, are NULLs of one column. */
function ownSchema({ first, bytes }: Head, options: CsvOptions, file: string): Schema | undefined {
  if (first === undefined) return options.headers === false && bytes.length > 0 && !options.skipEmptyLines ? numberedSchema(1) : undefined;
  if (options.headers !== true) return numberedSchema(first.width);
  const fields = new FieldIndex(first);
  return textSchema(
    Array.from({ length: first.width }, (_, i) => {
      const name = (fields.column(i, TEXT).get(0) as string | null) ?? '';
      if (name.includes('\r') && first.bytes[endOf(fields, i) - 1] !== 34) throw bareCarriageReturn({ file, line: 1 });
      return name;
    }),
    file,
  );
}

function endOf(fields: FieldIndex, column: number): number {
  return fields.ends(column)[0] as number;
}

function delimiterOf(options: CsvOptions): number {
  return (options.delimiter as string).charCodeAt(0);
}

import { isUtf8 } from 'node:buffer';
import type { MillraceError } from '../../errors.ts';
import type { Schema } from '../../schema/schema.ts';
import { TEXT } from '../../schema/types.ts';
import { bareCarriageReturn, numberedSchema, textSchema } from './header.ts';
import { type Place, tooLarge } from './malformed.ts';
import type { CsvOptions } from './options.ts';
import { FieldIndex, type RecordBytes } from './records.ts';
import { RecordScanner } from './scan.ts';
import type { Unmarked } from '../text/byte-order-mark.ts';
import { type BytePlace, encodingInvalid, firstInvalidByte, newlines } from '../text/utf8.ts';

const QUOTE = 34;
const NOTHING = new Uint8Array(0);

/** What is read of an input to know its columns. */
export interface Head {
  /** All that was read. */
  readonly bytes: Uint8Array;
  /** Bytes up to the end of the first record, and the line behind it. */
  readonly skipped: number;
  readonly line: number;
  /** The first line that is not empty. */
  readonly first: RecordBytes | undefined;
}

export interface HeadLimits {
  readonly file: string;
  readonly maxRecordBytes: number;
  readonly input: Pick<Unmarked, 'skipped'>;
}

export const NO_HEAD: Head = { bytes: NOTHING, skipped: 0, line: 1, first: undefined };

/** Reads as far as the end of the first line that is not empty. */
export async function readHead(
  iterator: AsyncIterator<Uint8Array>,
  options: CsvOptions,
  { file, maxRecordBytes, input }: HeadLimits,
): Promise<Head> {
  const scanner = new RecordScanner({ delimiter: delimiterOf(options), wanted: 0, skipsBlank: true, file, line: 1 });
  const chunks: Uint8Array[] = [];
  let read = 0;
  let start = 0;
  for (let isLast = false; !isLast;) {
    const next = await iterator.next();
    isLast = next.done === true;
    const chunk = isLast ? scanner.terminator() : (next.value as Uint8Array);
    if (chunk !== undefined) scanner.scan(chunk);
    const error =
      scanner.pending > maxRecordBytes ? tooLarge({ file, line: scanner.recordLine }, maxRecordBytes, scanner.isQuoted) : scanner.error;
    if (error !== undefined)
      throw (
        encodingFault([...chunks, chunk?.subarray(0, scanner.error && scanner.errorAt) ?? NOTHING], {
          file,
          line: 1,
          offset: input.skipped,
        }) ?? error
      );
    if (chunk === undefined) break;
    const found = firstRecord(scanner, read);
    start = found.start ?? start;
    if (found.end !== undefined)
      return headOf([...chunks, chunk], { start, end: found.end, read: isLast ? read : undefined }, scanner, { file, options, input });
    if (!isLast) chunks.push(chunk);
    read += chunk.length;
  }
  return { ...NO_HEAD, bytes: Buffer.concat(chunks) };
}

/** Behind the last empty line, and the end of the first record, counted from the beginning of the input. */
function firstRecord(scanner: RecordScanner, read: number): { start?: number; end?: number } {
  const found: { start?: number; end?: number } = {};
  for (const end of scanner.ends.subarray(0, scanner.count)) {
    if (end < 0) found.start = read - end;
    else found.end = read + end;
  }
  return found;
}

/** `found.read`: how much of the chunks is the input's, where its last record had to be ended. */
function headOf(
  chunks: readonly Uint8Array[],
  found: { start: number; end: number; read: number | undefined },
  scanner: RecordScanner,
  { file, options, input }: { file: string; options: CsvOptions; input: Pick<Unmarked, 'skipped'> },
): Head {
  const all = chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
  const record = Buffer.from(all.subarray(found.start, found.end));
  const fault = encodingFault([record], { file, line: 1 + newlines(all, found.start), offset: input.skipped + found.start });
  if (fault !== undefined) throw fault;
  return {
    bytes: all.subarray(0, found.read),
    skipped: Math.min(found.end, found.read ?? found.end),
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

function encodingFault(chunks: readonly Uint8Array[], { file, line, offset }: BytePlace): MillraceError | undefined {
  const bytes = Buffer.concat(chunks);
  const invalid = isUtf8(bytes) ? undefined : firstInvalidByte(bytes);
  return invalid === undefined
    ? undefined
    : encodingInvalid({ file, line: line + newlines(bytes, invalid), offset: offset + invalid }, bytes);
}

/** Undefined where there is no record; only empty lines, where no header is wanted, are NULLs of one column. */
export function ownSchema({ first, bytes }: Head, options: CsvOptions, file: string): Schema | undefined {
  if (first === undefined) return options.headers === false && bytes.length > 0 && !options.skipEmptyLines ? numberedSchema(1) : undefined;
  if (options.headers !== true) return numberedSchema(first.width);
  return textSchema(headerNames(first, { file, line: 1 }), file);
}

function headerNames(header: RecordBytes, place: Place): string[] {
  const fields = new FieldIndex(header);
  return Array.from({ length: header.width }, (_, i) => {
    const name = (fields.column(i, TEXT).get(0) as string | null) ?? '';
    const isQuoted = header.bytes[(fields.ends(i)[0] as number) - 1] === QUOTE;
    if (name.includes('\r') && !isQuoted) throw bareCarriageReturn(place);
    return name;
  });
}

/** The byte between fields of a plain dialect. */
export function delimiterOf(options: CsvOptions): number {
  return (options.delimiter as string).charCodeAt(0);
}

import { MillraceError } from '../../errors.ts';
import { RecordBatch } from '../../core/batch/batch.ts';
import type { AnyBatch, AnyRow } from '../../core/define.ts';
import { jsonPrinter } from '../../schema/print-json.ts';
import { parseJson, printJson } from '../../values/json.ts';
import type { DecodeContext, Decoder, Encoder } from '../format.ts';

const NEWLINE = 10;

/** One JSON object a line. The schema is known late: records may have different fields. */
export function ndjsonDecoder(): Decoder {
  return {
    describe: () => Promise.resolve(undefined),
    decode: (chunks, _schema, context) => decode(chunks, context),
  };
}

async function* decode(chunks: AsyncIterable<Uint8Array>, context: DecodeContext): AsyncGenerator<AnyBatch> {
  const { file, batchRows, batchBytes, counted } = context;
  let { offset, line, row } = context.after ?? { offset: 0, line: 0, row: 0 };
  let rows: AnyRow[] = [];
  let lines: number[] = [];
  let bytes = 0;
  const batch = (): AnyBatch => {
    const numbers = lines;
    counted({ rows: rows.length });
    const made = RecordBatch.of(rows, undefined, { offset, line, row }, bytes * 2, at => ({ file, line: numbers[at] ?? line }));
    rows = [];
    lines = [];
    bytes = 0;
    return made;
  };
  for await (const text of linesOf(chunks, context)) {
    line++;
    offset += text.length + 1;
    counted({ bytes: text.length + 1 });
    const record = recordOf(text, file, line);
    if (record === undefined) continue;
    rows.push(record);
    lines.push(line);
    row++;
    bytes += text.length;
    if (rows.length >= batchRows || bytes >= batchBytes) yield batch();
  }
  if (rows.length > 0) yield batch();
}

/** Lines without their ends; the last one may lack it. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>, { file, maxRecordBytes }: DecodeContext): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const part = bytes.subarray(start, end);
      yield rest.length === 0 ? part : Buffer.concat([...rest, part]);
      rest = [];
      restBytes = 0;
      start = end + 1;
    }
    if (start < bytes.length) {
      rest.push(bytes.subarray(start));
      restBytes += bytes.length - start;
      if (restBytes > maxRecordBytes) throw new MillraceError('RECORD_TOO_LARGE', `${file}: a line has more than ${maxRecordBytes} bytes`);
    }
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}

/** A blank line is none. */
function recordOf(bytes: Buffer, file: string, line: number): AnyRow | undefined {
  const text = textOf(bytes, file, line).trim();
  if (text === '') return undefined;
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new MillraceError('DATA_MALFORMED', `${file}, line ${line}: it is no JSON`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new MillraceError('DATA_MALFORMED', `${file}, line ${line}: it is JSON, but no object`);
  return value as AnyRow;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Buffer, file: string, line: number): string {
  try {
    const text = decoder.decode(bytes);
    return line === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text;
  } catch (error) {
    throw new MillraceError('ENCODING_INVALID', `${file}, line ${line}: it is no UTF-8`, { cause: error });
  }
}

/** One JSON object a line, values as in the value table's JSON column. */
export function ndjsonEncoder(): Encoder {
  return {
    start: () => [],
    encode: batch => {
      const printed = batch.schemaKnown ? printColumns(batch) : { text: batch.rows.map(row => `${printJson(row)}\n`).join(''), rejected: [] };
      return { chunks: printed.text === '' ? [] : [Buffer.from(printed.text)], rejected: printed.rejected };
    },
    end: () => [],
  };
}

function printColumns(batch: AnyBatch): { text: string; rejected: { index: number; code: string; reason: string }[] } {
  const columns = batch.schema.fields.map(({ name, type }) => ({ key: `${JSON.stringify(name)}:`, name, column: batch.column(name), print: jsonPrinter(type) }));
  const rejected: { index: number; code: string; reason: string }[] = [];
  let text = '';
  for (let index = 0; index < batch.length; index++) {
    try {
      let line = '';
      for (const { key, column, print } of columns) {
        const value = column.get(index);
        line += `${line === '' ? '{' : ','}${key}${value === null || value === undefined ? 'null' : print(value)}`;
      }
      text += line === '' ? '{}\n' : `${line}}\n`;
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      rejected.push({ index, code: error.code, reason: error.message });
    }
  }
  return { text, rejected };
}

import { z } from 'zod';
import { MillraceError } from '../lib/errors.ts';
import { filesOf, readFile, sizeOf } from '../lib/clients/file/read.ts';
import type { Source } from '../lib/core/contracts.ts';
import { type AnyBatch, defineSource, type SourceContext } from '../lib/core/define.ts';
import { type Compression, decompress } from '../lib/formats/compression.ts';
import type { DecodeContext, Decoder } from '../lib/formats/format.ts';
import { compressionOf, decoderOf, fileFields } from '../lib/formats/index.ts';
import type { Schema } from '../lib/schema/schema.ts';

const options = z.strictObject({ ...fileFields, maxRecordBytes: z.int().positive().default(64 * 1024 * 1024) });
type FileOptions = z.output<typeof options>;

/**
 * Records of a file, of many (`data/*.csv`, in name order, with the columns of the first) or of standard input (`-`). Format and compression by
 * extension. CSV columns are text; types of NDJSON are those of its values. Positions: `{ file, offset, line, row }`, without compression.
 * Errors: NOT_FOUND, NOT_PERMITTED, DATA_MALFORMED, ENCODING_INVALID, SCHEMA_MISMATCH, each with the file and the line.
 */
export function file<Row = Record<string, unknown>>(path: string, more: Omit<z.input<typeof options>, 'path'> = {}): Source<Row> {
  return fileKind.create({ path, ...more }, undefined);
}

export const fileKind = defineSource<typeof options>({
  kind: 'file',
  options,
  describe: async (given, { signal }) => {
    const [first] = await filesOf(given.path);
    return first === undefined || first === '-' ? undefined : describe(first, given, signal);
  },
  read,
  title: ({ path }) => path,
});

async function describe(path: string, given: FileOptions, signal: AbortSignal): Promise<Schema | undefined> {
  return decoderOf(path, given).describe(bytesOf(path, given, 0, signal));
}

async function* read(given: FileOptions, context: SourceContext): AsyncGenerator<AnyBatch> {
  const files = await filesOf(given.path);
  const { after } = context;
  const start = after === undefined ? 0 : files.indexOf(after.file as string);
  if (start < 0) throw new MillraceError('NOT_FOUND', `${after?.file as string}, where reading is to go on, is no longer among the files of ${given.path}`);
  context.expects({ bytes: await totalBytes(files, given) });
  let first: Schema | undefined;
  for (const [i, path] of files.slice(start).entries()) {
    const schema = path === '-' ? undefined : await describe(path, given, context.signal);
    first ??= schema;
    if (schema !== undefined && first !== undefined) checkColumns(path, schema, first);
    for await (const batch of decodeFile(path, given, schema, i === 0 ? after : undefined, context)) {
      yield schema !== undefined && first !== undefined && String(schema.names) !== String(first.names) ? batch.project(first.names) : batch;
    }
  }
}

async function totalBytes(files: readonly string[], given: FileOptions): Promise<number> {
  const sizes = await Promise.all(files.map(sizeOf));
  return files.some(path => compressionOf(path, given) !== undefined) ? 0 : sizes.reduce((sum, bytes) => sum + bytes, 0);
}

/** Further files may have the columns in another order, but not others. */
function checkColumns(path: string, schema: Schema, first: Schema): void {
  const other = [...schema.names.filter(name => !first.has(name)), ...first.names.filter(name => !schema.has(name))];
  if (other.length > 0) throw new MillraceError('SCHEMA_MISMATCH', `${path}: its columns are not those of the first file: ${other.join(', ')}`);
}

async function* decodeFile(path: string, given: FileOptions, schema: Schema | undefined, after: SourceContext['after'], context: SourceContext): AsyncGenerator<AnyBatch> {
  const decoder: Decoder = decoderOf(path, given);
  const isPacked = compressionOf(path, given) !== undefined;
  const from = after === undefined || isPacked ? undefined : { offset: Number(after.offset), line: Number(after.line), row: Number(after.row) };
  const decodeContext: DecodeContext = {
    file: path,
    batchRows: context.batchRows,
    batchBytes: context.batchBytes,
    maxRecordBytes: given.maxRecordBytes,
    counted: count => context.counted(count),
    warn: message => context.warn(message),
    ...(from === undefined ? {} : { after: from }),
  };
  for await (const batch of decoder.decode(bytesOf(path, given, from?.offset ?? 0, context.signal), schema, decodeContext)) {
    yield batch.withPosition(isPacked || path === '-' || batch.position === undefined ? undefined : { file: path, ...batch.position });
  }
}

function bytesOf(path: string, given: FileOptions, start: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const compression: Compression | undefined = compressionOf(path, given);
  const bytes = readFile(path, start, signal);
  return compression === undefined ? bytes : decompress(bytes, compression, path);
}


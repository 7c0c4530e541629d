import type { AnyBatch } from '../../../lib/core/define.ts';
import { MillraceError } from '../../../lib/errors.ts';
import { type CsvOptions, csvDecoder, csvOptions } from '../../../lib/formats/csv/index.ts';
import type { DecodeContext, Decoder } from '../../../lib/formats/format.ts';
import type { Schema } from '../../../lib/schema/schema.ts';

export interface Read {
  names: string[] | undefined;
  /** Values by column. */
  records: unknown[][];
  batches: AnyBatch[];
  error: MillraceError | undefined;
  counted: { rows: number; bytes: number };
  warnings: string[];
}

export interface ReadOptions extends Partial<DecodeContext> {
  csv?: Parameters<typeof csvOptions.parse>[0];
  schema?: Schema;
  decode?: (
    chunks: AsyncIterable<Uint8Array>,
    options: CsvOptions,
    schema: Schema | undefined,
    context: DecodeContext,
  ) => AsyncIterable<AnyBatch>;
}

/** All that a decoder gives of these chunks, and the error that ended it. */
export async function read(
  input: string | Uint8Array | readonly Uint8Array[],
  { csv = {}, schema, decode, ...context }: ReadOptions = {},
): Promise<Read> {
  const options = csvOptions.parse(csv);
  const result: Read = { names: undefined, records: [], batches: [], error: undefined, counted: { rows: 0, bytes: 0 }, warnings: [] };
  const counted = (count: { rows?: number; bytes?: number }) => {
    result.counted.rows += count.rows ?? 0;
    result.counted.bytes += count.bytes ?? 0;
  };
  const whole: DecodeContext = {
    file: 'in.csv',
    batchRows: 1000,
    batchBytes: 64 * 1024,
    maxRecordBytes: 1 << 20,
    counted,
    warn: message => result.warnings.push(message),
    ...context,
  };
  const decoder: Decoder = csvDecoder(options);
  try {
    for await (const batch of decode?.(from(input), options, schema, whole) ?? decoder.decode(from(input), schema, whole)) {
      result.batches.push(batch);
      result.names = batch.schema.names;
      for (let row = 0; row < batch.length; row++) result.records.push(batch.schema.names.map(name => batch.column(name).get(row)));
    }
  } catch (thrown) {
    if (!(thrown instanceof MillraceError)) throw thrown;
    result.error = thrown;
  }
  return result;
}

export async function describeNames(input: string | Uint8Array, csv: ReadOptions['csv'] = {}): Promise<string[] | undefined> {
  return (await csvDecoder(csvOptions.parse(csv)).describe(from(input), 'in.csv'))?.names;
}

export async function* from(input: string | Uint8Array | readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  if (Array.isArray(input)) yield* input as readonly Uint8Array[];
  else yield typeof input === 'string' ? Buffer.from(input) : (input as Uint8Array);
}

/** In pieces of these sizes, the last one repeated. */
export function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[Math.min(i, sizes.length - 1)] ?? 1);
    chunks.push(bytes.slice(at, at + size));
    at += size;
  }
  return chunks;
}

/** Formats and compressions of files, by name and by extension. */
import { z } from 'zod';
import { MillraceError } from '../errors.ts';
import { Schema } from '../schema/schema.ts';
import type { Compression } from './compression.ts';
import { csvDecoder, csvEncoder, csvOptions } from './csv/index.ts';
import type { Decoder, Encoder } from './format.ts';
import { ndjsonDecoder, ndjsonEncoder } from './ndjson/index.ts';

export const FORMATS = ['csv', 'tsv', 'ndjson'] as const;
export type Format = (typeof FORMATS)[number];

const FORMAT_OF: Readonly<Record<string, Format>> = { csv: 'csv', tsv: 'tsv', tab: 'tsv', ndjson: 'ndjson', jsonl: 'ndjson' };
const COMPRESSION_OF: Readonly<Record<string, Compression>> = { gz: 'gzip', br: 'brotli' };

/** Options that every file has, and those of the formats under their own names. */
export const fileFields = {
  path: z.string().min(1),
  format: z.enum(FORMATS).optional(),
  compression: z.enum(['none', 'gzip', 'brotli']).optional(),
  delimiter: z.string().min(1).optional(),
  quote: z.string().min(1).optional(),
  headers: z.union([z.boolean(), z.array(z.string()).min(1)]).optional(),
  encoding: z.string().optional(),
};

export interface FileFormat {
  readonly path: string;
  readonly format?: Format | undefined;
  readonly compression?: 'none' | Compression | undefined;
  readonly delimiter?: string | undefined;
  readonly quote?: string | undefined;
  readonly headers?: boolean | string[] | undefined;
  readonly encoding?: string | undefined;
}

export function compressionOf(path: string, { compression }: FileFormat): Compression | undefined {
  if (compression !== undefined) return compression === 'none' ? undefined : compression;
  return COMPRESSION_OF[path.slice(path.lastIndexOf('.') + 1).toLowerCase()];
}

/** The format named, else that of the extension; ADDRESS_INVALID with the list when there is none. */
export function formatOf(path: string, { format }: FileFormat): Format {
  if (format !== undefined) return format;
  const parts = path.toLowerCase().split('.');
  const last = parts.at(-1) ?? '';
  const found = FORMAT_OF[Object.hasOwn(COMPRESSION_OF, last) ? (parts.at(-2) ?? '') : last];
  if (found === undefined) throw new MillraceError('ADDRESS_INVALID', `${path}: its format is not known by its name; name one of ${FORMATS.join(', ')}`);
  return found;
}

export function decoderOf(path: string, given: FileFormat): Decoder {
  const format = formatOf(path, given);
  return format === 'ndjson' ? ndjsonDecoder() : csvDecoder(dialectOf(format, given));
}

export function encoderOf(path: string, given: FileFormat, schema: Schema | undefined): Encoder {
  const format = formatOf(path, given);
  return format === 'ndjson' ? ndjsonEncoder() : csvEncoder(dialectOf(format, given), schema ?? new Schema([]));
}

function dialectOf(format: 'csv' | 'tsv', { delimiter, quote, headers, encoding }: FileFormat): z.output<typeof csvOptions> {
  const named = Object.entries({ delimiter: delimiter ?? (format === 'tsv' ? '\t' : undefined), quote, headers, encoding });
  return csvOptions.parse(Object.fromEntries(named.filter(([, value]) => value !== undefined)));
}

/** The formats of files, by name and by the extension of a path. */
import type { z } from 'zod';
import type { Schema } from '../schema/schema.ts';
import { lineCounter, type RecordCounter } from './count-records.ts';
import { csvDecoder, csvEncoder, csvOptions, type CsvOptions } from './csv/index.ts';
import type { CheckText, Codec, Decoder, Encoder } from './format.ts';
import { jsonDecoder, jsonEncoder } from './json/index.ts';
import { ndjsonDecoder, ndjsonEncoder } from './ndjson/index.ts';

export const FORMATS = ['csv', 'tsv', 'ndjson', 'json'] as const;
export type FormatName = (typeof FORMATS)[number];

/** A format with its options. */
export interface Format {
  readonly name: FormatName;
  readonly decoder: Decoder;
  /** The encoding in which its records can pass from source to sink as they are. */
  readonly codec: Codec | undefined;
  /** False where records of any shape can be written. */
  readonly needsSchema: boolean;
  /** What stands where a file of it is appended to: `records` alone, records under a `header`, or `nothing` can be. */
  readonly appends: 'records' | 'header' | 'nothing';
  /** `check` refuses text that the file's encoding lacks. */
  encoder(schema: Schema | undefined, check?: CheckText): Encoder;
  /** Counts records in the bytes that the encoder gave, apart from it; undefined where the dialect has no simple end of a record. */
  counter(): RecordCounter | undefined;
}

/** Names of the options that a format has: those of csv and tsv are `csvOptions`; the others have none. */
export function optionNamesOf(format: FormatName): readonly string[] {
  return format === 'csv' || format === 'tsv' ? Object.keys(csvOptions.shape) : [];
}

/** The format of this name with these options (checked by `csvOptions` for csv and tsv, where tsv's delimiter is a tab by default). */
export function formatOf(name: FormatName, options: z.input<typeof csvOptions> = {}): Format {
  switch (name) {
    case 'csv':
    case 'tsv':
      return csv(name, csvOptions.parse(name === 'tsv' ? { delimiter: '\t', ...options } : options));
    case 'ndjson':
      return {
        name,
        decoder: ndjsonDecoder(),
        codec: 'ndjson',
        needsSchema: false,
        appends: 'records',
        encoder: (_schema, check) => ndjsonEncoder(check),
        counter: () => lineCounter(),
      };
    case 'json':
      return {
        name,
        decoder: jsonDecoder(),
        codec: undefined,
        needsSchema: false,
        appends: 'nothing',
        encoder: (_schema, check) => jsonEncoder(check),
        counter: () => lineCounter(),
      };
  }
}

function csv(name: 'csv' | 'tsv', options: CsvOptions): Format {
  const hasPlainEnds =
    options.quote === '"' && (options.escape === undefined || options.escape === '"') && options.recordDelimiter === undefined;
  return {
    name,
    decoder: csvDecoder(options),
    codec: name === 'csv' ? 'csv' : undefined,
    needsSchema: true,
    appends: options.headers === true ? 'header' : 'records',
    encoder: (schema, check) => (schema === undefined ? NOTHING : csvEncoder(options, schema, check)),
    counter: () => (hasPlainEnds ? lineCounter('"') : undefined),
  };
}

/** Without a record and without a schema a file is made empty. */
const NOTHING: Encoder = { start: () => [], encode: () => ({ chunks: [], rejected: [] }), end: () => [] };

const EXTENSIONS: Readonly<Record<string, FormatName>> = {
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  ndjson: 'ndjson',
  jsonl: 'ndjson',
  json: 'json',
};

/** The format that the extension of a path (without that of its compression) names. */
export function formatByExtension(path: string): FormatName | undefined {
  const extension = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(EXTENSIONS, extension) ? EXTENSIONS[extension] : undefined;
}

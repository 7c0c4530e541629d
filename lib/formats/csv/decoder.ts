import type { Decoder } from '../format.ts';
import { decodeDialect, describeDialect } from './dialect-decode.ts';
import { type CsvOptions, isPlain } from './options.ts';
import { decodePlain, describePlain } from './plain-decode.ts';

/** A header longer than this is none. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;

/**
 * CSV and TSV into batches: every column nullable text (`untyped`), an empty field null, `""` ''. Plain RFC 4180 keeps its bytes until
 * somebody asks for a column (`CsvOrigin`); every other dialect goes through csv-parse, three times slower and more.
 *
 * Empty lines are no records, but in a file of one column, where one is NULL, as PostgreSQL writes it. Schema and no record of a file
 * with a header only; no schema of an empty file. Positions `{ offset, line, row }` where the encoding is UTF-8, else none.
 * Errors, each with file and line: DATA_MALFORMED (a ragged record, a quote out of place or never closed), ENCODING_INVALID with the byte
 * and the likely encoding, RECORD_TOO_LARGE; COLUMN_DUPLICATE; SCHEMA_MISMATCH where the header has other names than the schema given.
 */
export function csvDecoder(options: CsvOptions): Decoder {
  return isPlain(options)
    ? {
        describe: (head, file) => describePlain(head, options, { file, maxRecordBytes: MAX_HEADER_BYTES }),
        decode: (chunks, schema, context) => decodePlain(chunks, options, schema, context),
      }
    : {
        describe: (head, file) => describeDialect(head, options, { file, maxRecordBytes: MAX_HEADER_BYTES }),
        decode: (chunks, schema, context) => decodeDialect(chunks, options, schema, context),
      };
}

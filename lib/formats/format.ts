/** What every file format offers: bytes in, batches out, and back. Formats know nothing of files, compression or networks. */
import type { AnyBatch, RejectedRow } from '../core/define.ts';
import type { Codec, Position } from '../core/batch/batch.ts';
import type { Schema } from '../schema/schema.ts';

export interface DecodeContext {
  /** How the input is called in messages and positions. */
  readonly file: string;
  readonly batchRows: number;
  readonly batchBytes: number;
  readonly maxRecordBytes: number;
  /** Only these columns are looked at. */
  readonly columns?: readonly string[];
  /** True where the records go to a target of the same encoding and nobody looks at them on the way: then they need not be kept decoded. */
  readonly passesThrough?: boolean;
  /** Start after this record boundary, as an earlier position gave it: the chunks begin at `after.offset`. */
  readonly after?: { readonly offset: number; readonly line: number; readonly row: number };
  /** What the decoder consumed, counted apart from the batches that it gives. */
  counted(count: { rows?: number; bytes?: number }): void;
  warn(message: string): void;
}

export interface Decoder {
  /** The schema, from the head of the input (a header line, the first records). `file` is how it is called in messages. */
  describe(head: AsyncIterable<Uint8Array>, file: string): Promise<Schema | undefined>;
  /**
   * Batches in order; each carries the position `{ offset, line, row }` behind its last record, offsets in (decompressed) bytes of the
   * input. An empty chunk says that no more comes for now: what is whole is given then.
   * Errors: DATA_MALFORMED, ENCODING_INVALID, RECORD_TOO_LARGE, each with file and line.
   */
  decode(chunks: AsyncIterable<Uint8Array>, schema: Schema | undefined, context: DecodeContext): AsyncIterable<AnyBatch>;
}

export interface Encoded {
  /** Good until the next batch is encoded: an encoder writes into the same memory again and again. */
  readonly chunks: readonly Uint8Array[];
  /** Rows of the batch that could not be written. */
  readonly rejected: readonly RejectedRow[];
}

/** Throws where the text of a field, in UTF-8, cannot be written in the encoding of the file. */
export type CheckText = (bytes: Uint8Array, start: number, end: number) => void;

export interface Encoder {
  /**
   * What stands before the first record (a header line, `[`). `fresh` is false when an existing file is appended to, or gone on with; whether that has
   * records already is said then.
   */
  start(fresh: boolean, hasRecords?: boolean): Uint8Array[];
  encode(batch: AnyBatch): Encoded;
  /** What stands behind the last record. */
  end(): Uint8Array[];
}

export type { Codec, Position };

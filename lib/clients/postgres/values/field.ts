import type { TextBuffer } from '../../../values/text-buffer.ts';

/** Bytes of rows and a view over them; positions count from the start of both. */
export interface FieldSource {
  readonly bytes: TextBuffer;
  readonly view: DataView;
}

/** Reads one value, not null, of `length` bytes at `at`. */
export type Decode = (source: FieldSource, at: number, length: number) => unknown;
export type DecodeText = (source: FieldSource, at: number, length: number) => string;

/** How the fields of a column are read. */
export interface FieldDecoder {
  readonly decode: Decode;
  /** The same as an expression over `bytes`, `view`, `at` and `length`, for generated code, where it is as short as a call. */
  readonly inline?: string;
  /** The value's text as the value table has it for CSV, where that takes no detour. */
  readonly text?: DecodeText;
  /** Where the field itself is that text in UTF-8: from so many bytes after its start to its end. */
  readonly textFrom?: number;
}

export interface DecodeOptions {
  /** `number` refuses what a double does not carry exactly. */
  readonly int8: 'number' | 'bigint';
  /** `number` takes the nearest double. */
  readonly numeric: 'text' | 'number';
}

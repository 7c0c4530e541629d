import { MillraceError } from '../../errors.ts';
import { type CsvOptions, isUtf8Label } from './options.ts';

const BOM = [0xef, 0xbb, 0xbf] as const;

/** The input as UTF-8 without its byte order mark. */
export interface Input {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Bytes left out at the beginning; known with the first chunk. */
  readonly skipped: number;
  /** False where bytes are not those of the input, but made of another encoding. */
  readonly hasOffsets: boolean;
}

export interface InputContext {
  readonly file: string;
  /** True where the chunks begin in mid file. */
  readonly isContinued: boolean;
  counted(count: { bytes: number }): void;
}

/** ENCODING_INVALID where the text is not of the encoding that the options name. Of other encodings than UTF-8 the bytes are counted here. */
export function utf8Input(chunks: AsyncIterable<Uint8Array>, options: CsvOptions, context: InputContext): Input {
  if (!isUtf8Label(options.encoding)) return { chunks: transcoded(chunks, options, context), skipped: 0, hasOffsets: false };
  if (!options.bom || context.isContinued) return { chunks, skipped: 0, hasOffsets: true };
  const input = { chunks, skipped: 0, hasOffsets: true };
  input.chunks = withoutBom(chunks, () => (input.skipped = BOM.length));
  return input;
}

async function* withoutBom(chunks: AsyncIterable<Uint8Array>, found: () => void): AsyncGenerator<Uint8Array> {
  let head: Uint8Array | undefined = new Uint8Array(0);
  for await (const chunk of chunks) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    const joined: Uint8Array = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    const isBegun = joined.subarray(0, BOM.length).every((byte, i) => byte === BOM[i]);
    if (isBegun && joined.length < BOM.length) {
      head = joined;
      continue;
    }
    head = undefined;
    if (isBegun) found();
    const rest = isBegun ? joined.subarray(BOM.length) : joined;
    if (rest.length > 0) yield rest;
  }
  if (head !== undefined && head.length > 0) yield head;
}

async function* transcoded(
  chunks: AsyncIterable<Uint8Array>,
  { encoding, bom }: CsvOptions,
  { file, counted }: InputContext,
): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: !bom });
  const encoder = new TextEncoder();
  let offset = 0;
  const decode = (chunk?: Uint8Array) => {
    try {
      return encoder.encode(chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true }));
    } catch (cause) {
      throw new MillraceError(
        'ENCODING_INVALID',
        `${file}: not ${decoder.encoding} between bytes ${offset} and ${offset + (chunk?.length ?? 0)}`,
        { cause },
      );
    }
  };
  for await (const chunk of chunks) {
    const bytes = decode(chunk);
    offset += chunk.length;
    counted({ bytes: chunk.length });
    if (bytes.length > 0 || chunk.length === 0) yield bytes;
  }
  const last = decode();
  if (last.length > 0) yield last;
}

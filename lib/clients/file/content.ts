import { decompress } from '../../formats/compression.ts';
import { type TextInput, textInput } from '../../formats/text/decode-text.ts';
import type { Encoding } from './options.ts';
import { readFile, type ReadOptions } from './read.ts';

export interface ContentOptions extends ReadOptions {
  readonly maxRatio: number;
}

/** The text of a file: decompressed, in UTF-8, from a byte of what comes out of the compression (0 where that is not UTF-8 already). */
export function contentOf(
  path: string,
  { compression, text, mark }: Encoding,
  { maxRatio, start = 0, ...reading }: ContentOptions,
): TextInput {
  const chunks =
    compression === 'none'
      ? readFile(path, { ...reading, start })
      : behind(decompress(readFile(path, reading), compression, { file: path, maxRatio }), start);
  if (start > 0) return { chunks, encoding: 'utf-8' };
  return textInput(chunks, { file: path === '-' ? 'standard input' : path, encoding: text, hasMark: mark !== false });
}

async function* behind(chunks: AsyncIterable<Uint8Array>, start: number): AsyncGenerator<Uint8Array> {
  let left = start;
  for await (const chunk of chunks) {
    if (chunk.length > left) yield left === 0 ? chunk : chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

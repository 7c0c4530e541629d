import { open } from 'node:fs/promises';
import { MillraceError } from '../../errors.ts';
import { canAppendTo } from '../../formats/compression.ts';
import type { Schema } from '../../schema/schema.ts';
import { tried } from './errors.ts';
import type { Encoding } from './options.ts';
import { contentOf } from './content.ts';
import { encodingName, type TextInput } from '../../formats/text/decode-text.ts';

const LF = 10;

/** What has to be known of a file before something is written behind it. */
export interface ExistingFile {
  /** The columns in the order in which they stand there; undefined where the file has no header. */
  readonly columns: readonly string[] | undefined;
  readonly endsInLineEnd: boolean;
}

/**
 * Looks at a file that is to be appended to; undefined where there is none, or an empty one. SCHEMA_MISMATCH where it has other columns than
 * those that come (another order is none), OPTION_INVALID where nothing can be appended to its format, DATA_MALFORMED where it is
 * compressed and cut off: what stood behind that could not be read again.
 */
export async function existingFile(
  path: string,
  encoding: Encoding,
  schema: Schema | undefined,
  signal: AbortSignal,
): Promise<ExistingFile | undefined> {
  const first = await firstByte(path);
  if (first === undefined) return undefined;
  const { format } = encoding;
  if (format.appends === 'nothing') {
    throw new MillraceError(
      'OPTION_INVALID',
      `${path}: nothing can be appended to a file of format ${format.name}; use ndjson, or replace it (mode replace)`,
    );
  }
  if (!canAppendTo(encoding.compression)) {
    throw new MillraceError(
      'OPTION_INVALID',
      `${path}: nothing can be appended to a file that is compressed with ${encoding.compression}; use gzip, or replace it (mode replace)`,
    );
  }
  const input = contentFrom(path, encoding, signal);
  const columns = await columnsIn(path, encoding, input);
  const wanted = encodingName(encoding.text);
  if (input.encoding !== wanted)
    throw new MillraceError(
      'OPTION_INVALID',
      `${path}: it is written in ${input.encoding}, and ${wanted} cannot stand behind that; set encoding to ${input.encoding}`,
    );
  if (columns !== undefined && schema !== undefined) checkColumns(path, columns, schema);
  return { columns, endsInLineEnd: (await lastByte(path, encoding, signal)) === LF };
}

/** Of a file that an earlier run of the job was writing; undefined where it had not begun. SCHEMA_MISMATCH, as above. */
export async function ownFile(
  path: string,
  encoding: Encoding,
  schema: Schema | undefined,
  signal: AbortSignal,
): Promise<ExistingFile | undefined> {
  if ((await firstByte(path)) === undefined) return undefined;
  const columns = await columnsIn(path, encoding, contentFrom(path, encoding, signal));
  if (columns !== undefined && schema !== undefined) checkColumns(path, columns, schema);
  return { columns, endsInLineEnd: true };
}

/** Those of its header, where it has one. */
async function columnsIn(path: string, { format }: Encoding, { chunks }: TextInput): Promise<readonly string[] | undefined> {
  return format.appends === 'header' ? (await format.decoder.describe(chunks, path))?.names : undefined;
}

function checkColumns(path: string, there: readonly string[], schema: Schema): void {
  const missing = there.filter(name => !schema.has(name));
  const surplus = schema.names.filter(name => !there.includes(name));
  if (missing.length === 0 && surplus.length === 0) return;
  const quoted = (names: readonly string[]): string => names.map(name => JSON.stringify(name)).join(', ');
  const what = [
    missing.length === 0 ? '' : `does not bring ${quoted(missing)}`,
    surplus.length === 0 ? '' : `brings ${quoted(surplus)}, which the file does not have`,
  ];
  throw new MillraceError(
    'SCHEMA_MISMATCH',
    `${path} has the columns ${quoted(there)}; what is to be appended ${what.filter(part => part !== '').join(' and ')}`,
  );
}

async function firstByte(path: string): Promise<number | undefined> {
  return byteOf(path, () => 0);
}

/** Of a file that is compressed, or not in UTF-8, all has to be read. */
async function lastByte(path: string, encoding: Encoding, signal: AbortSignal): Promise<number | undefined> {
  if (encoding.compression === 'none' && encodingName(encoding.text) === 'utf-8') return byteOf(path, length => length - 1);
  let last: number | undefined;
  for await (const chunk of contentFrom(path, encoding, signal).chunks) last = chunk[chunk.length - 1];
  return last;
}

async function byteOf(path: string, at: (length: number) => number): Promise<number | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, at((await file.stat()).size));
      return bytesRead === 0 ? undefined : buffer[0];
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    return tried(path, 'looking at it', () => Promise.reject(error as Error));
  }
}

function contentFrom(path: string, encoding: Encoding, signal: AbortSignal): TextInput {
  return contentOf(path, encoding, { signal, maxRatio: Infinity });
}

import { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, gzipSync, brotliCompressSync } from 'node:zlib';
import { MillraceError } from '../errors.ts';

export type Compression = 'gzip' | 'brotli';

/** Unpacked bytes; concatenated gzip members are read one after the other. Truncated or broken input is DATA_MALFORMED. */
export async function* decompress(chunks: AsyncIterable<Uint8Array>, compression: Compression, file: string): AsyncGenerator<Uint8Array> {
  const unpack = compression === 'gzip' ? createGunzip({ chunkSize: 256 * 1024 }) : createBrotliDecompress({ chunkSize: 256 * 1024 });
  const packed = Readable.from(chunks, { objectMode: false });
  let failure: unknown;
  packed.once('error', error => {
    failure = error;
    unpack.destroy();
  });
  packed.pipe(unpack);
  try {
    for await (const chunk of unpack) yield chunk as Uint8Array;
  } catch (error) {
    if (failure instanceof Error) throw failure;
    throw new MillraceError('DATA_MALFORMED', `${file}: the ${compression} data is truncated or broken`, { cause: error });
  } finally {
    packed.destroy();
    unpack.destroy();
  }
  if (failure instanceof Error) throw failure;
}

/** One member (gzip) for these bytes: members stand behind one another as one file. */
export function compressMember(chunks: readonly Uint8Array[], compression: Compression): Uint8Array {
  const whole = Buffer.concat(chunks);
  return compression === 'gzip' ? gzipSync(whole) : brotliCompressSync(whole);
}

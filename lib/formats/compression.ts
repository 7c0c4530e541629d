import { once } from 'node:events';
import { finished, type Transform } from 'node:stream';
import { constants, createBrotliCompress, createBrotliDecompress, createDeflate, createGunzip, createGzip, createInflate } from 'node:zlib';
import { MillraceError } from '../errors.ts';

export const COMPRESSIONS = ['none', 'gzip', 'brotli', 'deflate'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** What the end of a file's name says of its compression. */
const EXTENSIONS: Readonly<Record<string, Compression>> = { gz: 'gzip', br: 'brotli' };

/** The compression that a path's extension names, and the path without it. OPTION_INVALID for `.zst`, which is not there yet. */
export function compressionOf(path: string): { compression: Compression; rest: string } {
  const match = /^(.+)\.([^./\\]+)$/.exec(path);
  const extension = match?.[2]?.toLowerCase() ?? '';
  if (extension === 'zst') throw new MillraceError('OPTION_INVALID', `${path}: zst (zstd) cannot be read or written yet; use gz or br`);
  const compression = Object.hasOwn(EXTENSIONS, extension) ? EXTENSIONS[extension] : undefined;
  return compression === undefined ? { compression: 'none', rest: path } : { compression, rest: match?.[1] ?? path };
}

export interface DecompressOptions {
  readonly file: string;
  /** How many times its size the input may expand to, once it is past `ratioFromBytes`: a bomb is no data. */
  readonly maxRatio: number;
  /** 256 MiB by default: smaller ones may be as regular as they like. */
  readonly ratioFromBytes?: number;
}

const RATIO_FROM_BYTES = 256 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

/**
 * Bytes decompressed as they are asked for; members of gzip one behind the other are one input. Memory: a chunk. DATA_MALFORMED where the input
 * is damaged, cut off, has something else behind its end, or expands beyond `maxRatio`. Ending it early releases everything.
 */
export async function* decompress(
  chunks: AsyncIterable<Uint8Array>,
  compression: Compression,
  options: DecompressOptions,
): AsyncGenerator<Uint8Array> {
  if (compression === 'none') {
    yield* chunks;
    return;
  }
  const stream = decompressor(compression);
  const { maxRatio, ratioFromBytes = RATIO_FROM_BYTES } = options;
  const count = { fed: 0, given: 0 };
  const feeding = feed(chunks, stream, count);
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      count.given += chunk.length;
      if (count.given > ratioFromBytes && count.given > count.fed * maxRatio) throw tooDense(options);
      yield chunk;
    }
    await feeding;
    if (stream.bytesWritten < count.fed)
      throw new MillraceError(
        'DATA_MALFORMED',
        `${options.file}: something stands behind the end of the ${compression} data, from byte ${stream.bytesWritten} on`,
      );
  } catch (thrown) {
    throw damaged(thrown, compression, options.file);
  } finally {
    stream.destroy();
    await feeding.catch(() => undefined);
  }
}

type ZlibStream = Transform & { readonly bytesWritten: number };

function decompressor(compression: Exclude<Compression, 'none'>): ZlibStream {
  switch (compression) {
    case 'gzip':
      return createGunzip({ chunkSize: CHUNK_BYTES });
    case 'deflate':
      return createInflate({ chunkSize: CHUNK_BYTES });
    case 'brotli':
      return createBrotliDecompress({ chunkSize: CHUNK_BYTES });
  }
}

/** One chunk at a time, the next when zlib is done with it; ends when the stream does, whoever ended it. */
async function feed(chunks: AsyncIterable<Uint8Array>, stream: ZlibStream, count: { fed: number }): Promise<void> {
  const closed = once(stream, 'close').then(
    () => false,
    () => false,
  );
  try {
    for await (const chunk of chunks) {
      count.fed += chunk.length;
      if (!(await Promise.race([written(stream, chunk), closed]))) return;
    }
    stream.end();
  } catch (error) {
    stream.destroy(error as Error);
  }
}

function written(stream: Transform, chunk: Uint8Array): Promise<boolean> {
  return new Promise(resolve => stream.write(chunk, error => resolve(error === null || error === undefined)));
}

function tooDense({ file, maxRatio }: DecompressOptions): MillraceError {
  return new MillraceError(
    'DATA_MALFORMED',
    `${file}: expands to more than ${maxRatio} times its size, as only a decompression bomb does; if it is none, set maxRatio`,
  );
}

function damaged(thrown: unknown, compression: Compression, file: string): unknown {
  if (
    thrown instanceof MillraceError ||
    !(thrown instanceof Error) ||
    !('code' in thrown) ||
    !/^(Z_|ERR_|BROTLI)/.test(String(thrown.code))
  )
    return thrown;
  const isCut = thrown.code === 'Z_BUF_ERROR' || /unexpected end/.test(thrown.message);
  const what = isCut ? `the ${compression} data is truncated` : `not ${compression}, or damaged (${String(thrown.code)})`;
  return new MillraceError('DATA_MALFORMED', `${file}: ${what}`, { cause: thrown });
}

/** Compresses what is pushed into it. `write` resolves with what came out so far when zlib is done with the chunks. */
export interface Compressor {
  write(chunks: readonly Uint8Array[]): Promise<Uint8Array[]>;
  /** All that was written, up to a place where the file may be cut: gzip begins a new member there, which the others do not have. */
  commit(): Promise<Uint8Array[]>;
  /** The rest. Nothing where nothing was written. */
  end(): Promise<Uint8Array[]>;
  /** Lets go of zlib's memory. */
  destroy(): void;
}

export function compressor(compression: Compression): Compressor {
  if (compression === 'none') return NO_COMPRESSOR;
  let member: Member | undefined;
  const end = async (): Promise<Uint8Array[]> => {
    const rest = (await member?.end()) ?? [];
    member = undefined;
    return rest;
  };
  return {
    write(chunks) {
      member ??= new Member(compressorStream(compression));
      return member.write(chunks);
    },
    commit: async () => (compression === 'gzip' ? end() : ((await member?.flush()) ?? [])),
    end,
    destroy: () => member?.destroy(),
  };
}

const nothing = (): Promise<Uint8Array[]> => Promise.resolve([]);
const NO_COMPRESSOR: Compressor = {
  write: chunks => Promise.resolve([...chunks]),
  commit: nothing,
  end: nothing,
  destroy: () => undefined,
};

/** Whether further members can be written behind a file that is there. */
export function canAppendTo(compression: Compression): boolean {
  return compression === 'none' || compression === 'gzip';
}

function compressorStream(compression: Exclude<Compression, 'none'>): Flushing {
  switch (compression) {
    case 'gzip':
      return createGzip({ chunkSize: CHUNK_BYTES });
    case 'deflate':
      return createDeflate({ chunkSize: CHUNK_BYTES });
    case 'brotli':
      // The default, 11, is for pages that are compressed once and read for years: a hundred times slower.
      return createBrotliCompress({ chunkSize: CHUNK_BYTES, params: { [constants.BROTLI_PARAM_QUALITY]: 5 } });
  }
}

type Flushing = Transform & { flush(callback?: () => void): void };

class Member {
  readonly #stream: Flushing;
  #out: Uint8Array[] = [];

  constructor(stream: Flushing) {
    this.#stream = stream;
    stream.on('data', (chunk: Uint8Array) => this.#out.push(chunk));
    // Told to whoever writes.
    stream.on('error', () => undefined);
  }

  async write(chunks: readonly Uint8Array[]): Promise<Uint8Array[]> {
    for (const chunk of chunks) {
      await new Promise<void>((resolve, reject) =>
        this.#stream.write(chunk, error => (error === null || error === undefined ? resolve() : reject(error))),
      );
    }
    return this.#taken();
  }

  async flush(): Promise<Uint8Array[]> {
    await new Promise<void>(resolve => this.#stream.flush(resolve));
    return this.#taken();
  }

  async end(): Promise<Uint8Array[]> {
    const ended = new Promise<void>((resolve, reject) =>
      finished(this.#stream, error => (error === null || error === undefined ? resolve() : reject(error))),
    );
    this.#stream.end();
    await ended;
    return this.#taken();
  }

  destroy(): void {
    this.#stream.destroy();
  }

  #taken(): Uint8Array[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }
}

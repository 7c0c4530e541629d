import { brotliCompressSync, brotliDecompressSync, deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { expect } from 'chai';
import { type Compression, compressionOf, compressor, decompress } from '../../lib/formats/compression.ts';
import { failure, pieces } from './decoding.ts';

const text = Buffer.from(Array.from({ length: 1000 }, (_, i) => `line ${i} of many\n`).join(''));
const packed: [Compression, Buffer, (bytes: Buffer) => Buffer][] = [
  ['gzip', gzipSync(text), gunzipSync],
  ['brotli', brotliCompressSync(text), brotliDecompressSync],
  ['deflate', deflateSync(text), inflateSync],
];

async function all(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const seen: Uint8Array[] = [];
  for await (const chunk of chunks) seen.push(chunk);
  return Buffer.concat(seen);
}
const unpack = (bytes: Uint8Array, compression: Compression, size = 1000, maxRatio = 500) =>
  all(decompress(pieces(bytes, size), compression, { file: 'in.gz', maxRatio }));

/** Pieces, and whether their source was let go. */
function watched(bytes: Uint8Array): { chunks: AsyncIterable<Uint8Array>; isClosed: () => boolean } {
  let isClosed = false;
  const chunks = (async function* () {
    try {
      yield* pieces(bytes, 10);
    } finally {
      isClosed = true;
    }
  })();
  return { chunks, isClosed: () => isClosed };
}

describe('compression', () => {
  for (const [compression, bytes, unpackSync] of packed) {
    it(`reads ${compression} in pieces of any size`, async () => {
      for (const size of [1, 13, 1 << 20]) expect((await unpack(bytes, compression, size)).equals(text)).to.equal(true);
    });

    it(`finds ${compression} truncated at any byte`, async () => {
      for (let length = 0; length < bytes.length; length += length < 30 || length > bytes.length - 30 ? 1 : 97) {
        const error = await failure(unpack(bytes.subarray(0, length), compression));
        expect(error.code, `${length} bytes`).to.equal('DATA_MALFORMED');
        expect(error.message).to.match(/^in\.gz: .*truncated/);
      }
    });

    it(`finds something behind the end of ${compression}`, async () => {
      for (const rest of ['x', 'rest'.repeat(100)]) {
        for (const size of [1, 1 << 20])
          expect((await failure(unpack(Buffer.concat([bytes, Buffer.from(rest)]), compression, size))).code).to.equal('DATA_MALFORMED');
      }
    });

    it(`writes ${compression} that others read`, async () => {
      const { write, end } = compressor(compression);
      const chunks = [...(await write([text.subarray(0, 1000), text.subarray(1000)])), ...(await end())];
      expect(unpackSync(Buffer.concat(chunks)).equals(text)).to.equal(true);
    });

    it(`writes ${compression} up to each commit`, async () => {
      const { write, commit, end } = compressor(compression);
      const first = [...(await write([text])), ...(await commit())];
      const partial: Uint8Array[] = [];
      const reading = (async () => {
        for await (const chunk of decompress(pieces(Buffer.concat(first), 1 << 20), compression, { file: 'in', maxRatio: 500 }))
          partial.push(chunk);
      })();
      await reading.catch(() => undefined);
      expect(Buffer.concat(partial).equals(text)).to.equal(true);
      const rest = [...(await write([text])), ...(await end())];
      expect((await unpack(Buffer.concat([...first, ...rest]), compression)).length).to.equal(2 * text.length);
    });

    it(`lets go of ${compression} when it is left early, or fails`, async () => {
      const { chunks, isClosed } = watched(bytes);
      const reading = decompress(chunks, compression, { file: 'in', maxRatio: 500 });
      await reading.next();
      await reading.return(undefined);
      expect(isClosed()).to.equal(true);
      const failing = (async function* () {
        yield bytes.subarray(0, 100);
        throw new Error('the disk is gone');
      })();
      expect((await failure(all(decompress(failing, compression, { file: 'in', maxRatio: 500 })))).message).to.equal('the disk is gone');
    });
  }

  it('reads the members of a gzip file one behind the other', async () => {
    const [, gzip] = packed[0]!;
    for (const size of [1, 1000, 1 << 20])
      expect((await unpack(Buffer.concat([gzip, gzip, gzipSync('')]), 'gzip', size)).length).to.equal(2 * text.length);
  });

  it('finds damage', async () => {
    const [, gzip] = packed[0]!;
    const damaged = Buffer.from(gzip);
    damaged[damaged.length >> 1]! ^= 0xff;
    expect((await failure(unpack(damaged, 'gzip'))).code).to.equal('DATA_MALFORMED');
    expect((await failure(unpack(Buffer.from('plain text'), 'gzip'))).message).to.match(/not gzip/);
  });

  it('gives up on a bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(30 << 20));
    const given = { bytes: 0 };
    const reading = (async () => {
      for await (const chunk of decompress(pieces(bomb, 4096), 'gzip', { file: 'bomb.gz', maxRatio: 100, ratioFromBytes: 10 << 20 }))
        given.bytes += chunk.length;
    })();
    expect(await failure(reading)).to.include({ code: 'DATA_MALFORMED' });
    expect(given.bytes).to.be.below(12 << 20);
  });

  it('asks for no more of its input than it needs', async () => {
    let asked = 0;
    const endless = (async function* () {
      for (;;) {
        asked++;
        yield gzipSync(text);
      }
    })();
    const reading = decompress(endless, 'gzip', { file: 'in', maxRatio: 500 });
    await reading.next();
    await new Promise(resolve => setImmediate(resolve));
    expect(asked).to.be.below(10);
    await reading.return(undefined);
  });

  it('goes by the end of a name', () => {
    expect(compressionOf('a/b.csv.gz')).to.deep.equal({ compression: 'gzip', rest: 'a/b.csv' });
    expect(compressionOf('b.json.BR')).to.deep.equal({ compression: 'brotli', rest: 'b.json' });
    expect(compressionOf('gz')).to.deep.equal({ compression: 'none', rest: 'gz' });
    expect(compressionOf('a.gz/b')).to.deep.equal({ compression: 'none', rest: 'a.gz/b' });
    expect(() => compressionOf('a.csv.zst')).to.throw(/zst.*yet/);
  });
});

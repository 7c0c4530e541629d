import { expect } from 'chai';
import { Readable, Writable } from 'node:stream';
import { pipeline as nodePipeline } from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { z } from 'zod';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import type { Source } from '../../../lib/core/contracts.ts';
import { type AnyBatch, defineSource } from '../../../lib/core/define.ts';
import { generate } from '../../../sources/generate.ts';
import { runs } from '../../random.ts';

interface Row {
  readonly id: number;
}

const none = z.strictObject({});

interface Batches {
  readonly sizes: readonly number[];
  /** Turns of the event loop before batch i; none: it comes in the same turn. */
  readonly turns: readonly number[];
  readonly log?: string[];
}

const batchesKind = defineSource<typeof none, Batches>({
  kind: 'batches',
  options: none,
  async *read(_options, { signal }, { sizes, turns, log }) {
    let id = 0;
    try {
      for (const [i, size] of sizes.entries()) {
        for (let count = turns[i % turns.length] ?? 0; count > 0; count--) await turn();
        if (signal.aborted) return;
        yield RecordBatch.of(Array.from({ length: size }, () => ({ id: id++ }))) as AnyBatch;
      }
    } finally {
      log?.push('closed');
    }
  },
});
const batches = (sizes: readonly number[], turns: readonly number[] = [0], log?: string[]): Source<Row> =>
  batchesKind.create<Row>({}, log === undefined ? { sizes, turns } : { sizes, turns, log });

/** How a program reads a source to its end; the ids that came. */
const readers: Readonly<Record<string, (source: Source<Row>, isSlow: boolean) => Promise<number[]>>> = {
  'for await': async (source, isSlow) => {
    const ids: number[] = [];
    for await (const { id } of source) {
      ids.push(id);
      if (isSlow && id % 50 === 0) await turn();
    }
    return ids;
  },
  'data events': async (source, isSlow) => {
    const ids: number[] = [];
    source.on('data', ({ id }: Row) => {
      ids.push(id);
      if (!isSlow || id % 50 !== 0) return;
      source.pause();
      setImmediate(() => source.resume());
    });
    await new Promise((resolve, reject) => source.once('end', resolve).once('error', reject));
    return ids;
  },
  'read() on readable': async source => {
    const ids: number[] = [];
    source.on('readable', () => {
      for (let row = source.read() as Row | null; row !== null; row = source.read() as Row | null) ids.push(row.id);
    });
    await new Promise((resolve, reject) => source.once('end', resolve).once('error', reject));
    return ids;
  },
  'read() within data': async source => {
    const ids: number[] = [];
    source.on('data', ({ id }: Row) => {
      ids.push(id);
      if (id % 7 === 0) source.read(0);
    });
    await new Promise((resolve, reject) => source.once('end', resolve).once('error', reject));
    return ids;
  },
  '.pipe': async (source, isSlow) => {
    const { ids, stream } = collector(isSlow);
    source.pipe(stream);
    await new Promise((resolve, reject) => stream.once('finish', resolve).once('error', reject));
    return ids;
  },
  'stream/promises': async (source, isSlow) => {
    const { ids, stream } = collector(isSlow);
    await nodePipeline(source, stream);
    return ids;
  },
  'Readable.toWeb': async (source, isSlow) => {
    const ids: number[] = [];
    for await (const { id } of Readable.toWeb(source) as AsyncIterable<Row>) {
      ids.push(id);
      if (isSlow && id % 50 === 0) await turn();
    }
    return ids;
  },
  toArray: async source => (await source.toArray()).map(({ id }) => id),
};

function collector(isSlow: boolean): { ids: number[]; stream: Writable } {
  const ids: number[] = [];
  const stream = new Writable({
    objectMode: true,
    highWaterMark: isSlow ? 1 : 64,
    write({ id }: Row, _encoding, callback) {
      ids.push(id);
      if (isSlow && id % 10 === 0) setImmediate(callback);
      else callback();
    },
  });
  return { ids, stream };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, id) => id);

describe('a source as a plain Node stream gives every record once, in order', () => {
  it('also the last, partial batch of a generated table', async () => {
    let count = 0;
    let sum = 0;
    for await (const { id } of generate({ rows: 100_768, columns: ['id'] })) {
      count++;
      sum += id;
    }
    expect(count).to.equal(100_768);
    expect(sum).to.equal((100_768 * 100_769) / 2);
  });

  for (const [name, read] of Object.entries(readers)) {
    for (const isSlow of [false, true]) {
      it(`read by ${name}, ${isSlow ? 'slowly' : 'fast'}, whatever the batches and their pace`, async () => {
        const size = fc.oneof(fc.constantFrom(1, 255, 256, 257, 1024, 768), fc.integer({ min: 1, max: 1100 }));
        await fc.assert(
          fc.asyncProperty(
            fc.array(size, { maxLength: 6 }),
            fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 }),
            async (sizes, turns) => {
              const count = sizes.reduce((sum, each) => sum + each, 0);
              expect(await read(batches(sizes, turns), isSlow)).to.deep.equal(upTo(count));
            },
          ),
          { numRuns: runs(isSlow ? 12 : 25) },
        );
      });
    }
  }
});

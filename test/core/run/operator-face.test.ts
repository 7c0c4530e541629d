import { expect } from 'chai';
import { once } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import { pipeline as nodePipeline } from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { z } from 'zod';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import type { Operator, Source } from '../../../lib/core/contracts.ts';
import { type AnyBatch, defineSource } from '../../../lib/core/define.ts';
import { compose } from '../../../lib/core/run/pipeline.ts';
import { filter } from '../../../operators/filter.ts';
import { flatMap } from '../../../operators/flat-map.ts';
import { map } from '../../../operators/map.ts';
import { mapAsync } from '../../../operators/map-async.ts';
import { take } from '../../../operators/take.ts';
import { tap } from '../../../operators/tap.ts';
import { runs } from '../../random.ts';

interface Row {
  readonly id: number;
}

const none = z.strictObject({});
const endlessKind = defineSource<typeof none, string[]>({
  kind: 'endless',
  options: none,
  async *read(_options, { signal }, log) {
    try {
      for (let id = 0; !signal.aborted; id++) {
        await turn();
        yield RecordBatch.of([{ id }]) as AnyBatch;
      }
    } finally {
      log.push('closed');
    }
  },
});
const endless = (log: string[] = []): Source<Row> => endlessKind.create<Row>({}, log);

const rows = (count: number): Row[] => Array.from({ length: count }, (_, id) => ({ id }));
const ids = (count: number): number[] => rows(count).map(({ id }) => id);

async function idsOf(rowsRead: AsyncIterable<Row>, slowEvery = 0): Promise<number[]> {
  const read: number[] = [];
  for await (const { id } of rowsRead) {
    read.push(id);
    if (slowEvery > 0 && read.length % slowEvery === 0) await turn();
  }
  return read;
}

function* counting(): Generator<Row> {
  for (let id = 0; ; id++) yield { id };
}

/** Condition by condition, turn by turn. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

describe('operators as plain Node streams', () => {
  const lines: Readonly<Record<string, () => Operator<Row, Row>>> = {
    map: () => map((row: Row) => row),
    'mapAsync of one at a time': () => mapAsync((row: Row) => Promise.resolve(row), { concurrency: 1 }),
    flatMap: () => flatMap((row: Row) => [row]),
    'flatMap of three to one': () => flatMap((row: Row) => (row.id % 3 === 0 ? [0, 1, 2].map(n => ({ id: row.id + n })) : [])),
    'a composed line': () =>
      compose<Row>()(
        tap(() => undefined),
        flatMap(row => [row]),
        filter(() => true),
        mapAsync(row => Promise.resolve(row)),
      ),
  };

  for (const [name, open] of Object.entries(lines)) {
    it(`${name} gives every record once, in order, whoever reads and at what pace`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(fc.constantFrom(0, 3, 255, 256, 257, 513), fc.nat({ max: 900 })).map(count => count - (count % 3)),
          fc.nat({ max: 20 }),
          fc.integer({ min: 1, max: 300 }),
          async (count, slowEvery, highWaterMark) => {
            const source = Readable.from(rows(count), { highWaterMark });
            expect(await idsOf(source.pipe(open() as unknown as PassThrough), slowEvery)).to.deep.equal(ids(count));
          },
        ),
        { numRuns: runs(25) },
      );
    });
  }

  it('take gives all that it was to take to a slow reader, though a foreign source goes on', async () => {
    const source = Readable.from(rows(5000));
    expect(await idsOf(source.pipe(take(300) as unknown as PassThrough), 1)).to.deep.equal(ids(300));
  });

  it('take behind other stages ends them all, an endless one too', async () => {
    const log: string[] = [];
    expect(await idsOf(endless(log).pipe(flatMap(counting)).pipe(take(1000)))).to.deep.equal(ids(1000));
    await until(() => log.length > 0);
    const composed = compose<Row>()(flatMap(counting), take(1000));
    expect(await idsOf(endless(log).pipe(composed))).to.deep.equal(ids(1000));
    await until(() => log.length > 1);
  });

  it('take leaves a source running that somebody else reads too', async () => {
    const source = endless();
    const other = new PassThrough({ objectMode: true });
    source.pipe(other);
    expect(await idsOf(source.pipe(take<Row>(3)))).to.deep.equal(ids(3));
    let count = 0;
    for await (const _row of other) if (++count === 50) break;
    expect(count).to.equal(50);
    source.destroy();
    await once(source, 'close');
  });

  it('left early, it stops the sources before it', async () => {
    const log: string[] = [];
    const line = endless(log)
      .pipe(tap(() => undefined))
      .pipe(map((row: Row) => row));
    for await (const { id } of line) if (id === 10) break;
    await until(() => log.length > 0);
    expect(log).to.deep.equal(['closed']);
  });

  it('destroyed before anything was written, it closes', async () => {
    for (const stage of [map((row: Row) => row), flatMap((row: Row) => [row])]) {
      const closed = once(stage, 'close');
      stage.destroy();
      await closed;
    }
  });

  it('disposes of itself while calls are pending', async () => {
    const stage = mapAsync((): Promise<Row> => new Promise(() => undefined));
    stage.on('error', () => undefined);
    stage.write({ id: 1 });
    await turn();
    await stage[Symbol.asyncDispose]();
    expect(stage.destroyed).to.equal(true);
  });

  it('passes a foreign error on', async () => {
    const failing = new Readable({ objectMode: true, read: () => undefined });
    failing.push({ id: 1 });
    setImmediate(() => failing.destroy(new Error('the source fails')));
    const target = new Writable({ objectMode: true, write: (_row, _encoding, callback) => callback() });
    const error: unknown = await nodePipeline(failing, mapAsync((row: Row) => Promise.resolve(row)) as unknown as PassThrough, target).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect((error as Error).message).to.equal('the source fails');
  });

  it('refuses what is no record', async () => {
    for (const wrong of ['text', 7, Buffer.from('bytes'), [1]]) {
      const stage = map((row: Row) => row);
      stage.resume();
      stage.write(wrong);
      const [error] = (await once(stage, 'error')) as [Error & { code: string }];
      expect(error.code).to.equal('VALUE_INVALID');
    }
  });
});

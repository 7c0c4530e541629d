import { expect } from 'chai';
import { Readable, Transform, Writable } from 'node:stream';
import { pipeline as nodePipeline } from 'node:stream/promises';
import { z } from 'zod';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import type { Source } from '../../../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, defineSink, defineSource } from '../../../lib/core/define.ts';
import { map } from '../../../operators/map.ts';
import { take } from '../../../operators/take.ts';

interface Row {
  readonly id: number;
}
const none = z.strictObject({});
let opened = 0;
let closed = 0;

const countingKind = defineSource<typeof none, { readonly count: number; readonly size: number }>({
  kind: 'counting',
  options: none,
  async *read(_options, { signal }, { count, size }) {
    opened++;
    try {
      for (let id = 0; id < count && !signal.aborted; id += size) {
        await new Promise(resolve => setImmediate(resolve));
        yield RecordBatch.of(Array.from({ length: Math.min(size, count - id) }, (_, i) => ({ id: id + i }))) as AnyBatch;
      }
    } finally {
      closed++;
    }
  },
});
const counting = (count: number, size = 10): Source<Row> => countingKind.create<Row>({}, { count, size });

interface Target {
  readonly calls: string[];
  readonly rows: AnyRow[];
}
const targetKind = defineSink<typeof none, Target>({
  kind: 'target',
  options: none,
  needsSchema: false,
  open: (_options, { settle }, { calls, rows }) =>
    Promise.resolve({
      write: batch => {
        rows.push(...batch.rows);
        settle(batch);
        return Promise.resolve();
      },
      flush: () => Promise.resolve(void calls.push('flush')),
      commit: () => Promise.resolve(calls.push('commit')),
      close: () => Promise.resolve(void calls.push('close')),
      abort: () => Promise.resolve(void calls.push('abort')),
    }),
});
const target = (): Target => ({ calls: [], rows: [] });
const sinkOf = (to: Target) => targetKind.create<Row>({}, to);

function collecting(rows: unknown[]): Writable {
  return new Writable({
    objectMode: true,
    write(row, _encoding, callback) {
      rows.push(row);
      callback();
    },
  });
}

describe('a stage as a plain Node stream', () => {
  beforeEach(() => {
    opened = closed = 0;
  });
  afterEach(() => expect(opened, 'sources opened and closed').to.equal(closed));

  it('is read by for await', async () => {
    const seen: number[] = [];
    for await (const row of counting(25)) seen.push(row.id);
    expect(seen).to.deep.equal(Array.from({ length: 25 }, (_, i) => i));
  });

  it('lets go when for await is left early', async () => {
    const source = counting(1000);
    const over = new Promise(resolve => source.once('close', resolve));
    for await (const row of source) if (row.id === 3) break;
    await over;
    expect(closed).to.equal(1);
  });

  it('is piped through operators and foreign streams', async () => {
    const rows: unknown[] = [];
    const plus = new Transform({ objectMode: true, transform: (row: Row, _encoding, callback) => callback(null, { id: row.id + 1 }) });
    const end = counting(25)
      .pipe(map(row => ({ id: row.id * 2 })))
      .pipe(plus)
      .pipe(collecting(rows));
    await new Promise((resolve, reject) => end.once('finish', resolve).once('error', reject));
    expect(rows).to.deep.equal(Array.from({ length: 25 }, (_, i) => ({ id: i * 2 + 1 })));
  });

  it('ends in a sink that finishes when it is committed', async () => {
    const to = target();
    await nodePipeline(counting(2500), sinkOf(to));
    expect(to.rows).to.have.length(2500);
    expect(to.calls).to.deep.equal(['flush', 'commit', 'close']);
  });

  it("settles under Node's own pipeline when a take has had enough", async () => {
    const to = target();
    await nodePipeline(counting(100_000), take<Row>(3), sinkOf(to));
    expect(to.rows).to.deep.equal([{ id: 0 }, { id: 1 }, { id: 2 }]);
    expect(to.calls.at(-1)).to.equal('close');
  });

  it('takes from a foreign source that goes on', async () => {
    const rows: unknown[] = [];
    await nodePipeline(
      Readable.from(Array.from({ length: 5000 }, (_, id) => ({ id }))),
      take<Row>(3) as unknown as NodeJS.ReadWriteStream,
      collecting(rows),
    );
    expect(rows).to.have.length(3);
  });

  for (const [count, size] of [1, 2, 300, 1000].flatMap(each => [1, 10, 1000].map(piece => [each, piece] as const))) {
    it(`ends by itself, and what comes before it, when a take of ${count} behind an operator has had enough of batches of ${size}`, async () => {
      const source = counting(1000, size);
      const over = new Promise(resolve => source.once('close', resolve));
      const seen: number[] = [];
      const rows = source.pipe(map(row => ({ id: row.id }))).pipe(take(count));
      for await (const row of rows) seen.push(row.id);
      expect(seen).to.deep.equal(Array.from({ length: count }, (_, i) => i));
      await over;
    });
  }

  it('passes a failure on, and aborts the sink', async () => {
    const to = target();
    const failing = new Transform({
      objectMode: true,
      transform: (row: Row, _encoding, callback) => (row.id === 15 ? callback(new Error('no fifteen')) : callback(null, row)),
    });
    const running = nodePipeline(counting(1000), failing, sinkOf(to));
    await running.then(
      () => expect.fail('it ended well'),
      (error: Error) => expect(error.message).to.equal('no fifteen'),
    );
    expect(to.calls).not.to.include('commit');
  });

  it('is destroyed by the first reject', async () => {
    const refusing = map((row: Row): Row => {
      if (row.id === 5) throw new Error('no five');
      return row;
    });
    const running = nodePipeline(counting(100), refusing, collecting([]));
    await running.then(
      () => expect.fail('it ended well'),
      (error: Error & { code?: string }) => expect(error).to.include({ name: 'RecordRejected', code: 'OPERATOR_THREW' }),
    );
  });

  it('becomes a web stream', async () => {
    const reader = Readable.toWeb(counting(5)).getReader();
    const first = await reader.read();
    expect(first.value).to.deep.equal({ id: 0 });
    await reader.cancel();
  });

  it('disposes of itself', async () => {
    {
      await using source = counting(1000);
      await new Promise(resolve => source.once('data', resolve));
    }
    expect(closed).to.equal(1);
    const to = target();
    {
      await using sink = sinkOf(to);
      sink.write({ id: 1 });
    }
    expect(to.calls).not.to.include('commit');
  });

  it('says once that it has no dead letters and no report', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error): void => void warnings.push(warning.name);
    process.on('warning', listen);
    for await (const row of counting(1)) expect(row.id).to.equal(0);
    for await (const row of counting(1)) expect(row.id).to.equal(0);
    await new Promise(resolve => setImmediate(resolve));
    process.off('warning', listen);
    expect(warnings.filter(name => name === 'MillraceWarning').length).to.be.lessThan(2);
  });
});

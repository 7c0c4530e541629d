import { Readable } from 'node:stream';
import { expect } from 'chai';
import { from, pipeline, take, through, to } from '../../lib/index.ts';
import type { AnyBatch, SourceContext } from '../../lib/core/define.ts';
import { recordsKind } from '../../sources/records.ts';

interface Row {
  readonly id: number;
}
const rows: Row[] = Array.from({ length: 9 }, (_, id) => ({ id }));

function read(given: unknown, context: Partial<SourceContext> = {}): AsyncIterator<AnyBatch> {
  const whole: SourceContext = {
    signal: new AbortController().signal,
    batchRows: 4096,
    batchBytes: 1 << 18,
    counted: () => undefined,
    expects: () => undefined,
    warn: () => undefined,
    ...context,
  };
  return recordsKind.definition.read({}, whole, given as Iterable<never>)[Symbol.asyncIterator]();
}

describe('source records', () => {
  it('makes batches of wide records small, wherever they come from', async () => {
    const wide = Array.from({ length: 40 }, (_, id) => ({ id, text: 'x'.repeat(100_000) }));
    for (const given of [wide, new Set(wide), Readable.from(wide), ReadableStream.from(wide)]) {
      const batches = read(given);
      const lengths: number[] = [];
      for (let next = await batches.next(); next.done !== true; next = await batches.next()) lengths.push(next.value.length);
      expect(lengths.reduce((sum, length) => sum + length, 0)).to.equal(40);
      expect(Math.max(...lengths), lengths.join()).to.be.at.most(6);
    }
  });

  it('names what is no record, and its number', async () => {
    const wrong: [unknown, string][] = [
      [null, 'null'],
      [5, 'number'],
      ['x', 'string'],
      [undefined, 'undefined'],
      [[1], 'list'],
      [Buffer.from('x'), 'bytes'],
    ];
    for (const [value, named] of wrong) {
      for (const make of [(list: unknown[]) => list, (list: unknown[]) => new Set(list), (list: unknown[]) => later(list)]) {
        const error = await pipeline(from.records(make([{ id: 0 }, value]) as Iterable<Row>), to.memory<Row>([])).then(
          () => undefined,
          (reason: Error) => reason,
        );
        expect(error, named).to.have.property('code', 'VALUE_INVALID');
        expect(error?.message).to.contain('record 1').and.contain(named);
      }
    }
  });

  it('refuses what cannot be iterated when it is made', () => {
    for (const given of [null, undefined, 5, 'text', {}])
      expect(() => from.records(given as never))
        .to.throw()
        .with.property('code', 'OPTION_INVALID');
  });

  it('closes a generator that is needed no more', async () => {
    for (const isAsync of [false, true]) {
      let close: () => void = () => undefined;
      const closed = new Promise<void>(resolve => (close = resolve));
      const endless = function* (): Generator<Row> {
        try {
          for (let id = 0; ; id++) yield { id };
        } finally {
          close();
        }
      };
      const seen: Row[] = [];
      await pipeline(from.records(isAsync ? later(endless()) : endless()), take(3), to.memory<Row>(seen));
      expect(seen.map(({ id }) => id)).to.deep.equal([0, 1, 2]);
      // Whoever waits for its next record closes only with that.
      await closed;
    }
  });

  it('lets go of a source that says nothing when the run is aborted', async () => {
    let isReturned = false;
    let isCancelled = false;
    const silent = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<never>(() => undefined),
        return: () => ((isReturned = true), Promise.resolve({ done: true, value: undefined } as const)),
      }),
    };
    const readable = new Readable({ objectMode: true, read: () => undefined });
    const web = new ReadableStream<Row>({ cancel: () => void (isCancelled = true) });
    for (const given of [silent, readable, web] as AsyncIterable<Row>[]) {
      const abort = new AbortController();
      const ended = pipeline(from.records(given), to.null(), { signal: abort.signal }).then(
        () => undefined,
        (reason: Error) => reason,
      );
      setImmediate(() => abort.abort());
      expect(await ended).to.have.property('code', 'CANCELLED');
    }
    expect([isReturned, readable.destroyed, isCancelled]).to.deep.equal([true, true, true]);
  });

  it('passes on what an async source gave before it stalled', async () => {
    let release: () => void = () => undefined;
    const given = new Promise<void>(resolve => (release = resolve));
    async function* stalling(): AsyncGenerator<Row> {
      yield* rows.slice(0, 2);
      await given;
      yield* rows.slice(2);
    }
    const seen: Row[] = [];
    await pipeline(
      from.records(stalling()),
      to.function((row: Row) => {
        seen.push(row);
        if (seen.length === 2) release();
      }),
    );
    expect(seen).to.deep.equal(rows);
  });

  it('keeps records back as long as the run asks for, also behind a foreign stage', async () => {
    let release: () => void = () => undefined;
    const given = new Promise<void>(resolve => (release = resolve));
    async function* stalling(): AsyncGenerator<Row> {
      yield* rows.slice(0, 2);
      await given;
    }
    const start = performance.now();
    await pipeline(
      from.records(stalling()),
      through<Row>(async function* (input) {
        yield* input;
        await given;
      }),
      to.function(() => release()),
      { batchDelayMs: 1 },
    );
    expect(performance.now() - start).to.be.below(90);
  });

  it('does not read a stream a second time, as if it were empty', async () => {
    const used = Readable.from(rows);
    const target: Row[] = [];
    await pipeline(from.records<Row>(used), to.memory(target));
    const error: unknown = await pipeline(from.records<Row>(used), to.memory(target)).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.include({ code: 'ENDED_EARLY', stage: 'records' });
    expect(target).to.deep.equal(rows);
  });

  it('does not take a stream that was closed early for a whole one', async () => {
    const closing = new Readable({ objectMode: true, read: () => undefined });
    closing.push({ id: 1 });
    setImmediate(() => closing.destroy());
    const target: Row[] = [];
    const error: unknown = await pipeline(from.records(closing), to.memory(target)).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.include({ code: 'ENDED_EARLY', stage: 'records' });
    expect(target).to.deep.equal([]);
  });

  it('goes on behind a position of an array, up to another, and says where a record stood', async () => {
    const batches = read(rows, { after: { row: 2 }, to: { row: 6 }, batchRows: 2 });
    const seen: unknown[] = [];
    for (let next = await batches.next(); next.done !== true; next = await batches.next()) {
      seen.push([next.value.rows.map(row => row['id']), next.value.position, next.value.locate(0)]);
    }
    expect(seen).to.deep.equal([
      [[3, 4], { row: 4 }, { row: 3 }],
      [[5, 6], { row: 6 }, { row: 5 }],
    ]);
  });

  it('fails with the error of the stream or generator that it reads', async () => {
    const broken = new Readable({
      objectMode: true,
      read() {
        this.push(rows[0]);
        this.destroy(new Error('the line went dead'));
      },
    });
    function* throwing(): Generator<Row> {
      yield rows[0] as Row;
      throw new Error('the line went dead');
    }
    for (const given of [broken, throwing(), later(throwing())]) {
      const error = await pipeline(from.records(given as Iterable<Row>), to.null()).then(
        () => undefined,
        (reason: Error) => reason,
      );
      expect(error?.message).to.equal('the line went dead');
    }
  });
});

async function* later<T>(values: Iterable<T>): AsyncGenerator<T> {
  for (const value of values) {
    await new Promise(resolve => setImmediate(resolve));
    yield value;
  }
}

import { expect } from 'chai';
import highland from 'highland';
import { once } from 'node:events';
import { z } from 'zod';
import { RecordBatch } from '../lib/core/batch/batch.ts';
import { type AnyBatch, defineSource } from '../lib/core/define.ts';
import type { Rows } from '../lib/core/contracts.ts';
import { fromHighland, toHighland } from '../lib/highland.ts';
import { map } from '../operators/map.ts';
import { memory } from '../sources/memory.ts';
import { records } from '../sources/records.ts';

const none = z.strictObject({});
const kind = defineSource<typeof none>({
  kind: 'numbers',
  options: none,
  async *read() {
    for (let id = 0; id < 100; id++) {
      await Promise.resolve();
      yield RecordBatch.of([{ id }]) as AnyBatch;
    }
  },
});

describe('highland', () => {
  it('reads a source', async () => {
    const ids = await toHighland(kind.create<{ id: number }>({}, undefined))
      .map(({ id }) => id * 2)
      .collect()
      .toPromise(Promise);
    expect(ids).to.deep.equal(Array.from({ length: 100 }, (_, id) => id * 2));
  });

  it('reads a large source, and one behind operators', async () => {
    const rows = Array.from({ length: 20_000 }, (_, id) => ({ id }));
    const read = (stream: Rows<{ id: number }>) => toHighland(stream).collect().toPromise(Promise);
    expect(await read(memory(rows))).to.deep.equal(rows);
    expect(await read(memory(rows).pipe(map(row => row)))).to.deep.equal(rows);
  });

  it('hears the error of a source, once and before its end', async () => {
    async function* failing(): AsyncGenerator<{ id: number }> {
      yield { id: 1 };
      await Promise.resolve();
      throw new Error('the source fails');
    }
    const errors: string[] = [];
    await toHighland(records(failing()))
      .errors(error => errors.push(error.message))
      .collect()
      .toPromise(Promise);
    expect(errors).to.deep.equal(['the source fails']);
    const rejected: unknown = await toHighland(records(failing()))
      .collect()
      .toPromise(Promise)
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect((rejected as Error).message).to.equal('the source fails');
  });

  it('leaves no source open when its stream is destroyed', async () => {
    const source = kind.create<{ id: number }>({}, undefined);
    const over = once(source, 'close');
    const stream = toHighland(source);
    let count = 0;
    stream.each(() => {
      if (++count === 3) setImmediate(() => stream.destroy());
    });
    await over;
    expect(count).to.be.at.least(3);
  });

  it('ends where its source is disposed of, as a take that has had enough cannot tell it', async () => {
    const source = kind.create<{ id: number }>({}, undefined);
    expect(await toHighland(source).take(3).collect().toPromise(Promise)).to.have.length(3);
    source.on('error', () => undefined);
    await source[Symbol.asyncDispose]();
    expect(source.closed).to.equal(true);
  });

  it('is read no more when a run has had enough of it, and throws nothing', async () => {
    let made = 0;
    const numbers = highland<{ id: number }>((push, next) => {
      push(null, { id: made++ });
      setImmediate(next);
    });
    const rows: unknown[] = [];
    for await (const row of fromHighland(numbers)) if (rows.push(row) === 3) break;
    const after = made;
    for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve));
    expect(made - after).to.be.at.most(1);
    expect(rows).to.deep.equal([{ id: 0 }, { id: 1 }, { id: 2 }]);
  });

  it('gives its records back', async () => {
    const rows: unknown[] = [];
    for await (const row of fromHighland(highland([1, 2, 3]).map(id => ({ id })))) rows.push(row);
    expect(rows).to.deep.equal([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });

  it('passes its first error on', async () => {
    const failing = highland<{ id: number }>(push => {
      push(null, { id: 1 });
      push(new Error('highland fails'));
      push(null, highland.nil);
    });
    const rows: unknown[] = [];
    let failure: unknown;
    try {
      for await (const row of fromHighland(failing)) rows.push(row);
    } catch (error) {
      failure = error;
    }
    expect((failure as Error).message).to.equal('highland fails');
  });
});

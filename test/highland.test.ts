import { expect } from 'chai';
import highland from 'highland';
import { once } from 'node:events';
import { z } from 'zod';
import { RecordBatch } from '../lib/core/batch/batch.ts';
import { type AnyBatch, defineSource } from '../lib/core/define.ts';
import { fromHighland, toHighland } from '../lib/highland.ts';

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

  it('leaves no source open when it takes only some', async () => {
    const source = kind.create<{ id: number }>({}, undefined);
    const over = once(source, 'close');
    expect(await toHighland(source).take(3).collect().toPromise(Promise)).to.have.length(3);
    source.destroy();
    await over;
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

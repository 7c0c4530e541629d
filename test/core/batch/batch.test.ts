import { expect } from 'chai';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import { collectGarbage } from '../../held-bytes.ts';

const places = [{ line: 2 }, { line: 3 }, { line: 4 }];
const made = (): RecordBatch<{ n: number }> =>
  RecordBatch.of([{ n: 1 }, { n: 2 }, { n: 3 }], undefined, { offset: 30 }, undefined, row => places[row]);

describe('the place of a row', () => {
  it('is that of the row in its source, through views, and else that of the batch', () => {
    const some = made().select(Uint32Array.of(0, 2));
    expect([0, 1].map(row => some.locate(row))).to.deep.equal([{ line: 2 }, { line: 4 }]);
    expect(some.locate(9)).to.deep.equal({ offset: 30 });
    expect(RecordBatch.of([{ n: 1 }], undefined, { offset: 30 }).locate(0)).to.deep.equal({ offset: 30 });
  });

  it('can be kept longer than the rows', async () => {
    const kept = (() => {
      const batch = made().select(Uint32Array.of(1, 2));
      return { locate: batch.locator, row: new WeakRef(batch.rows[0] as object) };
    })();
    // A WeakRef holds on to its target until the job that made it has ended.
    await new Promise(resolve => setImmediate(resolve));
    collectGarbage();
    expect(kept.row.deref()).to.equal(undefined);
    expect(kept.locate(0)).to.deep.equal({ line: 3 });
  });
});

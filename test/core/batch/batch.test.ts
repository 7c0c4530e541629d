import { expect } from 'chai';
import { ArrayColumn } from '../../../lib/core/batch/column.ts';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';

describe('a batch of objects that nobody described', () => {
  const batch = RecordBatch.of(
    [
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
      { id: 3, name: 'c' },
    ],
    undefined,
    { row: 2 },
    undefined,
    row => ({ row }),
  );

  it('keeps its other fields when a column is laid over it', () => {
    const overlay = new ArrayColumn({ kind: 'text' }, ['x', null, 'z']);
    const changed = batch.withColumn('name', overlay).withColumn('more', new ArrayColumn({ kind: 'int8' }, [7, 8, 9]));
    expect(changed.rows).to.deep.equal([
      { id: 1, name: 'x', more: 7 },
      { id: 2, name: null, more: 8 },
      { id: 3, name: 'z', more: 9 },
    ]);
    expect(changed.column('more').get(1)).to.equal(8);
    expect(changed.schemaKnown).to.equal(false);
    expect(batch.rows[0]).to.deep.equal({ id: 1, name: 'a' });
  });

  it('keeps its position, the places of its rows, and a column whose name is `__proto__`', () => {
    const changed = batch.select(Uint32Array.of(0, 2)).withColumn('__proto__', new ArrayColumn({ kind: 'text' }, ['p', 'q']));
    expect(changed.position).to.deep.equal({ row: 2 });
    expect(changed.locate(1)).to.deep.equal({ row: 2 });
    expect(Object.entries(changed.rows[1] as object)).to.deep.equal([
      ['id', 3],
      ['name', 'c'],
      ['__proto__', 'q'],
    ]);
  });
});

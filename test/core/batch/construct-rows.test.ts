import { expect } from 'chai';
import { ArrayColumn } from '../../../lib/core/batch/column.ts';
import { constructRows } from '../../../lib/core/batch/construct-rows.ts';

describe('objects made of columns', () => {
  const NAMES: Readonly<Record<string, readonly string[]>> = {
    'of usual names': ['id', 'name', 'a b', '"', '日本', '\u2028'],
    'of names that every object inherits': ['id', '__proto__', 'constructor', 'toString', 'hasOwnProperty'],
    'of numbers for names': ['b', '1', 'a', '0'],
    'of very many': Array.from({ length: 600 }, (_, i) => `c${i}`),
    'of none': [],
  };
  for (const [title, names] of Object.entries(NAMES)) {
    it(`are plain, ${title}`, () => {
      const columns = names.map((_, i) => new ArrayColumn({ kind: 'int4' }, [i, null, -i]));
      const rows = constructRows(names, columns, 3);
      expect(rows).to.have.length(3);
      for (const [at, row] of rows.entries()) {
        expect(Object.getPrototypeOf(row)).to.equal(Object.prototype);
        expect(new Map(Object.entries(row))).to.deep.equal(new Map(names.map((name, i) => [name, columns[i]?.get(at)])));
        if (title.includes('numbers')) continue;
        expect(Object.keys(row)).to.deep.equal(names);
      }
      expect(structuredClone(rows[0])).to.deep.equal({ ...rows[0] });
    });
  }

  it('can be changed by whoever has them, one without the other', () => {
    const [first, second] = constructRows(['id'], [new ArrayColumn({ kind: 'int4' }, [1, 2])], 2) as { id?: number; more?: number }[];
    Object.assign(first as object, { more: 3 });
    delete second?.id;
    expect([first, second]).to.deep.equal([{ id: 1, more: 3 }, {}]);
  });
});

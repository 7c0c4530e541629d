import { expect } from 'chai';
import type { DeadLetter } from '../../../lib/core/contracts.ts';
import { filter, from, map, pipeline, tap, to } from '../../../lib/index.ts';

class Point {
  readonly x = 1;
}

interface Row {
  id: number;
}

/** What comes out of a few rows, and why others did not. */
async function through(
  change: (row: Row) => unknown,
  keep: (row: object) => unknown = () => true,
): Promise<{ rows: object[]; reasons: string[] }> {
  const rows: object[] = [];
  const letters: DeadLetter[] = [];
  await pipeline(
    from.records([{ id: 0 }, { id: 1 }, { id: 2 }]),
    map(change as (row: Row) => object),
    filter(keep as (row: object) => boolean),
    to.memory(rows),
    { deadLetter: to.memory(letters) },
  );
  return { rows, reasons: letters.map(({ stage, code, reason }) => `${stage} ${code}: ${reason}`) };
}

describe('a loop over row functions', () => {
  it('takes every object with fields for a record: of a class, without a prototype, with fields that every object inherits', async () => {
    const bare = Object.assign(Object.create(null) as object, { id: 1 });
    const odd = [new Point(), bare, { constructor: 'own', then: 'later', __proto__: null }];
    expect(await through(({ id }) => odd[id])).to.deep.equal({ rows: odd, reasons: [] });
  });

  it('refuses what is none, whatever it says of itself', async () => {
    const list = Object.assign([1, 2], { constructor: Array });
    const odd = [list, new Uint8Array(2), Promise.resolve({})];
    expect(await through(({ id }) => odd[id])).to.deep.equal({
      rows: [],
      reasons: [
        'map VALUE_INVALID: the function gave a list, not an object with fields',
        'map VALUE_INVALID: the function gave bytes, not an object with fields',
        'map VALUE_INVALID: the function gave a promise; use mapAsync',
      ],
    });
  });

  it('takes what a filter gives for true or false, as JavaScript does', async () => {
    const given = ['yes', 0, NaN];
    const { rows } = await through(
      row => ({ ...row }),
      row => given[(row as Row).id],
    );
    expect(rows).to.deep.equal([{ id: 0 }]);
  });

  it('rejects the record as the function that threw got it, wherever it stands', async () => {
    const letters: DeadLetter[] = [];
    const failing = (what: number) => (row: { id: number; by: string }) => {
      if (row.id === what) throw new Error(`no ${what}`);
    };
    await pipeline(
      from.records([{ id: 0 }, { id: 1 }, { id: 2 }, { id: 3 }]),
      map(({ id }) => ({ id, by: 'first' })),
      tap(failing(1)),
      map(({ id }) => ({ id, by: 'second' })),
      tap(failing(2)),
      to.null(),
      { deadLetter: to.memory(letters) },
    );
    expect(letters.map(({ record, reason }) => [record, reason])).to.deep.equal([
      [{ id: 1, by: 'first' }, 'Error: no 1'],
      [{ id: 2, by: 'second' }, 'Error: no 2'],
    ]);
  });

  it('knows runs apart that share their functions', async () => {
    const isEven = ({ id }: Row): boolean => id % 2 === 0;
    const negate = ({ id }: Row): Row => ({ id: -id });
    const run = async (...stages: [typeof isEven, typeof negate] | [typeof negate, typeof isEven]): Promise<object[]> => {
      const rows: object[] = [];
      const [first, second] = stages;
      if (first === isEven) await pipeline(from.records([{ id: 1 }, { id: 2 }]), filter(isEven), map(negate), to.memory(rows));
      else await pipeline(from.records([{ id: 1 }, { id: 2 }]), map(negate), map(second as typeof negate), to.memory(rows));
      return rows;
    };
    expect(await run(isEven, negate)).to.deep.equal([{ id: -2 }]);
    expect(await run(negate, isEven).catch((error: unknown) => (error as { code: string }).code)).to.equal('VALUE_INVALID');
    expect(await run(isEven, negate)).to.deep.equal([{ id: -2 }]);
  });
});

import { expect } from 'chai';
import { type DeadLetter, from, pipeline, Schema, to } from '../../lib/index.ts';
import { sinkCases } from '../../lib/testing/index.ts';

interface Row {
  readonly id: number;
}
const rows: Row[] = Array.from({ length: 20 }, (_, id) => ({ id }));
const schema = new Schema([{ name: 'id', type: { kind: 'int8' }, nullable: false }]);
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

describe('sink function with several calls at once', () => {
  let target: Row[] = [];
  const open = () => {
    const seen: Row[] = (target = []);
    return to.function(
      async (row: Row) => {
        await turn();
        seen.push(row);
      },
      { concurrency: 4 },
    );
  };
  for (const { name, run } of sinkCases({ open, records: rows, schema, read: () => target, isAtomic: false })) it(name, run);
});

describe('sink function', () => {
  it('calls in order, one after the other, unless told otherwise', async () => {
    for (const concurrency of [1, 5]) {
      let running = 0;
      let most = 0;
      const seen: number[] = [];
      const report = await pipeline(
        from.records(rows),
        to.function(
          async (row: Row) => {
            most = Math.max(most, ++running);
            seen.push(row.id);
            await turn();
            running--;
          },
          { concurrency },
        ),
      );
      expect(most).to.equal(concurrency);
      expect(seen).to.deep.equal(rows.map(({ id }) => id));
      expect(report.written).to.equal(20);
    }
  });

  it('rejects the records whose call throws or rejects, in order, and calls for all others', async () => {
    const letters: DeadLetter[] = [];
    const seen: number[] = [];
    const use = (row: Row): unknown => {
      if (row.id === 4) throw new Error('four');
      if (row.id === 2) return turn().then(() => Promise.reject(new Error('two')));
      return seen.push(row.id);
    };
    const report = await pipeline(from.records(rows), to.function(use, { concurrency: 3 }), { deadLetter: to.memory(letters) });
    expect(letters.map(({ code, reason, record }) => [code, reason, (record as Row).id])).to.deep.equal([
      ['OPERATOR_THREW', 'Error: two', 2],
      ['OPERATOR_THREW', 'Error: four', 4],
    ]);
    expect(seen).to.have.length(18);
    expect(report).to.include({ read: 20, written: 18, rejected: 2 });
  });

  it('begins no further call behind one that failed, where nothing takes rejects', async () => {
    let calls = 0;
    const use = (): void => {
      calls++;
      throw new Error('no');
    };
    const error = await pipeline(from.records(rows), to.function(use)).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).to.have.property('code', 'OPERATOR_THREW');
    expect(calls).to.equal(1);
  });

  it('ends at once when the run is aborted, though a call never answers', async () => {
    const abort = new AbortController();
    const never = (): Promise<void> => new Promise(() => setImmediate(() => abort.abort()));
    const error = await pipeline(from.records(rows), to.function(never), { signal: abort.signal }).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).to.have.property('code', 'CANCELLED');
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { RecordBatch } from '../../lib/core/batch/batch.ts';
import type { AnyBatch, AnyRow, OperatorContext } from '../../lib/core/define.ts';
import { type DeadLetter, from, pipeline, to } from '../../lib/index.ts';
import { operatorCases } from '../../lib/testing/index.ts';
import { mapAsync, mapAsyncKind } from '../../operators/map-async.ts';
import { runs } from '../random.ts';

interface Row {
  readonly id: number;
}
const rows: Row[] = Array.from({ length: 20 }, (_, id) => ({ id }));
const later = (turns: number): Promise<void> =>
  turns <= 0 ? Promise.resolve() : new Promise(resolve => setImmediate(() => void later(turns - 1).then(resolve)));

describe('mapAsync', () => {
  const twice = async (row: Row): Promise<{ twice: number }> => {
    await later((row.id * 7) % 5);
    return { twice: row.id * 2 };
  };
  for (const { name, run } of operatorCases({
    open: () => mapAsync(twice, { concurrency: 3 }),
    input: rows,
    expected: rows.map(({ id }) => ({ twice: id * 2 })),
  }))
    it(name, run);

  it('keeps the order, whatever the calls take and however the records are cut; unordered it gives the same records', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(4), { minLength: 1, maxLength: 6 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        async (pieces, concurrency, ordered) => {
          let running = 0;
          let most = 0;
          const change = async (row: AnyRow): Promise<AnyRow> => {
            most = Math.max(most, ++running);
            await later(row['turns'] as number);
            running--;
            return row;
          };
          const batches = pieces.map(
            (piece, i) =>
              RecordBatch.of(
                piece.map((turns, j) => ({ i, j, turns })),
                undefined,
                { piece: i },
              ) as AnyBatch,
          );
          const given = await collect(batches, change, concurrency, ordered);
          const wanted = batches.flatMap(batch => [...batch.rows]);
          const out = given.flatMap(batch => [...batch.rows]);
          if (ordered) expect(out).to.deep.equal(wanted);
          else expect(out).to.have.deep.members(wanted);
          expect(out).to.have.length(wanted.length);
          expect(most).to.be.at.most(concurrency);
          const positions = given.flatMap(batch => (batch.position === undefined ? [] : [batch.position]));
          expect(positions).to.deep.equal(
            ordered ? batches.map(batch => batch.position) : pieces.length === 0 ? [] : [{ piece: pieces.length - 1 }],
          );
          expect(given.at(-1)?.position).to.deep.equal(batches.at(-1)?.position);
        },
      ),
      { numRuns: runs(150) },
    );
  });

  it('runs calls of several small batches at once', async () => {
    let running = 0;
    let most = 0;
    const batches = rows.map(row => RecordBatch.of([row as unknown as AnyRow]));
    await collect(
      batches,
      async row => {
        most = Math.max(most, ++running);
        await later(20);
        running--;
        return row;
      },
      8,
      true,
    );
    expect(most).to.equal(8);
  });

  it('rejects the records whose call throws, rejects or gives nothing, and passes on the others', async () => {
    const letters: DeadLetter[] = [];
    const out: unknown[] = [];
    const change = (row: Row): Promise<Row> => {
      if (row.id === 3) throw new TypeError('three');
      if (row.id === 5) return Promise.reject(new Error('five'));
      if (row.id === 7) return Promise.resolve(undefined as never);
      return Promise.resolve(row);
    };
    const report = await pipeline(from.records(rows), mapAsync(change), to.memory(out as Row[]), { deadLetter: to.memory(letters) });
    expect(out).to.deep.equal(rows.filter(({ id }) => ![3, 5, 7].includes(id)));
    expect(letters.map(({ code, reason, record }) => `${code} ${reason} ${(record as Row).id}`).sort()).to.deep.equal([
      'OPERATOR_THREW Error: five 5',
      'OPERATOR_THREW TypeError: three 3',
      'VALUE_INVALID the function gave undefined; leave records out with filter 7',
    ]);
    expect(report).to.include({ read: 20, written: 17, rejected: 3 });
  });

  it('stops the run at the first reject where nothing takes it, and begins no further call', async () => {
    let calls = 0;
    const change = (): Promise<Row> => (++calls, Promise.reject(new Error('no')));
    const error = await pipeline(from.records(rows), mapAsync(change, { concurrency: 2 }), to.null()).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).to.have.property('code', 'OPERATOR_THREW');
    expect(calls).to.equal(2);
  });

  it('ends at once when the run is aborted, though a call never answers', async () => {
    const abort = new AbortController();
    const never = (): Promise<Row> => new Promise(() => setImmediate(() => abort.abort()));
    const error = await pipeline(from.records(rows), mapAsync(never), to.null(), { signal: abort.signal }).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).to.have.property('code', 'CANCELLED');
  });

  it('unordered, gives what is ready though all other calls hang', async () => {
    let release: () => void = () => undefined;
    const hanging = new Promise<void>(resolve => (release = resolve));
    const out: Row[] = [];
    await pipeline(
      from.records(rows),
      mapAsync(async (row: Row) => (row.id === 0 || row.id === 2 ? hanging.then(() => row) : row), { concurrency: 2, ordered: false }),
      to.function((row: Row) => {
        out.push(row);
        if (row.id === 1) release();
      }),
    );
    expect(out[0]).to.deep.equal(rows[1]);
    expect(out).to.have.deep.members(rows);
  });

  it('passes on what is finished though its source stalls', async () => {
    async function* stalling(): AsyncGenerator<Row> {
      yield rows[0] as Row;
      await given;
      yield rows[1] as Row;
    }
    let release: () => void = () => undefined;
    const given = new Promise<void>(resolve => (release = resolve));
    const out: Row[] = [];
    for (const ordered of [true, false]) {
      await pipeline(
        from.records(stalling()),
        mapAsync((row: Row) => Promise.resolve(row), { ordered }),
        to.function((row: Row) => {
          out.push(row);
          release();
        }),
      );
    }
    expect(out).to.deep.equal([rows[0], rows[1], rows[0], rows[1]]);
  });
});

async function collect(
  batches: readonly AnyBatch[],
  change: (row: AnyRow) => Promise<AnyRow>,
  concurrency: number,
  ordered: boolean,
): Promise<AnyBatch[]> {
  async function* input(): AsyncGenerator<AnyBatch> {
    for (const batch of batches) {
      await later(batch.length % 3);
      yield batch;
    }
  }
  const context = { signal: new AbortController().signal, reject: () => undefined } as unknown as OperatorContext;
  const given: AnyBatch[] = [];
  for await (const batch of mapAsyncKind.definition.stream?.({ concurrency, ordered }, context, change)(input()) ?? []) given.push(batch);
  return given;
}

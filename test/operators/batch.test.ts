import { setTimeout as after } from 'node:timers/promises';
import { expect } from 'chai';
import { batch, type DeadLetter, from, pipeline, type PipelineError, take, to } from '../../lib/index.ts';

interface Item {
  readonly i: number;
}
const items = (count: number): Item[] => Array.from({ length: count }, (_, i) => ({ i }));
const numbers = (rows: readonly Item[]): number[] => rows.map(({ i }) => i);

describe('operator batch', () => {
  it('gives groups of a count, and a last one of what is left, whatever batches they came in', async () => {
    for (const batchRows of [1, 7, 100, 4096]) {
      const seen: number[][] = [];
      const report = await pipeline(
        from.records(items(250)),
        batch(100, (rows: readonly Item[]) => void seen.push(numbers(rows))),
        to.null(),
        { batchRows },
      );
      expect(seen).to.deep.equal([0, 100, 200].map(start => numbers(items(250)).slice(start, start + 100)));
      expect(report).to.include({ read: 250, dropped: 250, written: 0 });
    }
  });

  it('takes a record, a list, an iterable, nothing, and a promise of each', async () => {
    const gives: ((rows: readonly Item[]) => object | null | undefined)[] = [
      rows => ({ n: rows.length }),
      rows => [{ n: rows.length }, { n: -1 }],
      rows => new Set([{ n: rows.length }]),
      () => null,
      () => undefined,
      () => [],
    ];
    const expected = [[{ n: 2 }], [{ n: 2 }, { n: -1 }], [{ n: 2 }], [], [], []];
    for (const [i, give] of gives.entries()) {
      for (const change of [give, (rows: readonly Item[]) => Promise.resolve(give(rows))]) {
        const out: unknown[] = [];
        await pipeline(from.records(items(2)), batch<Item, object>(2, change as never), to.memory(out));
        expect(out).to.deep.equal(expected[i]);
      }
    }
  });

  it('refuses all records of a group whose function throws, rejects or gives something else, and no other', async () => {
    const wrong: [string, (rows: readonly Item[]) => unknown][] = [
      [
        'OPERATOR_THREW',
        () => {
          throw new Error('no');
        },
      ],
      ['OPERATOR_THREW', () => Promise.reject(new Error('no'))],
      [
        'OPERATOR_THREW',
        function* () {
          yield { i: 1 };
          throw new Error('no');
        },
      ],
      ['VALUE_INVALID', () => 5],
      ['VALUE_INVALID', () => 'text'],
      ['VALUE_INVALID', () => [{ i: 1 }, 5]],
      [
        'VALUE_INVALID',
        async function* () {
          yield await Promise.resolve({ i: 1 });
        },
      ],
    ];
    for (const [code, give] of wrong) {
      const letters: DeadLetter[] = [];
      const out: Item[] = [];
      const report = await pipeline(
        from.records(items(9)),
        batch<Item, readonly Item[]>(3, rows => (rows[0]?.i === 3 ? (give(rows) as never) : rows)),
        to.memory(out),
        { deadLetter: to.memory(letters), batchRows: 2 },
      );
      expect(numbers(out)).to.deep.equal([0, 1, 2, 6, 7, 8]);
      expect(letters.map(letter => [letter.code, (letter.record as Item).i])).to.deep.equal([3, 4, 5].map(i => [code, i]));
      expect(report).to.include({ read: 9, rejected: 3, written: 6 });
    }
  });

  it('gives a group on that has waited long enough, and waits for the others', async () => {
    const seen: number[][] = [];
    let came: () => void = () => undefined;
    const first = new Promise<void>(resolve => (came = resolve));
    async function* slow(): AsyncGenerator<Item> {
      yield* items(3);
      // Goes on only when the group of three has been seen.
      await first;
      yield* items(4);
    }
    const out: unknown[] = [];
    await pipeline(
      from.records(slow()),
      batch(
        4,
        (rows: readonly Item[]) => {
          seen.push(numbers(rows));
          came();
          return rows;
        },
        { delayMs: 5 },
      ),
      to.memory(out),
      { batchDelayMs: 1 },
    );
    expect(seen[0]).to.deep.equal([0, 1, 2]);
    expect(seen.flat()).to.deep.equal([0, 1, 2, 0, 1, 2, 3]);
    expect(out).to.have.length(7);
  });

  it('calls for some groups at once, and keeps their order', async () => {
    let running = 0;
    let most = 0;
    const out: { first: number }[] = [];
    await pipeline(
      from.records(items(200)),
      batch(
        10,
        async (rows: readonly Item[]) => {
          most = Math.max(most, ++running);
          await after((rows[0] as Item).i % 3);
          running--;
          return { first: (rows[0] as Item).i };
        },
        { concurrency: 4 },
      ),
      to.memory(out),
    );
    expect(most).to.equal(4);
    expect(out.map(({ first }) => first)).to.deep.equal(Array.from({ length: 20 }, (_, i) => i * 10));
  });

  it('ends when no more is needed, and when the run is aborted, though a call never ends', async () => {
    const out: unknown[] = [];
    const never = new Promise<Item>(() => undefined);
    const endless = batch(2, (rows: readonly Item[]) => (rows[0]?.i === 6 ? never : rows), { concurrency: 3 });
    await pipeline(from.records(items(100)), endless, take(6), to.memory(out));
    expect(out).to.have.length(6);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 20);
    const error = await pipeline(
      from.records(items(100)),
      batch(2, (_rows: readonly Item[]) => never),
      to.null(),
      { signal: abort.signal },
    ).catch((thrown: unknown) => thrown as PipelineError);
    expect(error).to.include({ code: 'CANCELLED' });
  });

  it('ends the run where a group is more than operators may keep', async () => {
    const error = await pipeline(
      from.generate({ rows: 50_000 }),
      batch(50_000, () => undefined),
      to.null(),
      { stateMemory: '1MiB' },
    ).catch((thrown: unknown) => thrown as PipelineError);
    expect(error).to.include({ code: 'STATE_TOO_LARGE' });
    const report = await pipeline(
      from.generate({ rows: 50_000 }),
      batch(500, rows => rows),
      to.null(),
      { stateMemory: '8MiB' },
    );
    expect(report.written).to.equal(50_000);
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import type { DeadLetter } from '../../../lib/core/contracts.ts';
import type { AnyRow, RowFunction } from '../../../lib/core/define.ts';
import { Rejected } from '../../../lib/core/rejected.ts';
import { interpretedCalls, interpretedRows } from '../../../lib/core/run/interpreted-loop.ts';
import { around } from '../../../lib/core/run/row-function.ts';
import {
  type CallResult,
  compileCallLoop,
  compileRowLoop,
  type Loop,
  type LoopHooks,
  type LoopResult,
} from '../../../lib/core/run/row-loop.ts';
import { filter, from, map, pipeline, type Report, take, tap, to } from '../../../lib/index.ts';

interface Row {
  readonly id: number;
  readonly by?: string;
}
const rows: Row[] = Array.from({ length: 20 }, (_, id) => ({ id }));
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
const failed = async (run: Promise<Report>): Promise<{ code: string; report: Report }> =>
  run.then(
    () => expect.fail('it ended well'),
    (error: unknown) => error as { code: string; report: Report },
  );

describe('a function behind row operators', () => {
  it('is called with each record before the next is made, and waited for', async () => {
    const said: string[] = [];
    await pipeline(
      from.records(rows.slice(0, 3)),
      tap(({ id }) => void said.push(`sees ${id}`)),
      map(({ id }: Row) => ({ id: id * 10 })),
      to.function(async ({ id }) => {
        await turn();
        said.push(`has ${id}`);
      }),
    );
    expect(said).to.deep.equal(['sees 0', 'has 0', 'sees 1', 'has 10', 'sees 2', 'has 20']);
  });

  it('has rejects of its own, with the record as it got it, beside those of the operators, in the order of the records', async () => {
    const letters: DeadLetter[] = [];
    const report = await pipeline(
      from.memory(rows),
      filter(({ id }) => id % 2 === 0),
      map((row: Row) => {
        if (row.id === 8) throw new Error('map: 8');
        return { ...row, by: 'map' };
      }),
      to.function(({ id }): unknown => {
        if (id === 4) throw new Error('sink: 4');
        return id === 12 ? turn().then(() => Promise.reject(new Error('sink: 12'))) : undefined;
      }),
      { deadLetter: to.memory(letters) },
    );
    expect(letters.map(({ stage, reason, record, position }) => ({ stage, reason, record, position }))).to.deep.equal([
      { stage: 'function', reason: 'Error: sink: 4', record: { id: 4, by: 'map' }, position: { row: 4 } },
      { stage: 'map', reason: 'Error: map: 8', record: { id: 8 }, position: { row: 8 } },
      { stage: 'function', reason: 'Error: sink: 12', record: { id: 12, by: 'map' }, position: { row: 12 } },
    ]);
    expect(report).to.include({ read: 20, written: 7, rejected: 3 });
    expect(report.stages.map(({ kind, in: taken, out, dropped, rejected }) => ({ kind, taken, out, dropped, rejected }))).to.deep.equal([
      { kind: 'memory', taken: 0, out: 20, dropped: 0, rejected: 0 },
      { kind: 'filter', taken: 20, out: 10, dropped: 10, rejected: 0 },
      { kind: 'map', taken: 10, out: 9, dropped: 0, rejected: 1 },
      { kind: 'function', taken: 9, out: 7, dropped: 0, rejected: 2 },
    ]);
  });

  it('is called no more once it failed; the stage counts the calls that went well, though a run that failed has written nothing', async () => {
    const seen: number[] = [];
    const use = ({ id }: Row): void => {
      if (id === 5) throw new Error('five');
      seen.push(id);
    };
    const { code, report } = await failed(
      pipeline(
        from.records(rows),
        map((row: Row) => ({ ...row })),
        to.function(use),
      ),
    );
    expect({ code, seen, written: report.written }).to.deep.equal({ code: 'OPERATOR_THREW', seen: [0, 1, 2, 3, 4], written: 0 });
    expect(report.stages.at(-1)).to.include({ kind: 'function', in: 6, out: 5, rejected: 1 });
  });

  it('counts what had an outcome when the run ends in the middle of a batch: no stage gives more than it took', async () => {
    const letters: DeadLetter[] = [];
    for (const use of [({ id }: Row) => call(id), async ({ id }: Row) => (await turn(), call(id))]) {
      const { code, report } = await failed(
        pipeline(
          from.records(rows),
          filter(({ id }) => id !== 1),
          map((row: Row) => ({ ...row })),
          to.function(use),
          { deadLetter: to.memory(letters), maxRejected: 1 },
        ),
      );
      expect(code).to.equal('TOO_MANY_REJECTED');
      expect(report.stages.slice(1).map(({ in: taken, out, dropped, rejected }) => ({ taken, out, dropped, rejected }))).to.deep.equal([
        { taken: 10, out: 9, dropped: 1, rejected: 0 },
        { taken: 9, out: 9, dropped: 0, rejected: 0 },
        { taken: 9, out: 7, dropped: 0, rejected: 2 },
      ]);
    }
    function call(id: number): void {
      if (id === 4 || id === 9) throw new Error('refused');
    }
  });

  it('gets no record whose function gave a promise where nobody waits for one; a rejection of it is not unhandled', async () => {
    const late = async (row: Row): Promise<never> => Promise.reject(new Error(`late: ${row.id}`));
    for (const operator of [tap(late as never), filter(late as never), map(late as never)] as const) {
      for (const sink of [to.function<unknown>(() => undefined), to.memory<unknown>([])]) {
        const letters: DeadLetter[] = [];
        const report = await pipeline(from.records(rows.slice(0, 3)), operator as never, sink, { deadLetter: to.memory(letters) });
        await turn();
        expect(report).to.include({ read: 3, written: 0, rejected: 3 });
        expect(letters.map(({ code }) => code)).to.deep.equal(Array<string>(3).fill('VALUE_INVALID'));
      }
    }
  });

  it('may throw what has no text: the record is rejected, and the run goes on', async () => {
    const odd: unknown[] = [Object.create(null), null, undefined, Symbol('odd'), { toString: () => [] }, Object.freeze(new Error('ice'))];
    const letters: DeadLetter[] = [];
    const use = ({ id }: Row): void => {
      if (id < odd.length) throw odd[id];
    };
    const report = await pipeline(from.records(rows), to.function(use), { deadLetter: to.memory(letters) });
    expect(report).to.include({ read: 20, written: 14, rejected: 6 });
    expect(letters.map(({ reason }) => reason)).to.deep.equal([
      'the function threw a value of type object that has no text',
      'null',
      'undefined',
      'Symbol(odd)',
      'the function threw a value of type object that has no text',
      'Error: ice',
    ]);
  });

  it('is called no more once the run is aborted, also from within a call', async () => {
    const abort = new AbortController();
    const seen: number[] = [];
    const use = ({ id }: Row): void => {
      seen.push(id);
      if (id === 2) abort.abort();
    };
    const { code } = await failed(
      pipeline(
        from.records(rows),
        map((row: Row) => ({ ...row })),
        to.function(use),
        { signal: abort.signal },
      ),
    );
    expect(code).to.equal('CANCELLED');
    expect(seen).to.deep.equal([0, 1, 2]);
  });

  it('gets no more than an operator before it lets through', async () => {
    const seen: number[] = [];
    const report = await pipeline(
      from.records(rows),
      take(3),
      map((row: Row) => ({ ...row })),
      to.function(({ id }) => void seen.push(id)),
    );
    expect(seen).to.deep.equal([0, 1, 2]);
    expect(report).to.include({ status: 'ok', written: 3 });
  });

  it('shares the time of the loop with the operators', async () => {
    const work = (): void => {
      const until = performance.now() + 2;
      while (performance.now() < until);
    };
    const { stages } = await pipeline(
      from.records(rows),
      tap(work),
      tap(() => undefined),
      to.function(() => undefined),
    );
    const [, first, second, sink] = stages.map(({ busySeconds }) => busySeconds);
    expect(first).to.equal(second).and.to.be.greaterThan(0.01);
    expect(sink).to.be.closeTo(first as number, 0.01);
  });
});

describe('loops over row functions', () => {
  const promise = Promise.resolve();
  /** What a function does with a row whose number modulo 8 is this. */
  const deed = fc.constantFrom('pass', 'change', 'drop', 'reject', 'throw');
  const stage = fc.array(deed, { minLength: 8, maxLength: 8 });
  const functionOf = (deeds: readonly string[], isOwn: boolean): RowFunction => {
    const use = (row: AnyRow): ReturnType<RowFunction> => {
      const what = deeds[(row['id'] as number) % 8];
      if (what === 'throw') throw new Error('thrown');
      if (what === 'reject') return new Rejected('REFUSED', 'refused');
      return what === 'drop' ? undefined : what === 'change' ? { ...row, by: [row['by'], what] } : row;
    };
    return isOwn ? use : around(use as (row: AnyRow) => unknown, 'changes', (_row, result) => result as ReturnType<RowFunction>);
  };
  const stages = fc.array(fc.record({ deeds: stage, isOwn: fc.boolean() }), { maxLength: 4 });
  const given = fc.nat(30).map(length => Array.from({ length }, (_, id) => ({ id })));

  /** The loop's result, and who refused what. */
  function run<Result>(loop: Loop<Result>, records: readonly AnyRow[], result: Result): { result: Result; refusals: unknown[] } {
    const refusals: unknown[] = [];
    const hooks: LoopHooks = {
      misfit: () => expect.fail('no record'),
      refused: (stage, index, record, { code, reason }) => refusals.push({ stage, index, record, code, reason }),
    };
    loop(records, result, hooks);
    return { result, refusals };
  }

  it('do the same, generated or not, where a batch is made', () => {
    fc.assert(
      fc.property(stages, given, (parts, records) => {
        const functions = parts.map(({ deeds, isOwn }) => functionOf(deeds, isOwn));
        const room = (): LoopResult => ({
          rows: [],
          from: new Uint32Array(records.length),
          count: 0,
          isChanged: false,
          dropped: functions.map(() => 0),
        });
        expect(run(compileRowLoop(functions), records, room())).to.deep.equal(run(interpretedRows(functions), records, room()));
      }),
    );
  });

  it('do the same, generated or not, where a function is called, and go on behind a promise', () => {
    fc.assert(
      fc.property(stages, stage, given, (parts, ends, records) => {
        const functions = parts.map(({ deeds, isOwn }) => functionOf(deeds, isOwn));
        const outcome = (compile: typeof compileCallLoop): unknown => {
          const called: unknown[] = [];
          const each = (row: AnyRow): unknown => {
            called.push(row);
            const what = ends[(row['id'] as number) % 8];
            if (what === 'throw') throw new Error('thrown');
            return what === 'change' ? promise : what;
          };
          const loop = compile(functions, each);
          const result: CallResult = { next: 0, calls: 0, waiting: undefined, dropped: functions.map(() => 0) };
          const steps: unknown[] = [];
          do {
            result.waiting = undefined;
            const { refusals } = run(loop, records, result);
            steps.push({ refusals, ...result, dropped: [...result.dropped], called: called.length });
          } while (result.next < records.length);
          return { steps, called };
        };
        expect(outcome(compileCallLoop)).to.deep.equal(outcome(interpretedCalls));
      }),
    );
  });
});

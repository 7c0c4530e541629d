// A run under faults: whatever fails, and whenever, everything is released once and nothing is told that is not so.
import { expect } from 'chai';
import { getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { z } from 'zod';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import { type AnyBatch, type AnyRow, defineOperator, defineSink, defineSource, type RejectedRow } from '../../../lib/core/define.ts';
import { stageOf } from '../../../lib/core/run/face.ts';
import { PipelineError } from '../../../lib/core/run/pipeline-error.ts';
import { run } from '../../../lib/core/run/run.ts';
import type { OperatorStage, SinkStage, SourceStage } from '../../../lib/core/run/stage.ts';
import { cut } from '../../../lib/testing/case.ts';
import { collector, listSource } from '../../../lib/testing/probes.ts';
import { flatMap } from '../../../operators/flat-map.ts';
import { map } from '../../../operators/map.ts';
import { mapAsync } from '../../../operators/map-async.ts';
import { tap } from '../../../operators/tap.ts';
import { validate } from '../../../operators/validate.ts';
import { function as calling } from '../../../sinks/function.ts';

const none = z.strictObject({});
const rows = (count: number): AnyRow[] => Array.from({ length: count }, (_, id) => ({ id }));
const operator = (face: unknown): OperatorStage => stageOf(face) as OperatorStage;

type Point = 'open' | 'write' | 'flush' | 'commit' | 'close' | 'abort';

interface Target {
  readonly calls: string[];
  /** What happens within a call. */
  readonly during: Partial<Record<Point, () => unknown>>;
  readonly written?: (batch: AnyBatch) => number;
  readonly rejected?: (batch: AnyBatch) => RejectedRow[];
}

const targetKind = defineSink<typeof none, Target>({
  kind: 'target',
  options: none,
  needsSchema: false,
  open: async (_options, { settle, counted }, { calls, during, written, rejected }) => {
    const call = async (name: Point): Promise<void> => {
      calls.push(name);
      await during[name]?.();
    };
    await call('open');
    return {
      write: async batch => {
        await call('write');
        if (written !== undefined) counted({ written: written(batch) });
        settle(batch, rejected?.(batch));
      },
      flush: () => call('flush'),
      commit: async () => {
        await call('commit');
        return null;
      },
      close: () => call('close'),
      abort: () => call('abort'),
    };
  },
});
const target = (during: Target['during'] = {}, more: Partial<Target> = {}): Target & { stage: SinkStage; face: never } => {
  const given: Target = { calls: [], during, ...more };
  const face = targetKind.create({}, given);
  return { ...given, stage: stageOf(face) as SinkStage, face: face as never };
};

async function failureOf(running: Promise<unknown>): Promise<PipelineError> {
  try {
    await running;
  } catch (error) {
    expect(error).to.be.instanceOf(PipelineError);
    return error as PipelineError;
  }
  throw new Error('the run did not fail');
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await turn();
};

describe('a run that is cancelled', () => {
  it('while the source is described opens nothing, then or later', async () => {
    let describeLate: () => void = () => undefined;
    const kind = defineSource<typeof none>({
      kind: 'slow to describe',
      options: none,
      describe: () => new Promise(resolve => (describeLate = () => resolve(undefined))),
      async *read() {
        await turn();
        yield RecordBatch.of(rows(1)) as AnyBatch;
      },
    });
    const abort = new AbortController();
    const [place, letters] = [target(), target()];
    const running = run([stageOf(kind.create({}, undefined)) as SourceStage, place.stage], {
      signal: abort.signal,
      deadLetter: letters.face,
    });
    setImmediate(() => abort.abort());
    expect((await failureOf(running)).code).to.equal('CANCELLED');
    describeLate();
    await turns(5);
    expect([place.calls, letters.calls]).to.deep.equal([[], []]);
  });

  it('while a sink or the dead letters are being opened waits for them, and aborts them', async () => {
    for (const which of ['sink', 'letters'] as const) {
      const abort = new AbortController();
      const slow = {
        open: async () => {
          abort.abort();
          await turns(5);
        },
      };
      const place = target(which === 'sink' ? slow : {});
      const letters = target(which === 'letters' ? slow : {});
      await failureOf(run([listSource([rows(3)]), place.stage], { signal: abort.signal, deadLetter: letters.face }));
      expect(place.calls, which).to.deep.equal(['open', 'abort']);
      expect(letters.calls, which).to.deep.equal(which === 'letters' ? ['open', 'abort'] : []);
    }
  });

  it('before everything is written shows nothing; once it commits it is not said to have failed', async () => {
    for (const point of ['write', 'flush', 'commit', 'close'] as const) {
      const abort = new AbortController();
      const place = target({
        [point]: async () => {
          abort.abort();
          await turns(3);
        },
      });
      const running = run([listSource([rows(3)]), place.stage], { signal: abort.signal });
      if (point === 'write' || point === 'flush') {
        expect((await failureOf(running)).report).to.include({ status: 'failed', written: 0 });
        expect(place.calls.slice(-2)).to.deep.equal([point, 'abort']);
      } else {
        expect(await running).to.include({ status: 'ok', written: 3 });
        expect(place.calls.slice(-2)).to.deep.equal(['commit', 'close']);
      }
    }
  });

  it('leaves no listener on the signals of its caller', async () => {
    const [signal, drain] = [new AbortController().signal, new AbortController().signal];
    for (let i = 0; i < 3; i++) {
      await run([listSource(cut(rows(9), [2])), operator(mapAsync((row: AnyRow) => Promise.resolve(row))), collector({}).stage], {
        signal,
        drain,
      });
    }
    expect([getEventListeners(signal, 'abort'), getEventListeners(drain, 'abort')]).to.deep.equal([[], []]);
  });

  it('is one of many with the same signal, each of which hears of it; none is taken for a leak', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', listen);
    const abort = new AbortController();
    const runs = Array.from({ length: 20 }, () => {
      const stuck = operator(mapAsync(() => new Promise<AnyRow>(() => undefined), { concurrency: 20 }));
      return failureOf(run([listSource([rows(20)]), stuck, collector({}).stage], { signal: abort.signal }));
    });
    const waiting = stageOf(calling(() => new Promise(() => undefined), { concurrency: 20 })) as SinkStage;
    runs.push(failureOf(run([listSource([rows(20)]), waiting], { signal: abort.signal })));
    await run([listSource([rows(20)]), collector({}).stage], { signal: abort.signal });
    await turns(5);
    abort.abort();
    expect((await Promise.all(runs)).map(({ code }) => code)).to.deep.equal(Array.from({ length: 21 }, () => 'CANCELLED'));
    await turns(2);
    process.off('warning', listen);
    expect(warnings).to.deep.equal([]);
    expect(getEventListeners(abort.signal, 'abort')).to.deep.equal([]);
  });

  it('aborts the sink though its source hangs', async () => {
    const kind = defineSource<typeof none>({
      kind: 'hanging',
      options: none,
      async *read() {
        yield RecordBatch.of(rows(1)) as AnyBatch;
        await new Promise(() => undefined);
      },
    });
    const abort = new AbortController();
    const [place, letters] = [target({ write: () => turns(5).then(() => abort.abort()) }), target()];
    const error = await failureOf(
      run([stageOf(kind.create({}, undefined)) as SourceStage, place.stage], {
        signal: abort.signal,
        deadLetter: letters.face,
        settleTimeoutMs: 20,
      }),
    );
    expect(error.suppressed.map(each => (each as PipelineError).code)).to.deep.equal(['NOT_SETTLED']);
    expect([place.calls, letters.calls]).to.deep.equal([
      ['open', 'write', 'abort'],
      ['open', 'abort'],
    ]);
  });
});

describe('errors', () => {
  it('are told once: the first is the one of the run, those that come as it is taken down are suppressed', async () => {
    const fails = (what: string) => () => {
      throw new Error(`no ${what}`);
    };
    const kind = defineSource<typeof none>({
      kind: 'failing',
      options: none,
      async *read() {
        try {
          yield RecordBatch.of(rows(1)) as AnyBatch;
          await turns(3);
        } finally {
          fails('end')();
        }
      },
    });
    const place = target({ write: fails('write'), abort: fails('abort') });
    const letters = target({ abort: fails('letters') });
    const error = await failureOf(run([stageOf(kind.create({}, undefined)) as SourceStage, place.stage], { deadLetter: letters.face }));
    expect(error).to.include({ message: 'no write', stage: 'target', code: 'INTERNAL' });
    expect(error.report.error).to.include({ message: 'no write', stage: 'target' });
    expect(error.suppressed.map(({ message }) => message)).to.deep.equal(['no abort', 'no letters']);
    expect([place.calls, letters.calls]).to.deep.equal([
      ['open', 'write', 'abort'],
      ['open', 'abort'],
    ]);
  });
});

describe('dead letters', () => {
  const refusing = operator(
    map((row: AnyRow): AnyRow => {
      throw new Error(`no ${String(row['id'])}`);
    }),
  );

  it('are counted like records: one that their place loses, refuses or forgets fails the run, and nothing is committed', async () => {
    const places: [string, Partial<Target>][] = [
      ["the dead letters' place counted 0 of 3 letters", { written: () => 0 }],
      ["the dead letters' own place refused one: full", { rejected: () => [{ index: 1, code: 'FULL', reason: 'full' }] }],
    ];
    for (const [message, more] of places) {
      const place = target();
      const letters = target({}, more);
      const error = await failureOf(run([listSource([rows(3)]), refusing, place.stage], { deadLetter: letters.face }));
      expect(error).to.include({ message, stage: 'dead letters' });
      expect(place.calls).to.deep.equal(['open', 'flush', 'abort']);
      expect(letters.calls).to.deep.equal(['open', 'write', 'flush', 'abort']);
    }
  });

  it('leave no trace where there is none', async () => {
    const letters = target();
    await run([listSource([rows(3)]), target().stage], { deadLetter: letters.face });
    expect(letters.calls).to.deep.equal(['open', 'abort']);
  });

  it('take nothing more once they are aborted, though an operator is still at work', async () => {
    const abort = new AbortController();
    const place = target();
    const letters = target();
    let refuse: () => void = () => undefined;
    const kind = defineOperator<typeof none>({
      kind: 'late',
      options: none,
      batch: (_options, context) => async batch => {
        abort.abort();
        await new Promise<void>(resolve => (refuse = resolve));
        context.reject(batch, 0, 'LATE', 'too late');
        return batch.slice(1);
      },
    });
    const error = await failureOf(
      run([listSource([rows(3)]), operator(kind.create({}, undefined)), place.stage], { signal: abort.signal, deadLetter: letters.face }),
    );
    expect(error.code).to.equal('CANCELLED');
    refuse();
    await turns(5);
    expect(letters.calls).to.deep.equal(['open', 'abort']);
  });
});

describe('the counts of a run', () => {
  it('fail it when a sink says that it kept less than it took, none at all included', async () => {
    for (const kept of [0, 2]) {
      const place = target({}, { written: () => kept });
      const error = await failureOf(run([listSource([rows(3)]), place.stage]));
      expect(error.message).to.equal(`target counted ${kept} records written, but 3 were sent`);
      expect(place.calls).not.to.include('commit');
    }
  });

  it('fail it when an operator gives more than it got', async () => {
    const kind = defineOperator<typeof none>({
      kind: 'doubling',
      options: none,
      batch: () => batch => RecordBatch.of([...batch.rows, ...batch.rows]),
    });
    const error = await failureOf(run([listSource([rows(3)]), operator(kind.create({}, undefined)), collector({}).stage]));
    expect(error).to.include({ code: 'COUNTS_DIFFER', stage: 'doubling' });
  });

  it('fail it when a sink rejects a row that is not there, or one twice', async () => {
    const reject = (index: number): RejectedRow => ({ index, code: 'NO', reason: 'no' });
    for (const rejected of [[reject(3)], [reject(-1)], [reject(1), reject(1)]]) {
      const error = await failureOf(
        run([listSource([rows(3)]), target({}, { rejected: () => rejected }).stage], { deadLetter: collector({}).face }),
      );
      expect(error.code).to.equal('INTERNAL');
    }
  });

  it('hold for a drained run, whose last records came as it was drained', async () => {
    const drain = new AbortController();
    const kind = defineSource<typeof none>({
      kind: 'draining',
      options: none,
      async *read(_options, { signal, counted }) {
        drain.abort();
        await turn();
        expect(signal.aborted).to.equal(true);
        counted({ rows: 3 });
        yield RecordBatch.of(rows(3)) as AnyBatch;
      },
    });
    const place = collector({});
    const report = await run([stageOf(kind.create({}, undefined)) as SourceStage, place.stage], { drain: drain.signal });
    expect(report).to.include({ status: 'stopped', read: 3, written: 3 });
    expect(place.rows).to.deep.equal(rows(3));
  });
});

describe('functions of the user', () => {
  it('that give no record have theirs rejected', async () => {
    const stages: Record<string, (given: unknown) => unknown> = {
      map: given => map(() => given),
      mapAsync: given => mapAsync(() => Promise.resolve(given)),
      flatMap: given => flatMap(() => [given]),
      validate: given => validate({ '~standard': { version: 1, vendor: 'test', validate: () => ({ value: given }) } } as never),
    };
    for (const [name, open] of Object.entries(stages)) {
      for (const given of [7, 'text', [1], true, () => 1, Buffer.from('x')]) {
        const letters = collector({});
        const place = collector({});
        const report = await run([listSource([rows(2)]), operator(open(given)), place.stage], { deadLetter: letters.face });
        expect(report, name).to.include({ read: 2, written: 0, rejected: 2 });
        const codes = letters.rows.map(letter => (letter as { code: string }).code);
        const code = name === 'validate' ? 'VALIDATION_FAILED' : 'VALUE_INVALID';
        expect(codes, `${name} ${typeof given}`).to.deep.equal([code, code]);
      }
    }
  });

  it('that throw in onProgress are not called again, and the run goes on', async () => {
    for (const onProgress of [
      () => {
        throw new Error('no progress');
      },
      () => Promise.reject(new Error('no progress')),
    ]) {
      let calls = 0;
      const report = await run([listSource(cut(rows(50), [1])), collector({ delay: true }).stage], {
        progressEveryMs: 1,
        onProgress: (() => {
          calls++;
          return onProgress();
        }) as () => void,
      });
      expect(report.status).to.equal('ok');
      expect(calls).to.be.lessThan(5);
      if (calls > 1 || report.warnings.length > 0)
        expect(report.warnings).to.deep.equal(['onProgress threw and is not called again: no progress']);
    }
  });

  it('of a schema that end the run leave no promise unheard', async () => {
    const unheard: unknown[] = [];
    const listen = (reason: unknown): void => void unheard.push(reason);
    process.on('unhandledRejection', listen);
    try {
      const late = async (): Promise<never> => {
        await turns(5);
        throw new Error('late');
      };
      const schema = {
        '~standard': {
          version: 1,
          vendor: 'test',
          validate: ({ id }: { id: number }) => {
            if (id < 2) return late();
            throw new Error('at once');
          },
        },
      };
      const error = await failureOf(run([listSource([rows(5)]), operator(validate(schema as never)), collector({}).stage]));
      expect(error.code).to.equal('OPERATOR_THREW');
      await turns(20);
    } finally {
      process.off('unhandledRejection', listen);
    }
    expect(unheard).to.deep.equal([]);
  });

  it('keep the state account: too much of it fails the run, in every kind of operator', async () => {
    const grow = { charge: 1 << 20 };
    const kinds = [
      defineOperator<typeof none>({
        kind: 'keeping rows',
        options: none,
        row: (_options, context) => row => (context.charge(grow.charge), row),
      }),
      defineOperator<typeof none>({
        kind: 'keeping batches',
        options: none,
        batch: (_options, context) => batch => (context.charge(grow.charge), batch),
      }),
      defineOperator<typeof none>({
        kind: 'keeping all',
        options: none,
        stream: (_options, context) =>
          async function* (batches) {
            for await (const batch of batches) {
              context.charge(grow.charge);
              yield batch;
            }
          },
      }),
    ];
    for (const kind of kinds) {
      const error = await failureOf(
        run([listSource(cut(rows(9), [3])), operator(kind.create({}, undefined)), collector({}).stage], {
          stateMemory: '2MiB',
          deadLetter: collector({}).face,
        }),
      );
      expect(error, kind.kind).to.include({ code: 'STATE_TOO_LARGE', stage: kind.kind });
    }
  });

  it('that throw in a tap have the record rejected, wherever they stand in the loop', async () => {
    const letters = collector({});
    const place = collector({});
    const refuse = (at: number) =>
      operator(
        tap(({ id }: { id: number }) => {
          if (id === at) throw new Error(`no ${at}`);
        }),
      );
    const report = await run([listSource(cut(rows(9), [4])), refuse(0), refuse(4), refuse(8), place.stage], { deadLetter: letters.face });
    expect(report).to.include({ read: 9, written: 6, rejected: 3 });
    expect(letters.rows.map(letter => (letter as { reason: string }).reason)).to.deep.equal(['Error: no 0', 'Error: no 4', 'Error: no 8']);
  });
});

describe('flatMap', () => {
  it('gives wide records on by their bytes', async () => {
    const sizes: number[] = [];
    const kind = defineOperator<typeof none>({ kind: 'sizes', options: none, batch: () => batch => (sizes.push(batch.length), batch) });
    const wide = Array.from({ length: 20 }, (_, n) => ({ n, text: 'x'.repeat(200_000) }));
    await run([listSource([rows(2)]), operator(flatMap(() => wide)), operator(kind.create({}, undefined)), collector({}).stage]);
    expect(Math.max(...sizes)).to.be.at.most(2);
  });
});

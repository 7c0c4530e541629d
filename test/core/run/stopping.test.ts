// Enough is not an error: who needs no more ends what is before it, and the counts add up.
import { expect } from 'chai';
import fc from 'fast-check';
import { PassThrough, Transform } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { Report } from '../../../lib/core/contracts.ts';
import { z } from 'zod';
import { type AnyRow, defineOperator } from '../../../lib/core/define.ts';
import { stagesOf } from '../../../lib/core/run/face.ts';
import { run } from '../../../lib/core/run/run.ts';
import type { Stage } from '../../../lib/core/run/stage.ts';
import { cut } from '../../../lib/testing/case.ts';
import { collector, listSource } from '../../../lib/testing/probes.ts';
import { flatMap } from '../../../operators/flat-map.ts';
import { map } from '../../../operators/map.ts';
import { mapAsync } from '../../../operators/map-async.ts';
import { skip } from '../../../operators/skip.ts';
import { take } from '../../../operators/take.ts';
import { through } from '../../../operators/through.ts';
import { records } from '../../../sources/records.ts';
import { runs } from '../../random.ts';

const none = z.strictObject({});
const rows = (count: number): AnyRow[] => Array.from({ length: count }, (_, id) => ({ id }));
const staged = (...faces: unknown[]): Stage[] => faces.flatMap(face => stagesOf(face) ?? []);

function expectConserved(report: Report): void {
  for (const { kind, in: taken, made, out, dropped, rejected } of report.stages.slice(1, -1))
    expect(taken + made, kind).to.equal(out + dropped + rejected);
  expect(report.read + report.made).to.equal(report.written + report.dropped + report.rejected);
}

function* endless(row: AnyRow): Generator<AnyRow> {
  for (let n = 0; ; n++) yield { ...row, n };
}

describe('take', () => {
  it('ends an endless expansion before it', async () => {
    const target = collector({});
    const report = await run([listSource([rows(2)]), ...staged(flatMap(endless), take(5000)), target.stage]);
    expect(target.rows).to.deep.equal(Array.from({ length: 5000 }, (_, n) => ({ id: 0, n })));
    expect(report.written).to.equal(5000);
    expectConserved(report);
  });

  it('of nothing never starts what is before it', async () => {
    const report = await run([listSource([rows(2)]), ...staged(flatMap(endless), take(0)), collector({}).stage]);
    expect(report).to.include({ read: 0, written: 0, status: 'ok' });
  });

  it('waits for no call that is still pending before it', async () => {
    const change = (row: AnyRow): Promise<AnyRow> => (row['id'] === 3 ? new Promise(() => undefined) : Promise.resolve(row));
    for (const ordered of [true, false]) {
      const target = collector({});
      const report = await run([listSource(cut(rows(10), [1])), ...staged(mapAsync(change, { ordered }), take(3)), target.stage]);
      expect(target.rows).to.deep.equal(rows(3));
      expectConserved(report);
    }
  });

  it('waits for no foreign stream that hangs before it, nor for what an operator of its own waits for', async () => {
    const answersThree = (): Transform =>
      new Transform({
        objectMode: true,
        transform: (row: AnyRow, _encoding, callback) => void ((row['id'] as number) < 3 && callback(null, row)),
      });
    const kind = defineOperator<typeof none>({
      kind: 'waiting',
      options: none,
      stream: (_options, { signal }) =>
        async function* (batches) {
          for await (const batch of batches) {
            if (batch.rows[0]?.['id'] === 3)
              await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
            yield batch;
          }
        },
    });
    const slowly = mapAsync(async (row: AnyRow) => (await turn(), row));
    for (const open of [() => through<AnyRow>(answersThree()), () => kind.create<AnyRow, AnyRow>({}, undefined)]) {
      const target = collector({});
      const report = await run([listSource(cut(rows(50), [1])), ...staged(open(), slowly, take(3)), target.stage]);
      expect(target.rows).to.deep.equal(rows(3));
      expectConserved(report);
    }
  });

  it('ends every kind of stream operator before it', async () => {
    const stages: Record<string, () => unknown> = {
      'an endless generator': () =>
        through<AnyRow>(async function* (input) {
          for await (const row of input) yield* endless(row);
        }),
      'a foreign stream': () => through<AnyRow>(new PassThrough({ objectMode: true })),
      'a web stream': () => through<AnyRow>(new TransformStream()),
      mapAsync: () => mapAsync((row: AnyRow) => Promise.resolve(row)),
    };
    for (const [name, open] of Object.entries(stages)) {
      const target = collector({});
      const source = staged(records(endlessRecords()));
      const report = await run([
        ...source,
        ...staged(
          open(),
          map((row: AnyRow) => row),
          take(700),
        ),
        target.stage,
      ]);
      expect(target.rows, name).to.have.length(700);
      expectConserved(report);
    }
  });

  it('anywhere in any line gives what it gives over arrays, and the counts add up', async () => {
    const pass = {
      map: () => map((row: AnyRow) => row),
      flatMap: () => flatMap((row: AnyRow) => [row]),
      mapAsync: () => mapAsync(async (row: AnyRow) => (await turn(), row), { concurrency: 3 }),
      through: () => through<AnyRow>(input => input),
      foreign: () => through<AnyRow>(new PassThrough({ objectMode: true })),
    };
    const stage = fc.oneof(
      fc.constantFrom(...(Object.keys(pass) as (keyof typeof pass)[])).map(name => ({ name, count: -1 })),
      fc.record({ name: fc.constantFrom('take' as const, 'skip' as const), count: fc.nat({ max: 12 }) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 60 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 3 }),
        fc.array(stage, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1024, max: 8192 }),
        fc.boolean(),
        async (count, pieces, line, memory, delay) => {
          const target = collector({ delay });
          let expected = rows(count);
          const faces = line.map(({ name, count: n }) => {
            if (name === 'take') expected = expected.slice(0, n);
            if (name === 'skip') expected = expected.slice(n);
            return name === 'take' ? take(n) : name === 'skip' ? skip(n) : pass[name]();
          });
          const report = await run([listSource(cut(rows(count), pieces)), ...staged(...faces), target.stage], { memory });
          expect(target.rows).to.deep.equal(expected);
          expectConserved(report);
        },
      ),
      { numRuns: runs(120) },
    );
  });

  it('lets go of a foreign stream that has had enough though its input stands still', async () => {
    const first = new Promise<void>(resolve => setImmediate(resolve));
    async function* standing(): AsyncGenerator<AnyRow> {
      yield { id: 0 };
      await first;
      yield { id: 1 };
      await new Promise(() => undefined);
    }
    const one = new PassThrough({ objectMode: true });
    one.once('data', () => one.push(null));
    const target = collector({});
    await run([...staged(records(standing())), ...staged(through<AnyRow>(one)), target.stage]);
    expect(target.rows.length).to.be.at.most(1);
  });
});

function* endlessRecords(): Generator<AnyRow> {
  for (let id = 0; ; id++) yield { id };
}

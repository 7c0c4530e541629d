import { expect } from 'chai';
import fc from 'fast-check';
import { z } from 'zod';
import { type AnyBatch, defineSink, defineSource } from '../../../lib/core/define.ts';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import { stageOf, stagesOf } from '../../../lib/core/run/face.ts';
import { run } from '../../../lib/core/run/run.ts';
import type { SinkStage, SourceStage, Stage } from '../../../lib/core/run/stage.ts';
import { cut } from '../../../lib/testing/case.ts';
import { collector, listSource } from '../../../lib/testing/probes.ts';
import { flatMap } from '../../../operators/flat-map.ts';
import { map } from '../../../operators/map.ts';
import { project } from '../../../operators/project.ts';
import { rename } from '../../../operators/rename.ts';
import { skip } from '../../../operators/skip.ts';
import { take } from '../../../operators/take.ts';
import { tap } from '../../../operators/tap.ts';
import { through } from '../../../operators/through.ts';
import { runs } from '../../random.ts';

interface Row {
  readonly a: number;
  readonly b: string;
}

/** An operator, and the same over an array. */
interface Pair {
  readonly name: string;
  readonly stages: () => readonly Stage[];
  readonly over: (rows: readonly Row[]) => readonly Row[];
}

const staged = (face: unknown): readonly Stage[] => stagesOf(face) ?? [];
const small = fc.nat({ max: 30 });

const pair: fc.Arbitrary<Pair> = fc.oneof(
  small.map((n): Pair => ({ name: `take ${n}`, stages: () => staged(take(n)), over: rows => rows.slice(0, n) })),
  small.map((n): Pair => ({ name: `skip ${n}`, stages: () => staged(skip(n)), over: rows => rows.slice(n) })),
  small.map((n): Pair => ({
    name: `map ${n}`,
    stages: () => staged(map((row: Row) => ({ ...row, a: row.a + n }))),
    over: rows => rows.map(row => ({ ...row, a: row.a + n })),
  })),
  small.map((n): Pair => ({
    name: `map a ${n}`,
    stages: () => staged(map<Row, 'a', { a: number }>(['a'], ({ a }) => ({ a: a * n }))),
    over: rows => rows.map(row => ({ ...row, a: row.a * n })),
  })),
  fc.nat({ max: 3 }).map((n): Pair => ({
    name: `flatMap ${n}`,
    stages: () => staged(flatMap((row: Row) => Array.from({ length: (row.a + n) % 3 }, () => row))),
    over: rows => rows.flatMap(row => Array.from({ length: (row.a + n) % 3 }, () => row)),
  })),
  fc.constant<Pair>({ name: 'tap', stages: () => staged(tap(() => undefined)), over: rows => rows }),
  fc.constant<Pair>({
    name: 'there and back',
    stages: () => [
      ...staged(rename({ a: 'b', b: 'a' })),
      ...staged(rename({ a: 'b', b: 'a' })),
      ...staged(project<Row, 'a' | 'b'>('b', 'a')),
    ],
    over: rows => rows,
  }),
  fc.constant<Pair>({
    name: 'through',
    stages: () =>
      staged(
        through<Row>(async function* (rows) {
          for await (const row of rows) if ((row.a as number) % 2 === 0) yield row;
        }),
      ),
    over: rows => rows.filter(({ a }) => a % 2 === 0),
  }),
);

const rows = fc.array(fc.record({ a: fc.nat({ max: 100 }), b: fc.string({ maxLength: 5 }) }), { maxLength: 120 });
const line = fc.array(pair, { maxLength: 6 });
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 });
const memory = fc.oneof(fc.constant(1024), fc.integer({ min: 1024, max: 1 << 20 }));

const expectedOf = (input: readonly Row[], operators: readonly Pair[]): readonly Row[] =>
  operators.reduce((left, { over }) => over(left), input);

describe('any pipeline over any records', () => {
  it('gives what the same functions give over arrays, however they are cut and under any account', async () => {
    await fc.assert(
      fc.asyncProperty(rows, line, sizes, memory, fc.boolean(), async (input, operators, pieces, bytes, delay) => {
        const target = collector({ delay });
        const report = await run([listSource(cut(input, pieces)), ...operators.flatMap(({ stages }) => stages()), target.stage], {
          memory: bytes,
        });
        const expected = expectedOf(input, operators);
        expect(target.rows).to.deep.equal(expected);
        expect(report.written).to.equal(expected.length);
        expect(report.read + report.made).to.equal(report.written + report.dropped + report.rejected);
      }),
      { numRuns: runs(150) },
    );
  });

  it('ends under any account and any scheduling', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), rows, line, sizes, memory, async (scheduler, input, operators, pieces, bytes) => {
        const written: unknown[] = [];
        const ended = run(
          [
            scheduledSource(scheduler, cut(input, pieces)),
            ...operators.flatMap(({ stages }) => stages()),
            scheduledSink(scheduler, written),
          ],
          { memory: bytes },
        );
        let isOver = false;
        const done = ended.finally(() => (isOver = true));
        done.catch(() => undefined);
        // Work that is scheduled comes about turn by turn: go on until the run is over.
        while (!isOver) {
          if (scheduler.count() > 0) await scheduler.waitNext(1);
          else await new Promise(resolve => setImmediate(resolve));
        }
        await done;
        expect(written).to.deep.equal(expectedOf(input, operators));
      }),
      { numRuns: runs(60) },
    );
  });
});

const none = z.strictObject({});

function scheduledSource(scheduler: fc.Scheduler, pieces: readonly (readonly object[])[]): SourceStage {
  const kind = defineSource<typeof none>({
    kind: 'scheduled',
    options: none,
    async *read() {
      for (const piece of pieces) {
        await scheduler.schedule(Promise.resolve(), 'read');
        yield RecordBatch.of(piece) as AnyBatch;
      }
    },
  });
  return stageOf(kind.create({}, undefined)) as SourceStage;
}

/** Holds what it gets until it is flushed, as COPY does. */
function scheduledSink(scheduler: fc.Scheduler, written: unknown[]): SinkStage {
  const kind = defineSink<typeof none>({
    kind: 'scheduled',
    options: none,
    needsSchema: false,
    open: (_options, { settle }) => {
      let held: AnyBatch[] = [];
      const pause = (what: string): Promise<void> => scheduler.schedule(Promise.resolve(), what);
      return Promise.resolve({
        write: async batch => {
          await pause('write');
          held.push(batch);
        },
        flush: async () => {
          await pause('flush');
          for (const batch of held) {
            written.push(...batch.rows);
            settle(batch);
          }
          held = [];
        },
        commit: async () => {
          await pause('commit');
          return null;
        },
        close: () => pause('close'),
        abort: () => pause('abort'),
      });
    },
  });
  return stageOf(kind.create({}, undefined)) as SinkStage;
}

// Whatever fails, is refused, aborted or drained, and whenever: a run settles once, and the contracts of its stages hold.
import { expect } from 'chai';
import fc from 'fast-check';
import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { z } from 'zod';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import type { DeadLetter, Report } from '../../../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, defineSink, defineSource, type RejectedRow } from '../../../lib/core/define.ts';
import { stageOf, stagesOf } from '../../../lib/core/run/face.ts';
import { PipelineError } from '../../../lib/core/run/pipeline-error.ts';
import { run } from '../../../lib/core/run/run.ts';
import type { SinkStage, SourceStage, Stage } from '../../../lib/core/run/stage.ts';
import { cut } from '../../../lib/testing/case.ts';
import { filter } from '../../../operators/filter.ts';
import { flatMap } from '../../../operators/flat-map.ts';
import { map } from '../../../operators/map.ts';
import { mapAsync } from '../../../operators/map-async.ts';
import { take } from '../../../operators/take.ts';
import { tap } from '../../../operators/tap.ts';
import { through } from '../../../operators/through.ts';
import { validate } from '../../../operators/validate.ts';
import { runs } from '../../random.ts';

const none = z.strictObject({});
const POINTS = ['open', 'write', 'flush', 'commit', 'close'] as const;
type Point = (typeof POINTS)[number];

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await turn();
};

interface Place {
  readonly fails: Point | undefined;
  readonly pace: number;
  readonly settles: 'write' | 'later' | 'flush';
  readonly rejects: boolean;
  readonly calls: string[];
  /** What is committed. */
  readonly rows: AnyRow[];
  readonly faults: string[];
}

const refused = (row: AnyRow): boolean => (row['id'] as number) % 7 === 6;

/** A sink that checks how it is called. */
const placeKind = defineSink<typeof none, Place>({
  kind: 'place',
  options: none,
  needsSchema: false,
  open: async (_options, context, place) => {
    const { fails, pace, settles, rejects, calls, rows, faults } = place;
    let isBusy = false;
    let isOver = false;
    let unsettled: AnyBatch[] = [];
    let kept: AnyRow[] = [];
    const settle = (batch: AnyBatch): void => {
      if (!unsettled.includes(batch)) return;
      unsettled = unsettled.filter(each => each !== batch);
      const rejected: RejectedRow[] = rejects
        ? batch.rows.flatMap((row, index) => (refused(row) ? [{ index, code: 'REFUSED', reason: 'seventh' }] : []))
        : [];
      kept.push(...batch.rows.filter((_, index) => rejected.every(each => each.index !== index)));
      context.settle(batch, rejected);
    };
    const call = async (name: string, work?: () => void): Promise<void> => {
      if (isBusy) faults.push(`${name} during another call`);
      if (isOver) faults.push(`${name} after the end`);
      isBusy = true;
      calls.push(name);
      await turns(pace);
      isBusy = false;
      if (name === 'close' || name === 'abort') isOver = true;
      if (name === fails) throw new Error(`no ${name}`);
      work?.();
    };
    await call('open');
    return {
      write: batch => {
        if (batch.length === 0) faults.push('an empty batch');
        return call('write', () => {
          unsettled.push(batch);
          if (settles === 'write') settle(batch);
          if (settles === 'later') setImmediate(() => isOver || settle(batch));
        });
      },
      flush: () => call('flush', () => unsettled.forEach(settle)),
      commit: async () => {
        if (calls.at(-1) !== 'flush') faults.push(`commit after ${calls.at(-1)}`);
        await call('commit', () => {
          rows.push(...kept);
          kept = [];
        });
        return null;
      },
      close: () => call('close'),
      abort: () => call('abort'),
    };
  },
});

interface Origin {
  readonly pieces: readonly (readonly AnyRow[])[];
  readonly failsAfter: number;
  readonly pace: number;
  readonly open: { count: number };
}

const originKind = defineSource<typeof none, Origin>({
  kind: 'origin',
  options: none,
  async *read(_options, { signal, counted }, { pieces, failsAfter, pace, open }) {
    open.count++;
    try {
      for (const [i, piece] of pieces.entries()) {
        await turns(pace);
        if (signal.aborted) return;
        if (i === failsAfter) throw new Error('the source fails');
        counted({ rows: piece.length });
        yield RecordBatch.of(piece, undefined, { piece: i }) as AnyBatch;
      }
    } finally {
      await turns(pace);
      open.count--;
    }
  },
});

/** An operator, and the same over arrays; */
interface Pair {
  readonly name: string;
  readonly open: () => unknown;
  readonly over: (rows: readonly AnyRow[]) => AnyRow[];
}
const isFifth = (row: AnyRow): boolean => (row['id'] as number) % 5 === 4;
const throwing = (row: AnyRow): AnyRow => {
  if (isFifth(row)) throw new Error('fifth');
  return row;
};
const pairs: readonly Pair[] = [
  { name: 'map', open: () => map((row: AnyRow) => ({ ...row })), over: rows => [...rows] },
  { name: 'throwing map', open: () => map(throwing), over: rows => rows.filter(row => !isFifth(row)) },
  { name: 'throwing tap', open: () => tap(throwing), over: rows => rows.filter(row => !isFifth(row)) },
  {
    name: 'throwing mapAsync',
    open: () => mapAsync(async (row: AnyRow) => (await turn(), throwing(row)), { concurrency: 2 }),
    over: rows => rows.filter(row => !isFifth(row)),
  },
  {
    name: 'throwing mapAsync, unordered',
    open: () =>
      mapAsync(async (row: AnyRow) => (await turns((row['id'] as number) % 3), throwing(row)), { concurrency: 3, ordered: false }),
    over: rows => rows.filter(row => !isFifth(row)),
  },
  {
    name: 'throwing asynchronous schema',
    open: () =>
      validate({ '~standard': { version: 1, vendor: 'test', validate: async row => (await turn(), { value: throwing(row as AnyRow) }) } }),
    over: rows => rows.filter(row => !isFifth(row)),
  },
  {
    name: 'throwing flatMap',
    open: () => flatMap((row: AnyRow) => [throwing(row)]),
    over: rows => rows.filter(row => !isFifth(row)),
  },
  {
    name: 'filter',
    open: () => filter((row: AnyRow) => (row['id'] as number) % 3 > 0),
    over: rows => rows.filter(row => (row['id'] as number) % 3 > 0),
  },
  { name: 'flatMap', open: () => flatMap((row: AnyRow) => [row, row]), over: rows => rows.flatMap(row => [row, row]) },
  { name: 'a foreign stream', open: () => through<AnyRow>(new PassThrough({ objectMode: true })), over: rows => [...rows] },
  { name: 'take', open: () => take(9), over: rows => rows.slice(0, 9) },
];

const place = fc.record({
  fails: fc.option(fc.constantFrom(...POINTS), { nil: undefined, freq: 4 }),
  pace: fc.nat({ max: 2 }),
  settles: fc.constantFrom('write' as const, 'later' as const, 'flush' as const),
  rejects: fc.boolean(),
});
const scenario = fc.record({
  count: fc.nat({ max: 40 }),
  sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }),
  failsAfter: fc.oneof({ weight: 4, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat({ max: 8 }) }),
  pace: fc.nat({ max: 2 }),
  line: fc.array(fc.constantFrom(...pairs), { maxLength: 4 }),
  place,
  letters: fc.option(
    place.map(given => ({ ...given, rejects: false })),
    { freq: 4 },
  ),
  abortAfter: fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat({ max: 60 }) }),
  drainAfter: fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat({ max: 60 }) }),
  memory: fc.constantFrom(1024, 4096, 1 << 20),
});

describe('a run in chaos', () => {
  it('settles once, and calls its sinks as it should', async () => {
    const unheard: unknown[] = [];
    const listen = (reason: unknown): void => void unheard.push(reason);
    process.on('unhandledRejection', listen);
    try {
      await fc.assert(
        fc.asyncProperty(scenario, async given => {
          await check(given);
          expect(unheard).to.deep.equal([]);
        }),
        { numRuns: runs(400) },
      );
    } finally {
      process.off('unhandledRejection', listen);
    }
  });
});

type Scenario = typeof scenario extends fc.Arbitrary<infer S> ? S : never;

async function check({ count, sizes, failsAfter, pace, line, memory, abortAfter, drainAfter, ...places }: Scenario): Promise<void> {
  const input = Array.from({ length: count }, (_, id) => ({ id }));
  const main: Place = { ...places.place, calls: [], rows: [], faults: [] };
  const letters: Place | undefined = places.letters === null ? undefined : { ...places.letters, calls: [], rows: [], faults: [] };
  const origin: Origin = { pieces: cut(input, sizes), failsAfter, pace, open: { count: 0 } };
  const stages: Stage[] = [
    stageOf(originKind.create({}, origin)) as SourceStage,
    ...line.flatMap(({ open }) => stagesOf(open()) ?? []),
    stageOf(placeKind.create({}, main)) as SinkStage,
  ];
  const [abort, drain] = [new AbortController(), new AbortController()];
  const running = run(stages, {
    memory,
    signal: abort.signal,
    drain: drain.signal,
    ...(letters === undefined ? {} : { deadLetter: placeKind.create<DeadLetter>({}, letters) }),
  });
  let isOver = false;
  const over = running.then(
    report => ({ report, error: undefined }),
    (error: unknown) => ({ report: (error as PipelineError).report, error }),
  );
  void over.then(() => (isOver = true));
  for (let i = 0; !isOver && i < Math.max(abortAfter, drainAfter) + 1; i++) {
    if (i === abortAfter) abort.abort();
    if (i === drainAfter) drain.abort();
    await turn();
  }
  const { report, error } = await over;
  expect([...main.faults, ...(letters?.faults ?? [])]).to.deep.equal([]);
  expect(origin.open.count, 'sources left open').to.equal(0);
  for (const { calls, fails } of letters === undefined ? [main] : [main, letters]) {
    const ends = calls.filter(call => call === 'close' || call === 'abort');
    expect(ends.length, calls.join(' ')).to.equal(calls.length === 0 || fails === 'open' ? 0 : 1);
    expect(calls.filter(call => call === 'commit').length).to.be.at.most(1);
  }
  if (error !== undefined) {
    expect(error).to.be.instanceOf(PipelineError);
    expect(report).to.include({ status: 'failed', written: 0 });
    return;
  }
  expectConserved(report);
  expect(report.written).to.equal(main.rows.length);
  if (letters !== undefined) expect(report.rejected).to.equal(letters.rows.length);
  const losesPlaces = line.some(({ name }) => name === 'a foreign stream');
  for (const letter of (letters?.rows ?? []) as unknown as DeadLetter[]) {
    const record = letter.record as AnyRow;
    expect(letter).to.include(letter.stage === 'place' ? { code: 'REFUSED' } : { code: 'OPERATOR_THREW', reason: 'Error: fifth' });
    expect(letter.stage === 'place' ? refused(record) : isFifth(record), letter.stage).to.equal(true);
    if (letter.position === null && losesPlaces) continue;
    expect(letter.position).to.deep.equal({ piece: origin.pieces.findIndex(piece => piece.some(({ id }) => id === record['id'])) });
  }
  if (drainAfter >= 0 || line.some(({ name }) => name === 'take')) return;
  let expected: AnyRow[] = input;
  for (const { over: same } of line) expected = same(expected);
  if (main.rejects) expected = expected.filter(row => !refused(row));
  expect(main.rows).to.have.deep.members(expected);
}

function expectConserved(report: Report): void {
  for (const [i, { kind, in: taken, made, out, dropped, rejected }] of report.stages.entries()) {
    if (i > 0) expect(taken + made, kind).to.equal(out + dropped + rejected);
    if (i > 0) expect(taken, `what ${kind} took`).to.equal(report.stages[i - 1]?.out);
  }
  expect(report.read + report.made).to.equal(report.written + report.dropped + report.rejected);
}

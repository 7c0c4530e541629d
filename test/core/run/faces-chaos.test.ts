// Stages as plain Node streams, joined in every way Node has, with failures anywhere: nothing is lost, doubled, left open or unheard.
import { expect } from 'chai';
import fc from 'fast-check';
import { PassThrough, type Readable, type Transform } from 'node:stream';
import { pipeline as nodePipeline } from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { z } from 'zod';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import type { DeadLetter, Operator } from '../../../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, defineSink, defineSource } from '../../../lib/core/define.ts';
import { compose } from '../../../lib/core/run/pipeline.ts';
import { cut } from '../../../lib/testing/case.ts';
import { filter } from '../../../operators/filter.ts';
import { flatMap } from '../../../operators/flat-map.ts';
import { map } from '../../../operators/map.ts';
import { mapAsync } from '../../../operators/map-async.ts';
import { skip } from '../../../operators/skip.ts';
import { take } from '../../../operators/take.ts';
import { validate } from '../../../operators/validate.ts';
import { runs } from '../../random.ts';

const none = z.strictObject({});
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await turn();
};

interface Origin {
  readonly pieces: readonly (readonly AnyRow[])[];
  readonly failsAfter: number;
  readonly pace: number;
  readonly open: { count: number };
}
const originKind = defineSource<typeof none, Origin>({
  kind: 'origin',
  options: none,
  async *read(_options, { signal }, { pieces, failsAfter, pace, open }) {
    open.count++;
    try {
      for (const [i, piece] of pieces.entries()) {
        await turns(pace);
        if (signal.aborted) return;
        if (i === failsAfter) throw new Error('the source fails');
        yield RecordBatch.of(piece) as AnyBatch;
      }
    } finally {
      await turns(pace);
      open.count--;
    }
  },
});

interface Place {
  readonly failsAfter: number;
  readonly pace: number;
  readonly calls: string[];
  readonly rows: AnyRow[];
}
const placeKind = defineSink<typeof none, Place>({
  kind: 'place',
  options: none,
  needsSchema: false,
  open: async (_options, { settle }, { failsAfter, pace, calls, rows }) => {
    await turns(pace);
    calls.push('open');
    let held: AnyBatch[] = [];
    let writes = 0;
    const call = async (name: string): Promise<void> => {
      calls.push(name);
      await turns(pace);
    };
    return {
      write: async batch => {
        await call('write');
        if (writes++ === failsAfter) throw new Error('the sink fails');
        held.push(batch);
      },
      flush: async () => {
        await call('flush');
        held.forEach(batch => settle(batch));
      },
      commit: async () => {
        await call('commit');
        rows.push(...held.flatMap(batch => batch.rows));
        held = [];
        return null;
      },
      close: () => call('close'),
      abort: () => call('abort'),
    };
  },
});

interface Pair {
  readonly name: string;
  readonly open: () => unknown;
  readonly over: (rows: AnyRow[]) => AnyRow[];
}
const same = (rows: AnyRow[]): AnyRow[] => rows;
const pairs: readonly Pair[] = [
  { name: 'map', open: () => map((row: AnyRow) => ({ ...row })), over: same },
  {
    name: 'filter',
    open: () => filter((row: AnyRow) => (row['id'] as number) % 3 > 0),
    over: rows => rows.filter(row => (row['id'] as number) % 3 > 0),
  },
  { name: 'flatMap', open: () => flatMap((row: AnyRow) => [row, row]), over: rows => rows.flatMap(row => [row, row]) },
  { name: 'mapAsync', open: () => mapAsync(async (row: AnyRow) => (await turn(), row), { concurrency: 40 }), over: same },
  { name: 'take', open: () => take(100), over: rows => rows.slice(0, 100) },
  { name: 'take of none', open: () => take(0), over: () => [] },
  { name: 'skip', open: () => skip(100), over: rows => rows.slice(100) },
  {
    name: 'a composed line',
    open: () =>
      compose<AnyRow>()(
        skip(3),
        flatMap((row: AnyRow) => [row]),
        take(200),
      ),
    over: rows => rows.slice(3, 203),
  },
  { name: 'a PassThrough', open: () => new PassThrough({ objectMode: true, highWaterMark: 3 }), over: same },
];

const scenario = fc.record({
  count: fc.oneof(fc.constantFrom(0, 1, 255, 256, 257), fc.nat({ max: 700 })),
  sizes: fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 3 }),
  pace: fc.nat({ max: 2 }),
  line: fc.array(fc.constantFrom(...pairs), { maxLength: 4 }),
  sourceFailsAfter: fc.oneof({ weight: 5, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat({ max: 4 }) }),
  sinkFailsAfter: fc.oneof({ weight: 5, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat({ max: 2 }) }),
  abortAfter: fc.oneof({ weight: 4, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat({ max: 40 }) }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer S> ? S : never;

const unheard: unknown[] = [];
const listen = (reason: unknown): void => void unheard.push(reason);

describe('plain Node streams in chaos', () => {
  before(() => process.on('unhandledRejection', listen));
  after(() => process.off('unhandledRejection', listen));
  afterEach(() => expect(unheard).to.deep.equal([]));

  it("joined by Node's pipeline", async () => {
    await fc.assert(fc.asyncProperty(scenario, joined), { numRuns: runs(150) });
  });

  it('joined by .pipe and read by for await, to the end or left early', async () => {
    await fc.assert(fc.asyncProperty(scenario, fc.option(fc.nat({ max: 300 })), read), { numRuns: runs(100) });
  });

  it('give rejects to the function of the stage that refused, also within a composed one', async () => {
    const letters: string[] = [];
    const positive = (name: string, min: number): Operator<AnyRow, AnyRow> =>
      validate(z.object({ id: z.number().min(min) }), {
        onReject: ({ code }: DeadLetter) => letters.push(`${name} ${code}`),
      }) as unknown as Operator<AnyRow, AnyRow>;
    for (const line of [[positive('first', 1), positive('second', 3)], [compose<AnyRow>()(positive('first', 1), positive('second', 3))]]) {
      letters.length = 0;
      const source = originKind.create<AnyRow>({}, { pieces: [rowsOf(5)], failsAfter: -1, pace: 0, open: { count: 0 } });
      const seen: unknown[] = [];
      let end: Readable = source as unknown as Readable;
      for (const operator of line) end = end.pipe(operator as unknown as Transform);
      for await (const row of end) seen.push(row);
      expect(seen).to.deep.equal([{ id: 3 }, { id: 4 }]);
      expect(letters).to.deep.equal(['first VALIDATION_FAILED', 'second VALIDATION_FAILED', 'second VALIDATION_FAILED']);
    }
  });
});

const rowsOf = (count: number): AnyRow[] => Array.from({ length: count }, (_, id) => ({ id }));

function begin({ count, sizes, pace, line, sourceFailsAfter }: Scenario) {
  const origin: Origin = { pieces: cut(rowsOf(count), sizes), failsAfter: sourceFailsAfter, pace, open: { count: 0 } };
  const source = originKind.create<AnyRow>({}, origin) as unknown as Readable;
  const expected = line.reduce((rows, { over }) => over(rows), rowsOf(count));
  return { origin, source, expected, operators: line.map(({ open }) => open() as Transform) };
}

async function joined(given: Scenario): Promise<void> {
  const { origin, source, expected, operators } = begin(given);
  const { line, pace, sinkFailsAfter, abortAfter } = given;
  const place: Place = { failsAfter: sinkFailsAfter, pace, calls: [], rows: [] };
  const sink = placeKind.create<AnyRow>({}, place);
  const closed = new Promise(resolve => sink.once('close', resolve));
  const abort = new AbortController();
  const running = nodePipeline([source, ...operators, sink], { signal: abort.signal });
  const over = running.then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  let isOver = false;
  void over.then(() => (isOver = true));
  for (let i = 0; !isOver && i <= abortAfter; i++) {
    if (i === abortAfter) abort.abort();
    await turn();
  }
  const error = await over;
  await closed;
  while (origin.open.count > 0) await turn();
  const ends = place.calls.filter(call => call === 'close' || call === 'abort');
  expect(ends.length, place.calls.join(' ')).to.equal(place.calls.length === 0 ? 0 : 1);
  if (error === undefined) {
    expect(place.rows, line.map(({ name }) => name).join(' ')).to.deep.equal(expected);
    expect(place.calls.slice(-3)).to.deep.equal(['flush', 'commit', 'close']);
  } else {
    expect(error.message).to.match(/the source fails|the sink fails|aborted/);
    if (ends[0] === 'abort') expect(place.rows).to.deep.equal([]);
  }
}

async function read(given: Scenario, leaveAfter: number | null): Promise<void> {
  const { origin, source, expected, operators } = begin({ ...given, sourceFailsAfter: -1 });
  let end = source;
  for (const operator of operators) end = end.pipe(operator);
  const seen: AnyRow[] = [];
  for await (const row of end as AsyncIterable<AnyRow>) {
    if (seen.length === leaveAfter) break;
    seen.push(row);
    if (given.pace > 0 && seen.length % 50 === 0) await turn();
  }
  expect(seen).to.deep.equal(expected.slice(0, leaveAfter ?? undefined));
  // A foreign stream in between does not say that it was left.
  if (given.line.every(({ name }) => name !== 'a PassThrough')) while (origin.open.count > 0) await turn();
  else source.destroy();
}

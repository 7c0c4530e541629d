import { expect } from 'chai';
import fc from 'fast-check';
import type { PipelineError } from '../../lib/core/run/pipeline-error.ts';
import { stagesOf } from '../../lib/core/run/face.ts';
import { run } from '../../lib/core/run/run.ts';
import type { Stage } from '../../lib/core/run/stage.ts';
import { Draws } from '../../lib/core/state/draws.ts';
import { cut } from '../../lib/testing/case.ts';
import { collector, listSource } from '../../lib/testing/probes.ts';
import { from, pipeline, to } from '../../lib/index.ts';
import { sample, type SampleOptions, sampleShareKind } from '../../operators/sample.ts';
import { fakeContext } from './fake-context.ts';

interface Item {
  readonly i: number;
}
const items = (count: number): Item[] => Array.from({ length: count }, (_, i) => ({ i }));

async function sampled(options: SampleOptions, count: number, sizes: readonly number[] = [100]): Promise<number[]> {
  const target = collector({});
  const stage = stagesOf(sample<Item>(options))?.[0] as Stage;
  await run([listSource(cut(items(count), sizes)), stage, target.stage], {});
  return (target.rows as Item[]).map(({ i }) => i);
}

describe('operator sample', () => {
  for (const share of [0.01, 0.5, 0.9]) {
    it(`takes about a share of ${share}, spread over all, and independent from one record to the next`, async () => {
      const count = 40_000;
      const taken = await sampled({ share, seed: 7 }, count);
      // Six standard deviations.
      const within = (sum: number, of: number, p: number): void => {
        expect(Math.abs(sum - of * p)).to.be.lessThan(6 * Math.sqrt(of * p * (1 - p)));
      };
      within(taken.length, count, share);
      for (let quarter = 0; quarter < 4; quarter++)
        within(taken.filter(i => Math.floor((i * 4) / count) === quarter).length, count / 4, share);
      const is = new Set(taken);
      within(taken.filter(i => is.has(i + 1)).length, count, share * share);
    });
  }

  it('takes all of it, and nothing', async () => {
    expect(await sampled({ share: 1 }, 500)).to.have.length(500);
    expect(await sampled({ share: 0 }, 500)).to.have.length(0);
  });

  it('takes the same for the same seed however the records are cut, and else others', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom<(seed?: number) => SampleOptions>(
          seed => ({ share: 0.3, seed }),
          seed => ({ count: 30, seed }),
        ),
        async (seed, sizes, options) => {
          const taken = await sampled(options(seed), 200);
          expect(await sampled(options(seed), 200, sizes)).to.deep.equal(taken);
          expect(await sampled(options(seed + 1), 200, sizes)).to.not.deep.equal(taken);
          expect(await sampled(options(), 200)).to.not.deep.equal(taken);
        },
      ),
      { numRuns: 20 },
    ));

  it('gives exactly a count, each record as likely as any other', async () => {
    const hits = new Array<number>(40).fill(0);
    const RUNS = 400;
    for (let seed = 0; seed < RUNS; seed++) {
      const taken = await sampled({ count: 10, seed }, 40, [7]);
      expect(taken).to.have.length(10);
      expect(taken).to.deep.equal([...new Set(taken)].sort((a, b) => a - b));
      for (const i of taken) hits[i] = (hits[i] as number) + 1;
    }
    for (const [i, hit] of hits.entries()) {
      expect(Math.abs(hit - RUNS / 4), `record ${i}`).to.be.lessThan(6 * Math.sqrt((RUNS * 3) / 16));
    }
  });

  it('gives exactly a count of many, and keeps no more than about twice as many', async () => {
    expect(await sampled({ count: 3000, seed: 1 }, 30_000, [1000])).to.have.length(3000);
    const rows: unknown[] = [];
    const report = await pipeline(from.generate({ rows: 100_000 }), sample({ count: 2000 }), to.memory(rows), { stateMemory: '1MiB' });
    expect([rows.length, report.dropped]).to.deep.equal([2000, 98_000]);
  });

  it('ends the run where a count of records is more than operators may keep', async () => {
    const error = await pipeline(from.generate({ rows: 50_000 }), sample({ count: 40_000 }), to.null(), { stateMemory: '1MiB' }).catch(
      (thrown: unknown) => thrown as PipelineError,
    );
    expect(error).to.include({ code: 'STATE_TOO_LARGE' });
  });

  it('goes on drawing as it began, with a seed that nobody gave too', () => {
    const first = fakeContext();
    sampleShareKind.definition.batch!({ share: 0.5 }, first, undefined);
    const saved = JSON.parse(JSON.stringify(first.kept.state!.save())) as [number, number];
    const whole = new Draws(saved[0]);
    for (let i = 0; i < 5; i++) whole.next();
    const rest = new Draws(saved[0], 5);
    expect(Array.from({ length: 20 }, () => rest.next())).to.deep.equal(Array.from({ length: 20 }, () => whole.next()));
  });
});

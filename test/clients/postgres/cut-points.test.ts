import { expect } from 'chai';
import fc from 'fast-check';
import { cutPoints, type SamplePoint } from '../../../lib/clients/postgres/read/cut-points.ts';
import { mergedReads } from '../../../lib/clients/postgres/read/merged-reads.ts';

const bounds = (values: readonly string[], share = 1 / (values.length - 1)): SamplePoint[] =>
  values.map(value => ({ value, share, isBound: true }));

describe('cutting a table into ranges', () => {
  it('cuts a histogram into parts of about as many rows', () => {
    expect(cutPoints(bounds([...'abcdefghi']), 4)).to.deep.equal(['c', 'e', 'g']);
    expect(cutPoints(bounds(['a', 'b']), 4)).to.deep.equal(['b']);
    expect(cutPoints([], 4)).to.deep.equal([]);
  });

  it('leaves a value that most rows have alone', () => {
    const common = { value: 'm', share: 0.8, isBound: false };
    expect(cutPoints([...bounds(['a', 'f'], 0.2), common, ...bounds(['q'], 0.2)], 4)).to.include('q');
    expect(cutPoints([common], 4)).to.deep.equal([]);
  });

  it('gives values in their order, fewer than the ranges, each once', () => {
    const point = fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }), isBound: fc.boolean() });
    fc.assert(
      fc.property(fc.array(point, { maxLength: 120 }), fc.integer({ min: 2, max: 64 }), (points, count) => {
        const cuts = cutPoints(
          points.map((each, i) => ({ ...each, value: String(i) })),
          count,
        ).map(Number);
        expect(cuts.length).to.be.below(count);
        expect(cuts).to.deep.equal([...new Set(cuts)].sort((a, b) => a - b));
      }),
    );
  });
});

describe('merging readers', () => {
  const never = new AbortController().signal;

  it('gives what comes when it comes, and asks each reader for one item ahead', async () => {
    let asked = 0;
    async function* numbers(from: number): AsyncGenerator<number> {
      for (let i = from; i < from + 3; i++) {
        asked++;
        await Promise.resolve();
        yield i;
      }
    }
    async function* slow(): AsyncGenerator<number> {
      await new Promise(resolve => setTimeout(resolve, 20));
      yield 9;
    }
    const merged = mergedReads(() => [slow(), numbers(0), numbers(10)], never);
    const first = (await merged.next()).value as number;
    await new Promise(resolve => setImmediate(resolve));
    expect(asked).to.equal(2);
    const rest: number[] = [];
    for await (const value of merged) rest.push(value);
    expect([first, ...rest].at(-1)).to.equal(9);
    expect([first, ...rest].sort((a, b) => a - b)).to.deep.equal([0, 1, 2, 9, 10, 11, 12]);
  });

  it('ends all when one fails, those that wait by their signal', async () => {
    const ended: string[] = [];
    async function* waiting(signal: AbortSignal): AsyncGenerator<number> {
      try {
        yield 1;
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
      } finally {
        ended.push('waiting');
      }
    }
    async function* failing(): AsyncGenerator<number> {
      yield 2;
      await new Promise(resolve => setImmediate(resolve));
      throw new Error('broken');
    }
    const merged = mergedReads(signal => [waiting(signal), failing()], never);
    let found: unknown;
    try {
      for await (const value of merged) expect(value).to.be.below(3);
    } catch (error) {
      found = error;
    }
    expect([(found as Error).message, ended]).to.deep.equal(['broken', ['waiting']]);
  });
});

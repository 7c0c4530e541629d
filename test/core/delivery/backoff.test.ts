import { expect } from 'chai';
import { Backoff, retrying } from '../../../lib/core/delivery/backoff.ts';
import { MillraceError } from '../../../lib/errors.ts';

const lost = (retryAfterMs?: number): MillraceError =>
  new MillraceError('CONNECTION_LOST', 'it was lost', { retryable: true, retryAfterMs });
const timers = (): number => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length;

describe('backoff', () => {
  it('waits a random time up to a limit that doubles, up to the longest', async () => {
    const longest = new Backoff({ limitMs: 60_000, firstMs: 4, mostMs: 12, random: () => 1 });
    const waited: number[] = [];
    for (let i = 0; i < 4; i++) waited.push((await longest.wait(lost())) as number);
    for (const [i, least] of [4, 8, 12, 12].entries()) expect(waited[i]).to.be.within(least - 1.5, least + 30);
    longest.reset();
    expect(await longest.wait(lost())).to.be.within(2.5, 11);
    const shortest = new Backoff({ limitMs: 60_000, firstMs: 60_000, random: () => 0 });
    expect(await shortest.wait(lost())).to.be.below(20);
  });

  it('tries last when its time is up, and not after that', async () => {
    const backoff = new Backoff({ limitMs: 30, firstMs: 60_000, random: () => 1 });
    expect(await backoff.wait(lost())).to.be.within(28, 90);
    expect(await backoff.wait(lost())).to.equal(undefined);
    expect(await new Backoff({ limitMs: 0 }).wait(lost())).to.equal(undefined);
    expect(await new Backoff({ limitMs: 50 }).wait(lost(), performance.now() - 60)).to.equal(undefined);
  });

  it('leaves the other side alone for as long as it asks, or gives up at once where that is too long', async () => {
    const backoff = new Backoff({ limitMs: 1000, firstMs: 1, random: () => 0 });
    expect(await backoff.wait(lost(25))).to.be.within(24, 90);
    expect(await backoff.wait(lost(5000))).to.equal(undefined);
  });

  it('ends at once when its signal is aborted, and leaves no timer and no listener', async () => {
    // The one of mocha is there by then.
    await new Promise(resolve => setImmediate(resolve));
    const before = timers();
    const abort = new AbortController();
    const waiting = new Backoff({ limitMs: 60_000, firstMs: 60_000, random: () => 1, signal: abort.signal }).wait(lost());
    expect(timers()).to.equal(before + 1);
    abort.abort();
    expect(await waiting).to.equal(undefined);
    expect(timers()).to.equal(before);
    expect(await new Backoff({ limitMs: 60_000, signal: abort.signal }).wait(lost())).to.equal(undefined);
  });

  it('repeats a call until it goes well, its time is up, or it fails with what will not get better', async () => {
    let calls = 0;
    const result = await retrying(() => (++calls < 3 ? Promise.reject(lost()) : Promise.resolve('well')), { limitMs: 5000, firstMs: 1 });
    expect([result, calls]).to.deep.equal(['well', 3]);
    for (const error of [
      new MillraceError('ROW_REFUSED', 'no'),
      new MillraceError('TIMEOUT', 'it was waited for', { retryable: true, hasWaited: true }),
    ]) {
      calls = 0;
      const thrown = await retrying(
        () => {
          calls++;
          return Promise.reject(error);
        },
        { limitMs: 5000, firstMs: 1 },
      ).catch((reason: unknown) => reason);
      expect([thrown, calls]).to.deep.equal([error, 1]);
    }
  });
});

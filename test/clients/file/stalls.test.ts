import { expect } from 'chai';
import { markStalls } from '../../../lib/clients/file/stalls.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe('an input that stalls', () => {
  it('is given with one empty chunk where it does, and as it is where it does not', async () => {
    let goOn = (): void => undefined;
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield bytes(1);
      yield bytes(2);
      await new Promise<void>(resolve => (goOn = resolve));
      yield bytes(3);
    }
    const seen: number[][] = [];
    for await (const chunk of markStalls(slow(), () => undefined)) {
      seen.push([...chunk]);
      if (chunk.length === 0) setTimeout(goOn, 250);
    }
    expect(seen).to.deep.equal([[1], [2], [], [3]]);
  });

  it('ends the read that waits when it is left', async () => {
    let stop = (): void => undefined;
    let isClosed = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        yield bytes(1);
        await new Promise<void>(resolve => (stop = resolve));
      } finally {
        isClosed = true;
      }
    }
    for await (const chunk of markStalls(endless(), () => stop())) if (chunk.length === 0) break;
    expect(isClosed).to.equal(true);
  });

  it('hands its error on', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield bytes(1);
      await Promise.resolve();
      throw new Error('gone');
    }
    const seen: number[] = [];
    const failure = await (async () => {
      for await (const chunk of markStalls(failing(), () => undefined)) seen.push(...chunk);
    })().catch((error: Error) => error.message);
    expect([failure, seen]).to.deep.equal(['gone', [1]]);
  });
});

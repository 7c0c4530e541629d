import { expect } from 'chai';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline as nodePipeline } from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { z } from 'zod';
import type { Sink } from '../../../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, defineSink } from '../../../lib/core/define.ts';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import { defineSource } from '../../../lib/core/define.ts';
import { runs } from '../../random.ts';

const none = z.strictObject({});
const POINTS = ['open', 'write', 'flush', 'commit', 'close'] as const;

interface Probe {
  readonly calls: string[];
  readonly rows: AnyRow[];
  readonly sizes: number[];
  /** Which call fails. */
  readonly fails?: (typeof POINTS)[number];
  /** Turns of the event loop for each write. */
  readonly turns?: number;
}

/** Settles at flush, as COPY does. */
const probeKind = defineSink<typeof none, Probe>({
  kind: 'probe',
  options: none,
  needsSchema: false,
  open: async (_options, { settle }, { calls, rows, sizes, fails, turns = 0 }) => {
    let held: AnyBatch[] = [];
    const call = async (name: string): Promise<void> => {
      calls.push(name);
      await turn();
      if (name === fails) throw new Error(`no ${name}`);
    };
    await call('open');
    return {
      write: async batch => {
        calls.push('write');
        for (let i = 0; i < turns; i++) await turn();
        if (fails === 'write') throw new Error('no write');
        held.push(batch);
        sizes.push(batch.length);
      },
      flush: async () => {
        await call('flush');
        for (const batch of held) {
          rows.push(...batch.rows);
          settle(batch);
        }
        held = [];
      },
      commit: async () => {
        await call('commit');
        return null;
      },
      close: () => call('close'),
      abort: () => call('abort'),
    };
  },
});
const probe = (more: Partial<Probe> = {}): Probe => ({ calls: [], rows: [], sizes: [], ...more });
const sinkOf = (target: Probe): Sink<AnyRow> => probeKind.create({}, target);
const rows = (count: number): AnyRow[] => Array.from({ length: count }, (_, id) => ({ id }));
const ends = ({ calls }: Probe): string[] => calls.filter(call => call === 'close' || call === 'abort');

describe('a sink as a plain Node stream', () => {
  it('holds every record once, in order, whatever it is written by', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constantFrom(0, 1, 63, 64, 65, 1023, 1024, 1025), fc.nat({ max: 2500 })),
        fc.nat({ max: 2 }),
        fc.boolean(),
        async (count, turns, isPiped) => {
          const target = probe({ turns });
          const sink = sinkOf(target);
          if (isPiped) await nodePipeline(Readable.from(rows(count)), sink);
          else {
            const finished = once(sink, 'finish');
            for (const row of rows(count)) sink.write(row);
            sink.end();
            await finished;
          }
          expect(target.rows).to.deep.equal(rows(count));
          expect(target.calls.slice(-3)).to.deep.equal(['flush', 'commit', 'close']);
          expect(ends(target)).to.deep.equal(['close']);
        },
      ),
      { numRuns: runs(40) },
    );
  });

  for (const fails of POINTS) {
    it(`ends with that error, closed or aborted once, when its ${fails} fails`, async () => {
      for (const count of [1, 1500]) {
        const target = probe({ fails });
        const error: unknown = await nodePipeline(Readable.from(rows(count)), sinkOf(target)).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect((error as Error).message).to.equal(`no ${fails}`);
        expect(ends(target)).to.deep.equal(fails === 'open' ? [] : fails === 'close' ? ['close'] : ['abort']);
      }
    });
  }

  it("says the sink's own error, though it came while records were still waiting", async () => {
    const sink = sinkOf(probe({ fails: 'write', turns: 3 }));
    for (const row of rows(5000)) sink.write(row);
    const [error] = (await once(sink, 'error')) as [Error];
    expect(error.message).to.equal('no write');
  });

  it('keeps records back no longer than a moment', async () => {
    const target = probe();
    const sink = sinkOf(target);
    sink.write({ id: 1 });
    // The stream's own timer keeps no process alive; this one does.
    const alive = setInterval(() => undefined, 1000);
    while (!target.calls.includes('write')) await turn();
    clearInterval(alive);
    sink.end();
    await once(sink, 'finish');
    expect(target.rows).to.deep.equal([{ id: 1 }]);
  });

  it('gathers wide records by their bytes', async () => {
    const target = probe();
    await nodePipeline(Readable.from(Array.from({ length: 40 }, (_, id) => ({ id, text: 'x'.repeat(300_000) }))), sinkOf(target));
    expect(target.rows).to.have.length(40);
    expect(Math.max(...target.sizes)).to.equal(1);
  });

  it('aborts what it had begun when it is destroyed, at each point', async () => {
    for (const count of [0, 1, 1500]) {
      for (let turns = 0; turns < 8; turns++) {
        const target = probe();
        const sink = sinkOf(target);
        for (const row of rows(count)) sink.write(row);
        if (turns % 2 === 0) sink.end();
        for (let i = 0; i < turns; i++) await turn();
        await sink[Symbol.asyncDispose]();
        const opened = target.calls.includes('open');
        expect(ends(target).length, `${count} records, ${turns} turns`).to.equal(opened ? 1 : 0);
        if (ends(target)[0] === 'abort') expect(target.calls.at(-1)).to.equal('abort');
      }
    }
  });

  it('stops the source before it when it fails', async () => {
    let isClosed = false;
    const endless = defineSource<typeof none>({
      kind: 'endless',
      options: none,
      async *read(_options, { signal }) {
        try {
          for (let id = 0; !signal.aborted; id++) {
            await turn();
            yield RecordBatch.of(rows(1000)) as AnyBatch;
          }
        } finally {
          isClosed = true;
        }
      },
    });
    const sink = endless.create<AnyRow>({}, undefined).pipe(sinkOf(probe({ fails: 'write' })));
    await once(sink, 'error');
    while (!isClosed) await turn();
  });

  it('refuses what is no record', async () => {
    for (const wrong of ['text', Buffer.from('bytes'), [1]]) {
      const target = probe();
      const sink = sinkOf(target);
      sink.write(wrong);
      const [error] = (await once(sink, 'error')) as [Error & { code: string }];
      expect(error.code).to.equal('VALUE_INVALID');
      expect(target.calls).not.to.include('commit');
    }
  });
});

import { Writable } from 'node:stream';
import { z } from 'zod';
import type { Sink } from '../lib/core/contracts.ts';
import { defineSink } from '../lib/core/define.ts';

const options = z.strictObject({});

/** A foreign Node Writable in object mode, or a web WritableStream. Ended when the run commits, destroyed when it fails; used once. */
export function stream<Row>(foreign: NodeJS.WritableStream | WritableStream): Sink<Row> {
  return streamKind.create({}, foreign);
}

export const streamKind = defineSink<typeof options, NodeJS.WritableStream | WritableStream>({
  kind: 'stream',
  options,
  needsSchema: false,
  guarantee: 'at-least-once',
  open: (_options, { settle, signal }, foreign) => {
    const target = (foreign instanceof WritableStream ? Writable.fromWeb(foreign as never, { objectMode: true }) : foreign) as Writable;
    const failure = new Promise<never>((_, reject) => target.once('error', reject));
    failure.catch(() => undefined);
    const turn = (event: string): Promise<void> => new Promise(resolve => target.once(event, () => resolve()));
    return Promise.resolve({
      write: async batch => {
        for (const row of batch.rows) {
          signal.throwIfAborted();
          if (!target.write(row)) await Promise.race([turn('drain'), failure]);
        }
        settle(batch);
      },
      flush: () => Promise.resolve(),
      commit: async () => {
        const finished = turn('finish');
        target.end();
        await Promise.race([finished, failure]);
        return null;
      },
      close: () => Promise.resolve(),
      abort: reason => {
        target.destroy(reason instanceof Error ? reason : new Error(String(reason)));
        return Promise.resolve();
      },
    });
  },
});

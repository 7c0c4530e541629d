import { z } from 'zod';
import type { Sink } from '../lib/core/contracts.ts';
import { defineSink } from '../lib/core/define.ts';

const options = z.strictObject({});

/** Keeps nothing and looks at nothing: for measuring. */
function nothing(): Sink<unknown> {
  return nullKind.create({}, undefined);
}

export { nothing as null };

export const nullKind = defineSink<typeof options>({
  kind: 'null',
  keepsNothing: true,
  options,
  needsSchema: false,
  takes: ['pg-copy', 'csv', 'ndjson'],
  guarantee: 'at-least-once',
  open: (_options, { settle, counted }) =>
    Promise.resolve({
      write: batch => {
        counted({ written: batch.length });
        settle(batch);
        return Promise.resolve();
      },
      flush: () => Promise.resolve(),
      commit: () => Promise.resolve(null),
      close: () => Promise.resolve(),
      abort: () => Promise.resolve(),
    }),
});

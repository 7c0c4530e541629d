import { z } from 'zod';
import type { Sink } from '../lib/core/contracts.ts';
import { type AnyRow, defineSink, type RejectedRow } from '../lib/core/define.ts';
import { threw } from '../lib/core/run/row-loop.ts';

const options = z.strictObject({});

/**
 * Calls a function with every record, in order, and waits for what it returns when that is a promise. A throw or a rejection rejects the record
 * (OPERATOR_THREW). What the function did can't be taken back: a run that is started again calls it again.
 */
function calling<Row>(use: (row: Row) => unknown): Sink<Row> {
  return functionKind.create({}, use as (row: AnyRow) => unknown);
}

export { calling as function };

export const functionKind = defineSink<typeof options, (row: AnyRow) => unknown>({
  kind: 'function',
  options,
  needsSchema: false,
  guarantee: 'at-least-once',
  open: (_options, { settle, counted, signal }, use) =>
    Promise.resolve({
      write: async batch => {
        const rejected: RejectedRow[] = [];
        for (const [index, row] of batch.rows.entries()) {
          signal.throwIfAborted();
          try {
            const result = use(row);
            if (result instanceof Promise) await result;
          } catch (error) {
            rejected.push({ index, ...threw(error) });
          }
        }
        counted({ written: batch.length - rejected.length });
        settle(batch, rejected);
      },
      flush: () => Promise.resolve(),
      commit: () => Promise.resolve(null),
      close: () => Promise.resolve(),
      abort: () => Promise.resolve(),
    }),
});

import { z } from 'zod';
import type { Sink } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, defineSink } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';

const options = z.strictObject({});

/** Into an array, all at once when the run commits: a run that failed leaves it as it was. */
export function memory<Row>(rows: Row[]): Sink<Row> {
  checkArgument('memory', 'rows', rows, 'array');
  return memoryKind.create({}, rows as AnyRow[]);
}

export const memoryKind = defineSink<typeof options, AnyRow[]>({
  kind: 'memory',
  keepsNothing: true,
  options,
  needsSchema: false,
  guarantee: 'all-or-nothing',
  open: (_options, { settle, counted }, target) => {
    let held: AnyBatch[] = [];
    let flushed: (readonly AnyRow[])[] = [];
    return Promise.resolve({
      write: batch => {
        held.push(batch);
        return Promise.resolve();
      },
      flush: () => {
        for (const batch of held) {
          flushed.push(batch.rows);
          counted({ written: batch.rows.length });
          settle(batch);
        }
        held = [];
        return Promise.resolve();
      },
      commit: () => {
        for (const rows of flushed) for (const row of rows) target.push(row);
        flushed = [];
        return Promise.resolve(target.length);
      },
      close: () => Promise.resolve(),
      abort: () => Promise.resolve(),
    });
  },
});

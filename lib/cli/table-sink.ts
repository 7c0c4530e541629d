import { z } from 'zod';
import { type AnyBatch, defineSink } from '../core/define.ts';
import { textPrinter } from '../schema/print.ts';
import type { Schema } from '../schema/schema.ts';
import { printJson } from '../values/json.ts';
import type { Cell } from './table.ts';

/** What a table will show, gathered in memory. */
export interface Shown {
  schema: Schema | undefined;
  readonly rows: Cell[][];
}

const options = z.strictObject({});

/** Keeps the text of every value, for a table. */
export const cellsKind = defineSink<typeof options, Shown>({
  kind: 'table',
  options,
  guarantee: 'at-least-once',
  open: (_options, context, shown) => {
    shown.schema = context.schema;
    const done = (): Promise<void> => Promise.resolve();
    return Promise.resolve({
      write: batch => {
        shown.rows.push(...cellsOf(batch, context.schema));
        context.settle(batch);
        return done();
      },
      flush: done,
      commit: () => Promise.resolve(null),
      close: done,
      abort: done,
    });
  },
});

function cellsOf(batch: AnyBatch, schema: Schema | undefined): Cell[][] {
  const columns = (schema ?? batch.schema).fields.map(({ name, type }) => {
    const column = batch.column(name);
    const print = type.kind === 'json' || type.kind === 'jsonb' ? printJson : textPrinter(type);
    return (row: number): Cell => {
      const value = column.get(row);
      return value === null || value === undefined ? null : print(value);
    };
  });
  return Array.from({ length: batch.length }, (_, row) => columns.map(cell => cell(row)));
}

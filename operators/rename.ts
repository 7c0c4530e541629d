import { z } from 'zod';
import type { Operator } from '../lib/core/contracts.ts';
import { defineOperator } from '../lib/core/define.ts';
import type { Show } from './row-types.ts';

const options = z.strictObject({ names: z.record(z.string(), z.string()) });

/** Row under new names. */
export type Renamed<Row, M> = Show<{ [K in keyof Row as K extends keyof M ? (M[K] extends string ? M[K] : K) : K]: Row[K] }>;

/** New names for columns, all at once: `{ a: 'b', b: 'a' }` swaps. Nothing is decoded. COLUMN_UNKNOWN, COLUMN_DUPLICATE. */
export function rename<Row, const M extends { readonly [K in keyof Row]?: string }>(names: M): Operator<Row, Renamed<Row, M>> {
  return renameKind.create({ names: names as Record<string, string> }, undefined);
}

export const renameKind = defineOperator<typeof options>({
  kind: 'rename',
  options,
  batch:
    ({ names }) =>
    batch =>
      batch.rename(names),
  reads: () => [],
  schema: (input, { names }) => input.rename(names),
  title: ({ names }) =>
    Object.entries(names)
      .map(([from, to]) => `${from} as ${to}`)
      .join(', '),
});

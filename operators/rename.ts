import { z } from 'zod';
import type { Operator } from '../lib/core/contracts.ts';
import { defineOperator } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import type { Show } from './row-types.ts';

/** A list, because columns can have any name: a record of zod leaves `__proto__` out. */
const options = z.strictObject({ columns: z.array(z.strictObject({ name: z.string(), as: z.string() })) });

/** Row under new names. */
export type Renamed<Row, M> = Show<{ [K in keyof Row as K extends keyof M ? (M[K] extends string ? M[K] : K) : K]: Row[K] }>;

/** New names for columns, all at once: `{ a: 'b', b: 'a' }` swaps. Nothing is decoded. COLUMN_UNKNOWN, COLUMN_DUPLICATE. */
export function rename<Row, const M extends { readonly [K in keyof Row]?: string }>(names: M): Operator<Row, Renamed<Row, M>> {
  checkArgument('rename', 'names', names, 'object');
  const columns = Object.entries(names as Readonly<Record<string, string>>).map(([name, as]) => ({ name, as }));
  return renameKind.create({ columns }, undefined);
}

export const renameKind = defineOperator<typeof options>({
  kind: 'rename',
  options,
  keepsNothing: true,
  batch: ({ columns }) => {
    const names = namesOf(columns);
    return batch => batch.rename(names);
  },
  reads: () => [],
  schema: (input, { columns }) => input.rename(namesOf(columns)),
  title: ({ columns }) => columns.map(({ name, as }) => `${name} as ${as}`).join(', '),
});

function namesOf(columns: z.output<typeof options>['columns']): Record<string, string> {
  return Object.fromEntries(columns.map(({ name, as }) => [name, as]));
}

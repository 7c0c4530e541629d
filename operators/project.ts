import { z } from 'zod';
import type { Operator } from '../lib/core/contracts.ts';
import { defineOperator } from '../lib/core/define.ts';
import type { Key, Show } from './row-types.ts';

const options = z.strictObject({ columns: z.array(z.string()).min(1) });

/**
 * These columns, in this order. Nothing is decoded or copied. A name that is not there is COLUMN_UNKNOWN with the nearest one, before the
 * first record where the schema is known.
 */
export function project<Row, K extends Key<Row>>(...names: readonly K[]): Operator<Row, Show<Pick<Row, K>>> {
  return projectKind.create({ columns: [...names] }, undefined);
}

export const projectKind = defineOperator<typeof options>({
  kind: 'project',
  options,
  keepsNothing: true,
  batch:
    ({ columns }) =>
    batch =>
      batch.project(columns),
  reads: () => [],
  schema: (input, { columns }) => input.project(columns),
  request: ({ columns }) => ({ columns }),
  title: ({ columns }) => columns.join(', '),
});

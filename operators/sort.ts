import { z } from 'zod';
import type { MillraceError } from '../lib/errors.ts';
import type { Operator } from '../lib/core/contracts.ts';
import { defineOperator } from '../lib/core/define.ts';
import { orderColumns } from '../lib/core/sort/key-reader.ts';
import { sorting } from '../lib/core/sort/sorting.ts';
import { orderOf, printOrder } from '../lib/query/order.ts';
import type { Key } from './row-types.ts';

/** A column or a path (`'meta.a'`), `-` before it for the greatest first; or columns with their directions, in this order. */
export type SortKey<Row> =
  Key<Row> | `-${Key<Row>}` | `${Key<Row>}.${string}` | `-${Key<Row>}.${string}` | { readonly [K in keyof Row]?: 'asc' | 'desc' };

const options = z.strictObject({
  by: z.array(z.unknown()).transform((keys, context) => {
    try {
      return orderOf(keys);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as MillraceError).message });
      return z.NEVER;
    }
  }),
});

/**
 * The records in order of these keys, the first one first: `sort('country', '-age')`. Null and missing come last in either direction, numbers
 * by their exact value, texts by code point, equal records as they came. Memory: the state account (`stateMemory`), and what is more than that
 * is put aside on disk (`spillFolder`) and merged, inside a pipeline, records that came as bytes as these; a plain stream has no disk
 * (STATE_TOO_LARGE). Directly before `take(n)` only n records are kept. Nothing comes out before all has come in. Abort leaves nothing behind.
 * Errors: OPTION_INVALID, COLUMN_UNKNOWN before the first record where the schema is known, DISK_FULL, IO_FAILED, VALUE_NOT_CARRIED (a value
 * of a class of one's own that has to be put aside).
 */
export function sort<Row>(...keys: readonly SortKey<NoInfer<Row>>[]): Operator<Row, Row> {
  return sortKind.create({ by: [...keys] }, undefined);
}

export const sortKind = defineOperator<typeof options>({
  kind: 'sort',
  options,
  stream: ({ by }, context) => sorting(by, context),
  reads: ({ by }) => orderColumns(by),
  schema: (input, { by }) => {
    orderColumns(by, input).forEach(name => input.field(name));
    return input;
  },
  request: ({ by }) => ({ order: by }),
  title: ({ by }) => printOrder(by),
});

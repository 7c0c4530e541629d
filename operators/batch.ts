import { z } from 'zod';
import type { DeadLetter, Operator } from '../lib/core/contracts.ts';
import { defineOperator } from '../lib/core/define.ts';
import { inOrder } from '../lib/core/run/calls-in-order.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { type GroupChange, GroupCalls } from '../lib/core/run/group-calls.ts';

export interface BatchOptions {
  /** How long the first record of a group waits for others, in milliseconds; by default as long as it takes. */
  readonly delayMs?: number | undefined;
  /** Calls that are waited for at the same time; 1 by default. What they give leaves in order. */
  readonly concurrency?: number | undefined;
  /** Takes the rejects where the operator is used without pipeline(). */
  readonly onReject?: ((letter: DeadLetter) => void) | undefined;
}

/** The records of what a function gives: of a list its items, a single record, of nothing none. */
export type BatchedRow<Given> = Given extends Iterable<infer Item> ? Item : Exclude<Given, void | null | undefined>;

const optionsSchema = z.strictObject({
  count: z.int().min(1).describe('records a group'),
  delayMs: z.number().min(0).optional().describe('how long the first of a group waits for others; as long as it takes by default'),
  concurrency: z.int().min(1).default(1).describe('calls at once'),
});

/**
 * Groups of `count` records, in order (the last may have fewer; with `delayMs` one that has waited so long too), each given to a function: what that
 * gives goes on in their place, a record, a list of records of any length, nothing, or a promise of one of these. A function that throws or rejects rejects all records of its group
 * (OPERATOR_THREW; VALUE_INVALID where it gives something else). Memory: the records of open groups, on the state account (STATE_TOO_LARGE). Positions are
 * passed on at the end. An abort waits for no call.
 */
export function batch<Row, Given extends object | null | undefined | void>(
  count: number,
  change: (rows: readonly Row[]) => Given,
  given: BatchOptions = {},
): Operator<Row, BatchedRow<Awaited<Given>>> {
  checkArgument('batch', 'change', change, 'function');
  checkArgument('batch', 'options', given, 'object');
  const { onReject, ...options } = given;
  return batchKind.create({ count, ...options }, change as unknown as GroupChange, onReject);
}

export const batchKind = defineOperator<typeof optionsSchema, GroupChange>({
  kind: 'batch',
  options: optionsSchema,
  stream: ({ count, delayMs, concurrency }, context, change) =>
    inOrder(new GroupCalls(change, { count, delayMs, concurrency }, context), context),
  title: ({ count, delayMs, concurrency }) =>
    `${count} records${delayMs === undefined ? '' : ` or ${delayMs} ms`}${concurrency === 1 ? '' : `, ${concurrency} at once`}`,
});

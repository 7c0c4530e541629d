import { z } from 'zod';
import type { DeadLetter, Operator } from '../lib/core/contracts.ts';
import { type AnyRow, defineOperator } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { mapConcurrently } from '../lib/core/run/map-concurrently.ts';

export interface MapAsyncOptions {
  /** Calls that are waited for at the same time; 16 by default. */
  readonly concurrency?: number | undefined;
  /** True, the default: records leave in the order in which they came. False: as soon as they are ready. */
  readonly ordered?: boolean | undefined;
  /** Takes the rejects where the operator is used without pipeline(). */
  readonly onReject?: ((letter: DeadLetter) => void) | undefined;
}

const optionsSchema = z.strictObject({
  concurrency: z.int().min(1).default(16).describe('calls at once'),
  ordered: z.boolean().default(true).describe('records leave in the order in which they came'),
});

/**
 * Another record for each record, by a function that gives a promise. At most `concurrency` calls run at once; held are one batch and what
 * came before it and is not finished, as long as that is less than `concurrency` records. A call that throws or rejects rejects its record
 * (OPERATOR_THREW). A call whose result is undefined or null is VALUE_INVALID. An abort waits for no call. Unordered, positions are passed on at
 * the end only.
 */
export function mapAsync<Row, Next>(change: (row: Row) => Promise<Next>, given: MapAsyncOptions = {}): Operator<Row, Next> {
  checkArgument('mapAsync', 'change', change, 'function');
  checkArgument('mapAsync', 'options', given, 'object');
  const { onReject, ...options } = given;
  return mapAsyncKind.create(options, change as (row: AnyRow) => Promise<AnyRow>, onReject);
}

export const mapAsyncKind = defineOperator<typeof optionsSchema, (row: AnyRow) => Promise<AnyRow>>({
  kind: 'mapAsync',
  options: optionsSchema,
  positions: 'forwarded',
  stream: ({ concurrency, ordered }, context, change) => mapConcurrently(change, { concurrency, ordered }, context),
  title: ({ concurrency, ordered }) => `${concurrency} at once${ordered ? '' : ', unordered'}`,
});

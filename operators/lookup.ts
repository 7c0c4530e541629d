import { z } from 'zod';
import type { DeadLetter, Operator } from '../lib/core/contracts.ts';
import { type AnyRow, defineOperator } from '../lib/core/define.ts';
import type { Finder } from '../lib/core/finder.ts';
import { inOrder } from '../lib/core/run/calls-in-order.ts';
import { checkArgument, wrongArgument } from '../lib/core/run/check-argument.ts';
import { LookupCalls } from '../lib/core/state/lookup-calls.ts';
import type { Key, Show } from './row-types.ts';

/** Columns by which records are found: one, several, or with the names that they have there. */
export type LookupKey<Row> = Key<Row> | readonly Key<Row>[] | { readonly [Name in keyof Row]?: string };

/** What a function is given for each key: the value of one column that was named alone, else an object under the names that the columns have there. */
export type LookupValues<Row, On> = On extends keyof Row
  ? NonNullable<Row[On]>
  : On extends readonly (infer Name)[]
    ? { readonly [N in Name & keyof Row]: NonNullable<Row[N]> }
    : { readonly [N in keyof On & keyof Row as On[N] & string]: NonNullable<Row[N]> };

/** Finds the records of these keys, each given once, in any order. */
export type Find<Values, Found> = (
  keys: readonly Values[],
  context: { readonly signal: AbortSignal },
) => Promise<Iterable<Found>> | Iterable<Found>;

/** Columns of what is found: a list, or with the names that they get. */
export type LookupColumns<Found> = readonly Key<Found>[] | { readonly [Name in keyof Found]?: string };

type Added<Found, Add> = Add extends readonly (infer Name)[]
  ? Pick<Found, Name & keyof Found>
  : { [N in keyof Add & keyof Found as Add[N] & string]: Found[N] };
type OrNull<Columns, Missing> = Missing extends 'null' ? { [N in keyof Columns]: Columns[N] | null } : Columns;
/** The row with what was found. */
export type LookedUp<Row, Found, Add, Missing> = Show<Omit<Row, keyof Added<Found, Add>> & OrNull<Added<Found, Add>, Missing>>;

export interface LookupOptions<Add, Missing> {
  /** The columns of what is found that are added. */
  readonly add: Add;
  /** What becomes of a record for which nothing is found: null in each of these columns (the default), dropped, or rejected (LOOKUP_MISSING). */
  readonly missing?: Missing | undefined;
  /** Keys whose outcome is remembered, those asked for last; 10,000 by default, 0 for none. */
  readonly cache?: number | undefined;
  /** Calls that are waited for at the same time; 2 by default. */
  readonly concurrency?: number | undefined;
  /** Takes the rejects where the operator is used without pipeline(). */
  readonly onReject?: ((letter: DeadLetter) => void) | undefined;
}

const names = z.array(z.strictObject({ name: z.string(), as: z.string() })).min(1);
const optionsSchema = z.strictObject({
  on: names.describe('columns of the key, and their names in the records that are found'),
  add: names.describe('columns of the records that are found, and their names here'),
  missing: z.enum(['null', 'drop', 'reject']).default('null').describe('what becomes of a record for which nothing is found'),
  cache: z.int().min(0).default(10_000).describe('keys that are remembered'),
  concurrency: z.int().min(1).default(2).describe('calls at once'),
});

/**
 * Adds columns of other records, found by their keys: `lookup('customer', find, { add: ['city'] })`. `find` is a function that gets the keys of a batch, each once
 * and none that is null, and gives their records in any order; or a place, `from.postgres.lookup({ url, table })`. Calls: one a batch, for the keys that are not remembered; records keep
 * their order. Only the columns of the key are decoded. A key with a null finds nothing; one with several records rejects its record (LOOKUP_AMBIGUOUS). Keys are the
 * same by value, as in `dedupe`; text of a file that is a number also finds that number. What `find` throws ends the run, retryable where the error says so (`retryable: true`).
 * Memory: the batches under way, and what is remembered (as much as there is room for), on the state account. An abort waits for no call.
 */
export function lookup<
  Row,
  const On extends LookupKey<Row>,
  Found extends object,
  const Add extends LookupColumns<Found>,
  const Missing extends 'null' | 'drop' | 'reject' = 'null',
>(
  on: On,
  find: Find<LookupValues<NoInfer<Row>, NoInfer<On>>, Found> | Finder<Found>,
  given: LookupOptions<Add, Missing>,
): Operator<Row, LookedUp<Row, Found, Add, Missing>> {
  checkArgument('lookup', 'options', given, 'object');
  const { onReject, add, ...options } = given;
  const finder = finderOf(on, find as Find<unknown, AnyRow> | Finder<AnyRow>);
  return lookupKind.create({ ...options, on: namesOf('on', on), add: namesOf('add', add) } as never, finder, onReject);
}

export const lookupKind = defineOperator<typeof optionsSchema, Finder<AnyRow>>({
  kind: 'lookup',
  options: optionsSchema,
  positions: 'forwarded',
  stream: (options, context, finder) => inOrder(new LookupCalls(finder, options, context), context),
  reads: ({ on }) => on.map(({ name }) => name),
  // What comes out is known with the first batch; that the key is there, before it.
  schema: (input, { on }) => void input.project(on.map(({ name }) => name)),
  title: ({ on, add }) => `${printed(add)} by ${printed(on)}`,
});

function namesOf(argument: string, given: unknown): { name: string; as: string }[] {
  if (typeof given === 'string') return [{ name: given, as: given }];
  if (Array.isArray(given)) return (given as string[]).map(name => ({ name, as: name }));
  checkArgument('lookup', argument, given, 'object');
  return Object.entries(given as Readonly<Record<string, string>>).map(([name, as]) => ({ name, as }));
}

function finderOf(on: unknown, find: Find<unknown, AnyRow> | Finder<AnyRow>): Finder<AnyRow> {
  if (typeof find !== 'function') {
    if (typeof (find as Partial<Finder<AnyRow>> | undefined)?.open === 'function') return find;
    throw wrongArgument('lookup', 'find', find, 'a function, or a place such as from.postgres.lookup(…)');
  }
  return {
    open: ({ signal }) =>
      Promise.resolve({
        find: keys => find(typeof on === 'string' ? keys.map(key => key[on]) : keys, { signal }),
        close: () => Promise.resolve(),
      }),
  };
}

function printed(columns: readonly { readonly name: string; readonly as: string }[]): string {
  return columns.map(({ name, as }) => (name === as ? name : `${name} as ${as}`)).join(', ');
}

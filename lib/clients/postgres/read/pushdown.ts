import type { PushRequest } from '../../../core/define.ts';
import { MillraceError } from '../../../errors.ts';
import type { Order } from '../../../query/order.ts';
import type { Predicate } from '../../../query/predicate.ts';
import type { Schema } from '../../../schema/schema.ts';
import { conditionOf, type ConditionScope } from './condition.ts';
import { orderTerms } from './order.ts';
import type { LiteralScope } from '../values/literal.ts';

/** What the server does of a pipeline. Rows are filtered, put in order, then counted off; all in one SELECT. */
export interface Pushed {
  readonly filters: readonly Predicate[];
  /** What numeric is in a record, where the filters look at it. */
  readonly numeric: LiteralScope['numeric'];
  /** The only columns, in this order. */
  readonly columns?: readonly string[] | undefined;
  readonly order?: readonly Order[] | undefined;
  readonly limit?: number | undefined;
  /** So many rows are passed over; with an order only. */
  readonly offset?: number | undefined;
}

export interface TakenRequests {
  readonly pushed: Pushed;
  /** What the server does: requests as they were, the last one perhaps in part. */
  readonly taken: readonly PushRequest[];
  /** What is left to do behind it, in order. */
  readonly rest: readonly PushRequest[];
}

/**
 * As much as the server does exactly, from the first request on. A filter or an order behind a limit ends it: in one SELECT it would come first. Rows
 * in no order are not passed over: which ones would be anybody's guess. `keepsOrder`: rows have an order already, which equal ones must keep.
 */
export function takeRequests(
  requests: readonly PushRequest[],
  schema: Schema,
  { numeric, keepsOrder = false }: Pick<LiteralScope, 'numeric'> & { readonly keepsOrder?: boolean },
): TakenRequests {
  const scope: ConditionScope = { schema, numeric, isUtf8: true, columnSql: name => JSON.stringify(name) };
  let pushed: Pushed = { filters: [], numeric };
  for (const [i, request] of requests.entries()) {
    const taken = requests.slice(0, i);
    const rest = requests.slice(i + 1);
    const isCounted = pushed.limit !== undefined || pushed.offset !== undefined;
    if ('columns' in request) pushed = { ...pushed, columns: request.columns };
    else if ('limit' in request) pushed = { ...pushed, limit: Math.min(request.limit, pushed.limit ?? Infinity) };
    else if ('offset' in request) {
      if (pushed.order === undefined) return { pushed, taken, rest: requests.slice(i) };
      const { limit, offset = 0 } = pushed;
      pushed = { ...pushed, offset: offset + request.offset, limit: limit === undefined ? undefined : Math.max(0, limit - request.offset) };
    } else if ('order' in request) {
      const isSaid = !isCounted && !keepsOrder && orderTerms(request.order, scope) !== undefined;
      if (!isSaid) return { pushed, taken, rest: requests.slice(i) };
      pushed = { ...pushed, order: [...request.order, ...(pushed.order ?? [])] };
    } else {
      if (isCounted) return { pushed, taken, rest: requests.slice(i) };
      const { said, unsaid } = splitFilter(request.filter, scope);
      if (said !== undefined) pushed = { ...pushed, filters: [...pushed.filters, said] };
      if (unsaid !== undefined)
        return { pushed, taken: said === undefined ? taken : [...taken, { filter: said }], rest: [{ filter: unsaid }, ...rest] };
    }
  }
  return { pushed, taken: requests, rest: [] };
}

/** The condition behind WHERE; undefined where all rows pass. SCHEMA_MISMATCH where columns are no more what they were when it was planned. */
export function whereOf({ filters, numeric }: Pushed, scope: Omit<ConditionScope, 'numeric'>): string | undefined {
  if (filters.length === 0) return undefined;
  const condition = conditionOf(filters.length === 1 ? (filters[0] as Predicate) : { op: 'and', of: filters }, { ...scope, numeric });
  if (condition !== undefined) return condition;
  throw new MillraceError('SCHEMA_MISMATCH', 'columns that the filter looks at have changed their type since the run began; run it again');
}

/**
 * What stands behind ORDER BY; undefined where there is no order. Equal rows go by the primary key, so that the order is the same each time.
 * SCHEMA_MISMATCH as of a condition.
 */
export function orderOf(
  { order, numeric }: Pushed,
  scope: Omit<ConditionScope, 'numeric'>,
  primaryKey: readonly string[],
): string | undefined {
  if (order === undefined) return undefined;
  const terms = orderTerms(order, { ...scope, numeric });
  if (terms === undefined)
    throw new MillraceError('SCHEMA_MISMATCH', 'columns of the order have changed their type since the run began; run it again');
  return [...terms, ...primaryKey.map(name => scope.columnSql(name))].join(', ');
}

/** Behind FROM. */
export function clauses(where: string | undefined, order: string | undefined, { limit, offset }: Pushed): string {
  return [
    where === undefined ? '' : ` WHERE ${where}`,
    order === undefined ? '' : ` ORDER BY ${order}`,
    limit === undefined ? '' : ` LIMIT ${limit}`,
    offset === undefined || offset === 0 ? '' : ` OFFSET ${offset}`,
  ].join('');
}

/** Of a conjunction the parts that the server can say, and those that it can't. */
function splitFilter(filter: Predicate, scope: ConditionScope): { said: Predicate | undefined; unsaid: Predicate | undefined } {
  const parts = conjunctsOf(filter).map(part => ({ part, isSaid: conditionOf(part, scope) !== undefined }));
  const chosen = (isSaid: boolean): Predicate | undefined => {
    const of = parts.filter(one => one.isSaid === isSaid).map(({ part }) => part);
    return of.length > 1 ? { op: 'and', of } : of[0];
  };
  return { said: chosen(true), unsaid: chosen(false) };
}

function conjunctsOf(predicate: Predicate): readonly Predicate[] {
  return predicate.op === 'and' ? predicate.of.flatMap(conjunctsOf) : [predicate];
}

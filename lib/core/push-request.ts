import type { Order } from '../query/order.ts';
import type { Predicate } from '../query/predicate.ts';

/**
 * What an operator does, said so that a source can do it in its place. Of an order null and missing come last, equal records as they came;
 * `limit` and `offset` count off what comes.
 */
export type PushRequest =
  | { readonly filter: Predicate }
  | { readonly columns: readonly string[] }
  | { readonly order: readonly Order[] }
  | { readonly limit: number }
  | { readonly offset: number };

/** What a source takes of the requests that it is offered: the first ones, of a filter perhaps a part, which then runs here once more. */
export interface Absorbed<Options> {
  /** What it is read with to do so. */
  readonly options: Options;
  /** What it does, the part of a filter included. A limit counts what came through the filters before it. */
  readonly taken: readonly PushRequest[];
  /** What it leaves, in order; first what it left of a filter. */
  readonly rest: readonly PushRequest[];
}

import type { PgClientLike } from '../connection/given-means.ts';
import type { TransactionWish } from '../connection/transaction-wish.ts';

/** What belongs to the load of a table that is a part of a whole, in its transaction. */
export interface LoadHooks {
  /** Of the transaction. */
  readonly wish?: TransactionWish;
  /** Empties it: rows may be frozen then. */
  readonly empties: boolean;
  begun(client: PgClientLike): Promise<void>;
  /** When all rows are in it. */
  loaded(run: { client: PgClientLike; warn(message: string): void }): Promise<void>;
}

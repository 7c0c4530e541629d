/** Types that users see: they name no type of `pg`, whose declarations not everybody has. */
import type { Duplex } from 'node:stream';

/** A connected `Client` or `PoolClient` of `pg`, by what it looks like: its user's version of `pg` may be another one. */
export interface PgClientLike {
  query(text: string): Promise<unknown>;
  escapeIdentifier(name: string): string;
}

export interface ConnectionMeans {
  /** Asked for each new connection. */
  readonly password?: (() => string | Promise<string>) | undefined;
  /** Made for each new connection, and for each request to cancel: connected to the server, or about to be. */
  readonly socket?: (() => Duplex | Promise<Duplex>) | undefined;
  /** A connection of the user's: used instead, in the transaction that it is in, and never ended. */
  readonly client?: PgClientLike | undefined;
}

/** Options of a kind as code may give them. */
export type WithMeans<Options> = Omit<Options, 'password'> & {
  readonly password?: string | ConnectionMeans['password'];
  readonly socket?: ConnectionMeans['socket'];
};

/** Those of a kind that needs one connection only. */
export type WithClient<Options> = WithMeans<Options> & {
  /** A connected Client or PoolClient of `pg`, instead of an address: what happens is part of the transaction that it is in, or a transaction of its own. */
  readonly client?: PgClientLike | undefined;
};

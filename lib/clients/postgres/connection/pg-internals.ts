/**
 * What is used of `pg` beyond its types: the socket under a client, the key to cancel a statement, the state of its transaction, and the
 * callbacks of a submittable. One place, so that a new version of `pg` is checked against one page.
 * Source: https://github.com/brianc/node-postgres/tree/master/packages/pg/lib (client.js, connection.js) of 8.23
 */
import type { Socket } from 'node:net';
import type pg from 'pg';

export interface ClientInternals {
  readonly connection: PgConnection;
  /** The backend's process. */
  readonly processID: number | null;
  /** Proves to the server that a request to cancel comes from this client. */
  readonly secretKey: number | null;
  /** False once the connection broke. */
  readonly _queryable: boolean;
  readonly _ended: boolean;
  readonly _ending: boolean;
  readonly _connected: boolean;
  /** The server waits for a statement. */
  readonly readyForQuery: boolean;
  readonly pipeline?: boolean;
}

export function internalsOf(client: pg.Client): ClientInternals {
  return client as unknown as ClientInternals;
}

export function isWhole(client: pg.Client): boolean {
  const { connection, _queryable, _ended } = internalsOf(client);
  return _queryable && !_ended && !connection.stream.destroyed && connection.stream.readable;
}

export interface PgConnection {
  /** Of TLS, once that is agreed, the TLS socket. */
  readonly stream: Socket;
  query(text: string): void;
  parse(statement: { name?: string; text: string; types?: readonly number[] }): void;
  /** `binary`: of the results. Values that are text go as text. */
  bind(portal: { values: readonly (string | null)[]; binary: boolean }): void;
  describe(what: { type: 'S' | 'P'; name?: string }): void;
  execute(portal: { rows?: number }): void;
  sync(): void;
  on(event: 'parameterDescription', listener: (message: { dataTypeIDs: readonly number[] }) => void): void;
  off(event: 'parameterDescription', listener: (message: { dataTypeIDs: readonly number[] }) => void): void;
  /** `status`: I outside a transaction, T in one, E in one that failed. */
  on(event: 'readyForQuery', listener: (message: { status: string }) => void): void;
  off(event: 'readyForQuery', listener: (message: { status: string }) => void): void;
}

/** What `client.query` takes beside text: it writes its own messages, and gets those of the server until ReadyForQuery. */
export interface Submittable {
  submit(connection: PgConnection): Error | undefined | void;
  handleError(error: Error, connection: PgConnection): void;
  handleReadyForQuery(connection: PgConnection): void;
  handleCommandComplete?(message: { text: string }, connection: PgConnection): void;
  handleRowDescription?(message: { fields: readonly pg.FieldDef[] }): void;
  handleDataRow?(message: unknown): void;
  handleEmptyQuery?(connection: PgConnection): void;
  handleCopyInResponse?(connection: PgConnection): void;
  handleCopyData?(message: unknown, connection: PgConnection): void;
  handlePortalSuspended?(connection: PgConnection): void;
}

/** Gives the connection to a submittable of ours; its callbacks get what the server answers. */
export function submit<T extends Submittable>(client: pg.Client, submittable: T): T {
  return client.query(submittable as unknown as pg.Submittable) as unknown as T;
}

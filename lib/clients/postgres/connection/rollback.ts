import type { PgConnection, Submittable } from './pg-internals.ts';
import { sqlStateOf } from './errors.ts';

/**
 * Takes its place in the queue of the client at once, so that it runs ahead of whatever the user asks next, and is sent when `after` has settled: a
 * request to cancel that comes late would hit it, or what follows it. A savepoint or transaction that is gone is none to be rolled back.
 */
export class Rollback implements Submittable {
  readonly done: Promise<void>;
  readonly #text: string;
  readonly #after: Promise<void>;
  #settle: { resolve(): void; reject(error: unknown): void } = { resolve: () => undefined, reject: () => undefined };
  #error: Error | undefined;

  constructor(text: string, after: Promise<void>) {
    this.#text = text;
    this.#after = after;
    this.done = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    // Who closes the session looks at it.
    this.done.catch(() => undefined);
  }

  submit(connection: PgConnection): void {
    void this.#after.then(() => connection.query(this.#text));
  }

  /** Of the server before it is ready again; of a connection that broke, nothing comes after it. */
  handleError(error: Error): void {
    this.#error = error;
    if (GONE.has(sqlStateOf(error) ?? '')) this.#settle.resolve();
    else this.#settle.reject(error);
  }

  handleReadyForQuery(): void {
    if (this.#error === undefined) this.#settle.resolve();
  }

  handleCommandComplete(): void {}
}

/** No such savepoint; no transaction. */
const GONE = new Set(['3B001', '25P01']);

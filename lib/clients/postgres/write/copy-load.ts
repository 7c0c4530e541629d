import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { BINARY_HEADER, BINARY_TRAILER, CopyIn } from './copy-in.ts';
import type { CopyFormat, CopyPiece, CopyPlan } from './copy-plan.ts';
import type { PgTarget } from '../connection/connection-options.ts';
import type { Losses } from './losses.ts';
import type { Staging } from './staging.ts';

/** Where loads take place, and what ends them from outside. */
export interface LoadPlace {
  readonly client: pg.Client;
  readonly plan: CopyPlan;
  readonly losses: Losses;
  /** Where rows go first, when they are merged into the table from there. */
  readonly staging?: Staging | undefined;
  /** Another table than that one which they go into first. For SQL. */
  readonly into?: string;
  /** The table was emptied in this transaction: nobody else sees rows of it, so they need no later visit. */
  readonly freezes?: boolean;
  readonly target: PgTarget;
  readonly stallTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** One COPY, from its statement to the server's count. Errors are those of CopyIn; CANCELLED when the signal aborts. */
export class CopyLoad {
  readonly format: CopyFormat;
  /** Rows and bytes handed over. */
  rows = 0;
  bytes = 0;
  readonly #copy: CopyIn;
  readonly #release: () => void;

  private constructor(format: CopyFormat, copy: CopyIn, signal: AbortSignal) {
    this.format = format;
    this.#copy = copy;
    const abort = (): void => copy.interrupt(new MillraceError('CANCELLED', 'the run was cancelled during a COPY'));
    signal.addEventListener('abort', abort, { once: true });
    this.#release = () => signal.removeEventListener('abort', abort);
    if (signal.aborted) abort();
  }

  static async start({ client, plan, staging, into, freezes, stallTimeoutMs, signal }: LoadPlace, format: CopyFormat): Promise<CopyLoad> {
    const load = new CopyLoad(
      format,
      await CopyIn.start(client, plan.statement(format, into ?? staging?.name, freezes), stallTimeoutMs),
      signal,
    );
    if (format === 'binary') await load.#guarded(() => load.#copy.write([BINARY_HEADER]));
    return load;
  }

  /** `sent`: nothing of the piece is in this process any more. Not called after a failure. */
  async write(piece: CopyPiece, sent?: () => void): Promise<void> {
    this.rows += piece.rows;
    this.bytes += piece.bytes;
    if (piece.chunks.length > 0) await this.#guarded(() => this.#copy.write(piece.chunks, sent));
    else sent?.();
  }

  /** Whether that is known of its socket. */
  get sendsAway(): boolean {
    return this.#copy.sendsAway;
  }

  /** Ends the data. COUNTS_DIFFER when the server took fewer or more rows than were handed over. */
  async finish(): Promise<void> {
    const counted = await this.#guarded(async () => {
      if (this.format === 'binary') await this.#copy.write([BINARY_TRAILER]);
      return this.#copy.end();
    });
    this.#release();
    if (counted !== this.rows) {
      throw new MillraceError(
        'COUNTS_DIFFER',
        `${this.rows} rows were handed to the server and it took ${counted}; does a trigger or rule leave rows out?`,
      );
    }
  }

  /** Gives up; the server forgets the rows. */
  async fail(reason: string): Promise<void> {
    this.#release();
    await this.#copy.fail(reason);
  }

  async #guarded<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      this.#release();
      throw error;
    }
  }
}

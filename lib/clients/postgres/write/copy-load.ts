import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { BINARY_HEADER, BINARY_TRAILER, COPY_DONE, CopyIn } from './copy-in.ts';
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

/** One COPY, or several sent as one text, from the statement to the server's count. Errors are those of CopyIn; CANCELLED when the signal aborts. */
export class CopyLoad {
  readonly format: CopyFormat;
  /** Rows and bytes handed over. */
  rows = 0;
  bytes = 0;
  readonly #copy: CopyIn;
  /** To be sent in front of the next rows. */
  #ahead: Uint8Array[] = [];
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
    load.#begin();
    return load;
  }

  /** Without waiting for the server to take data. `around`: the whole text, of one statement of COPY. */
  static async startAhead(
    { client, plan, staging, freezes, stallTimeoutMs, signal }: LoadPlace,
    format: CopyFormat,
    around: (copy: string) => string,
  ): Promise<CopyLoad> {
    const text = around(plan.statement(format, staging?.name, freezes));
    const load = new CopyLoad(format, await CopyIn.startAhead(client, text, stallTimeoutMs), signal);
    load.#begin();
    return load;
  }

  /** How many of its COPYs the server has counted. */
  get ended(): number {
    return this.#copy.ended.length;
  }

  /** Ends one COPY of the text; what is written now is that of the next one. */
  next(): void {
    this.#end();
    this.#ahead.push(COPY_DONE);
    this.#begin();
  }

  /** `sent`: nothing of the piece is in this process any more. Not called after a failure. */
  async write(piece: CopyPiece, sent?: () => void): Promise<void> {
    this.rows += piece.rows;
    this.bytes += piece.bytes;
    if (piece.chunks.length > 0) await this.#guarded(() => this.#copy.write(this.#withAhead(piece.chunks), sent));
    else sent?.();
  }

  /** Whether that is known of its socket. */
  get sendsAway(): boolean {
    return this.#copy.sendsAway;
  }

  /** Ends the data. COUNTS_DIFFER when the server took fewer or more rows than were handed over. */
  async finish(): Promise<void> {
    await this.#guarded(async () => {
      this.#end();
      if (this.#ahead.length > 0) await this.#copy.write(this.#withAhead([]));
      await this.#copy.end();
    });
    this.#release();
    const counted = this.#copy.ended.reduce((sum, rows) => sum + rows, 0);
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

  #begin(): void {
    if (this.format === 'binary') this.#ahead.push(BINARY_HEADER);
  }

  #end(): void {
    if (this.format === 'binary') this.#ahead.push(BINARY_TRAILER);
  }

  #withAhead(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
    if (this.#ahead.length === 0) return chunks;
    const all = [...this.#ahead, ...chunks];
    this.#ahead = [];
    return all;
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

import { MillraceError } from '../../../errors.ts';
import { describeTarget } from '../connection/connection-options.ts';
import { type CopyRows, FrameGatherer, type FrameLimits } from './copy-frames.ts';
import { isServerError, postgresError } from '../connection/errors.ts';
import { type PgConnection, type Submittable, submit } from '../connection/pg-internals.ts';
import type { PgSession } from '../connection/pool.ts';
import { type TakenReads, takeReads } from '../connection/socket-reads.ts';
import type { QueryParameters } from '../values/parameters.ts';

export interface CopyOutOptions extends FrameLimits {
  /** Ends the reading: the statement is cancelled, the session discarded, and the iterator throws CANCELLED. */
  readonly signal?: AbortSignal;
  /** What is read, for messages: `read table "users"`. */
  readonly doing: string;
  /** Of a statement that is no COPY but a query with $1, $2, … */
  readonly parameters?: QueryParameters | undefined;
  /** Ends the transaction that the statement ran in, once all rows are there. */
  finish?(): Promise<unknown>;
  /** The server's own count, from its command tag, once it is done. */
  counted?(count: { rows: number; bytes: number }): void;
}

/**
 * The rows of `COPY … TO STDOUT (FORMAT binary)`, or of a query with parameters, in batches of the same bytes. `batchBytes` are made ahead, then the
 * socket is paused; to who waits, what has come is given as soon as the socket is quiet.
 * The session is released when the statement is done, discarded in every other case. An end by `return()` cancels the statement.
 * Errors: as `postgresError`; CONNECTION_LOST when the connection ends in the middle, ENDED_EARLY when the server counts other rows than came.
 */
export async function* copyOut(session: PgSession, statement: string, options: CopyOutOptions): AsyncGenerator<CopyRows, void, undefined> {
  const copy = new CopyOut(session, statement, options);
  const abort = (): void => void copy.leave();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    if (options.signal?.aborted === true) throw cancelled(session, options.doing);
    submit(session.client, copy);
    for (let rows = await copy.next(); rows !== undefined; rows = await copy.next()) yield rows;
    await options.finish?.();
  } catch (error) {
    throw postgresError(error, options.doing, session.target);
  } finally {
    options.signal?.removeEventListener('abort', abort);
    await copy.leave();
  }
}

/** After so long without further bytes, what is there goes to who waits for it. */
const QUIET_MS = 4;
/** At the latest after so many looks, even if bytes still drip. */
const LOOKS = 10;
/** The first batch goes on at so many bytes: the first record is there soon. */
const FIRST_BATCH_BYTES = 32_768;
/** How long a cancelled statement may take to end. */
const LEAVE_LIMIT_MS = 5000;

const READY_FOR_QUERY = 0x5a;
const COMMAND_COMPLETE = 0x43;
/** CopyOutResponse, CopyDone, ParseComplete, BindComplete: nothing hangs on them. */
const SKIPPED = new Set([0x48, 0x63, 0x31, 0x32]);

class CopyOut implements Submittable {
  readonly #session: PgSession;
  readonly #statement: string;
  readonly #options: CopyOutOptions;
  readonly #gatherer: FrameGatherer;
  readonly #ready: CopyRows[] = [];
  #readyBytes = 0;
  #connection: PgConnection | undefined;
  #reads: TakenReads | undefined;
  #waiting: { resolve(rows: CopyRows | undefined): void; reject(error: unknown): void } | undefined;
  #quiet: NodeJS.Timeout | undefined;
  #looks = 0;
  #hasNew = false;
  #isFirst = true;
  #error: MillraceError | undefined;
  /** All rows came, and the server's count agrees. */
  #isDone = false;
  /** The server waits for the next statement. */
  #isOver = false;
  /** The server itself ended the statement, with an error. */
  #isRefused = false;
  #left: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #rows = 0;
  #bytes = 0;
  #tag: string | undefined;

  constructor(session: PgSession, statement: string, options: CopyOutOptions) {
    this.#session = session;
    this.#statement = statement;
    this.#options = options;
    const hooks = {
      rows: (rows: CopyRows) => this.#give(rows),
      other: (type: number, message: Buffer) => this.#other(type, message),
    };
    this.#gatherer = new FrameGatherer(options, hooks, options.parameters === undefined ? 'CopyData' : 'DataRow');
  }

  submit(connection: PgConnection): void {
    this.#connection = connection;
    // The data passes by pg's parser, which would make an object and a Buffer of every row.
    this.#reads = takeReads(connection.stream, this.#take);
    const { parameters } = this.#options;
    if (parameters === undefined) return connection.query(this.#statement);
    // Without a limit of rows, for which the server would not plan in parallel: the socket is what holds it back.
    connection.parse({ text: this.#statement, types: parameters.oids });
    connection.bind({ values: parameters.values, binary: true });
    connection.execute({});
    connection.sync();
  }

  /** The next batch; undefined at the end. One call at a time. */
  next(): Promise<CopyRows | undefined> {
    const rows = this.#ready.shift();
    if (rows !== undefined) {
      this.#readyBytes -= rows.bytes.length;
      if (this.#readyBytes < this.#options.batchBytes) this.#connection?.stream.resume();
      return Promise.resolve(rows);
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#isDone) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#watchForQuiet();
    });
  }

  fail(error: MillraceError): void {
    this.#error ??= error;
    this.#ready.length = 0;
    clearTimeout(this.#quiet);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(this.#error);
  }

  /** Ends what still runs and gives the session back, or throws it away. Never rejects. */
  leave(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  async #leave(): Promise<void> {
    clearTimeout(this.#quiet);
    if (this.#connection === undefined) return this.#session.release();
    const { stream } = this.#connection;
    const wasOver = this.#isOver;
    this.fail(cancelled(this.#session, this.#options.doing));
    stream.resume();
    const isCancelling = !wasOver && !this.#isRefused;
    if (isCancelling) void this.#session.cancel();
    if (!wasOver) await this.#over(LEAVE_LIMIT_MS);
    // A request to cancel may come late and hit the next statement: such a session has none.
    if (this.#isOver && !isCancelling) this.#session.release();
    else this.#session.discard();
  }

  handleError(error: Error): void {
    this.#isRefused = isServerError(error);
    this.fail(postgresError(error, this.#options.doing, this.#session.target));
  }

  handleCommandComplete(message: { text: string }): void {
    this.#tag = message.text;
  }

  /** pg calls it after a success only; after an error the message itself is what ends the statement, in `#other`. */
  handleReadyForQuery(): void {
    if (this.#error !== undefined) return;
    const counted = this.#countedRows();
    if (counted !== this.#rows) {
      const found = this.#tag === undefined ? 'gave no rows' : `says ${this.#tag}, and ${this.#rows} rows came`;
      return this.fail(new MillraceError('ENDED_EARLY', `${this.#options.doing}: the server ${found}`, { retryable: true }));
    }
    this.#options.counted?.({ rows: counted, bytes: this.#bytes });
    this.#isDone = true;
    this.#waiting?.resolve(this.#ready.shift());
    this.#waiting = undefined;
  }

  /** `COPY 5`, `SELECT 5`, `INSERT 0 5`; NaN without a count. Of a statement that is no COPY the server may have none (EXPLAIN). */
  #countedRows(): number {
    const count = /^[A-Z ]+(?: 0)? (\d+)$/.exec(this.#tag ?? '')?.[1];
    if (count !== undefined) return Number(count);
    return this.#tag === undefined || this.#options.parameters === undefined ? Number.NaN : this.#rows;
  }

  readonly #take = (chunk: Buffer): void => {
    this.#hasNew = true;
    try {
      this.#gatherer.push(chunk);
    } catch (error) {
      this.fail(postgresError(error, this.#options.doing, this.#session.target));
      this.#connection?.stream.destroy();
      return;
    }
    if (this.#waiting === undefined || this.#gatherer.rows === 0) return;
    if (this.#isFirst && this.#gatherer.bytes >= FIRST_BATCH_BYTES) this.#gatherer.flush();
    else this.#watchForQuiet();
  };

  #give(rows: CopyRows): void {
    this.#rows += rows.starts.length;
    this.#bytes += rows.bytes.length;
    // After a failure the rest only has to be swallowed.
    if (this.#error !== undefined) return;
    this.#isFirst = false;
    if (this.#waiting === undefined) {
      this.#ready.push(rows);
      this.#readyBytes += rows.bytes.length;
      if (this.#readyBytes >= this.#options.batchBytes) this.#connection?.stream.pause();
      return;
    }
    clearTimeout(this.#quiet);
    this.#quiet = undefined;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting.resolve(rows);
  }

  /** While somebody waits and rows are there: looks every few milliseconds whether the socket went quiet. */
  #watchForQuiet(): void {
    if (this.#quiet !== undefined || this.#gatherer.rows === 0) return;
    this.#looks = 0;
    this.#hasNew = false;
    const look = (): void => {
      this.#quiet = undefined;
      if (this.#waiting === undefined) return;
      if (!this.#hasNew || ++this.#looks >= LOOKS) return this.#gatherer.flush();
      this.#hasNew = false;
      this.#quiet = setTimeout(look, QUIET_MS);
    };
    this.#quiet = setTimeout(look, QUIET_MS);
  }

  /** What is no data: the end of it, and all that pg knows better what to do with. */
  #other(type: number, message: Buffer): void {
    if (SKIPPED.has(type)) return;
    if (type === COMMAND_COMPLETE) this.#gatherer.flush();
    if (type === READY_FOR_QUERY) {
      this.#reads?.giveBack();
      this.#isOver = true;
    }
    this.#reads?.pass(message);
    if (this.#isOver) this.#wake?.();
  }

  /** Resolves when the server is done with the statement, the connection has ended, or it takes too long. */
  #over(limitMs: number): Promise<void> {
    const stream = this.#connection?.stream;
    if (this.#isOver || stream === undefined || stream.destroyed) return Promise.resolve();
    return new Promise(resolve => {
      const timer = setTimeout(() => wake(), limitMs);
      const wake = (): void => {
        clearTimeout(timer);
        stream.off('close', wake);
        resolve();
      };
      this.#wake = wake;
      stream.once('close', wake);
    });
  }
}

function cancelled({ target }: PgSession, doing: string): MillraceError {
  return new MillraceError('CANCELLED', `${doing}: cancelled (${describeTarget(target)})`);
}

import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Client, Submittable as PgSubmittable } from 'pg';
import { MillraceError } from '../../../errors.ts';
import { isOwnSocket } from '../connection/socket-reads.ts';
import type { PgConnection, Submittable } from '../connection/pg-internals.ts';

/** So many bytes may wait in the socket before `write` waits: enough to keep it busy while the next batch is made. */
const MAX_QUEUED_BYTES = 512 * 1024;
/** Ends the data of a COPY; written as a chunk where the text has another one behind it. */
export const COPY_DONE = Uint8Array.of(0x63, 0, 0, 0, 4);
const MAX_REASON_LENGTH = 200;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * `COPY … FROM STDIN` on a client of `pg`, or several of them in one text, with other statements around them. Chunks are whole CopyData messages and go to
 * the socket as they are. An error of the server or of the
 * connection, whenever it comes, rejects what is waited for and everything after it, and nothing more is sent; the connection itself stays
 * usable after a refusal (the next query waits for the server to be ready). Errors are those of `pg`, or TIMEOUT where nothing moved for
 * `stallTimeoutMs`: then the connection is of no use any more.
 * Source: https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY
 */
export class CopyIn implements Submittable {
  /** Set and called by `pg` where the client has a query_timeout. */
  callback?: (error?: unknown) => void;
  /** Bytes handed to the socket. */
  bytes = 0;
  readonly #text: string;
  readonly #stallTimeoutMs: number;
  #connection: PgConnection | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Of each COPY that has ended, the rows that the server counted. */
  readonly ended: number[] = [];
  #isReady = false;
  #isDone = false;
  #waiting: Waiting | undefined;

  private constructor(text: string, stallTimeoutMs: number) {
    this.#text = text;
    this.#stallTimeoutMs = stallTimeoutMs;
  }

  /** Resolves when the server takes data. */
  static async start(client: Client, text: string, stallTimeoutMs: number): Promise<CopyIn> {
    const copy = new CopyIn(text, stallTimeoutMs);
    client.query(copy as unknown as PgSubmittable);
    await copy.#until(() => copy.#isReady);
    return copy;
  }

  /**
   * Resolves as soon as the text is sent: data may follow it at once, for the server drops what comes after a statement that it refused.
   * Source: https://www.postgresql.org/docs/18/protocol-message-formats.html (CopyData), src/backend/tcop/postgres.c
   */
  static async startAhead(client: Client, text: string, stallTimeoutMs: number): Promise<CopyIn> {
    const copy = new CopyIn(text, stallTimeoutMs);
    client.query(copy as unknown as PgSubmittable);
    await copy.#until(() => copy.#connection !== undefined);
    return copy;
  }

  /** True once the server or the connection has refused to go on. */
  get isFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Whether what `sent` was called for is out of this process: a socket of the user's may hold on to it. */
  get sendsAway(): boolean {
    const stream = this.#connection?.stream;
    return stream !== undefined && (stream instanceof TLSSocket || isOwnSocket(stream));
  }

  /** Hands chunks over; resolves when the next may come. One call at a time. `sent`: the socket has them, and nothing failed before. */
  async write(chunks: readonly Uint8Array[], sent?: () => void): Promise<void> {
    const stream = this.#writable();
    stream.cork();
    for (const [i, chunk] of chunks.entries()) {
      this.bytes += chunk.length;
      if (i < chunks.length - 1) stream.write(chunk);
      else stream.write(chunk, error => !error && this.#failure === undefined && sent?.());
    }
    stream.uncork();
    if (stream.writableLength > MAX_QUEUED_BYTES) await this.#until(() => stream.writableLength === 0);
  }

  /** Ends the data; the rows of the last COPY, as the server counted them, once it is ready for the next query. */
  async end(): Promise<number> {
    this.#writable().write(COPY_DONE);
    await this.#until(() => this.#isDone);
    const rows = this.ended.at(-1);
    if (rows === undefined) throw new MillraceError('INTERNAL', 'the server ended a COPY without counting its rows');
    return rows;
  }

  /** Gives up: the server discards what it got. Resolves when it has answered; not an error where it refused before. */
  async fail(reason: string): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined || this.#isDone || this.isFailed || !connection.stream.writable) return;
    this.#giveUp(reason);
    await this.#until(() => this.#isDone).catch((error: unknown) => {
      if (error instanceof MillraceError) throw error;
    });
  }

  /** Rejects what is waited for, from outside (an abort). The server is told, and its answer not waited for. */
  interrupt(error: unknown): void {
    this.#fail(error);
    if (this.#isReady) this.#giveUp('interrupted');
  }

  // ------------------------------------------------ called by pg

  submit(connection: PgConnection): void {
    this.#connection = connection;
    connection.query(this.#text);
    connection.stream.on('drain', this.#wake);
    this.#wake();
  }

  handleCopyInResponse(): void {
    this.#isReady = true;
    if (this.isFailed) return this.#giveUp('interrupted');
    this.#wake();
  }

  handleCommandComplete(message: { text: string }): void {
    const match = /^COPY (\d+)$/.exec(message.text);
    if (match !== null) this.ended.push(Number(match[1]));
  }

  handleReadyForQuery(): void {
    this.#isDone = true;
    if (!this.#isReady) this.#fail(new MillraceError('INTERNAL', 'the server did not answer a COPY with a request for data'));
    this.#letGo();
    this.#wake();
  }

  handleError(error: Error): void {
    this.#fail(error);
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
  handleCopyData(): void {}

  // ------------------------------------------------ waiting

  #writable(): Socket {
    if (this.#failure !== undefined) throw this.#failure.error;
    const stream = this.#connection?.stream;
    if (stream?.writable !== true || this.#isDone) {
      throw new MillraceError('CONNECTION_LOST', 'the connection to PostgreSQL was closed during a COPY', { retryable: true });
    }
    return stream;
  }

  async #until(holds: () => boolean): Promise<void> {
    while (this.#failure === undefined && !holds()) await this.#event();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #event(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.interrupt(stalled(this.#stallTimeoutMs)), this.#stallTimeoutMs);
      const settled = (then: () => void): void => {
        clearTimeout(timer);
        this.#waiting = undefined;
        then();
      };
      this.#waiting = { resolve: () => settled(resolve), reject: error => settled(() => reject(error as Error)) };
    });
  }

  /** The server forgets what it got. Where it has refused, or ended, the COPY before, it takes no notice. */
  #giveUp(reason: string): void {
    if (!this.#isDone && this.#connection?.stream.writable === true) this.#connection.stream.write(copyFail(reason));
  }

  #wake = (): void => {
    this.#waiting?.resolve();
  };

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#letGo();
    this.#waiting?.reject(this.#failure.error);
  }

  #letGo(): void {
    this.#connection?.stream.off('drain', this.#wake);
    this.callback?.();
  }
}

function copyFail(reason: string): Uint8Array {
  const text = Buffer.from(`${reason.slice(0, MAX_REASON_LENGTH).replaceAll('\0', '')}\0`);
  const message = Buffer.alloc(5 + text.length);
  message[0] = 0x66;
  message.writeInt32BE(4 + text.length, 1);
  message.set(text, 5);
  return message;
}

function stalled(timeoutMs: number): MillraceError {
  return new MillraceError('TIMEOUT', `PostgreSQL took no data for ${timeoutMs / 1000} s; is the table locked by another session?`, {
    retryable: true,
  });
}

const SIGNATURE = Uint8Array.of(0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0x00);

/** What stands before the first row of binary COPY data, and behind the last: each a CopyData message of its own. */
export const BINARY_HEADER = Uint8Array.of(0x64, 0, 0, 0, 4 + 19, ...SIGNATURE, 0, 0, 0, 0, 0, 0, 0, 0);
export const BINARY_TRAILER = Uint8Array.of(0x64, 0, 0, 0, 6, 0xff, 0xff);

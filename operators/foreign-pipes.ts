import type { Duplex } from 'node:stream';
import { MillraceError } from '../lib/errors.ts';
import type { AnyRow } from '../lib/core/define.ts';

/** Something foreign that takes records at one end and gives some at the other. */
export interface ForeignPipe {
  /** Writes all of them, as fast as they are taken, then ends it. Returns early when it takes no more. */
  feed(rows: AsyncIterable<AnyRow>): Promise<void>;
  /** What comes out, until it ends. Throws its first error, or ENDED_EARLY where it was closed before its end. */
  read(): AsyncGenerator<object>;
  /** Nothing once it has ended at both ends. */
  destroy(reason: unknown): void;
}

/** A Duplex or Transform in object mode. */
export class NodePipe implements ForeignPipe {
  readonly #stream: Duplex;
  #failure: { readonly error: unknown } | undefined;

  constructor(stream: Duplex) {
    if (stream.writableEnded || stream.readableEnded || stream.destroyed) throw usedBefore();
    this.#stream = stream;
    stream.on('error', error => (this.#failure ??= { error }));
  }

  async feed(rows: AsyncIterable<AnyRow>): Promise<void> {
    const stream = this.#stream;
    for await (const row of rows) {
      if (stream.destroyed || stream.readableEnded || stream.writableEnded) return;
      if (!stream.write(row)) await anyOf(stream, ['drain', 'close', 'end']);
    }
    stream.end();
  }

  /** What is there at once comes without waiting. */
  async *read(): AsyncGenerator<object> {
    const stream = this.#stream;
    for (;;) {
      for (let row = stream.read() as object | null; row !== null; row = stream.read() as object | null) yield row;
      if (stream.readableEnded || stream.destroyed) break;
      await anyOf(stream, ['readable', 'end', 'close', 'error']);
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    if (!stream.readableEnded) throw endedEarly();
  }

  destroy(reason: unknown): void {
    const stream = this.#stream;
    this.#failure ??= { error: reason };
    if (!stream.readableEnded || !stream.writableFinished) stream.destroy();
  }
}

/** A web TransformStream, or any pair of web streams. Not by Duplex.fromWeb: in Node 20 its errors end the process. */
export class WebPipe implements ForeignPipe {
  readonly #reader: ReadableStreamDefaultReader;
  readonly #writer: WritableStreamDefaultWriter;

  constructor(readable: ReadableStream, writable: WritableStream) {
    this.#reader = readable.getReader();
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => undefined);
  }

  async feed(rows: AsyncIterable<AnyRow>): Promise<void> {
    const writer = this.#writer;
    for await (const row of rows) {
      if (writer.desiredSize === null || writer.desiredSize <= 0) await writer.ready;
      // What goes wrong with it comes out of `ready`, `close` and the reader.
      writer.write(row).catch(() => undefined);
    }
    await writer.close();
  }

  async *read(): AsyncGenerator<object> {
    for (;;) {
      const result = (await this.#reader.read()) as IteratorResult<object, unknown>;
      if (result.done === true) return;
      yield result.value;
    }
  }

  destroy(reason: unknown): void {
    this.#writer.abort(reason).catch(() => undefined);
    this.#reader.cancel(reason).catch(() => undefined);
  }
}

function usedBefore(): MillraceError {
  return new MillraceError('ENDED_EARLY', 'the foreign stream has ended already; a stream serves one run: make one for each', {
    stage: 'through',
  });
}

function endedEarly(): MillraceError {
  return new MillraceError('ENDED_EARLY', 'the foreign stream was closed before it had ended', { stage: 'through' });
}

function anyOf(stream: Duplex, events: readonly string[]): Promise<void> {
  return new Promise(resolve => {
    const goOn = (): void => {
      for (const event of events) stream.off(event, goOn);
      resolve();
    };
    for (const event of events) stream.on(event, goOn);
  });
}

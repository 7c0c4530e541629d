import type { Writable } from 'node:stream';
import { z } from 'zod';
import { MillraceError } from '../lib/errors.ts';
import type { Sink } from '../lib/core/contracts.ts';
import { type AnyRow, defineSink } from '../lib/core/define.ts';
import { wrongArgument } from '../lib/core/run/check-argument.ts';
import { untilAborted } from '../lib/core/run/until-aborted.ts';

const options = z.strictObject({});

/**
 * A foreign Node Writable in object mode, or a web WritableStream. Ended when the run commits, destroyed when it fails; used once. One that is
 * closed before its end is ENDED_EARLY. What it took can't be taken back. An abort does not wait for it.
 */
export function stream<Row>(foreign: NodeJS.WritableStream | WritableStream): Sink<Row> {
  if (!isWritable(foreign)) throw wrongArgument('stream', 'foreign', foreign, 'a Node Writable or a web WritableStream');
  return streamKind.create({}, foreign);
}

export const streamKind = defineSink<typeof options, NodeJS.WritableStream | WritableStream>({
  kind: 'stream',
  keepsNothing: true,
  options,
  needsSchema: false,
  guarantee: 'at-least-once',
  open: (_options, { settle, signal }, foreign) => {
    const target =
      foreign instanceof WritableStream
        ? new WebTarget(foreign as WritableStream<AnyRow>, signal)
        : new NodeTarget(foreign as Writable, signal);
    return Promise.resolve({
      write: async batch => {
        for (const row of batch.rows) {
          signal.throwIfAborted();
          const waiting = target.write(row as AnyRow);
          if (waiting !== undefined) await waiting;
        }
        settle(batch);
      },
      flush: () => Promise.resolve(),
      commit: async ({ done, stopped }) => {
        if (done === true || stopped === true) await target.end();
        return null;
      },
      close: () => Promise.resolve(),
      abort: reason => {
        target.destroy(reason instanceof Error ? reason : new Error(String(reason)));
        return Promise.resolve();
      },
    });
  },
});

/** Node's own, those of libraries that are like them, and those of the web. */
function isWritable(foreign: unknown): boolean {
  if (foreign instanceof WritableStream) return true;
  const { write, on } = (foreign ?? {}) as { readonly write?: unknown; readonly on?: unknown };
  return typeof write === 'function' && typeof on === 'function';
}

interface Target {
  /** A promise when it takes no more for now. */
  write(row: AnyRow): Promise<void> | undefined;
  /** Resolves when all of it is written. */
  end(): Promise<void>;
  destroy(reason: Error): void;
}

class NodeTarget implements Target {
  readonly #stream: Writable;
  readonly #signal: AbortSignal;
  #failure: Error | undefined;

  constructor(target: Writable, signal: AbortSignal) {
    this.#stream = target;
    this.#signal = signal;
    target.on('error', error => (this.#failure ??= error));
  }

  write(row: AnyRow): Promise<void> | undefined {
    this.#check();
    return this.#stream.write(row) ? undefined : this.#event('drain');
  }

  end(): Promise<void> {
    this.#check();
    const finished = this.#event('finish');
    this.#stream.end();
    return finished;
  }

  destroy(reason: Error): void {
    this.#stream.destroy(reason);
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#stream.destroyed || this.#stream.writableEnded) throw endedEarly();
  }

  /** Rejects when the stream fails or closes first, or the run is aborted. */
  #event(name: 'drain' | 'finish'): Promise<void> {
    const [target, signal] = [this.#stream, this.#signal];
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => (): void => {
        target.off(name, done).off('error', failed).off('close', failed);
        signal.removeEventListener('abort', aborted);
        end();
      };
      const done = settle(resolve);
      const failed = settle(() => reject(this.#failure ?? endedEarly()));
      const aborted = settle(() => reject(signal.reason as Error));
      target.on(name, done).on('error', failed).on('close', failed);
      signal.addEventListener('abort', aborted);
      if (signal.aborted) aborted();
    });
  }
}

/** Not by Writable.fromWeb: in Node 20 its errors end the process. */
class WebTarget implements Target {
  readonly #writer: WritableStreamDefaultWriter<AnyRow>;
  readonly #signal: AbortSignal;

  constructor(target: WritableStream<AnyRow>, signal: AbortSignal) {
    this.#signal = signal;
    this.#writer = target.getWriter();
    this.#writer.closed.catch(() => undefined);
  }

  /** What goes wrong with a record comes out of `ready` and `close`. */
  write(row: AnyRow): Promise<void> | undefined {
    this.#writer.write(row).catch(() => undefined);
    const { desiredSize } = this.#writer;
    return desiredSize === null || desiredSize <= 0 ? untilAborted(this.#writer.ready, this.#signal) : undefined;
  }

  end(): Promise<void> {
    return untilAborted(this.#writer.close(), this.#signal);
  }

  destroy(reason: Error): void {
    this.#writer.abort(reason).catch(() => undefined);
  }
}

function endedEarly(): MillraceError {
  return new MillraceError('ENDED_EARLY', 'the stream that is written to was closed before it had ended', { stage: 'stream' });
}

import type { Writable } from 'node:stream';
import { Duplex, type Readable } from 'node:stream';
import { z } from 'zod';
import { MillraceError } from '../lib/errors.ts';
import { RecordBatch } from '../lib/core/batch/batch.ts';
import type { Operator } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, defineOperator, type OperatorContext, type StreamFunction } from '../lib/core/define.ts';
import { gather } from '../lib/core/run/gather.ts';

/** What can stand between two stages though Millrace did not make it. */
export type Foreign =
  | NodeJS.ReadWriteStream
  | { readonly readable: ReadableStream; readonly writable: WritableStream }
  | ((rows: AsyncIterable<AnyRow>) => AsyncIterable<unknown> | Iterable<unknown>);

/**
 * A foreign stage between ours: a Node Duplex or Transform (object mode), a web TransformStream, or an async generator function. Batches are
 * opened into records before it and gathered again behind it. What comes out of it only the caller can say: `through<{ line: string }>(stream)`.
 * A stream can be used for one run; a function for many. Records that it leaves out count as dropped, more than it took as made.
 * A stream that closes before it ends is ENDED_EARLY; one that ends while there is input has had enough. Aborting destroys it.
 */
export function through<Out>(foreign: Foreign): Operator<unknown, Out> {
  return throughKind.create<unknown, Out>({}, foreign);
}

export const throughKind = defineOperator<z.ZodObject<Record<never, never>>, Foreign>({
  kind: 'through',
  options: z.strictObject({}),
  stream: (_options, context, foreign) => batches => run(batches, context, foreign),
});

async function* run(
  batches: AsyncIterable<AnyBatch>,
  context: OperatorContext,
  foreign: Foreign,
): ReturnType<StreamFunction> extends AsyncIterable<infer B> ? AsyncGenerator<B> : never {
  const counted = { in: 0, out: 0 };
  const rows = rowsOf(batches, counted);
  const results = typeof foreign === 'function' ? foreign(rows) : throughStream(rows, asDuplex(foreign), context);
  for await (const gathered of gather(results as AsyncIterable<object>, context)) {
    counted.out += gathered.length;
    yield RecordBatch.of(gathered) as unknown as AnyBatch;
  }
  if (counted.in > counted.out) context.dropped(counted.in - counted.out);
  else context.made(counted.out - counted.in);
}

async function* rowsOf(batches: AsyncIterable<AnyBatch>, counted: { in: number }): AsyncGenerator<AnyRow> {
  for await (const batch of batches) {
    counted.in += batch.length;
    yield* batch.rows;
  }
}

function asDuplex(foreign: Exclude<Foreign, (...given: never[]) => unknown>): Duplex {
  if (foreign instanceof Duplex) return foreign;
  if ('writable' in foreign && foreign.writable instanceof WritableStream) return Duplex.fromWeb(foreign as never, { objectMode: true });
  return Duplex.from({ writable: foreign as unknown as Writable, readable: foreign as unknown as Readable });
}

/** Feeds the stream while its output is read; the first error of either side ends both. */
async function* throughStream(rows: AsyncIterable<AnyRow>, stream: Duplex, context: OperatorContext): AsyncGenerator<object> {
  const { signal } = context;
  let failure: unknown;
  let isFed = false;
  const onError = (error: unknown): void => void (failure ??= error);
  stream.on('error', onError);
  const destroy = (): void => void stream.destroy();
  signal.addEventListener('abort', destroy, { once: true });
  const fed = feed(rows, stream)
    .catch((error: unknown) => {
      onError(error);
      stream.destroy();
    })
    .finally(() => (isFed = true));
  try {
    yield* read(stream);
    if (failure !== undefined) throw failure as Error;
    if (!stream.readableEnded)
      throw new MillraceError('ENDED_EARLY', 'the foreign stream was closed before it had ended', { stage: 'through' });
    // It has had enough: its input, which may stand still, is asked to end.
    if (!isFed && !stream.writableEnded) context.stop();
  } finally {
    signal.removeEventListener('abort', destroy);
    if (!stream.readableEnded || !stream.writableFinished) stream.destroy();
    await fed;
  }
}

async function feed(rows: AsyncIterable<AnyRow>, stream: Duplex): Promise<void> {
  for await (const row of rows) {
    if (stream.destroyed || stream.readableEnded) return;
    if (!stream.write(row)) await drained(stream);
  }
  stream.end();
}

function drained(stream: Duplex): Promise<void> {
  return new Promise(resolve => {
    const goOn = (): void => {
      for (const event of ['drain', 'close', 'end']) stream.off(event, goOn);
      resolve();
    };
    for (const event of ['drain', 'close', 'end']) stream.on(event, goOn);
  });
}

/** What is there at once comes without waiting; ends with the stream, closed or ended. */
async function* read(stream: Duplex): AsyncGenerator<object> {
  for (;;) {
    for (let row = stream.read() as object | null; row !== null; row = stream.read() as object | null) yield row;
    if (stream.readableEnded || stream.destroyed) return;
    await new Promise<void>(resolve => {
      const goOn = (): void => {
        for (const event of ['readable', 'end', 'close', 'error']) stream.off(event, goOn);
        resolve();
      };
      for (const event of ['readable', 'end', 'close', 'error']) stream.on(event, goOn);
    });
  }
}

import { Duplex, type Readable, type Writable } from 'node:stream';
import { z } from 'zod';
import { RecordBatch } from '../lib/core/batch/batch.ts';
import type { Operator } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, defineOperator, type OperatorContext, type StreamFunction } from '../lib/core/define.ts';
import { wrongArgument } from '../lib/core/run/check-argument.ts';
import { gather } from '../lib/core/run/gather.ts';
import { type ForeignPipe, NodePipe, WebPipe } from './foreign-pipes.ts';

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
  if (!isForeign(foreign)) throw wrongArgument('through', 'foreign', foreign, 'a Duplex, a TransformStream or a function');
  return throughKind.create<unknown, Out>({}, foreign);
}

export const throughKind = defineOperator<z.ZodObject<Record<never, never>>, Foreign>({
  kind: 'through',
  options: z.strictObject({}),
  canReopen: (_options, foreign) => typeof foreign === 'function',
  stream: (_options, context, foreign) => batches => run(batches, context, foreign),
});

function isForeign(foreign: unknown): boolean {
  if (typeof foreign === 'function') return true;
  if (typeof foreign !== 'object' || foreign === null) return false;
  const isWeb = 'readable' in foreign && foreign.readable instanceof ReadableStream;
  return isWeb || ('write' in foreign && typeof foreign.write === 'function');
}

async function* run(
  batches: AsyncIterable<AnyBatch>,
  context: OperatorContext,
  foreign: Foreign,
): ReturnType<StreamFunction> extends AsyncIterable<infer B> ? AsyncGenerator<B> : never {
  const counted = { in: 0, out: 0 };
  const rows = rowsOf(batches, counted);
  const results = typeof foreign === 'function' ? foreign(rows) : throughStream(rows, pipeOf(foreign), context);
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

function pipeOf(foreign: Exclude<Foreign, (...given: never[]) => unknown>): ForeignPipe {
  if (foreign instanceof Duplex) return new NodePipe(foreign);
  if ('writable' in foreign && foreign.writable instanceof WritableStream)
    return new WebPipe(foreign.readable as ReadableStream, foreign.writable);
  return new NodePipe(Duplex.from({ writable: foreign as unknown as Writable, readable: foreign as unknown as Readable }));
}

/** Feeds the stream while its output is read; the first error of either side ends both. */
async function* throughStream(rows: AsyncIterable<AnyRow>, pipe: ForeignPipe, context: OperatorContext): AsyncGenerator<object> {
  const { signal } = context;
  const destroy = (): void => pipe.destroy(signal.reason);
  signal.addEventListener('abort', destroy, { once: true });
  let isInputOver = false;
  const input = (async function* () {
    yield* rows;
    isInputOver = true;
  })();
  const fed = pipe.feed(input).catch((error: unknown) => pipe.destroy(error));
  try {
    yield* pipe.read();
    // It has had enough: its input, which may stand still, is asked to end.
    if (!isInputOver) context.stop();
    await fed;
  } finally {
    signal.removeEventListener('abort', destroy);
    pipe.destroy(new DOMException('no more is needed', 'AbortError'));
  }
}

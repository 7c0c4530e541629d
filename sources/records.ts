import { Readable } from 'node:stream';
import { z } from 'zod';
import { MillraceError } from '../lib/errors.ts';
import { RecordBatch } from '../lib/core/batch/batch.ts';
import type { Source } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, defineSource, type SourceContext } from '../lib/core/define.ts';
import { gather } from '../lib/core/run/gather.ts';
import { planArray, readArray, turnTaker } from './memory.ts';

/** Anything that gives records: an array, a generator, a Node Readable in object mode, a web ReadableStream. */
export type Records<Row> = Iterable<Row> | AsyncIterable<Row> | ReadableStream<Row>;

const options = z.strictObject({});

/**
 * Records that the program has or makes. An array can be read many times and has positions (`{ row }`); everything else once, from where it is.
 * Records that come one by one are gathered, by count and bytes; one that stalls keeps nothing back for more than `batchDelayMs`. Left early, the iterator
 * is closed and a stream destroyed; so it is on an abort, without waiting for the next record. A record that is no object is VALUE_INVALID, with
 * its number; a Node stream that closes before its end is ENDED_EARLY.
 */
export function records<Row>(given: Records<Row>): Source<Row> {
  if (typeof given !== 'object' || given === null || !(Symbol.iterator in given || Symbol.asyncIterator in given)) {
    throw new MillraceError('OPTION_INVALID', 'records: give an array, a generator, an async iterable or a stream of records');
  }
  return recordsKind.create({}, given as Records<AnyRow>);
}

export const recordsKind = defineSource<typeof options, Records<AnyRow>>({
  kind: 'records',
  options,
  plan: (_options, _context, given) =>
    Array.isArray(given)
      ? planArray(given as readonly AnyRow[])
      : Promise.resolve({
          notes: ['it can be read once: what its records have is known when it is'],
          hasPositions: false,
          isRepeatable: false,
        }),
  canReopen: (_options, given) => Array.isArray(given),
  read: (_options, context, given) =>
    Array.isArray(given) ? readArray(given as readonly AnyRow[], undefined, context) : readOnce(given, context),
});

async function* readOnce(given: Records<AnyRow>, context: SourceContext): AsyncGenerator<AnyBatch> {
  const { signal, counted } = context;
  if (given instanceof Readable && (given.readableEnded || given.destroyed))
    throw given.errored ?? endedEarly('the stream that is read has ended already; a stream serves one run: make one for each');
  const turns = turnTaker();
  const destroy = (): void => void (given instanceof Readable && given.destroy());
  signal.addEventListener('abort', destroy, { once: true });
  try {
    const iterable = given instanceof ReadableStream ? webRecords(given) : given;
    for await (const list of gather(iterable, context)) {
      counted({ rows: list.length });
      yield RecordBatch.of(list);
      await turns();
    }
    if (signal.aborted) destroy();
  } catch (error) {
    throw isPrematureClose(error) ? endedEarly('the stream that is read was closed before it had ended', error) : error;
  } finally {
    signal.removeEventListener('abort', destroy);
  }
}

function isPrematureClose(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}

function endedEarly(message: string, cause?: unknown): MillraceError {
  return new MillraceError('ENDED_EARLY', message, { stage: 'records', cause });
}

/** Cancelled while it waits for a record, too; its own iterator would hear of its end only after that. */
function webRecords(stream: ReadableStream<AnyRow>): AsyncIterable<AnyRow> {
  const reader = stream.getReader();
  const next = async (): Promise<IteratorResult<AnyRow>> => {
    const { done, value } = await reader.read();
    return done ? { done: true, value: undefined } : { done: false, value };
  };
  const end = async (): Promise<IteratorResult<AnyRow>> => {
    await reader.cancel();
    return { done: true, value: undefined };
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: end }) };
}

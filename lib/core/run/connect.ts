/**
 * Who destroys whom stands here, and nowhere else.
 *
 * The streams of a run are joined by `.pipe()`: data and ends flow down, back pressure up. Errors do not: the first stream that fails is
 * reported once by `onError`, and every other is destroyed with that same error, sources first, so that nothing new comes. A run is over
 * when every stream has closed.
 */
import type { Duplex, Readable, Writable } from 'node:stream';

export interface Joined {
  /** Resolves when all streams have closed, whether they ended or were destroyed. */
  readonly closed: Promise<void>;
  /** Resolves when all but the sink have closed: they count nothing any more. After a stop that may be later than the sink's own end. */
  readonly allBeforeSinkClosed: Promise<void>;
  /** Destroys what is not closed yet. */
  destroy(error: Error): void;
}

export function join(source: Readable, between: readonly Duplex[], sink: Writable, onError: (error: Error) => void): Joined {
  const streams: (Readable | Writable)[] = [source, ...between, sink];
  const destroy = (error: Error): void => {
    for (const stream of streams) stream.destroy(error);
  };
  for (const stream of streams) {
    stream.on('error', error => {
      onError(error);
      destroy(error);
    });
  }
  let from: Readable = source;
  for (const stream of between) from = from.pipe(stream);
  from.pipe(sink);
  const allBeforeSinkClosed = Promise.all([source, ...between].map(closed)).then(() => undefined);
  return { allBeforeSinkClosed, closed: Promise.all([allBeforeSinkClosed, closed(sink)]).then(() => undefined), destroy };
}

function closed(stream: Readable | Writable): Promise<void> {
  return new Promise(resolve => {
    if (stream.closed) resolve();
    else stream.once('close', resolve);
  });
}

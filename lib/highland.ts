/** For users of highland: both ways between its streams and ours. highland itself is an optional peer, loaded when it is used. */
import { createRequire } from 'node:module';
import { PassThrough } from 'node:stream';
import { MillraceError } from './errors.ts';
import type { Rows } from './core/contracts.ts';

type Highland = typeof import('highland');

declare global {
  /** Merges with highland's own types where they are installed, and stands for them where they are not. */
  // eslint-disable-next-line @typescript-eslint/no-namespace -- it is they that declare a namespace
  namespace Highland {
    // eslint-disable-next-line @typescript-eslint/no-unused-vars -- the name of its parameter is a part of the interface
    interface Stream<R> {
      destroy(): void;
    }
  }
}

/**
 * A source, or operators at its end, as a highland stream. Its error comes out as a highland error, then the stream ends. The source is destroyed
 * with the highland stream. highland tells nobody when a `take` behind it has had enough: take before, or dispose of the source.
 */
export function toHighland<Row>(rows: Rows<Row>): Highland.Stream<Row> {
  const highland = loadHighland();
  let failure: Error | undefined;
  let isEnded = false;
  // highland's own reading of a Node stream lets an error end the process, or never ends.
  rows.on('error', error => (failure = error));
  const stream = highland<Row>((push, next) => {
    const row = rows.read() as Row | null;
    if (row !== null) {
      push(null, row);
      if (!isEnded) next();
    } else if (rows.readableEnded || rows.destroyed) {
      if (failure !== undefined) push(failure);
      push(null, highland.nil);
    } else once(rows, ['readable', 'end', 'close'], () => isEnded || next());
  });
  stream.on('end', () => {
    isEnded = true;
    rows.destroy();
  });
  // Whoever listens for one event of highland gets them all.
  stream.on('error', () => undefined);
  return stream;
}

/** A highland stream as records for `from.records`. Its first error ends the run. Left early, it is paused and read no more. */
export function fromHighland<Row>(stream: Highland.Stream<Row>): AsyncIterable<Row> {
  return {
    async *[Symbol.asyncIterator]() {
      let failure: Error | undefined;
      // highland's own Node stream closes before it ends; its pipe keeps back pressure and ends.
      const own = stream.stopOnError(error => (failure = error));
      const rows = own.pipe(new PassThrough({ objectMode: true }));
      try {
        for await (const row of rows as AsyncIterable<Row>) yield row;
        if (failure !== undefined) throw failure;
      } finally {
        // Only what stands behind the stream: a generator of its user's that is at work would throw at its next step.
        own.destroy();
      }
    },
  };
}

function once<Row>(rows: Rows<Row>, events: readonly string[], then: () => void): void {
  const goOn = (): void => {
    for (const event of events) rows.off(event, goOn);
    then();
  };
  for (const event of events) rows.on(event, goOn);
}

function loadHighland(): Highland {
  try {
    return createRequire(import.meta.url)('highland') as Highland;
  } catch (error) {
    throw new MillraceError('CONFIGURATION_INVALID', 'toHighland needs the package highland: npm install highland', { cause: error });
  }
}

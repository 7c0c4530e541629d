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

/** A source, or operators at its end, as a highland stream. Its errors come out as highland errors; what highland leaves early is destroyed. */
export function toHighland<Row>(rows: Rows<Row>): Highland.Stream<Row> {
  const stream = loadHighland()<Row>(rows);
  stream.on('end', () => rows.destroy());
  return stream;
}

/** A highland stream as records for `from.records`. Its first error ends the run. */
export function fromHighland<Row>(stream: Highland.Stream<Row>): AsyncIterable<Row> {
  return {
    async *[Symbol.asyncIterator]() {
      let failure: Error | undefined;
      // highland's own Node stream closes before it ends; its pipe keeps back pressure and ends.
      const rows = stream.stopOnError(error => (failure = error)).pipe(new PassThrough({ objectMode: true }));
      try {
        for await (const row of rows as AsyncIterable<Row>) yield row;
        if (failure !== undefined) throw failure;
      } finally {
        stream.destroy();
      }
    },
  };
}

function loadHighland(): Highland {
  try {
    return createRequire(import.meta.url)('highland') as Highland;
  } catch (error) {
    throw new MillraceError('CONFIGURATION_INVALID', 'toHighland needs the package highland: npm install highland', { cause: error });
  }
}

import type { Readable, Writable } from 'node:stream';

interface Stoppable extends Readable {
  stop(): void;
}

/** The streams that are piped into a face of ours. */
export class Upstream {
  readonly #streams = new Set<Readable>();

  constructor(face: Writable) {
    face.on('pipe', (from: Readable) => this.#streams.add(from));
    face.on('unpipe', (from: Readable) => this.#streams.delete(from));
  }

  /** No more is needed of them: Millrace stages end as soon as they can, unless somebody else reads them too. Others go on, unheard. */
  stop(): void {
    for (const stream of this.#streams) if (isStage(stream) && !isShared(stream)) stream.stop();
  }
}

function isStage(stream: Readable): stream is Stoppable {
  return 'role' in stream && 'stop' in stream && typeof stream.stop === 'function';
}

/** Each `.pipe()` listens for data once. */
function isShared(stream: Readable): boolean {
  return stream.listenerCount('data') > 1 || stream.listenerCount('readable') > 0;
}

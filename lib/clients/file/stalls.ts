/** How long what was read may wait for more. */
const STALL_MS = 100;
const NOTHING = new Uint8Array(0);

/**
 * The chunks of an input that can stall (a pipe, somebody who types), and an empty one where no further one came in time: so that whoever
 * gathers them gives on what is whole, and keeps nothing back. `stop` has to end a read that waits, for it is called when this is left early.
 */
export async function* markStalls(chunks: AsyncIterable<Uint8Array>, stop: () => void): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  let isDone = false;
  let isGiven = true;
  try {
    for (;;) {
      const next = iterator.next();
      next.catch(() => undefined);
      if (!isGiven && !(await comesInTime(next))) {
        isGiven = true;
        yield NOTHING;
      }
      const result = await next;
      isDone = result.done === true;
      if (result.done === true) return;
      isGiven = false;
      yield result.value;
    }
  } finally {
    if (!isDone) {
      stop();
      await iterator.return?.();
    }
  }
}

async function comesInTime(next: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>(resolve => (timer = setTimeout(() => resolve(false), STALL_MS)));
  const came = next.then(
    () => true,
    () => true,
  );
  const isInTime = await Promise.race([came, late]);
  clearTimeout(timer);
  return isInTime;
}

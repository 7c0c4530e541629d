import { abortController } from '../../../core/run/waiting.ts';

/** What several readers give, as it comes. Each has one item in hand, or is asked for one. */
export async function* mergedReads<T>(
  openReaders: (signal: AbortSignal) => readonly AsyncIterator<T>[],
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const own = abortController();
  const abort = (): void => own.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const merge = new Merge(openReaders(own.signal));
  try {
    for (let item = await merge.next(); item !== undefined; item = await merge.next()) yield item.value;
  } finally {
    signal.removeEventListener('abort', abort);
    // Those that wait for rows hear of the end by the signal alone.
    own.abort(new DOMException('no more is needed', 'AbortError'));
    await merge.end();
  }
}

interface Item<T> {
  readonly value: T;
}

class Merge<T> {
  readonly #readers: readonly AsyncIterator<T>[];
  readonly #given: { readonly reader: AsyncIterator<T>; readonly value: T }[] = [];
  /** Readers that were asked and have not answered. */
  readonly #asked = new Set<Promise<void>>();
  #last: AsyncIterator<T> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(readers: readonly AsyncIterator<T>[]) {
    this.#readers = readers;
    for (const reader of readers) this.#ask(reader);
  }

  /** Throws the first error of any reader, at once. */
  async next(): Promise<Item<T> | undefined> {
    if (this.#last !== undefined) this.#ask(this.#last);
    this.#last = undefined;
    while (this.#failure === undefined && this.#given.length === 0 && this.#asked.size > 0)
      await new Promise<void>(resolve => (this.#wake = resolve));
    if (this.#failure !== undefined) throw this.#failure.error;
    const item = this.#given.shift();
    this.#last = item?.reader;
    return item;
  }

  /** Ends all readers and waits for them; what they throw now says nothing new. */
  async end(): Promise<void> {
    await Promise.all(this.#asked);
    await Promise.allSettled(this.#readers.map(async reader => reader.return?.()));
  }

  #ask(reader: AsyncIterator<T>): void {
    const asked = reader
      .next()
      .then(
        ({ done, value }) => void (done === true || this.#given.push({ reader, value: value as T })),
        (error: unknown) => void (this.#failure ??= { error }),
      )
      .finally(() => {
        this.#asked.delete(asked);
        this.#wake();
      });
    this.#asked.add(asked);
  }
}

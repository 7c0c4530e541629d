import { MillraceError } from '../../errors.ts';
import { RecordBatch } from '../batch/batch.ts';

export interface GatherOptions {
  readonly batchRows: number;
  /** About so many bytes make a list full, too; records are weighed by samples. */
  readonly batchBytes?: number;
  /** How long a record waits for others; 100 ms by default. */
  readonly batchDelayMs?: number;
  readonly signal: AbortSignal;
}

/**
 * Records that come one by one as lists of at most `batchRows` and about `batchBytes`. A list is given on when it is full, when the source
 * ends, or when the first of it has waited `batchDelayMs`: a source that stalls keeps nothing back. Records that are not objects are
 * VALUE_INVALID. Closes the iterator when it is left early.
 */
export function gather<T extends object>(records: AsyncIterable<T> | Iterable<T>, options: GatherOptions): AsyncGenerator<T[]> {
  return Symbol.asyncIterator in records ? gatherAsync(records[Symbol.asyncIterator](), options) : gatherSync(records, options);
}

async function* gatherSync<T extends object>(records: Iterable<T>, { batchRows, batchBytes, signal }: GatherOptions): AsyncGenerator<T[]> {
  const isFull = fullness(batchRows, batchBytes);
  let list: T[] = [];
  let count = 0;
  for (const record of records) {
    list.push(checkedRecord(record, count++));
    if (!isFull(list)) continue;
    yield list;
    list = [];
    if (signal.aborted) return;
  }
  if (list.length > 0) yield list;
}

async function* gatherAsync<T extends object>(
  iterator: AsyncIterator<T>,
  { batchRows, batchBytes, batchDelayMs = 100, signal }: GatherOptions,
): AsyncGenerator<T[]> {
  const isFull = fullness(batchRows, batchBytes);
  const next = new NextOrLater(iterator, signal);
  let list: T[] = [];
  let count = 0;
  try {
    while (!signal.aborted) {
      const result = await next.get();
      if (result === undefined || result.done === true) {
        if (list.length > 0) yield list;
        list = [];
        if (result?.done === true) return;
        continue;
      }
      if (list.length === 0) next.wakeIn(batchDelayMs);
      list.push(checkedRecord(result.value, count++));
      if (!isFull(list)) continue;
      next.wakeIn(undefined);
      yield list;
      list = [];
    }
  } finally {
    await next.end();
  }
}

const SAMPLE_EVERY = 16;

/** Whether a list, asked after each record, is full. One record in 16 is weighed, the first always; the others are taken to be alike. */
export function fullness(batchRows: number, batchBytes = Infinity): (list: readonly object[]) => boolean {
  let sampled = 0;
  let samples = 0;
  return list => {
    const { length } = list;
    if (length === 1) sampled = samples = 0;
    if (batchBytes !== Infinity && length % SAMPLE_EVERY === 1) {
      sampled += RecordBatch.of([list[length - 1] as object]).bytes;
      samples++;
    }
    return length >= batchRows || (samples > 0 && sampled * length >= batchBytes * samples);
  };
}

/** The next record of an iterator, or undefined when a timer runs out first or the signal is aborted. One timer a list, not a record. */
class NextOrLater<T> {
  readonly #iterator: AsyncIterator<T>;
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => this.#wake?.();
  #isAsked = false;
  #isDone = false;
  #result: IteratorResult<T> | undefined;
  #failure: { error: unknown } | undefined;
  #wake: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isLate = false;

  constructor(iterator: AsyncIterator<T>, signal: AbortSignal) {
    this.#iterator = iterator;
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  async get(): Promise<IteratorResult<T> | undefined> {
    this.#ask();
    if (this.#result === undefined && this.#failure === undefined && !this.#isLate && !this.#signal.aborted)
      await new Promise<void>(resolve => (this.#wake = resolve));
    if (this.#failure !== undefined) throw this.#failure.error as Error;
    const result = this.#result;
    this.#isLate = false;
    if (result === undefined) return undefined;
    this.#result = undefined;
    this.#isAsked = false;
    this.#isDone = result.done === true;
    return result;
  }

  wakeIn(ms: number | undefined): void {
    clearTimeout(this.#timer);
    this.#isLate = false;
    if (ms === undefined) return;
    this.#timer = setTimeout(() => {
      this.#isLate = true;
      this.#wake?.();
    }, ms);
  }

  async end(): Promise<void> {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#onAbort);
    if (this.#isDone || this.#failure !== undefined) return;
    const ended = this.#iterator.return?.();
    // A generator that waits for its next record would answer only then: whoever aborts does not wait for it.
    if (this.#isAsked && this.#result === undefined) void ended?.catch(() => undefined);
    else await ended;
  }

  #ask(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#iterator.next().then(
      result => {
        this.#result = result;
        this.#wake?.();
      },
      (error: unknown) => {
        this.#failure = { error };
        this.#wake?.();
      },
    );
  }
}

/** The record; VALUE_INVALID with its number for what is no object with fields. */
export function checkedRecord<T extends object>(record: T, index: number): T {
  const found = notRecord(record);
  if (found === undefined) return record;
  const hint = ArrayBuffer.isView(record) ? '; make records of them first' : '';
  throw new MillraceError('VALUE_INVALID', `record ${index} is ${found}, not an object with fields${hint}`);
}

/** What a value is that is no record; undefined for one. */
export function notRecord(value: unknown): string | undefined {
  if (typeof value !== 'object') return value === undefined ? 'undefined' : `a ${typeof value}`;
  if (value === null) return 'null';
  if (ArrayBuffer.isView(value)) return 'bytes';
  return Array.isArray(value) ? 'a list' : undefined;
}

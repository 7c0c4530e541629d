import { RecordBatch } from '../batch/batch.ts';
import { withRows } from '../batch/decodable.ts';
import type { AnyBatch, AnyRow, OperatorContext, StreamFunction } from '../define.ts';
import { notRecord } from './gather.ts';
import { threw } from './row-function.ts';

export interface ConcurrencyOptions {
  /** Calls that are waited for at the same time. */
  readonly concurrency: number;
  /** Whether records leave in the order in which they came. */
  readonly ordered: boolean;
}

type AsyncChange = (row: AnyRow) => Promise<AnyRow>;

/**
 * A stream function over calls that give promises. Held are one batch and what came before it and is not finished, as long as that is less than
 * `concurrency` records. Ordered, each batch keeps its position; unordered, the last one comes at the end.
 */
export function mapConcurrently(change: AsyncChange, options: ConcurrencyOptions, context: OperatorContext): StreamFunction {
  return batches => {
    const mapping = new Mapping(change, options, context);
    const output = mapping.run(batches[Symbol.asyncIterator]());
    // A generator that sleeps would not hear of its end: it is woken first.
    const end = (): Promise<IteratorResult<AnyBatch>> => {
      mapping.leave();
      return output.return(undefined);
    };
    return { [Symbol.asyncIterator]: () => ({ next: () => output.next(), return: end }) };
  };
}

/** A batch some of whose calls still run. */
interface OpenBatch {
  readonly batch: AnyBatch;
  /** Of each record the result; undefined: not finished, rejected, or given already. */
  readonly results: (AnyRow | undefined)[];
  /** The next record to call the function for. */
  next: number;
  /** Records whose call has not ended. */
  unfinished: number;
}

/** Unordered results leave in batches of about so many, or after so long. */
const READY_ROWS = 64;
const READY_MS = 100;

/** One run: starts calls while there is room, asks for input while there is room, gives what is ready, and sleeps until something ends. */
class Mapping {
  readonly #concurrency: number;
  readonly #ordered: boolean;
  readonly #context: OperatorContext;
  readonly #change: AsyncChange;
  #open: OpenBatch[] = [];
  #running = 0;
  /** Of the batch that came last. */
  #position: AnyBatch['position'];
  #ready = 0;
  #readySince = 0;
  #input: 'idle' | 'asked' | 'over' = 'idle';
  #failure: { readonly error: unknown } | undefined;
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(change: AsyncChange, { concurrency, ordered }: ConcurrencyOptions, context: OperatorContext) {
    this.#change = change;
    this.#concurrency = concurrency;
    this.#ordered = ordered;
    this.#context = context;
  }

  async *run(input: AsyncIterator<AnyBatch>): AsyncGenerator<AnyBatch> {
    const { signal } = this.#context;
    const onAbort = (): void => this.#wake();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      for (;;) {
        signal.throwIfAborted();
        if (this.#isOver) return;
        if (this.#failure !== undefined) throw this.#failure.error;
        this.#start();
        this.#ask(input);
        const given = this.#ordered ? this.#inOrder() : this.#asReady();
        if (given !== undefined) yield given;
        else if (this.#input === 'over' && this.#open.length === 0) break;
        else await this.#sleep();
      }
      // Everything before it has been given now.
      if (!this.#ordered && this.#position !== undefined) yield RecordBatch.of<AnyRow>([], undefined, this.#position);
    } finally {
      this.#isOver = true;
      signal.removeEventListener('abort', onAbort);
      // An iterator that waits for its next batch would answer only then.
      const ended = input.return?.();
      if (this.#input === 'asked') ended?.catch(() => undefined);
      else await ended;
    }
  }

  /** Until something ends; what is ready does not wait longer than it may. */
  async #sleep(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>(resolve => {
      this.#wake = resolve;
      if (this.#ready > 0 && !this.#ordered) timer = setTimeout(resolve, READY_MS);
    });
    clearTimeout(timer);
  }

  leave(): void {
    this.#isOver = true;
    this.#wake();
  }

  #start(): void {
    for (const open of this.#open) {
      while (open.next < open.batch.length) {
        if (this.#running >= this.#concurrency || this.#failure !== undefined) return;
        this.#call(open, open.next++);
      }
    }
  }

  #call(open: OpenBatch, index: number): void {
    this.#running++;
    const finish = (result: AnyRow | undefined, refuse?: () => void): void => {
      this.#running--;
      open.unfinished--;
      if (this.#isOver) return;
      if (refuse === undefined) this.#keep(open, index, result);
      else this.#guard(refuse);
      this.#wake();
    };
    const fail = (error: unknown): void => {
      const { code, reason } = threw(error);
      finish(undefined, () => this.#context.reject(open.batch, index, code, reason));
    };
    try {
      Promise.resolve(this.#change(open.batch.rows[index] as AnyRow)).then(result => finish(result), fail);
    } catch (error) {
      fail(error);
    }
  }

  #keep(open: OpenBatch, index: number, result: AnyRow | null | undefined): void {
    if (result === undefined || result === null) {
      this.#guard(() =>
        this.#context.reject(open.batch, index, 'VALUE_INVALID', `the function gave ${String(result)}; leave records out with filter`),
      );
      return;
    }
    const found = notRecord(result);
    if (found !== undefined) {
      this.#guard(() => this.#context.reject(open.batch, index, 'VALUE_INVALID', `the function gave ${found}, not an object with fields`));
      return;
    }
    open.results[index] = result;
    if (this.#ready++ === 0) this.#readySince = performance.now();
  }

  /** Without a place for rejects the first one ends the run. */
  #guard(mayReject: () => void): void {
    try {
      mayReject();
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  /** The next batch, when all records that are here are under way and there are not too many of them. */
  #ask(input: AsyncIterator<AnyBatch>): void {
    if (this.#input !== 'idle') return;
    const newest = this.#open.at(-1);
    if (newest !== undefined && newest.next < newest.batch.length) return;
    const older = this.#open.reduce((sum, { batch }) => sum + batch.length, 0) - (newest?.batch.length ?? 0);
    if (older >= this.#concurrency) return;
    this.#input = 'asked';
    input.next().then(
      result => {
        this.#input = result.done === true ? 'over' : 'idle';
        if (result.done !== true) {
          this.#position = result.value.position;
          this.#guard(() => this.#opened(result.value));
        }
        this.#wake();
      },
      (error: unknown) => {
        this.#input = 'over';
        this.#failure ??= { error };
        this.#wake();
      },
    );
  }

  #opened(given: AnyBatch): void {
    const batch = withRows(given, (index, code, reason) => this.#context.reject(given, index, code, reason));
    this.#open.push({ batch, results: new Array<undefined>(batch.length), next: 0, unfinished: batch.length });
  }

  /** The oldest batch, when all its calls have ended. */
  #inOrder(): AnyBatch | undefined {
    const head = this.#open[0];
    if (head === undefined || head.unfinished > 0) return undefined;
    this.#open.shift();
    return taken([head], head.batch.position);
  }

  /** What is ready: when it is enough, has waited long enough, or nothing more can be started. */
  #asReady(): AnyBatch | undefined {
    const isStalled = this.#open.every(({ batch, next }) => next === batch.length);
    const isDue = this.#ready >= READY_ROWS || isStalled || performance.now() - this.#readySince >= READY_MS;
    const given = this.#ready > 0 && isDue ? taken(this.#open, undefined) : undefined;
    if (given !== undefined) this.#ready = 0;
    if (this.#ready === 0) this.#open = this.#open.filter(({ unfinished }) => unfinished > 0);
    return given;
  }
}

/** The results of these batches that have not been given yet, with the places of their records. */
function taken(batches: readonly OpenBatch[], position: AnyBatch['position']): AnyBatch {
  const rows: AnyRow[] = [];
  const places: { batch: AnyBatch; index: number }[] = [];
  for (const { batch, results } of batches) {
    for (let index = 0; index < results.length; index++) {
      const result = results[index];
      if (result === undefined) continue;
      results[index] = undefined;
      rows.push(result);
      places.push({ batch, index });
    }
  }
  return RecordBatch.of(rows, undefined, position, undefined, row => {
    const place = places[row];
    return place?.batch.locate(place.index);
  });
}

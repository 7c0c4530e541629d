import { z } from 'zod';
import { RecordBatch } from '../lib/core/batch/batch.ts';
import type { DeadLetter, Operator } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, defineOperator, type OperatorContext, type StreamFunction } from '../lib/core/define.ts';
import { threw } from '../lib/core/run/row-loop.ts';

export interface MapAsyncOptions {
  /** Calls that are waited for at the same time; 16 by default. */
  readonly concurrency?: number | undefined;
  /** True, the default: records leave in the order in which they came. False: as soon as they are ready. */
  readonly ordered?: boolean | undefined;
  /** Takes the rejects where the operator is used without pipeline(). */
  readonly onReject?: ((letter: DeadLetter) => void) | undefined;
}

const optionsSchema = z.strictObject({ concurrency: z.int().min(1).default(16), ordered: z.boolean().default(true) });

/**
 * Another record for each record, by a function that gives a promise. At most `concurrency` calls run at once; held are one batch and what
 * came before it and is not finished, as long as that is less than `concurrency` records. A call that throws or rejects rejects its record
 * (OPERATOR_THREW). A call whose result is undefined or null is VALUE_INVALID. An abort waits for no call. Unordered, positions are passed on at
 * the end only.
 */
export function mapAsync<Row, Next>(
  change: (row: Row) => Promise<Next>,
  { onReject, ...options }: MapAsyncOptions = {},
): Operator<Row, Next> {
  return mapAsyncKind.create(options, change as (row: AnyRow) => Promise<AnyRow>, onReject);
}

export const mapAsyncKind = defineOperator<typeof optionsSchema, (row: AnyRow) => Promise<AnyRow>>({
  kind: 'mapAsync',
  options: optionsSchema,
  positions: 'forwarded',
  stream: ({ concurrency, ordered }, context, change) => mapping(concurrency, ordered, context, change),
  title: ({ concurrency, ordered }) => `${concurrency} at once${ordered ? '' : ', unordered'}`,
});

function mapping(
  concurrency: number,
  isOrdered: boolean,
  context: OperatorContext,
  change: (row: AnyRow) => Promise<AnyRow>,
): StreamFunction {
  return batches => {
    const mapped = new Mapping(concurrency, isOrdered, context, change);
    const output = mapped.run(batches[Symbol.asyncIterator]());
    // A generator that sleeps would not hear of its end: it is woken first.
    const end = (): Promise<IteratorResult<AnyBatch>> => {
      mapped.leave();
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
  readonly #isOrdered: boolean;
  readonly #context: OperatorContext;
  readonly #change: (row: AnyRow) => Promise<AnyRow>;
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

  constructor(concurrency: number, isOrdered: boolean, context: OperatorContext, change: (row: AnyRow) => Promise<AnyRow>) {
    this.#concurrency = concurrency;
    this.#isOrdered = isOrdered;
    this.#context = context;
    this.#change = change;
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
        const given = this.#isOrdered ? this.#inOrder() : this.#asReady();
        if (given !== undefined) yield given;
        else if (this.#input === 'over' && this.#open.length === 0) break;
        else await new Promise<void>(resolve => (this.#wake = resolve));
      }
      // Everything before it has been given now.
      if (!this.#isOrdered && this.#position !== undefined) yield RecordBatch.of<AnyRow>([], undefined, this.#position);
    } finally {
      this.#isOver = true;
      signal.removeEventListener('abort', onAbort);
      // An iterator that waits for its next batch would answer only then.
      const ended = input.return?.();
      if (this.#input === 'asked') ended?.catch(() => undefined);
      else await ended;
    }
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
    open.results[index] = result;
    if (this.#ready++ === 0) this.#readySince = performance.now();
  }

  /** Without a place for rejects the first one ends the run. */
  #guard(reject: () => void): void {
    try {
      reject();
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
          const { value: batch } = result;
          this.#position = batch.position;
          this.#open.push({ batch, results: new Array<undefined>(batch.length), next: 0, unfinished: batch.length });
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

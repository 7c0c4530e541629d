import type { AnyBatch, OperatorContext, StreamFunction } from '../define.ts';
import { isThenable } from './waiting.ts';

/** What a stream operator does with its input piece by piece (a batch, a group of records), where each piece takes a call that may be waited for. */
export interface PieceWork<Piece, Result> {
  /** Calls that are waited for at the same time. */
  readonly concurrency: number;
  /** How long what is no whole piece yet waits for more; by default as long as it takes. */
  readonly delayMs?: number | undefined;
  /** Whole pieces, with what was left of the batches before. */
  take(batch: AnyBatch): Piece[];
  /** What is no whole piece yet, and is to be one all the same: it has waited long enough, or nothing more comes. Undefined where nothing is left. */
  rest(): Piece | undefined;
  /** Throwing or rejecting ends the run. */
  call(piece: Piece): Result | PromiseLike<Result>;
  /** What comes of pieces that are done, in their order. */
  give(done: readonly Done<Piece, Result>[]): Iterable<AnyBatch>;
  /** The run is over, in whatever way. */
  close?(): Promise<void> | void;
}

export interface Done<Piece, Result> {
  readonly piece: Piece;
  readonly result: Result;
}

/** So many results wait to be given at once. */
const MOST_DONE = 256;

/** Calls for pieces of the input; what comes of them leaves in the order in which it came. More input is asked for when all that is here is under way. An abort waits for no call. */
export function inOrder<Piece, Result>(work: PieceWork<Piece, Result>, context: OperatorContext): StreamFunction {
  return batches => {
    const calls = new Calls(work, context);
    const output = calls.run(batches[Symbol.asyncIterator]());
    // A generator that sleeps would not hear of its end: it is woken first.
    const end = (): Promise<IteratorResult<AnyBatch>> => {
      calls.leave();
      return output.return(undefined);
    };
    return { [Symbol.asyncIterator]: () => ({ next: () => output.next(), return: end }) };
  };
}

interface Begun<Piece, Result> {
  readonly piece: Piece;
  done: Done<Piece, Result> | undefined;
}

class Calls<Piece, Result> {
  readonly #work: PieceWork<Piece, Result>;
  readonly #context: OperatorContext;
  #waiting: Piece[] = [];
  #begun: Begun<Piece, Result>[] = [];
  #running = 0;
  #input: 'idle' | 'asked' | 'over' = 'idle';
  /** What is left over has waited since then. */
  #restTimer: NodeJS.Timeout | undefined;
  #failure: { readonly error: unknown } | undefined;
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(work: PieceWork<Piece, Result>, context: OperatorContext) {
    this.#work = work;
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
        this.#begin();
        const done = this.#takeDone();
        if (done.length > 0) yield* this.#work.give(done);
        else if (this.#input === 'over' && this.#begun.length === 0) break;
        else if (this.#waiting.length === 0 || this.#running > 0) await this.#more(input);
      }
    } finally {
      this.#isOver = true;
      clearTimeout(this.#restTimer);
      signal.removeEventListener('abort', onAbort);
      // An iterator that waits for its next batch would answer only then.
      const ended = input.return?.();
      if (this.#input === 'asked') ended?.catch(() => undefined);
      else await ended;
      await this.#work.close?.();
    }
  }

  leave(): void {
    this.#isOver = true;
    this.#wake();
  }

  #begin(): void {
    let at = 0;
    while (at < this.#waiting.length && this.#running < this.#work.concurrency && this.#begun.length < MOST_DONE)
      this.#call(this.#waiting[at++] as Piece);
    if (at > 0) this.#waiting = this.#waiting.slice(at);
  }

  #call(piece: Piece): void {
    const begun: Begun<Piece, Result> = { piece, done: undefined };
    this.#begun.push(begun);
    const result = this.#work.call(piece);
    if (!isThenable(result)) {
      begun.done = { piece, result: result as Result };
      return;
    }
    this.#running++;
    result.then(
      value => {
        begun.done = { piece, result: value };
        this.#running--;
        this.#wake();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  /** Those before which all are done. */
  #takeDone(): Done<Piece, Result>[] {
    const first = this.#begun.findIndex(({ done }) => done === undefined);
    const count = first < 0 ? this.#begun.length : first;
    return this.#begun.splice(0, count).map(({ done }) => done as Done<Piece, Result>);
  }

  /** Until a call ends or more input has come; that is asked for when all that is here is under way. */
  async #more(input: AsyncIterator<AnyBatch>): Promise<void> {
    const woken = new Promise<void>(resolve => (this.#wake = resolve));
    if (this.#input === 'idle' && this.#waiting.length === 0 && this.#running < this.#work.concurrency) this.#ask(input);
    await woken;
  }

  #ask(input: AsyncIterator<AnyBatch>): void {
    this.#input = 'asked';
    input.next().then(
      result => {
        this.#input = result.done === true ? 'over' : 'idle';
        try {
          if (result.done === true) this.#takeRest();
          else this.#taken(this.#work.take(result.value));
        } catch (error) {
          this.#fail(error);
        }
        this.#wake();
      },
      (error: unknown) => {
        this.#input = 'over';
        this.#fail(error);
      },
    );
  }

  #taken(pieces: readonly Piece[]): void {
    this.#waiting.push(...pieces);
    const { delayMs } = this.#work;
    if (delayMs === undefined) return;
    // What is left is of this batch where a piece was made of what was there before.
    if (pieces.length > 0) {
      clearTimeout(this.#restTimer);
      this.#restTimer = undefined;
    }
    this.#restTimer ??= setTimeout(() => this.#takeRest(), delayMs);
  }

  #takeRest(): void {
    clearTimeout(this.#restTimer);
    this.#restTimer = undefined;
    if (this.#isOver) return;
    const rest = this.#work.rest();
    if (rest !== undefined) this.#waiting.push(rest);
    this.#wake();
  }
}

import { z } from 'zod';
import type { Sink } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, defineSink, type RejectedRow, type SinkContext } from '../lib/core/define.ts';
import { decodableRows, isUndecodable } from '../lib/core/batch/decodable.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { threw } from '../lib/core/run/row-function.ts';
import { isThenable } from '../lib/core/run/waiting.ts';
import { untilAborted } from '../lib/core/run/until-aborted.ts';

const options = z.strictObject({ concurrency: z.int().min(1).default(1).describe('calls at once') });

/**
 * Calls a function with every record, in order, and waits for what it returns when that is a promise; with `concurrency` so many calls of a batch
 * are waited for at once. A throw or a rejection rejects the record (OPERATOR_THREW); where nothing takes rejects, no further call is begun. What
 * the function did can't be taken back: a run that is started again calls it again. An abort waits for no call.
 */
function calling<Row>(use: (row: Row) => unknown, given: { readonly concurrency?: number } = {}): Sink<Row> {
  checkArgument('function', 'use', use, 'function');
  return functionKind.create(given, use as (row: AnyRow) => unknown);
}

export { calling as function };

export const functionKind = defineSink<typeof options, (row: AnyRow) => unknown>({
  kind: 'function',
  keepsNothing: true,
  options,
  needsSchema: false,
  guarantee: 'at-least-once',
  each: ({ concurrency }, use) => (concurrency === 1 ? use : undefined),
  open: ({ concurrency }, context, use) => {
    const calling: Calling = { context, use, isAborted: context.signal.aborted };
    context.signal.addEventListener('abort', () => (calling.isAborted = true), { once: true });
    return Promise.resolve({
      write: async batch => {
        const calls = new Calls(batch, calling);
        if (concurrency === 1 || batch.length === 1) await calls.work();
        else await Promise.all(Array.from({ length: Math.min(concurrency, batch.length) }, () => calls.work()));
        const rejected = calls.rejected.sort((a, b) => a.index - b.index);
        context.counted({ written: batch.length - rejected.length });
        context.settle(batch, rejected);
      },
      flush: () => Promise.resolve(),
      commit: () => Promise.resolve(null),
      close: () => Promise.resolve(),
      abort: () => Promise.resolve(),
    });
  },
});

interface Calling {
  readonly context: SinkContext;
  readonly use: (row: AnyRow) => unknown;
  /** Asked before each call: a property costs a tenth of what a signal does. */
  isAborted: boolean;
}

/** The calls for one batch. */
class Calls {
  readonly rejected: RejectedRow[] = [];
  readonly #rows: readonly AnyRow[];
  /** Their numbers in the batch, where some of its rows cannot be decoded. */
  #numbers: Uint32Array | undefined;
  readonly #calling: Calling;
  #next = 0;

  constructor(batch: AnyBatch, calling: Calling) {
    this.#rows = this.#rowsOf(batch);
    this.#calling = calling;
  }

  #rowsOf(batch: AnyBatch): readonly AnyRow[] {
    try {
      return batch.rows;
    } catch (error) {
      if (!isUndecodable(error) || !batch.schemaKnown) throw error;
      this.#numbers = decodableRows(batch, batch.schema.names, (index, code, reason) => this.rejected.push({ index, code, reason }));
      return batch.select(this.#numbers).rows;
    }
  }

  #refuse(index: number, error: unknown): void {
    this.rejected.push({ index: this.#numbers?.[index] ?? index, ...threw(error) });
  }

  /** One call after the other until there is none left; a promise is awaited only where the function gives one. */
  async work(): Promise<void> {
    const { signal } = this.#calling.context;
    for (let waiting = this.#callOn(); waiting !== undefined; waiting = this.#callOn()) {
      try {
        await untilAborted(waiting.result, signal);
      } catch (error) {
        signal.throwIfAborted();
        this.#refuse(waiting.index, error);
      }
    }
  }

  /** Calls on until the function gives a promise. */
  #callOn(): { readonly index: number; readonly result: PromiseLike<unknown> } | undefined {
    const calling = this.#calling;
    const { signal, hasDeadLetters } = calling.context;
    const { use } = calling;
    const rows = this.#rows;
    while (hasDeadLetters || this.rejected.length === 0) {
      let index = this.#next;
      try {
        for (; index < rows.length; index++) {
          if (calling.isAborted) signal.throwIfAborted();
          const result = use(rows[index] as AnyRow);
          if (result !== undefined && isThenable(result)) {
            this.#next = index + 1;
            return { index, result };
          }
        }
        this.#next = index;
        return undefined;
      } catch (error) {
        signal.throwIfAborted();
        this.#next = index + 1;
        this.#refuse(index, error);
      }
    }
    return undefined;
  }
}

import { z } from 'zod';
import { RecordBatch } from '../core/batch/batch.ts';
import type { Operator } from '../core/contracts.ts';
import { type AnyBatch, type AnyRow, defineOperator, defineSink } from '../core/define.ts';
import { type Canonical, canonicalOf } from './canonical.ts';
import { canonicals, type Pair } from './digest.ts';

/** A record as it is compared: the text of its key, and the texts of its columns. */
export interface KeyedRow {
  readonly key: string;
  readonly texts: readonly (string | null)[];
}

interface Given {
  readonly pairs: readonly Pair[];
  readonly side: 'a' | 'b';
  readonly key: readonly string[];
}

const options = z.strictObject({});

/** Records as keyed rows: their keys are texts on both sides, so that both are in one order. */
export function keyed(given: Given): Operator<AnyRow, KeyedRow> {
  return keyedKind.create({}, given);
}

const keyedKind = defineOperator<typeof options, Given>({
  kind: 'verify',
  options,
  batch: (_options, _context, { pairs, side, key }) => {
    const all: readonly Canonical[] = canonicals(pairs, side);
    const keys = key.map(name => pairs.findIndex(pair => pair.name === name));
    return batch => {
      const columns = pairs.map(({ name }) => batch.column(name));
      const rows = Array.from({ length: batch.length }, (_, row): KeyedRow => {
        const texts = columns.map((column, i) => (all[i] ?? canonicalOf((pairs[i] as Pair).a, (pairs[i] as Pair).b))(column.get(row)));
        return { key: JSON.stringify(keys.map(at => texts[at] ?? null)), texts };
      });
      return RecordBatch.of(rows, undefined, batch.position) as unknown as AnyBatch;
    };
  },
  reads: (_options, { pairs }) => pairs.map(({ name }) => name),
});

/** Hands rows over, one batch at a time: who writes waits until they are taken. */
export class Channel {
  #rows: readonly KeyedRow[] | undefined;
  #isEnded = false;
  #taken: (() => void) | undefined;
  #came: (() => void) | undefined;

  async put(rows: readonly KeyedRow[]): Promise<void> {
    if (this.#isEnded) return;
    this.#rows = rows;
    this.#came?.();
    await new Promise<void>(resolve => (this.#taken = resolve));
  }

  /** Undefined at the end. */
  async take(): Promise<readonly KeyedRow[] | undefined> {
    while (this.#rows === undefined && !this.#isEnded) await new Promise<void>(resolve => (this.#came = resolve));
    const rows = this.#rows;
    this.#rows = undefined;
    this.#taken?.();
    return rows;
  }

  /** Nothing more comes, or nobody takes any more. */
  end(): void {
    this.#isEnded = true;
    this.#came?.();
    this.#taken?.();
  }
}

/** The end of a side: into its channel. */
export const channelKind = defineSink<typeof options, Channel>({
  kind: 'verify',
  options,
  needsSchema: false,
  guarantee: 'at-least-once',
  open: (_options, { settle }, channel) => {
    const done = (): Promise<void> => Promise.resolve();
    return Promise.resolve({
      write: async batch => {
        await channel.put(batch.rows as unknown as readonly KeyedRow[]);
        settle(batch);
      },
      flush: done,
      commit: () => Promise.resolve(null),
      close: () => Promise.resolve(channel.end()),
      abort: () => Promise.resolve(channel.end()),
    });
  },
});

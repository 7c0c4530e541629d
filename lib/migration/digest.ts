import { z } from 'zod';
import { defineSink } from '../core/define.ts';
import type { Field, Schema } from '../schema/schema.ts';
import { type Canonical, canonicalOf } from './canonical.ts';
import { MultisetHash, TextHash } from './multiset-hash.ts';

/** What is known of one side once it has been read. */
export interface Digest {
  records: number;
  /** By name of those columns that both sides have. */
  readonly columns: Map<string, MultisetHash>;
  /** Of the records as a whole, in those columns. */
  readonly rows: MultisetHash;
}

/** A column that both sides have. */
export interface Pair {
  readonly name: string;
  readonly a: Field;
  readonly b: Field;
}

export function pairsOf(a: Schema, b: Schema): Pair[] {
  return a.fields.filter(({ name }) => b.has(name)).map(field => ({ name: field.name, a: field, b: b.field(field.name) }));
}

export function canonicals(pairs: readonly Pair[], side: 'a' | 'b'): Canonical[] {
  return pairs.map(({ a, b }) => (side === 'a' ? canonicalOf(a, b) : canonicalOf(b, a)));
}

export interface Digesting {
  readonly side: 'a' | 'b';
  readonly digest: Digest;
  /** Tells the other side what columns there are here; gives those of both once they are known. */
  readonly meet: (schema: Schema | undefined) => Promise<readonly Pair[]>;
}

const options = z.strictObject({});

/** Counts and hashes what comes, column by column; makes no objects. */
export const digestKind = defineSink<typeof options, Digesting>({
  kind: 'verify',
  options,
  needsSchema: true,
  guarantee: 'at-least-once',
  open: (_options, { schema, settle }, { side, digest, meet }) => {
    const meeting = meet(schema);
    meeting.catch(() => undefined);
    let made: readonly Canonical[] | undefined;
    const done = (): Promise<void> => Promise.resolve();
    return Promise.resolve({
      judges: schema?.names ?? [],
      write: async batch => {
        const pairs = await meeting;
        made ??= canonicals(pairs, side);
        const hashes = pairs.map(({ name }) => {
          const hash = digest.columns.get(name) ?? new MultisetHash();
          digest.columns.set(name, hash);
          return hash;
        });
        const columns = pairs.map(({ name }) => batch.column(name));
        const [one, whole] = [new TextHash(), new TextHash()];
        for (let row = 0; row < batch.length; row++) {
          whole.begin();
          for (let i = 0; i < columns.length; i++) {
            const text = made[i]?.(columns[i]?.get(row)) ?? null;
            hashes[i]?.add(one.of(text));
            whole.put(text);
          }
          digest.rows.add(whole.end());
        }
        digest.records += batch.length;
        settle(batch);
      },
      flush: done,
      commit: () => Promise.resolve(null),
      close: done,
      abort: done,
    });
  },
});

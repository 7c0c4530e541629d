import { compareText } from '../query/text-order.ts';
import type { Channel, KeyedRow } from './keyed-rows.ts';

/** A key whose records differ. */
export interface RowDifference {
  /** Texts of the key's columns, in their order; null for NULL. */
  readonly key: readonly (string | null)[];
  readonly found: 'only in a' | 'only in b' | 'different';
  /** Of different ones: the columns. */
  readonly columns?: readonly string[];
}

export interface RowDifferences {
  readonly onlyInA: number;
  readonly onlyInB: number;
  readonly different: number;
  /** The first of them, in the order of the key's text. */
  readonly shown: readonly RowDifference[];
}

/** Walks through both sides, in order of their keys. Records of one key are compared as a set: those that are the same on both sides cancel out. */
export async function compareRows(a: Channel, b: Channel, names: readonly string[], limit: number): Promise<RowDifferences> {
  const [left, right] = [new Groups(a), new Groups(b)];
  const shown: RowDifference[] = [];
  const counts = { onlyInA: 0, onlyInB: 0, different: 0 };
  const tell = (key: string, found: RowDifference['found'], columns?: readonly string[]): void => {
    if (shown.length < limit)
      shown.push({ key: JSON.parse(key) as (string | null)[], found, ...(columns === undefined ? {} : { columns }) });
  };
  let [mine, theirs] = [await left.next(), await right.next()];
  while (mine !== undefined || theirs !== undefined) {
    const key = leastKey(mine, theirs);
    const here = mine?.[0]?.key === key ? mine : [];
    const there = theirs?.[0]?.key === key ? theirs : [];
    const [rest, others] = withoutSame(here, there);
    for (let i = 0; i < Math.max(rest.length, others.length); i++) {
      const [one, other] = [rest[i], others[i]];
      if (one === undefined) counts.onlyInB++;
      else if (other === undefined) counts.onlyInA++;
      else counts.different++;
      if (one === undefined || other === undefined) tell(key, one === undefined ? 'only in b' : 'only in a');
      else
        tell(
          key,
          'different',
          names.filter((_, at) => one.texts[at] !== other.texts[at]),
        );
    }
    if (here.length > 0) mine = await left.next();
    if (there.length > 0) theirs = await right.next();
  }
  return { ...counts, shown };
}

function leastKey(a: readonly KeyedRow[] | undefined, b: readonly KeyedRow[] | undefined): string {
  const [mine, theirs] = [a?.[0]?.key, b?.[0]?.key];
  if (mine === undefined || theirs === undefined) return mine ?? theirs ?? '';
  return compareText(mine, theirs) <= 0 ? mine : theirs;
}

function withoutSame(a: readonly KeyedRow[], b: readonly KeyedRow[]): [KeyedRow[], KeyedRow[]] {
  const counts = new Map<string, KeyedRow[]>();
  for (const row of b) {
    const text = JSON.stringify(row.texts);
    counts.set(text, [...(counts.get(text) ?? []), row]);
  }
  const rest = a.filter(row => counts.get(JSON.stringify(row.texts))?.pop() === undefined);
  return [rest, [...counts.values()].flat()];
}

/** The rows of one key at a time. */
class Groups {
  readonly #channel: Channel;
  #rows: readonly KeyedRow[] = [];
  #at = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  async next(): Promise<readonly KeyedRow[] | undefined> {
    const group: KeyedRow[] = [];
    for (
      let row = await this.#peek();
      row !== undefined && (group[0] === undefined || group[0].key === row.key);
      row = await this.#peek()
    ) {
      group.push(row);
      this.#at++;
    }
    return group.length === 0 ? undefined : group;
  }

  async #peek(): Promise<KeyedRow | undefined> {
    while (this.#at >= this.#rows.length) {
      const rows = await this.#channel.take();
      if (rows === undefined) return undefined;
      [this.#rows, this.#at] = [rows, 0];
    }
    return this.#rows[this.#at];
  }
}

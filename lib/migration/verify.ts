import { openSpill } from '../clients/file/spill.ts';
import type { Source } from '../core/contracts.ts';
import { runStages } from '../core/run/pipeline.ts';
import { MillraceError, suggestion } from '../errors.ts';
import type { Schema } from '../schema/schema.ts';
import { typeName } from '../schema/types.ts';
import { sort } from '../../operators/sort.ts';
import { compareRows, type RowDifferences } from './compare-rows.ts';
import { type Digest, digestKind, type Pair, pairsOf } from './digest.ts';
import { Channel, channelKind, keyed, type KeyedRow } from './keyed-rows.ts';
import { MultisetHash } from './multiset-hash.ts';

export interface VerifyOptions {
  /** Columns that say which record is meant: where the sides differ they are read once more, sorted by them, and compared record by record. */
  readonly key?: readonly string[];
  /** How many differing records are named; 20 by default. */
  readonly shown?: number;
  readonly signal?: AbortSignal;
  /** As pipelines have them, of each side. */
  readonly memory?: number | string;
  readonly stateMemory?: number | string;
  readonly spillFolder?: string;
}

export interface VerifiedColumn {
  readonly name: string;
  readonly equal: boolean;
  /** As SQL names them. */
  readonly types: readonly [a: string, b: string];
  /** Of all its values, whatever their order: 16 hexadecimal digits. */
  readonly hashes: readonly [a: string, b: string];
}

export interface Verification {
  /** As many records, the same columns, the same values in the same records, in any order. */
  readonly equal: boolean;
  readonly records: readonly [a: number, b: number];
  /** Those that both sides have. */
  readonly columns: readonly VerifiedColumn[];
  /** Whether the records are the same in those columns: columns may be equal each, and values in other records. */
  readonly recordsEqual: boolean;
  /** Names of columns that the other side lacks. */
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
  /** Where the sides differ, and a key was given. */
  readonly differences?: RowDifferences;
}

/**
 * Compares the records of two sources as multisets: counts, and a hash of each column and of the records. Columns are matched by name; a side
 * without records that says nothing of columns (an empty NDJSON file) lacks none. Both are read at once, in bounded memory; with a key twice, sorted.
 * Errors: those of the sources; COLUMN_UNKNOWN for a key that is not on both sides.
 */
export async function verify<A, B>(a: Source<A>, b: Source<B>, options: VerifyOptions = {}): Promise<Verification> {
  const { key, shown = 20, signal, ...run } = options;
  const meeting = new Meeting();
  const digests = { a: emptyDigest(), b: emptyDigest() };
  await bothSides(
    signal,
    () => meeting.end(),
    (side, stop) =>
      runStages(
        [side === 'a' ? a : b, digestKind.create({}, { side, digest: digests[side], meet: schema => meeting.meet(side, schema) })],
        { ...run, signal: stop },
        { openSpill },
      ),
  );
  const pairs = await meeting.pairs;
  const result = verification(meeting, pairs, digests);
  if (key === undefined || meeting.isEmpty) return result;
  const names = pairs.map(({ name }) => name);
  const unknown = key.find(name => !names.includes(name));
  if (unknown !== undefined)
    throw new MillraceError(
      'COLUMN_UNKNOWN',
      `verify: the key ${JSON.stringify(unknown)} is no column of both sides${suggestion(unknown, names)}`,
    );
  if (result.equal) return result;
  const channels = { a: new Channel(), b: new Channel() };
  const comparing = compareRows(channels.a, channels.b, names, shown);
  const end = (): void => {
    channels.a.end();
    channels.b.end();
  };
  await bothSides(signal, end, (side, stop) =>
    runStages(
      [side === 'a' ? a : b, keyed({ pairs, side, key }), sort<KeyedRow>('key'), channelKind.create({}, channels[side])],
      { ...run, signal: stop },
      { openSpill },
    ),
  );
  return { ...result, differences: await comparing };
}

/** Runs both; where one fails the other is aborted, and the first error is thrown once both are over. */
async function bothSides(
  signal: AbortSignal | undefined,
  release: () => void,
  runSide: (side: 'a' | 'b', stop: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const abort = new AbortController();
  const stop = signal === undefined ? abort.signal : AbortSignal.any([signal, abort.signal]);
  let failure: { error: unknown } | undefined;
  const watched = async (side: 'a' | 'b'): Promise<void> => {
    try {
      await runSide(side, stop);
    } catch (error) {
      failure ??= { error };
      abort.abort();
      release();
    }
  };
  await Promise.all([watched('a'), watched('b')]);
  if (failure !== undefined) throw failure.error;
}

/** Where both sides say what columns they have. */
class Meeting {
  readonly schemas: { a?: Schema | undefined; b?: Schema | undefined } = {};
  readonly pairs: Promise<readonly Pair[]>;
  #missing = new Set(['a', 'b']);
  #resolve: (pairs: readonly Pair[]) => void = () => undefined;

  constructor() {
    this.pairs = new Promise(resolve => (this.#resolve = resolve));
  }

  meet(side: 'a' | 'b', schema: Schema | undefined): Promise<readonly Pair[]> {
    this.schemas[side] = schema;
    this.#missing.delete(side);
    if (this.#missing.size === 0) this.end();
    return this.pairs;
  }

  /** Nobody else comes. */
  end(): void {
    const { a, b } = this.schemas;
    const [one, other] = [a ?? b, b ?? a];
    this.#resolve(one === undefined || other === undefined ? [] : pairsOf(one, other));
  }

  /** Neither side says what columns it has: there are no records. */
  get isEmpty(): boolean {
    return this.schemas.a === undefined && this.schemas.b === undefined;
  }
}

function emptyDigest(): Digest {
  return { records: 0, columns: new Map(), rows: new MultisetHash() };
}

function verification({ schemas }: Meeting, pairs: readonly Pair[], { a, b }: { a: Digest; b: Digest }): Verification {
  const none = String(new MultisetHash());
  const columns = pairs.map((pair): VerifiedColumn => {
    const hashes = [String(a.columns.get(pair.name) ?? none), String(b.columns.get(pair.name) ?? none)] as const;
    return { name: pair.name, equal: hashes[0] === hashes[1], types: [typeName(pair.a.type), typeName(pair.b.type)], hashes };
  });
  const missing = (of: Schema | undefined, other: Schema | undefined): string[] =>
    of === undefined || other === undefined ? [] : of.names.filter(name => !other.has(name));
  const [onlyInA, onlyInB] = [missing(schemas.a, schemas.b), missing(schemas.b, schemas.a)];
  const recordsEqual = a.records === b.records && String(a.rows) === String(b.rows);
  const equal = recordsEqual && columns.every(column => column.equal) && onlyInA.length === 0 && onlyInB.length === 0;
  return { equal, records: [a.records, b.records], columns, recordsEqual, onlyInA, onlyInB };
}

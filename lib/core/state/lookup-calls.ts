import { asMillraceError, MillraceError } from '../../errors.ts';
import { type Identity, identityOf, identityReadingOf, joinedIdentity } from '../../query/identity.ts';
import type { Field } from '../../schema/schema.ts';
import { type SortReading, sortReadingOf } from '../../query/sort-value.ts';
import type { DataType } from '../../schema/types.ts';
import { isUndecodable } from '../batch/decodable.ts';
import { RecordBatch } from '../batch/batch.ts';
import { ArrayColumn } from '../batch/column.ts';
import type { AnyBatch, AnyRow, OperatorContext } from '../define.ts';
import type { Finder, OpenFinder } from '../finder.ts';
import type { Done, PieceWork } from '../run/calls-in-order.ts';
import { notRecord } from '../run/gather.ts';
import { layOver, overlayType } from '../run/overlay.ts';
import { LookupCache } from './lookup-cache.ts';

/** A column under the name that it has there, and the one that it has here. */
interface Named {
  readonly name: string;
  readonly as: string;
}

export interface LookupOptions {
  /** `name` in the records that come, `as` in those that are found. */
  readonly on: readonly Named[];
  /** `name` in the records that are found, `as` in those that go on. */
  readonly add: readonly Named[];
  readonly missing: 'null' | 'drop' | 'reject';
  readonly cache: number;
  readonly concurrency: number;
}

/** What is added to a record; 'none' where nothing was found, 'several' where that is not one record; undefined: the key cannot be read. */
type Found = AnyRow | 'none' | 'several' | undefined;

/** Lookups batch by batch: the keys that the cache does not have, each once, in one call. Batches under way are on the state account. */
export class LookupCalls implements PieceWork<AnyBatch, readonly Found[]> {
  readonly concurrency: number;
  readonly #finder: Finder<AnyRow>;
  readonly #options: LookupOptions;
  readonly #context: OperatorContext;
  readonly #cache: LookupCache<Found>;
  #open: Promise<OpenFinder<AnyRow>> | undefined;
  #fields: readonly Field[] = [];
  #types = new Map<string, DataType>();
  #hasWarned = false;

  constructor(finder: Finder<AnyRow>, options: LookupOptions, context: OperatorContext) {
    this.concurrency = options.concurrency;
    this.#finder = finder;
    this.#options = options;
    this.#context = context;
    this.#cache = new LookupCache(options.cache, context);
  }

  take(batch: AnyBatch): AnyBatch[] {
    this.#cache.makeRoom(batch.bytes);
    this.#context.charge(batch.bytes);
    return [batch];
  }

  rest(): undefined {
    return undefined;
  }

  async call(batch: AnyBatch): Promise<readonly Found[]> {
    const keys = this.#keysOf(batch);
    const known = new Map<Identity, Found>();
    const asked = new Map<Identity, Key>();
    for (const key of keys) {
      if (key?.identity === undefined || known.has(key.identity) || asked.has(key.identity)) continue;
      const kept = this.#cache.get(key.identity);
      if (kept === undefined) asked.set(key.identity, key);
      else known.set(key.identity, kept.value);
    }
    if (asked.size > 0) {
      const found = await this.#ask([...asked.values()], readingsOf(batch, this.#options.on));
      for (const [identity, { loose }] of asked) {
        const value = found.get(identity) ?? (loose === undefined ? undefined : found.get(loose)) ?? 'none';
        known.set(identity, value);
        this.#cache.set(identity, value);
      }
    }
    return keys.map(key => (key === undefined ? undefined : key.identity === undefined ? 'none' : known.get(key.identity)));
  }

  *give(done: readonly Done<AnyBatch, readonly Found[]>[]): Generator<AnyBatch> {
    for (const { piece, result } of done) {
      yield this.#joined(piece, result);
      this.#context.charge(-piece.bytes);
    }
  }

  async close(): Promise<void> {
    this.#cache.close();
    // What it could not open it has told already.
    const open = await this.#open?.catch(() => undefined);
    await open?.close();
  }

  async #ask(keys: readonly Key[], readings: readonly Readings[]): Promise<Map<Identity, Found>> {
    const found = new Map<Identity, Found>();
    const { on, add } = this.#options;
    const columns = add.map(({ name }) => name);
    this.#open ??= this.#finder.open({ key: on.map(({ as }) => as), columns, signal: this.#context.signal });
    try {
      const open = await this.#open;
      this.#fields = open.fields ?? [];
      for (const record of await open.find(keys.map(({ values }) => values))) {
        const identity = this.#identityOfFound(record, readings);
        const added = Object.fromEntries(add.map(({ name, as }) => [as, record[name] ?? null]));
        found.set(identity, found.has(identity) ? 'several' : added);
      }
    } catch (error) {
      const { retryable } = error as { retryable?: unknown };
      if (error instanceof MillraceError || retryable !== true) throw asMillraceError(error, 'lookup', 'OPERATOR_THREW');
      throw new MillraceError('OPERATOR_THREW', asMillraceError(error).message, { retryable: true, cause: error });
    }
    this.#lookForStrangers(found, keys);
    return found;
  }

  #identityOfFound(record: unknown, readings: readonly Readings[]): Identity {
    const wrong = notRecord(record);
    if (wrong !== undefined) throw new MillraceError('VALUE_INVALID', `the function that finds records gave ${wrong} among them`);
    const parts = this.#options.on.map(({ as }, i) => {
      const value = (record as AnyRow)[as];
      if (value === undefined)
        throw new MillraceError('COLUMN_UNKNOWN', `a record that was found has no column ${JSON.stringify(as)}, by which it was asked for`);
      return identityOf(value, (readings[i] as Readings).strict);
    });
    return parts.length === 1 ? (parts[0] as Identity) : joinedIdentity(parts);
  }

  /** Keys that are of other types here than there would find nothing, silently. */
  #lookForStrangers(found: ReadonlyMap<Identity, Found>, keys: readonly Key[]): void {
    if (this.#hasWarned || found.size === 0) return;
    const asked = new Set(keys.flatMap(({ identity, loose }) => [identity, loose]));
    const strangers = [...found.keys()].filter(identity => !asked.has(identity)).length;
    if (strangers === 0) return;
    this.#hasWarned = true;
    this.#context.warn(
      `${strangers} of ${found.size} records were found by keys that nobody asked for: are the keys of one type on both sides?`,
    );
  }

  /** Of each row its key; undefined where it cannot be read, which is refused. */
  #keysOf(batch: AnyBatch): (Key | undefined)[] {
    const { on } = this.#options;
    const readings = readingsOf(batch, on);
    const columns = on.map(({ name }) => batch.column(name));
    return Array.from({ length: batch.length }, (_, row) => {
      try {
        const values = columns.map(column => column.get(row) ?? null);
        if (values.includes(null)) return { values: {}, identity: undefined, loose: undefined };
        const strict = values.map((value, i) => identityOf(value, (readings[i] as Readings).strict));
        const isLoose = readings.some(({ loose }) => loose !== undefined);
        const loose = isLoose
          ? values.map((value, i) => identityOf(value, readings[i]?.loose ?? (readings[i] as Readings).strict))
          : undefined;
        return {
          values: Object.fromEntries(on.map(({ as }, i) => [as, values[i]])),
          identity: one(strict),
          loose: loose && one(loose),
        };
      } catch (error) {
        if (!isUndecodable(error)) throw error;
        this.#context.reject(batch, row, error.code, error.message);
        return undefined;
      }
    });
  }

  #joined(batch: AnyBatch, found: readonly Found[]): AnyBatch {
    const kept = new Set<number>();
    let dropped = 0;
    for (const [row, value] of found.entries()) {
      if (value === undefined) continue;
      if (value === 'several') this.#context.reject(batch, row, 'LOOKUP_AMBIGUOUS', `several records were found for ${this.#key}`);
      else if (value !== 'none' || this.#options.missing === 'null') kept.add(row);
      else if (this.#options.missing === 'drop') dropped++;
      else this.#context.reject(batch, row, 'LOOKUP_MISSING', `no record was found for ${this.#key}`);
    }
    this.#context.dropped(dropped);
    const added = found.map(value => (typeof value === 'object' ? value : undefined));
    return batch.schemaKnown ? this.#overlaid(batch, added, kept) : this.#merged(batch, added, kept);
  }

  get #key(): string {
    return this.#options.on.map(({ name }) => JSON.stringify(name)).join(', ');
  }

  #overlaid(batch: AnyBatch, added: readonly (AnyRow | undefined)[], kept: Set<number>): AnyBatch {
    let made = batch;
    for (const { name, as } of this.#options.add) {
      const values = added.map(value => value?.[as] ?? null);
      const declared = this.#fields.find(field => field.name === name)?.type;
      const type = this.#types.get(as) ?? declared ?? overlayType(batch, as, values);
      // Of nothing but null nobody knows the type yet.
      if (declared !== undefined || values.some(value => value !== null)) this.#types.set(as, type);
      made = layOver(made, as, new ArrayColumn(type, values), kept, this.#context);
    }
    return kept.size === batch.length ? made : made.select(Uint32Array.from(kept));
  }

  /** Without a schema records are objects, and stay so. */
  #merged(batch: AnyBatch, added: readonly (AnyRow | undefined)[], kept: ReadonlySet<number>): AnyBatch {
    const nothing = Object.fromEntries(this.#options.add.map(({ as }) => [as, null]));
    const rows = [...kept];
    const { locator } = batch;
    return RecordBatch.of(
      rows.map(row => ({ ...batch.rows[row], ...(added[row] ?? nothing) })),
      undefined,
      batch.position,
      undefined,
      row => locator(rows[row] as number),
    );
  }
}

interface Key {
  /** Under the names of the records that are found. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Undefined: null is in it, and nothing is found. */
  readonly identity: Identity | undefined;
  /** What it is as well: text of a file that is a number. */
  readonly loose: Identity | undefined;
}

interface Readings {
  readonly strict: SortReading;
  readonly loose: SortReading | undefined;
}

function readingsOf(batch: AnyBatch, on: readonly Named[]): Readings[] {
  return on.map(({ name }) => {
    const field = batch.schemaKnown ? batch.schema.field(name) : undefined;
    return { strict: identityReadingOf(field), loose: field?.untyped === true ? sortReadingOf(field) : undefined };
  });
}

function one(parts: readonly Identity[]): Identity {
  return parts.length === 1 ? (parts[0] as Identity) : joinedIdentity(parts);
}

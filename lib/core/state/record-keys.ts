import { MillraceError } from '../../errors.ts';
import { isUndecodable, type Undecodable } from '../batch/decodable.ts';
import { type Identity, identityOf, identityReadingOf, joinedIdentity } from '../../query/identity.ts';
import type { Schema } from '../../schema/schema.ts';
import type { AnyBatch, AnyRow } from '../define.ts';

/** The key of a row of one batch. */
type KeyOf = (row: number) => Identity;

/**
 * The keys of records: the values of some columns, or of all. What a text stands for the schema of the batch says. COLUMN_UNKNOWN where a batch with a
 * schema has no such column; a record that nobody described has null where it has no such field.
 */
export class RecordKeys {
  /** Undefined: all. */
  readonly #columns: readonly string[] | undefined;
  #schema: Schema | undefined;
  #readings: readonly ReturnType<typeof identityReadingOf>[] = [];

  constructor(columns: readonly string[] | undefined) {
    this.#columns = columns;
  }

  /** Of each row of a batch; undefined where a value cannot be read, which is refused. */
  of(batch: AnyBatch, refuse: Undecodable): (Identity | undefined)[] {
    const keyOf = this.#keyOf(batch);
    const keys = new Array<Identity | undefined>(batch.length);
    for (let row = 0; row < batch.length; row++) {
      try {
        keys[row] = keyOf(row);
      } catch (error) {
        const { code, message } = unreadable(error);
        refuse(row, code, message);
      }
    }
    return keys;
  }

  #keyOf(batch: AnyBatch): KeyOf {
    if (this.#columns === undefined && !batch.schemaKnown) return wholeRecord(batch.rows);
    const names = this.#columns ?? batch.schema.names;
    const readings = this.#readingsOf(batch, names);
    const columns = names.map(name => batch.column(name));
    const [first] = columns;
    const [reading] = readings;
    if (columns.length === 1 && first !== undefined && reading !== undefined) return row => identityOf(first.get(row), reading);
    return row => joinedIdentity(columns.map((column, i) => identityOf(column.get(row), readings[i] as typeof PLAIN)));
  }

  #readingsOf(batch: AnyBatch, names: readonly string[]): readonly (typeof PLAIN)[] {
    if (!batch.schemaKnown) return names.map(() => PLAIN);
    if (batch.schema !== this.#schema) {
      this.#schema = batch.schema;
      this.#readings = names.map(name => identityReadingOf(batch.schema.field(name)));
    }
    return this.#readings;
  }
}

const PLAIN = identityReadingOf(undefined);

/** A field that is null and one that is not there are the same. */
function wholeRecord(rows: readonly AnyRow[]): KeyOf {
  return row => {
    const fields = Object.entries(rows[row] as AnyRow).filter(([, value]) => value !== null && value !== undefined);
    return identityOf(Object.fromEntries(fields), PLAIN);
  };
}

/** Why a value has no key; throws what is no fault of the record's. */
function unreadable(error: unknown): MillraceError {
  if (isUndecodable(error)) return error;
  if (error instanceof RangeError) return new MillraceError('VALUE_INVALID', 'a value of the key contains itself, or is nested too deep');
  throw error;
}

/** What a key weighs in memory with its place in a set or a map, about. */
export function keyBytes(key: Identity): number {
  return typeof key === 'string' ? STRING_BYTES + key.length * 2 : PLACE_BYTES;
}

/** An entry of V8's sets, as they are after they have grown; and a number that is an object. */
const PLACE_BYTES = 56;
const STRING_BYTES = PLACE_BYTES + 24;

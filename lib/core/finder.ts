import type { Field } from '../schema/schema.ts';

/** What a finder is told when it is opened, once a run. */
export interface FinderContext {
  /** Columns of the keys, under the names that the records have that are found. */
  readonly key: readonly string[];
  /** What is wanted of these records, beside their keys. */
  readonly columns: readonly string[];
  /** Aborted when the run ends early. */
  readonly signal: AbortSignal;
}

/** Finds records by their keys, of the operator `lookup`. */
export interface OpenFinder<Found> {
  /** Columns of the records, where they are known. */
  readonly fields?: readonly Field[] | undefined;
  /** The records of these keys (each once, no nulls), in any order; a key that is not there has none. What it throws ends the run. */
  find(keys: readonly Readonly<Record<string, unknown>>[]): Promise<Iterable<Found>> | Iterable<Found>;
  /** The run is over. */
  close(): Promise<void>;
}

/** A place where records are found by their keys: a description, opened once a run. */
export interface Finder<Found> {
  open(context: FinderContext): Promise<OpenFinder<Found>>;
}

import type { AnyBatch } from '../../../core/define.ts';

/** What carries batches into a table: in one go, or in segments that can be taken back. */
export interface RowLoader {
  write(batch: AnyBatch): Promise<void>;
  /** Forces the outcome of all that was written; afterwards every batch is settled. */
  flush(): Promise<void>;
  /** Gives up what is under way; the connection stays usable. */
  fail(reason: string): Promise<void>;
  /** The transaction is over, whatever became of it: takes away what is left outside of it. */
  ended?(): Promise<void>;
}

export interface TableName {
  /** As the user wrote it, for messages. */
  readonly shown: string;
  /** As the server calls it in the context of an error: without its schema. */
  readonly bare: string;
  /** Of columns of a table that was made after the first records: what to say where a later one does not fit. */
  readonly inferred?: ReadonlyMap<string, string>;
}

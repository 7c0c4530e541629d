import type pg from 'pg';
import type { TargetTable } from '../catalogue/target-table.ts';
import type { Upsert } from '../catalogue/upsert-key.ts';
import type { PgPool } from '../connection/pool.ts';
import { IntegerKeys, type KeyRange } from './integer-keys.ts';
import { stagingSql } from './merge-statements.ts';
import { type Merged, Merger } from './merger.ts';
import type { SeenKeys } from './seen-keys.ts';
import { SharedStaging } from './shared-staging.ts';

/** As the server calls it in the context of an error. */
export const STAGING_NAME = 'millrace_upsert';
/** For SQL. */
export const STAGING = `pg_temp.${STAGING_NAME}`;

/**
 * A temporary table with the written columns of another one: what it holds is merged, and it is empty again. It goes away with the transaction,
 * and is not logged. COPY fills a table of its own transaction page after page, so that rows lie in it in the order in which they came.
 */
export class Staging {
  /** For SQL. */
  readonly name = STAGING;
  /** Of the rows that come, where they may be merged in parts. */
  readonly keys: IntegerKeys | undefined;
  readonly merger: Merger;
  readonly #client: pg.Client;
  readonly #target: TargetTable;
  readonly #upsert: Upsert;

  private constructor(client: pg.Client, target: TargetTable, upsert: Upsert, seen: SeenKeys | undefined) {
    this.#client = client;
    this.#target = target;
    this.#upsert = upsert;
    this.merger = new Merger(client, target, upsert, seen);
    this.keys = partKeys(target, upsert);
  }

  static async make(client: pg.Client, target: TargetTable, upsert: Upsert, seen?: SeenKeys): Promise<Staging> {
    await client.query(`DROP TABLE IF EXISTS ${STAGING}`);
    await client.query(stagingSql(`TEMPORARY TABLE ${STAGING_NAME} ON COMMIT DROP`, STAGING, target, upsert));
    return new Staging(client, target, upsert, seen);
  }

  /** All that it holds; as `Merger.merge`. */
  async merge(rows: number, range?: KeyRange): Promise<Merged> {
    const merged = await this.merger.merge({ table: STAGING }, rows, range);
    if (rows > 0) await this.#client.query(`TRUNCATE ${STAGING}`);
    return merged;
  }

  /** Another one like it, that a second session of the pool fills; undefined where that is not possible. */
  async share(pool: PgPool, signal: AbortSignal): Promise<SharedStaging | undefined> {
    return SharedStaging.make(pool, this.#client, this.#target, this.#upsert, signal);
  }
}

/** Where rows may be merged in parts. */
export function partKeys(target: TargetTable, upsert: Upsert): IntegerKeys | undefined {
  if (!upsert.canMerge || !upsert.canMergeInParts || !writesAll(upsert)) return undefined;
  return IntegerKeys.of(upsert.key, upsert.columns, target);
}

/** A record whose key is there leaves the same row as one whose key is new: so it does not matter which of them came first. */
function writesAll({ key, updated, columns }: Upsert): boolean {
  return key.length + updated.length === columns.length;
}

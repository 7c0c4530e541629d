import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { quoteIdentifier } from '../../../values/identifiers.ts';
import type { TargetTable } from '../catalogue/target-table.ts';
import type { Upsert } from '../catalogue/upsert-key.ts';
import { sqlStateOf } from '../connection/errors.ts';
import { type Avoided, withBulkSettings, withoutPlans } from './bulk-settings.ts';
import { IntegerKeys, type KeyRange } from './integer-keys.ts';
import { type MergeStatements, mergeStatements } from './merge-statements.ts';

/** What became of the rows of a staging table, each number the server's. */
export interface Merged {
  readonly written: number;
  readonly unchanged: number;
  readonly superseded: number;
}

/** As the server calls it in the context of an error. */
export const STAGING_NAME = 'millrace_upsert';
const STAGING = `pg_temp.${STAGING_NAME}`;

/**
 * A temporary table with the written columns of another one: what it holds is merged, and it is empty again. It goes away with the transaction,
 * and is not logged. COPY fills a table of its own transaction page after page, so that rows lie in it in the order in which they came.
 */
export class Staging {
  /** For SQL. */
  readonly name = STAGING;
  /** Of the rows that come, where they may be merged in parts. */
  readonly keys: IntegerKeys | undefined;
  readonly #client: pg.Client;
  readonly #statements: MergeStatements;
  readonly #skipsConflicts: boolean;

  private constructor(client: pg.Client, target: TargetTable, upsert: Upsert) {
    this.#client = client;
    this.#statements = mergeStatements(STAGING, target, upsert);
    if (upsert.canMerge && upsert.canMergeInParts && writesAll(upsert)) this.keys = IntegerKeys.of(upsert.key, upsert.columns, target);
    this.#skipsConflicts = upsert.updated.length === 0;
  }

  /** Columns that must not be null are so here too: then a row at fault is refused by its line. */
  static async make(client: pg.Client, target: TargetTable, upsert: Upsert): Promise<Staging> {
    const names = upsert.columns.map(quoteIdentifier).join(', ');
    const required = new Set([...upsert.key, ...target.columns.filter(({ isNotNull }) => isNotNull).map(({ name }) => name)]);
    const changes = upsert.columns.filter(name => required.has(name)).map(name => `ALTER ${quoteIdentifier(name)} SET NOT NULL`);
    await client.query(`DROP TABLE IF EXISTS ${STAGING}`);
    await client.query(
      `CREATE TEMPORARY TABLE ${STAGING_NAME} ON COMMIT DROP AS SELECT ${names} FROM ${target.name} WITH NO DATA;
      ALTER TABLE ${STAGING} ${changes.join(', ')}`,
    );
    return new Staging(client, target, upsert);
  }

  /**
   * Takes its rows into the table. Errors of the server come as they are; COUNTS_DIFFER when the table kept fewer rows than it was given. With a range
   * no key lies outside.
   */
  async merge(rows: number, range?: KeyRange): Promise<Merged> {
    if (rows === 0) return { written: 0, unchanged: 0, superseded: 0 };
    const { superseded, written, unchanged } = await withBulkSettings(this.#client, () => this.#merge(rows, range));
    await this.#client.query(`TRUNCATE ${STAGING}`);
    if (superseded + unchanged + written !== rows) {
      throw new MillraceError(
        'COUNTS_DIFFER',
        `of ${rows} rows the server wrote ${written}, found ${unchanged} unchanged and ${superseded} superseded; does a trigger or rule leave rows out?`,
      );
    }
    return { written, unchanged, superseded };
  }

  async #merge(rows: number, range: KeyRange | undefined): Promise<Merged> {
    const superseded = range?.isDistinct === true ? 0 : await this.#supersede();
    const merged = range === undefined ? await this.#mergeAtOnce() : await this.#mergeRange(rows - superseded, range);
    return { superseded, ...(merged ?? (await this.#mergeInSteps(rows - superseded))) };
  }

  /** Where few rows of many are meant each is looked up; else those of the range are read once, in their order. */
  async #mergeRange(rows: number, range: KeyRange): Promise<Omit<Merged, 'superseded'> | undefined> {
    const read = await withoutPlans(this.#client, ['seqscan'], () => this.#count(this.#statements.isDense(range, rows * SPARSE)));
    const avoided: readonly Avoided[] = read === 1 ? ['nestloop', 'seqscan'] : ['hashjoin', 'mergejoin'];
    return withoutPlans(this.#client, avoided, () => this.#mergeAtOnce(read === 1 ? range : undefined));
  }

  /** Looks first whether there is anything to take out: that is a sort of the keys alone. */
  async #supersede(): Promise<number> {
    return (await this.#count(this.#statements.repeats)) === 0 ? 0 : await this.#count(this.#statements.supersede);
  }

  /** Undefined, with nothing done, where it is not possible, or another session comes in between. */
  async #mergeAtOnce(range?: KeyRange): Promise<Omit<Merged, 'superseded'> | undefined> {
    const { merge } = this.#statements;
    if (merge === undefined) return undefined;
    await this.#client.query(`SAVEPOINT ${SAVEPOINT}`);
    try {
      const { rows } = await this.#client.query<{ 'QUERY PLAN': string }>(merge(range));
      await this.#client.query(`RELEASE SAVEPOINT ${SAVEPOINT}`);
      const told = (what: string): number => Number(new RegExp(`<Tuples-${what}>(\\d+)<`).exec(rows[0]?.['QUERY PLAN'] ?? '')?.[1] ?? NaN);
      return { written: told('Inserted') + told('Updated'), unchanged: told('Skipped') };
    } catch (error) {
      if (sqlStateOf(error) !== UNIQUE_VIOLATION) throw error;
      await this.#client.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}; RELEASE SAVEPOINT ${SAVEPOINT}`);
      return undefined;
    }
  }

  async #mergeInSteps(rows: number): Promise<Omit<Merged, 'superseded'>> {
    const equal = await this.#count(this.#statements.skip);
    const written = await this.#count(this.#statements.insert);
    // Of columns that are all key, what others have written meanwhile is the same row.
    return { written, unchanged: this.#skipsConflicts ? rows - written : equal };
  }

  async #count(statement: string): Promise<number> {
    return (await this.#client.query(statement)).rowCount ?? 0;
  }
}

/** A record whose key is there leaves the same row as one whose key is new: so it does not matter which of them came first. */
function writesAll({ key, updated, columns }: Upsert): boolean {
  return key.length + updated.length === columns.length;
}

/** Looking a row up costs as much as reading so many. */
const SPARSE = 4;

const SAVEPOINT = 'millrace_merge';
const UNIQUE_VIOLATION = '23505';

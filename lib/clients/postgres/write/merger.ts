import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import type { TargetTable } from '../catalogue/target-table.ts';
import type { Upsert } from '../catalogue/upsert-key.ts';
import { sqlStateOf } from '../connection/errors.ts';
import { type Avoided, withBulkSettings, withoutPlans } from './bulk-settings.ts';
import type { KeyRange } from './integer-keys.ts';
import type { SeenKeys } from './seen-keys.ts';
import { type MergeStatements, mergeStatements, type Staged } from './merge-statements.ts';

/** What became of staged rows, each number the server's. */
export interface Merged {
  readonly written: number;
  readonly unchanged: number;
  readonly superseded: number;
}

/** Takes staged rows into a table, in a transaction that is open. Those that it took may be found changed or gone in the staging table. */
export class Merger {
  readonly #client: pg.Client;
  readonly #target: TargetTable;
  readonly #upsert: Upsert;
  readonly #seen: SeenKeys | undefined;

  /** `seen` gets the keys. */
  constructor(client: pg.Client, target: TargetTable, upsert: Upsert, seen?: SeenKeys) {
    this.#client = client;
    this.#target = target;
    this.#upsert = upsert;
    this.#seen = seen;
  }

  /**
   * So many rows. Errors of the server come as they are; COUNTS_DIFFER when the table kept fewer rows than it was given. With a range no key lies
   * outside.
   */
  async merge(staged: Staged, rows: number, range?: KeyRange): Promise<Merged> {
    if (rows === 0) return { written: 0, unchanged: 0, superseded: 0 };
    await this.#seen?.add(staged);
    const statements = mergeStatements(staged, this.#target, this.#upsert);
    const { superseded, written, unchanged } = await withBulkSettings(this.#client, () => this.#merge(statements, rows, range));
    if (superseded + unchanged + written !== rows) {
      throw new MillraceError(
        'COUNTS_DIFFER',
        `of ${rows} rows the server wrote ${written}, found ${unchanged} unchanged and ${superseded} superseded; does a trigger or rule leave rows out?`,
      );
    }
    return { written, unchanged, superseded };
  }

  async #merge(statements: MergeStatements, rows: number, range: KeyRange | undefined): Promise<Merged> {
    const superseded = range?.isDistinct === true ? 0 : await this.#supersede(statements);
    const left = rows - superseded;
    const merged = range === undefined ? await this.#mergeAtOnce(statements) : await this.#mergeRange(statements, left, range);
    return { superseded, ...(merged ?? (await this.#mergeInSteps(statements, left))) };
  }

  /** Where few rows of many are meant each is looked up; else those of the range are read once, in their order. */
  async #mergeRange(statements: MergeStatements, rows: number, range: KeyRange): Promise<Omit<Merged, 'superseded'> | undefined> {
    const isDense = range.most - range.least < rows * SPARSE || (await this.#isDense(statements, rows, range));
    const avoided: readonly Avoided[] = isDense ? ['nestloop', 'seqscan'] : ['hashjoin', 'mergejoin'];
    return withoutPlans(this.#client, avoided, () => this.#mergeAtOnce(statements, isDense ? range : undefined));
  }

  /** Asked only where more keys than that are possible. */
  async #isDense({ isDense }: MergeStatements, rows: number, range: KeyRange): Promise<boolean> {
    return withoutPlans(this.#client, ['seqscan'], async () => (await this.#count(isDense(range, rows * SPARSE))) === 1);
  }

  /** Looks first whether there is anything to take out: that is a sort of the keys alone. */
  async #supersede({ repeats, supersede }: MergeStatements): Promise<number> {
    return (await this.#count(repeats)) === 0 ? 0 : await this.#count(supersede);
  }

  /** Undefined, with nothing done, where it is not possible, or another session comes in between. */
  async #mergeAtOnce({ merge }: MergeStatements, range?: KeyRange): Promise<Omit<Merged, 'superseded'> | undefined> {
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

  async #mergeInSteps({ skip, insert }: MergeStatements, rows: number): Promise<Omit<Merged, 'superseded'>> {
    const equal = await this.#count(skip);
    const written = await this.#count(insert);
    const changesNothing = this.#upsert.updated.length === 0 && this.#upsert.mark === undefined;
    // Of columns that are all key, what others have written meanwhile is the same row.
    return { written, unchanged: changesNothing ? rows - written : equal };
  }

  async #count(statement: string): Promise<number> {
    return (await this.#client.query(statement)).rowCount ?? 0;
  }
}

/** Looking a row up costs as much as reading so many. */
const SPARSE = 4;

const SAVEPOINT = 'millrace_merge';
const UNIQUE_VIOLATION = '23505';

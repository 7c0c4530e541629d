import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { quoteIdentifier } from '../../../values/identifiers.ts';
import type { TargetTable } from '../catalogue/target-table.ts';
import type { Upsert } from '../catalogue/upsert-key.ts';

/** What became of the rows of a staging table, each number the tag of a statement of its own. */
export interface Merged {
  readonly written: number;
  readonly unchanged: number;
  readonly superseded: number;
}

/** As the server calls it in the context of an error. */
export const STAGING_NAME = 'millrace_upsert';
const STAGING = `pg_temp.${STAGING_NAME}`;

/**
 * A temporary table with the written columns of another one and the number of each row: what it holds is merged, and it is empty again. It goes
 * away with the transaction, and is not logged.
 */
export class Staging {
  /** For SQL. */
  readonly name = STAGING;
  readonly #client: pg.Client;
  readonly #statements: { readonly supersede: string; readonly skip: string; readonly merge: string };
  readonly #skipsConflicts: boolean;

  private constructor(client: pg.Client, target: TargetTable, upsert: Upsert) {
    this.#client = client;
    this.#statements = statementsOf(target, upsert);
    this.#skipsConflicts = upsert.updated.length === 0;
  }

  /** Columns that must not be null are so here too: then a row at fault is refused by its line. */
  static async make(client: pg.Client, target: TargetTable, upsert: Upsert): Promise<Staging> {
    const names = upsert.columns.map(quoteIdentifier).join(', ');
    const required = new Set([...upsert.key, ...target.columns.filter(({ isNotNull }) => isNotNull).map(({ name }) => name)]);
    const changes = upsert.columns.filter(name => required.has(name)).map(name => `ALTER ${quoteIdentifier(name)} SET NOT NULL`);
    // The cache is this session's alone: nobody else takes numbers, so they stay in order.
    changes.push(`ADD ${rowColumn(upsert)} int8 NOT NULL GENERATED ALWAYS AS IDENTITY (CACHE 1000)`);
    await client.query(`DROP TABLE IF EXISTS ${STAGING}`);
    await client.query(
      `CREATE TEMPORARY TABLE ${STAGING_NAME} ON COMMIT DROP AS SELECT ${names} FROM ${target.name} WITH NO DATA;
      ALTER TABLE ${STAGING} ${changes.join(', ')}`,
    );
    return new Staging(client, target, upsert);
  }

  /** Takes its rows into the table. Errors of the server come as they are; COUNTS_DIFFER when the table kept fewer rows than it was given. */
  async merge(rows: number): Promise<Merged> {
    if (rows === 0) return { written: 0, unchanged: 0, superseded: 0 };
    const superseded = await this.#count(this.#statements.supersede);
    const equal = await this.#count(this.#statements.skip);
    const written = await this.#count(this.#statements.merge);
    await this.#client.query(`TRUNCATE ${STAGING}`);
    // Of columns that are all key, what others have written meanwhile is the same row.
    const unchanged = this.#skipsConflicts ? rows - superseded - written : equal;
    if (superseded + unchanged + written !== rows) {
      throw new MillraceError(
        'COUNTS_DIFFER',
        `of ${rows} rows the server wrote ${written}, found ${unchanged} unchanged and ${superseded} superseded; does a trigger or rule leave rows out?`,
      );
    }
    return { written, unchanged, superseded };
  }

  async #count(statement: string): Promise<number> {
    return (await this.#client.query(statement)).rowCount ?? 0;
  }
}

/** The number of a row, by a name that no column has. */
function rowColumn({ columns }: Upsert): string {
  let name = 'millrace_row';
  while (columns.includes(name)) name += '_';
  return quoteIdentifier(name);
}

/**
 * Rows that stand in the table as they come are taken out beforehand: ON CONFLICT would lock each of them, which writes to the table. They are
 * compared by what is stored, because `=` says of different values that they are the same (intervals, citext, boxes) and json has none.
 */
function statementsOf(target: TargetTable, upsert: Upsert): { supersede: string; skip: string; merge: string } {
  const { key, updated, columns } = upsert;
  const row = rowColumn(upsert);
  const list = (names: readonly string[], before = ''): string => names.map(name => before + quoteIdentifier(name)).join(', ');
  const sameKey = (other: string): string =>
    key
      .map(quoteIdentifier)
      .map(name => `s.${name} = ${other}.${name}`)
      .join(' AND ');
  const same =
    updated.length === 0
      ? ''
      : ` AND ROW(${list(updated, 's.')})::pg_catalog.record OPERATOR(pg_catalog.*=) ROW(${list(updated, 't.')})::pg_catalog.record`;
  const action =
    updated.length === 0
      ? 'NOTHING'
      : `UPDATE SET ${updated
          .map(quoteIdentifier)
          .map(name => `${name} = excluded.${name}`)
          .join(', ')}`;
  return {
    supersede: `DELETE FROM ${STAGING} s USING (SELECT ${list(key)}, pg_catalog.max(${row}) AS last FROM ${STAGING} GROUP BY ${list(key)}
      HAVING pg_catalog.count(*) > 1) l WHERE ${sameKey('l')} AND s.${row} < l.last`,
    skip: `DELETE FROM ${STAGING} s USING ${target.name} t WHERE ${sameKey('t')}${same}`,
    merge: `INSERT INTO ${target.name} (${list(columns)}) OVERRIDING SYSTEM VALUE SELECT ${list(columns)} FROM ${STAGING}
      ON CONFLICT (${list(key)}) DO ${action}`,
  };
}

import type pg from 'pg';
import { quoteIdentifier } from '../../../values/identifiers.ts';
import type { DeletedMark } from '../catalogue/deleted-mark.ts';
import type { TargetTable } from '../catalogue/target-table.ts';
import { withBulkSettings, withoutPlans } from './bulk-settings.ts';
import type { Staged } from './merge-statements.ts';

const SEEN_NAME = 'millrace_seen';
const SEEN = `pg_temp.${SEEN_NAME}`;

/** The keys of all records of a run, in a temporary table that goes away with its transaction. */
export class SeenKeys {
  readonly #client: pg.Client;
  readonly #target: TargetTable;
  readonly #key: readonly string[];

  private constructor(client: pg.Client, target: TargetTable, key: readonly string[]) {
    this.#client = client;
    this.#target = target;
    this.#key = key;
  }

  static async make(client: pg.Client, target: TargetTable, key: readonly string[]): Promise<SeenKeys> {
    await client.query(`DROP TABLE IF EXISTS ${SEEN}`);
    const names = key.map(quoteIdentifier).join(', ');
    await client.query(`CREATE TEMPORARY TABLE ${SEEN_NAME} ON COMMIT DROP AS SELECT ${names} FROM ${target.name} WITH NO DATA`);
    return new SeenKeys(client, target, key);
  }

  /** Before any of them is taken out there. */
  async add(staged: Staged): Promise<void> {
    await this.#client.query(addSeenSql(staged, this.#key));
  }

  /** Deletes, or marks, the rows of all other keys; gives how many, as the server counts them. Errors of the server come as they are. */
  async removeOthers(mark: DeletedMark | undefined): Promise<number> {
    await this.#client.query(`ANALYZE ${SEEN}`);
    const statement = removeOthersSql(this.#target, this.#key, mark);
    const { rowCount } = await withBulkSettings(this.#client, () =>
      withoutPlans(this.#client, ['nestloop'], () => this.#client.query(statement)),
    );
    return rowCount ?? 0;
  }

  /** Rows with null in the key, which no record can have: they are left as they are. */
  async countKeyless(): Promise<number> {
    const nullable = this.#key.filter(name => this.#target.columns.some(column => column.name === name && !column.isNotNull));
    if (nullable.length === 0) return 0;
    const isNull = nullable.map(name => `${quoteIdentifier(name)} IS NULL`).join(' OR ');
    const { rows } = await this.#client.query<{ count: string }>(`SELECT pg_catalog.count(*) FROM ${onlyIt(this.#target)} WHERE ${isNull}`);
    return Number(rows[0]?.count);
  }
}

export function addSeenSql({ table, between }: Staged, key: readonly string[]): string {
  const meant = between === undefined ? '' : ` WHERE s.ctid > '${between[0]}' AND s.ctid <= '${between[1]}'`;
  return `INSERT INTO ${SEEN} SELECT ${key.map(name => `s.${quoteIdentifier(name)}`).join(', ')} FROM ${table} s${meant}`;
}

export function removeOthersSql(target: TargetTable, key: readonly string[], mark: DeletedMark | undefined): string {
  const same = key.map(name => `s.${quoteIdentifier(name)} = t.${quoteIdentifier(name)}`).join(' AND ');
  const whole = key.map(name => `t.${quoteIdentifier(name)} IS NOT NULL`).join(' AND ');
  const where = `WHERE NOT EXISTS (SELECT FROM ${SEEN} s WHERE ${same}) AND ${whole}`;
  if (mark === undefined) return `DELETE FROM ${onlyIt(target)} t ${where}`;
  return `UPDATE ${onlyIt(target)} t SET ${mark.column} = ${mark.set} ${where} AND NOT (${mark.isSet('t')})`;
}

/** Rows of tables that inherit from it are none of its own. */
function onlyIt({ name, kind }: TargetTable): string {
  return kind === 'r' ? `ONLY ${name}` : name;
}

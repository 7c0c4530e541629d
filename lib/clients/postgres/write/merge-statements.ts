import type { TargetTable } from '../catalogue/target-table.ts';
import type { Upsert } from '../catalogue/upsert-key.ts';
import { quoteIdentifier } from '../../../values/identifiers.ts';
import type { KeyRange } from './integer-keys.ts';

/** Rows in a staging table, which lie there in the order in which they came. */
export interface Staged {
  /** For SQL. */
  readonly table: string;
  /** All behind the first place, up to and with the second one; without it all. */
  readonly between?: readonly [after: string, last: string] | undefined;
}

/** How staged rows are taken into another table. */
export interface MergeStatements {
  /** Gives a row when two of them have one key. */
  readonly repeats: string;
  /** Takes out all but the last row of each key. */
  readonly supersede: string;
  /**
   * All of it in one statement; tells how many rows it inserted, updated and skipped. Fails (23505) where another session adds a row of the same
   * key meanwhile. All rows lie in the range, if one is given: then no more of the table is looked at. Undefined where the server has no MERGE, or something might leave rows out.
   */
  readonly merge: ((range?: KeyRange) => string) | undefined;
  /** Gives a row where the table has no more than `rows` of its own within a range of the key. */
  readonly isDense: (range: KeyRange, rows: number) => string;
  /** Else: takes out the rows that stand in the table as they come, for ON CONFLICT would lock each of them, which writes to the table, */
  readonly skip: string;
  /** and takes the others in, whatever other sessions do. */
  readonly insert: string;
}

/**
 * Rows are compared by what is stored, because `=` says of different values that they are the same (intervals, citext, boxes) and json has none.
 * EXPLAIN is how the server tells what MERGE did with each row; its tag counts inserted and updated rows together and skipped ones not at all. (In XML,
 * because its JSON is no JSON where the table is partitioned.)
 * Source: show_modifytable_info of src/backend/commands/explain.c
 */
export function mergeStatements({ table: staging, between }: Staged, target: TargetTable, upsert: Upsert): MergeStatements {
  const { key, updated, columns, canMerge, mark } = upsert;
  const meant = between === undefined ? '' : `s.ctid > '${between[0]}' AND s.ctid <= '${between[1]}'`;
  const where = meant === '' ? '' : ` WHERE ${meant}`;
  const rows = meant === '' ? staging : `(SELECT * FROM ${staging} s${where})`;
  const list = (names: readonly string[], before = ''): string => names.map(name => before + quoteIdentifier(name)).join(', ');
  const unmarked = mark === undefined ? [] : [`${mark.column} = ${mark.unset}`];
  const assigned = (from: string): string =>
    [...updated.map(name => `${quoteIdentifier(name)} = ${from}.${quoteIdentifier(name)}`), ...unmarked].join(', ');
  const sameKey = key.map(name => `s.${quoteIdentifier(name)} = t.${quoteIdentifier(name)}`).join(' AND ');
  const differs = [...differencesOf(updated, target), ...(mark === undefined ? [] : [mark.isSet('t')])].join(' OR ');
  const into = target.kind === 'r' ? `ONLY ${target.name}` : target.name;
  const change = differs === '' ? '' : `WHEN MATCHED AND (${differs}) THEN UPDATE SET ${assigned('s')}`;
  const [markName, markValue] = mark === undefined ? ['', ''] : [`, ${mark.column}`, `, ${mark.unset}`];
  const within = ({ least, most }: KeyRange): string => `${list(key, 't.')} BETWEEN ${least} AND ${most}`;
  return {
    repeats: `SELECT 1 FROM ${rows} s GROUP BY ${list(key)} HAVING pg_catalog.count(*) > 1 LIMIT 1`,
    supersede: `DELETE FROM ${staging} WHERE ctid IN (SELECT place FROM (
      SELECT ctid AS place, pg_catalog.row_number() OVER (PARTITION BY ${list(key)} ORDER BY ctid DESC) AS version FROM ${staging} s${where}) s WHERE version > 1)`,
    merge: canMerge
      ? range => `EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF, COSTS OFF, SUMMARY OFF, FORMAT XML) MERGE INTO ${into} t USING ${rows} s ON ${sameKey}${range === undefined ? '' : ` AND ${within(range)}`} ${change}
      WHEN NOT MATCHED THEN INSERT (${list(columns)}${markName}) OVERRIDING SYSTEM VALUE VALUES (${list(columns, 's.')}${markValue})`
      : undefined,
    isDense: (range, rows) =>
      `SELECT 1 FROM (SELECT FROM ${into} t WHERE ${within(range)} LIMIT ${rows + 1}) t HAVING pg_catalog.count(*) <= ${rows}`,
    skip: `DELETE FROM ${staging} s USING ${into} t WHERE ${meant === '' ? '' : `${meant} AND `}${sameKey}${differs === '' ? '' : ` AND NOT (${differs})`}`,
    insert: `INSERT INTO ${target.name} (${list(columns)}${markName}) OVERRIDING SYSTEM VALUE SELECT ${list(columns)}${markValue} FROM ${rows} s
      ON CONFLICT (${list(key)}) DO ${differs === '' ? 'NOTHING' : `UPDATE SET ${assigned('excluded')}`}`,
  };
}

/** Each of what makes rows `s` and `t` store different values. Numbers and times tell most often and cost least: they come first. */
function differencesOf(names: readonly string[], { columns }: TargetTable): string[] {
  const kinds = new Map(columns.map(({ name, type }) => [name, type.kind]));
  const tells = names.filter(name => TELLS.has(kinds.get(name) ?? ''));
  const rest = names.filter(name => !DECIDES.has(kinds.get(name) ?? ''));
  const row = (side: string): string => `ROW(${rest.map(name => `${side}.${quoteIdentifier(name)}`).join(', ')})::pg_catalog.record`;
  const tests = tells.map(name => `s.${quoteIdentifier(name)} IS DISTINCT FROM t.${quoteIdentifier(name)}`);
  return [...tests, ...(rest.length === 0 ? [] : [`${row('s')} OPERATOR(pg_catalog.*<>) ${row('t')}`])];
}

/** What `=` calls equal is stored the same. */
const DECIDES: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'oid', 'bool', 'date', 'timestamp', 'timestamptz', 'uuid']);
/** What `=` calls different is stored differently: of these, 0 and -0 it calls equal. */
const TELLS: ReadonlySet<string> = new Set([...DECIDES, 'float4', 'float8']);

/** Makes a staging table with the written columns of another one. Columns that must not be null are so in it too: then a row at fault is refused by its line. */
export function stagingSql(made: string, name: string, target: TargetTable, upsert: Upsert): string {
  const names = upsert.columns.map(quoteIdentifier).join(', ');
  const required = new Set([...upsert.key, ...target.columns.filter(({ isNotNull }) => isNotNull).map(column => column.name)]);
  const changes = upsert.columns.filter(column => required.has(column)).map(column => `ALTER ${quoteIdentifier(column)} SET NOT NULL`);
  return `CREATE ${made} AS SELECT ${names} FROM ${target.name} WITH NO DATA; ALTER TABLE ${name} ${changes.join(', ')}`;
}

import type pg from 'pg';
import { MillraceError, suggestion } from '../../../errors.ts';
import { limited } from '../connection/connect.ts';
import type { DeletedMark } from './deleted-mark.ts';
import type { TableMode } from './table-mode.ts';
import type { TargetTable } from './target-table.ts';

/** How rows go into a table that may have them already. */
export interface Upsert {
  /** What says that two rows are the same. */
  readonly key: readonly string[];
  /** What is written. */
  readonly columns: readonly string[];
  /** Of these, what of a row that is there is changed; none: such a row stays as it is. */
  readonly updated: readonly string[];
  /** What says of a row that the source has it no more: taken off a row that comes. */
  readonly mark?: DeletedMark | undefined;
  /** MERGE can do it in one statement, and nothing of the table leaves rows out of it. */
  readonly canMerge: boolean;
  /** Many statements one after the other leave and check the same as one: nothing of the table looks at a statement as a whole. */
  readonly canMergeInParts: boolean;
}

export interface UpsertOptions {
  readonly mode: TableMode;
  readonly key?: readonly string[] | undefined;
  readonly update?: readonly string[] | undefined;
}

export type UpsertKey = Pick<Upsert, 'canMerge' | 'canMergeInParts'> & { readonly names: readonly string[] };

/**
 * The key of an upsert: as asked for, where a unique index of the table has just these columns, or the primary key. OPTION_INVALID where there is
 * none, or where it is deferrable, partial or of expressions.
 */
export async function upsertKey(client: pg.Client, target: TargetTable, { mode, key }: UpsertOptions, shown: string): Promise<UpsertKey> {
  if (!'rp'.includes(target.kind)) throw invalid('mode', `${mode} needs a table, and ${shown} is a view or a foreign table`);
  const { rows } = await client.query<UniqueIndex>(limited(UNIQUE_INDEXES, [target.name]));
  const found = key === undefined ? rows.find(({ isprimary }) => isprimary) : rows.find(({ names }) => isSameSet(names, key));
  if (found !== undefined) return { names: found.names, canMerge: found.canmerge, canMergeInParts: found.inparts };
  const there =
    rows.length === 0
      ? 'and has no unique index that could be used instead'
      : `but is unique by ${rows.map(({ names }) => listOf(names)).join(', ')}`;
  if (key === undefined)
    throw invalid('key', `table ${shown} has no primary key, ${there}; name the columns of a unique index, or make one`);
  throw invalid('key', `table ${shown} has no unique index on ${listOf(key)}, ${there}; deferrable and partial ones do not count`);
}

/** What is written and what is updated, of the columns that the records have. COLUMN_UNKNOWN, OPTION_INVALID. */
export function upsertColumns(
  columns: readonly string[],
  target: TargetTable,
  { names: key, canMerge, canMergeInParts }: UpsertKey,
  { update }: Pick<UpsertOptions, 'update'>,
): Upsert {
  for (const [option, names] of [['key', key] as const, ['update', update ?? []] as const]) {
    const unknown = names.find(name => !columns.includes(name));
    if (unknown === undefined) continue;
    throw new MillraceError(
      'COLUMN_UNKNOWN',
      `postgres: option "${option}": the records have no column ${JSON.stringify(unknown)} to write${suggestion(unknown, columns)}`,
    );
  }
  const fixed = target.columns.filter(({ isAlwaysNumbered }) => isAlwaysNumbered).map(({ name }) => name);
  const wrong = update?.find(name => key.includes(name) || fixed.includes(name));
  if (wrong !== undefined) {
    throw invalid(
      'update',
      `column ${JSON.stringify(wrong)} is ${key.includes(wrong) ? 'of the key' : 'always numbered by the server'}; leave it out`,
    );
  }
  return {
    key,
    columns,
    updated: update ?? columns.filter(name => !key.includes(name) && !fixed.includes(name)),
    canMerge,
    canMergeInParts,
  };
}

interface UniqueIndex {
  readonly names: string[];
  readonly isprimary: boolean;
  readonly canmerge: boolean;
  readonly inparts: boolean;
}

/**
 * Those that ON CONFLICT can go by. MERGE came with 15; a trigger before a row may leave it out, as may a policy; rules and foreign partitions it
 * refuses. What is checked at the end of a statement, or told of it, takes note of its parts: triggers, unique keys that may be put off, and foreign keys to
 * the table, except from another table to this key, which no row loses.
 */
const UNIQUE_INDEXES = `
  WITH RECURSIVE tree AS (
    SELECT pg_catalog.to_regclass($1)::pg_catalog.oid AS oid
    UNION SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
  )
  SELECT i.indisprimary AS isprimary, (SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.place)
    FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place) JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
    WHERE k.place <= i.indnkeyatts) AS names,
    pg_catalog.current_setting('server_version_num')::int4 >= 150000 AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_class c JOIN tree USING (oid) WHERE c.relhasrules OR c.relkind NOT IN ('r', 'p') OR pg_catalog.row_security_active(c.oid)
        OR EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid AND g.tgtype & 3 = 3 AND g.tgtype & 20 <> 0 AND g.tgenabled <> 'D')) AS canmerge,
    NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g JOIN tree ON tree.oid = g.tgrelid WHERE NOT g.tgisinternal)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint d JOIN tree ON tree.oid = d.conrelid WHERE d.contype IN ('p', 'u', 'x') AND d.condeferrable)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint f JOIN tree ON tree.oid = f.confrelid WHERE f.contype = 'f' AND NOT (f.confrelid = i.indrelid
        AND f.conrelid NOT IN (SELECT oid FROM tree) AND f.confkey <@ (i.indkey::int2[])[0:i.indnkeyatts - 1])) AS inparts
  FROM pg_catalog.pg_index i
  WHERE i.indrelid = pg_catalog.to_regclass($1) AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  ORDER BY i.indisprimary DESC, i.indexrelid`;

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && new Set([...some, ...others]).size === some.length;
}

function listOf(names: readonly string[]): string {
  return `(${names.map(name => JSON.stringify(name)).join(', ')})`;
}

function invalid(option: string, message: string): MillraceError {
  return new MillraceError('OPTION_INVALID', `postgres: option "${option}": ${message}`);
}

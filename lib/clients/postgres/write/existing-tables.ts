import type pg from 'pg';
import { printTableName } from '../catalogue/definition/ddl.ts';
import type { SchemaName } from '../catalogue/definition/model.ts';
import { limited } from '../connection/connect.ts';

/** Of the tables of a whole those that are in the target already. */
export interface ExistingTables {
  /** As `printTableName` has them. */
  readonly names: ReadonlySet<string>;
  /** By the foreign keys that the target has: which rows have to be there before those of a table. */
  readonly after: ReadonlyMap<string, readonly string[]>;
  /** Foreign keys of tables that are not among them, `table (key)`: such rows would refer to nothing. */
  readonly referring: readonly string[];
}

/** Looks for tables, and for what refers to them. */
export async function findTables(client: pg.Client, tables: readonly SchemaName[]): Promise<ExistingTables> {
  const { rows: found } = await client.query<{ at: number; oid: number }>(
    limited(FOUND, [tables.map(({ schema }) => schema), tables.map(({ name }) => name)]),
  );
  const byOid = new Map(found.map(({ at, oid }) => [oid, tables[at - 1] as SchemaName]));
  const { rows: keys } = await client.query<ForeignKey>(limited(FOREIGN_KEYS, [[...byOid.keys()]]));
  const after = new Map<string, string[]>();
  for (const { from, to } of keys) {
    const [table, other] = [byOid.get(from), byOid.get(to)];
    if (table === undefined || other === undefined || from === to) continue;
    after.set(printTableName(table), [...(after.get(printTableName(table)) ?? []), printTableName(other)]);
  }
  return {
    names: new Set([...byOid.values()].map(printTableName)),
    after,
    referring: keys.flatMap(({ from, shown }) => (byOid.has(from) || shown === null ? [] : [shown])),
  };
}

/** Rows go in table by table: `a → b → a` where each table would have to be first. */
export function circleOf({ after }: ExistingTables): string | undefined {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): string | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name].join(' → ');
    if (done.has(name)) return undefined;
    for (const next of after.get(name) ?? []) {
      const circle = visit(next, [...path, name]);
      if (circle !== undefined) return circle;
    }
    done.add(name);
    return undefined;
  };
  for (const name of after.keys()) {
    const circle = visit(name, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

const FOUND = `
  SELECT t.at::int4 AS at, c.oid FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) WITH ORDINALITY t(schema, name, at)
  JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.name
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1`;

interface ForeignKey {
  readonly from: number;
  readonly to: number;
  /** Null of what a key of a partitioned table brings. */
  readonly shown: string | null;
}

const FOREIGN_KEYS = `
  SELECT k.conrelid AS "from", k.confrelid AS "to",
    CASE WHEN k.conparentid = 0 THEN pg_catalog.format('%s (%I)', k.conrelid::pg_catalog.regclass, k.conname) END AS shown
  FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.confrelid = ANY ($1::oid[])
    AND coalesce((pg_catalog.to_jsonb(k)->>'conenforced')::bool, true) ORDER BY k.conrelid::pg_catalog.regclass::text, k.conname`;

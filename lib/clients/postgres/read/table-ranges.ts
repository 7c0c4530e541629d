/**
 * A table cut into ranges that hold each of its rows exactly once: of the leading column of its key, by the server's statistics, or of its blocks.
 * Source: https://www.postgresql.org/docs/18/view-pg-stats.html, catalog-pg-index.html, catalog-pg-opclass.html
 */
import type pg from 'pg';
import { quoteIdentifier, quoteLiteral } from '../../../values/identifiers.ts';
import { limited } from '../connection/connect.ts';
import { cutPoints, type SamplePoint } from './cut-points.ts';

/** Conditions on a table's rows, of which each row meets exactly one. */
export interface TableRanges {
  readonly conditions: readonly string[];
  /** What they are ranges of, for people. */
  readonly by: string;
}

/** Why a table is read as one. */
export interface Undivided {
  readonly reason: string;
}

/**
 * About `count` ranges with about as many rows each. By blocks where rows do not lie in the order of the key (each range of the key would read all of the
 * table), where statistics are missing or old, and where there is no key: those hold within one snapshot only. `table`: as SQL writes it.
 */
export async function tableRanges(client: pg.Client, table: string, count: number): Promise<TableRanges | Undivided> {
  const { rows } = await client.query<TableFacts>(limited(FACTS, [table]));
  const [facts] = rows;
  const reason = facts === undefined ? 'the table is not there' : undividedReason(facts);
  if (facts === undefined || reason !== undefined) return { reason: reason as string };
  const byBlocks = blockRanges(facts, count);
  const isStale = facts.blocks > 2 * facts.analyzedBlocks;
  if (byBlocks !== undefined && (facts.key === null || isStale || Math.abs(facts.key.correlation ?? 0) < IN_ORDER)) return byBlocks;
  const byKey = facts.key === null ? undefined : await keyRanges(client, facts, facts.key, count);
  return byKey ?? byBlocks ?? { reason: 'it has no statistics of a key, or is too small' };
}

/** Rows lie nearly in the order of the key. */
const IN_ORDER = 0.5;

interface TableFacts {
  readonly schema: string;
  readonly table: string;
  readonly relkind: string;
  readonly hasChildren: boolean;
  readonly blocks: number;
  /** When it was last analyzed. */
  readonly analyzedBlocks: number;
  /** The server scans ranges of ctid without reading what lies outside of them. */
  readonly hasBlockScans: boolean;
  readonly key: KeyColumn | null;
}

/** The leading column of a key. */
interface KeyColumn {
  readonly name: string;
  /** What its literals are cast to, and the collation that they are compared by: as SQL writes them. */
  readonly type: string;
  readonly collation: string | null;
  /** The operators of its order: `OPERATOR(pg_catalog.<)`. */
  readonly less: string;
  readonly notLess: string;
  readonly isPrimary: boolean;
  /** Between its order and where rows lie, from -1 to 1; null without statistics. */
  readonly correlation: number | null;
}

/**
 * Of the keys the primary one first. Its first column only: rows that have the same value there stay together. A domain is what it is made of: its own
 * collation could be another than the column's.
 */
const FACTS = `
  SELECT n.nspname::text AS schema, c.relname::text AS table, c.relkind::text AS relkind, EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid) AS "hasChildren",
    (CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_relation_size(c.oid) ELSE 0 END
      / pg_catalog.current_setting('block_size')::int8)::float8 AS blocks, c.relpages AS "analyzedBlocks",
    coalesce(m.amname = 'heap', FALSE) AND pg_catalog.current_setting('server_version_num')::int >= 140000 AS "hasBlockScans",
    (SELECT pg_catalog.json_build_object('name', a.attname, 'type', pg_catalog.format_type(
        (WITH RECURSIVE base AS (SELECT t.oid, t.typbasetype, t.typtype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
          UNION ALL SELECT t.oid, t.typbasetype, t.typtype FROM base JOIN pg_catalog.pg_type t ON t.oid = base.typbasetype AND base.typtype = 'd')
          SELECT base.oid FROM base WHERE base.typtype <> 'd'), -1),
      'collation', pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname),
      'less', pg_catalog.format('OPERATOR(%I.%s)', ln.nspname, lo.oprname), 'notLess', pg_catalog.format('OPERATOR(%I.%s)', gn.nspname, go.oprname),
      'isPrimary', i.indisprimary, 'correlation', s.correlation)
      FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
        JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[0] AND o.opcdefault
        JOIN pg_catalog.pg_am x ON x.oid = o.opcmethod AND x.amname = 'btree'
        JOIN pg_catalog.pg_amop l ON l.amopfamily = o.opcfamily AND l.amoplefttype = o.opcintype AND l.amoprighttype = o.opcintype AND l.amopstrategy = 1
        JOIN pg_catalog.pg_operator lo ON lo.oid = l.amopopr JOIN pg_catalog.pg_namespace ln ON ln.oid = lo.oprnamespace
        JOIN pg_catalog.pg_amop g ON g.amopfamily = o.opcfamily AND g.amoplefttype = o.opcintype AND g.amoprighttype = o.opcintype AND g.amopstrategy = 4
        JOIN pg_catalog.pg_operator go ON go.oid = g.amopopr JOIN pg_catalog.pg_namespace gn ON gn.oid = go.oprnamespace
        LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
        LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited
      WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indcollation[0] = a.attcollation
        AND 0 <> ALL (i.indkey) AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute b
          WHERE b.attrelid = c.oid AND b.attnum = ANY (i.indkey) AND NOT b.attnotnull)
      ORDER BY i.indisprimary DESC, i.indnatts, i.indexrelid LIMIT 1) AS key
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam
  WHERE c.oid = pg_catalog.to_regclass($1)`;

const KINDS: Readonly<Record<string, string>> = { v: 'it is a view', f: 'it is a foreign table', p: 'it is partitioned' };

function undividedReason({ relkind, hasChildren }: TableFacts): string | undefined {
  return KINDS[relkind] ?? (hasChildren ? 'other tables inherit from it' : undefined);
}

function blockRanges({ blocks, hasBlockScans }: TableFacts, count: number): TableRanges | undefined {
  const wanted = Math.min(count, blocks);
  if (!hasBlockScans || wanted < 2) return undefined;
  const starts = Array.from({ length: wanted - 1 }, (_, i) => `'(${Math.floor(((i + 1) * blocks) / wanted)},0)'::pg_catalog.tid`);
  return { conditions: halfOpen(starts, bound => ({ from: `ctid >= ${bound}`, below: `ctid < ${bound}` })), by: 'blocks' };
}

async function keyRanges(client: pg.Client, facts: TableFacts, key: KeyColumn, count: number): Promise<TableRanges | undefined> {
  const column = quoteIdentifier(key.name);
  const typed = (value: string): string => `${value}::${key.type}${key.collation === null ? '' : ` COLLATE ${key.collation}`}`;
  const { rows: points } = await client.query<SamplePoint>(
    limited(`${SAMPLE} ORDER BY ${typed('p.value')}, p."isBound"`, [facts.schema, facts.table, key.name]),
  );
  const bounds = cutPoints(points, count);
  if (bounds.length === 0) return undefined;
  const conditions = halfOpen(bounds.map(quoteLiteral), bound => ({
    from: `${column} ${key.notLess} ${typed(bound)}`,
    below: `${column} ${key.less} ${typed(bound)}`,
  }));
  // A constraint NOT NULL may be declared and not validated.
  if (!key.isPrimary) conditions.push(`(${conditions.pop() as string} OR ${column} IS NULL)`);
  return { conditions, by: `key column ${column}` };
}

const SAMPLE = `
  WITH s AS (SELECT histogram_bounds::text::text[] AS bounds, most_common_vals::text::text[] AS common, most_common_freqs AS shares,
      (1 - null_frac - coalesce((SELECT pg_catalog.sum(f) FROM pg_catalog.unnest(most_common_freqs) f), 0))
        / greatest(pg_catalog.array_length(histogram_bounds, 1) - 1, 1) AS bucket
    FROM pg_catalog.pg_stats WHERE schemaname = $1 AND tablename = $2 AND attname = $3 AND NOT inherited)
  SELECT p.value, p.share::float8 AS share, p."isBound"
  FROM (SELECT u.value, greatest(s.bucket, 0) AS share, TRUE AS "isBound" FROM s, pg_catalog.unnest(s.bounds) AS u(value)
    UNION ALL SELECT u.value, u.share, FALSE FROM s, ROWS FROM (pg_catalog.unnest(s.common), pg_catalog.unnest(s.shares)) AS u(value, share)) AS p`;

/** Below the first bound, from each to the next, from the last on. */
function halfOpen(bounds: readonly string[], of: (bound: string) => { readonly from: string; readonly below: string }): string[] {
  const sides = bounds.map(of);
  return [...sides, undefined].map((side, i) => [sides[i - 1]?.from, side?.below].filter(part => part !== undefined).join(' AND '));
}

/**
 * What the catalogue says of some tables, set by set. `$1` are their oids; search_path has to be empty, so that every name comes qualified.
 * Columns that some servers lack are read through to_jsonb. Source: https://www.postgresql.org/docs/18/catalogs.html
 */
import { ROW_COUNT } from '../row-count.ts';

export interface RelationRow {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** As the server writes it: quoted where needed. */
  readonly printed: string;
  readonly kind: string;
  readonly unlogged: boolean;
  readonly extension: boolean;
  readonly options: string[] | null;
  readonly accessmethod: string | null;
  readonly oftype: string | null;
  readonly partitionkey: string | null;
  readonly bound: string | null;
  readonly parents: { oid: number; schema: string; name: string }[] | null;
  readonly comment: string | null;
  readonly bytes: number;
  readonly rows: number;
  readonly owner: string;
  readonly hasacl: boolean;
  readonly rowsecurity: boolean;
  readonly forced: boolean;
  readonly identity: string;
  readonly rules: string[] | null;
}

export const RELATIONS = `
  SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, pg_catalog.format('%I.%I', n.nspname, c.relname) AS printed,
    c.relkind::text AS kind, c.relpersistence = 'u' AS unlogged,
    EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e') AS extension,
    c.reloptions || (SELECT pg_catalog.array_agg('toast.' || o) FROM pg_catalog.unnest(t.reloptions) o) AS options,
    CASE WHEN c.relkind IN ('r', 'm', 'p') AND am.amname <> 'heap' THEN am.amname::text END AS accessmethod,
    CASE WHEN c.reloftype <> 0 THEN pg_catalog.format_type(c.reloftype, NULL) END AS oftype,
    CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END AS partitionkey,
    pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound,
    (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('oid', p.oid::int8, 'schema', pn.nspname, 'name', p.relname) ORDER BY i.inhseqno)
      FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class p ON p.oid = i.inhparent JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
      WHERE i.inhrelid = c.oid) AS parents,
    pg_catalog.obj_description(c.oid, 'pg_class') AS comment,
    CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_table_size(c.oid) ELSE 0 END::float8 AS bytes, ${ROW_COUNT} AS rows,
    pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
    c.relacl IS NOT NULL OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL) AS hasacl,
    c.relrowsecurity AS rowsecurity, c.relforcerowsecurity AS forced, c.relreplident::text AS identity,
    (SELECT pg_catalog.array_agg(r.rulename::text ORDER BY r.rulename) FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN') AS rules
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
  WHERE c.oid = ANY ($1::oid[])`;

export interface ColumnRow {
  readonly table: number;
  readonly number: number;
  readonly name: string;
  readonly type: string;
  readonly collation: string | null;
  readonly storage: string | null;
  readonly compression: string | null;
  readonly target: number | null;
  readonly options: string[] | null;
  readonly notnull: boolean;
  readonly identity: string;
  readonly generated: string;
  readonly expression: string | null;
  readonly uses: string[] | null;
  readonly local: boolean;
  readonly comment: string | null;
}

/** Before 15 what a generated column uses hangs on the column itself, not on its expression. */
export const COLUMNS = `
  SELECT a.attrelid AS "table", a.attnum AS number, a.attname::text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
    CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0 THEN (SELECT pg_catalog.format('%I.%I', cn.nspname, co.collname)
      FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation) END AS collation,
    CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage::text END AS storage,
    NULLIF(x.j->>'attcompression', '') AS compression,
    (x.j->>'attstattarget')::int AS target, a.attoptions AS options,
    a.attnotnull AS notnull, a.attidentity::text AS identity, a.attgenerated::text AS generated,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS expression,
    CASE WHEN a.attgenerated <> '' THEN (SELECT pg_catalog.array_agg(DISTINCT u.attname::text)
      FROM pg_catalog.pg_depend p JOIN pg_catalog.pg_attribute u ON u.attrelid = p.refobjid AND u.attnum = p.refobjsubid
      WHERE (p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND p.objid = d.oid
          OR p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.objid = a.attrelid AND p.objsubid = a.attnum)
        AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.refobjid = a.attrelid AND u.attnum <> a.attnum) END AS uses,
    a.attislocal AS local, pg_catalog.col_description(a.attrelid, a.attnum) AS comment
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(a) - 'attmissingval' AS j) x
  WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum`;

export interface SequenceRow {
  readonly oid: number;
  /** Of the column that owns it; null where none does. */
  readonly table: number | null;
  readonly number: number | null;
  readonly schema: string;
  readonly name: string;
  readonly type: string;
  readonly start: string;
  readonly increment: string;
  readonly min: string;
  readonly max: string;
  readonly cache: string;
  readonly cycles: boolean;
  readonly readable: boolean;
  readonly comment: string | null;
  /** The default of a column that takes its numbers. */
  readonly nextval: string;
}

const SEQUENCE_COLUMNS = `c.oid, d.refobjid AS "table", d.refobjsubid AS number, n.nspname::text AS schema, c.relname::text AS name,
    pg_catalog.format_type(s.seqtypid, NULL) AS type, s.seqstart::text AS start, s.seqincrement::text AS increment, s.seqmin::text AS min,
    s.seqmax::text AS max, s.seqcache::text AS cache, s.seqcycle AS cycles, pg_catalog.has_sequence_privilege(c.oid, 'SELECT') AS readable,
    pg_catalog.obj_description(c.oid, 'pg_class') AS comment,
    pg_catalog.format('nextval(%s::regclass)', pg_catalog.quote_literal(c.oid::pg_catalog.regclass::text)) AS nextval
  FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.objsubid = 0
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')`;

/** Those that columns of the tables own. */
export const OWNED_SEQUENCES = `SELECT ${SEQUENCE_COLUMNS} WHERE d.refobjid = ANY ($1::oid[])`;
/** These, which nobody owns. */
export const SEQUENCES = `SELECT ${SEQUENCE_COLUMNS} WHERE c.oid = ANY ($1::oid[]) ORDER BY n.nspname, c.relname`;

export interface ConstraintRow {
  readonly table: number;
  readonly name: string;
  readonly kind: string;
  readonly definition: string;
  readonly valid: boolean;
  readonly local: boolean;
  readonly ofparent: boolean;
  readonly index: number;
  readonly columns: string[] | null;
  readonly references: { oid: number; schema: string; name: string; printed: string } | null;
  readonly comment: string | null;
}

export const CONSTRAINTS = `
  SELECT k.conrelid AS "table", k.conname::text AS name, k.contype::text AS kind, pg_catalog.pg_get_constraintdef(k.oid) AS definition,
    k.convalidated AS valid, k.conislocal AS local, k.conparentid <> 0 AS ofparent, k.conindid AS index,
    (SELECT pg_catalog.array_agg(DISTINCT a.attname::text) FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.conrelid AND (a.attnum = ANY (k.conkey)
      OR a.attnum IN (SELECT p.refobjsubid FROM pg_catalog.pg_depend p WHERE p.refobjsubid > 0
        AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.refobjid = k.conrelid
        AND (p.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND p.objid = k.oid
          OR k.contype = 'x' AND p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.objid = k.conindid)))) AS columns,
    CASE WHEN k.contype = 'f' THEN (SELECT pg_catalog.jsonb_build_object('oid', r.oid::int8, 'schema', rn.nspname, 'name', r.relname,
        'printed', pg_catalog.format('%I.%I', rn.nspname, r.relname))
      FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace WHERE r.oid = k.confrelid) END AS references,
    pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment
  FROM pg_catalog.pg_constraint k
  WHERE k.conrelid = ANY ($1::oid[]) AND k.contype IN ('p', 'u', 'x', 'c', 'f', 'n') ORDER BY k.conrelid, k.contype, k.conname`;

export interface IndexRow {
  readonly oid: number;
  readonly table: number;
  readonly name: string;
  readonly unique: boolean;
  readonly definition: string;
  readonly valid: boolean;
  readonly clustered: boolean;
  readonly replica: boolean;
  readonly parent: { schema: string; name: string } | null;
  readonly ofconstraint: boolean;
  readonly columns: string[] | null;
  readonly comment: string | null;
}

export const INDEXES = `
  SELECT i.indexrelid AS oid, i.indrelid AS "table", c.relname::text AS name, i.indisunique AS unique, pg_catalog.pg_get_indexdef(i.indexrelid) AS definition,
    i.indisvalid OR c.relkind = 'I' AS valid, i.indisclustered AS clustered, i.indisreplident AS replica,
    (SELECT pg_catalog.jsonb_build_object('schema', pn.nspname, 'name', p.relname) FROM pg_catalog.pg_inherits h
      JOIN pg_catalog.pg_class p ON p.oid = h.inhparent JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace WHERE h.inhrelid = i.indexrelid) AS parent,
    EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')) AS ofconstraint,
    (SELECT pg_catalog.array_agg(DISTINCT a.attname::text) FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum > 0
      AND (a.attnum = ANY (i.indkey) OR a.attnum IN (SELECT p.refobjsubid FROM pg_catalog.pg_depend p WHERE p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND p.objid = i.indexrelid AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.refobjid = i.indrelid))) AS columns,
    pg_catalog.obj_description(i.indexrelid, 'pg_class') AS comment
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  WHERE i.indrelid = ANY ($1::oid[]) ORDER BY i.indrelid, c.relname`;

export interface StatisticsRow {
  readonly table: number;
  readonly schema: string;
  readonly name: string;
  readonly printed: string;
  readonly definition: string;
  readonly columns: string[] | null;
  readonly comment: string | null;
}

export const STATISTICS = `
  SELECT s.stxrelid AS "table", n.nspname::text AS schema, s.stxname::text AS name, pg_catalog.format('%I.%I', n.nspname, s.stxname) AS printed,
    pg_catalog.pg_get_statisticsobjdef(s.oid) AS definition,
    (SELECT pg_catalog.array_agg(DISTINCT a.attname::text) FROM pg_catalog.pg_attribute a WHERE a.attrelid = s.stxrelid AND a.attnum > 0
      AND (a.attnum = ANY (s.stxkeys) OR a.attnum IN (SELECT p.refobjsubid FROM pg_catalog.pg_depend p
        WHERE p.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass AND p.objid = s.oid
          AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.refobjid = s.stxrelid))) AS columns,
    pg_catalog.obj_description(s.oid, 'pg_statistic_ext') AS comment
  FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
  WHERE s.stxrelid = ANY ($1::oid[]) ORDER BY s.stxrelid, n.nspname, s.stxname`;

export interface GrantRow {
  readonly table: number;
  readonly to: string | null;
  readonly privilege: string;
  readonly grantable: boolean;
  readonly column: string | null;
}

export const GRANTS = `
  SELECT g.oid AS "table", CASE WHEN e.grantee <> 0 THEN pg_catalog.pg_get_userbyid(e.grantee)::text END AS "to", e.privilege_type AS privilege,
    e.is_grantable AS grantable, g.attname::text AS "column"
  FROM (SELECT c.oid, NULL::name AS attname, c.relacl AS acl FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1::oid[])
    UNION ALL SELECT a.attrelid, a.attname, a.attacl FROM pg_catalog.pg_attribute a WHERE a.attrelid = ANY ($1::oid[]) AND NOT a.attisdropped) g,
    LATERAL pg_catalog.aclexplode(g.acl) e
  ORDER BY g.oid, g.attname NULLS FIRST, 2, 3`;

export interface PolicyRow {
  readonly table: number;
  readonly name: string;
  readonly permissive: boolean;
  readonly command: string;
  readonly roles: string[];
  readonly using: string | null;
  readonly check: string | null;
}

export const POLICIES = `
  SELECT p.polrelid AS "table", p.polname::text AS name, p.polpermissive AS permissive, p.polcmd::text AS command,
    ARRAY(SELECT CASE WHEN r = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(r)) END FROM pg_catalog.unnest(p.polroles) r) AS roles,
    pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS using, pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) AS check
  FROM pg_catalog.pg_policy p WHERE p.polrelid = ANY ($1::oid[]) ORDER BY p.polrelid, p.polname`;

export interface TriggerRow {
  readonly table: number;
  readonly name: string;
  readonly definition: string;
  readonly enabled: string;
}

export const TRIGGERS = `
  SELECT t.tgrelid AS "table", t.tgname::text AS name, pg_catalog.pg_get_triggerdef(t.oid) AS definition, t.tgenabled::text AS enabled
  FROM pg_catalog.pg_trigger t
  WHERE t.tgrelid = ANY ($1::oid[]) AND NOT t.tgisinternal AND t.tgparentid = 0 ORDER BY t.tgrelid, t.tgname`;

/** What a database holds beside its tables. search_path has to be empty. Source: https://www.postgresql.org/docs/18/catalogs.html */

/** Not those of the server, of extensions, and of Millrace's own schema. */
const OWN = `n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'millrace')`;
const notOfExtension = (catalogue: string, oid: string): string =>
  `NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.${catalogue}'::pg_catalog.regclass AND e.objid = ${oid} AND e.deptype = 'e')`;

/** What a server calls the multirange of a range that nobody named one for. Servers before 14 know of neither. */
const MULTIRANGE_NAME = `CASE WHEN t.typname ~ 'range' THEN pg_catalog.regexp_replace(t.typname, 'range', 'multirange') ELSE t.typname || '_multirange' END`;

export interface ObjectRow {
  /** `c` and an oid of pg_class, or `t` and one of pg_type. */
  readonly node: string;
  readonly oid: number;
  readonly kind: string;
  readonly schema: string;
  readonly name: string;
  /** Makes it; null of tables and sequences, whose definitions are read for themselves. */
  readonly sql: string | null;
  readonly comment: string | null;
}

/** Tables, views and sequences that no column owns. */
export const RELATIONS_OF_DATABASE = `
  SELECT 'c' || c.oid AS node, c.oid, c.relkind::text AS kind, n.nspname::text AS schema, c.relname::text AS name, pg_catalog.obj_description(c.oid, 'pg_class') AS comment,
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.format('CREATE %sVIEW %I.%I (%s)%s AS %s%s', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED ' ELSE '' END, n.nspname, c.relname,
      (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
      ' WITH (' || pg_catalog.array_to_string(c.reloptions, ', ') || ')', pg_catalog.rtrim(pg_catalog.pg_get_viewdef(c.oid), ';'), CASE c.relkind WHEN 'm' THEN ' WITH NO DATA' ELSE '' END) END AS sql
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE ${OWN} AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't' AND ${notOfExtension('pg_class', 'c.oid')}
    AND NOT (c.relkind = 'S' AND EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')))
  ORDER BY n.nspname, c.relname`;

/** Enums, domains, composites, ranges. */
export const TYPES_OF_DATABASE = `
  SELECT 't' || t.oid AS node, t.oid, t.typtype::text AS kind, n.nspname::text AS schema, t.typname::text AS name, pg_catalog.obj_description(t.oid, 'pg_type') AS comment,
    pg_catalog.format(CASE t.typtype WHEN 'd' THEN 'CREATE DOMAIN %I.%I AS ' ELSE 'CREATE TYPE %I.%I AS ' END, n.nspname, t.typname) || CASE t.typtype
      WHEN 'e' THEN (SELECT 'ENUM (' || coalesce(pg_catalog.string_agg(pg_catalog.quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder), '') || ')' FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid)
      WHEN 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod)
        || coalesce((SELECT pg_catalog.format(' COLLATE %I.%I', cn.nspname, co.collname) FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
          JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype WHERE co.oid = t.typcollation AND b.typcollation <> t.typcollation), '')
        || coalesce(' DEFAULT ' || t.typdefault, '') || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END
        || coalesce((SELECT pg_catalog.string_agg(pg_catalog.format(' CONSTRAINT %I %s', k.conname, pg_catalog.pg_get_constraintdef(k.oid)), '' ORDER BY k.conname)
          FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c' AND k.convalidated), '')
      WHEN 'c' THEN (SELECT '(' || coalesce(pg_catalog.string_agg(pg_catalog.quote_ident(a.attname) || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
          || coalesce((SELECT pg_catalog.format(' COLLATE %I.%I', cn.nspname, co.collname) FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
            JOIN pg_catalog.pg_type b ON b.oid = a.atttypid WHERE co.oid = a.attcollation AND b.typcollation <> a.attcollation), ''), ', ' ORDER BY a.attnum), '') || ')'
        FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
      WHEN 'r' THEN (SELECT pg_catalog.format('RANGE (SUBTYPE = %s, SUBTYPE_OPCLASS = %I.%I', pg_catalog.format_type(r.rngsubtype, NULL), opn.nspname, op.opcname)
          || CASE WHEN r.rngsubdiff <> 0 THEN ', SUBTYPE_DIFF = ' || r.rngsubdiff::pg_catalog.regproc ELSE '' END
          || coalesce((SELECT pg_catalog.format(', MULTIRANGE_TYPE_NAME = %I.%I', mn.nspname, m.typname) FROM pg_catalog.pg_type m JOIN pg_catalog.pg_namespace mn ON mn.oid = m.typnamespace
            WHERE m.oid = (pg_catalog.to_jsonb(r)->>'rngmultitypid')::oid AND (mn.oid <> n.oid OR m.typname <> ${MULTIRANGE_NAME})), '') || ')'
        FROM pg_catalog.pg_range r JOIN pg_catalog.pg_opclass op ON op.oid = r.rngsubopc JOIN pg_catalog.pg_namespace opn ON opn.oid = op.opcnamespace WHERE r.rngtypid = t.oid) END AS sql
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
  WHERE ${OWN} AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND c.relkind = 'c') AND ${notOfExtension('pg_type', 't.oid')} ORDER BY n.nspname, t.typname`;

/** What has to be there before what: tables, views, sequences, types. */
export const NEEDS = `
  WITH type_node(oid, node) AS (
    SELECT t.oid, CASE WHEN c.relkind <> 'c' THEN 'c' || c.oid ELSE 't' || b.oid END
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem ELSE t.oid END
      LEFT JOIN pg_catalog.pg_class c ON c.oid = b.typrelid WHERE t.oid >= 16384
  ), node(classid, oid, node) AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid, c.oid, CASE c.relkind WHEN 'c' THEN 't' || c.reltype ELSE 'c' || c.oid END FROM pg_catalog.pg_class c
      WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
    UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, oid, node FROM type_node
    UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, d.oid, 'c' || d.adrelid FROM pg_catalog.pg_attrdef d
    UNION ALL SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, w.oid, 'c' || w.ev_class FROM pg_catalog.pg_rewrite w WHERE w.rulename = '_RETURN'
    UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, CASE k.contypid WHEN 0 THEN 'c' || k.conrelid ELSE 't' || k.contypid END
      FROM pg_catalog.pg_constraint k WHERE k.contype <> 'f')
  SELECT DISTINCT a.node, b.node AS needs FROM pg_catalog.pg_depend d
    JOIN node a ON a.classid = d.classid AND a.oid = d.objid JOIN node b ON b.classid = d.refclassid AND b.oid = d.refobjid
  WHERE d.deptype = 'n' AND a.node <> b.node
  UNION SELECT 'c' || inhrelid, 'c' || inhparent FROM pg_catalog.pg_inherits WHERE inhrelid >= 16384`;

/** What stays behind, by name. */
export const NOT_CARRIED = `
  SELECT 'function ' || p.oid::pg_catalog.regprocedure AS what FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE ${OWN} AND ${notOfExtension('pg_proc', 'p.oid')}
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend i WHERE i.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND i.objid = p.oid AND i.deptype = 'i')
  UNION ALL SELECT 'extension ' || extname FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql'
  UNION ALL SELECT pg_catalog.format('trigger %I of %s', g.tgname, g.tgrelid::pg_catalog.regclass) FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE ${OWN} AND NOT g.tgisinternal AND g.tgparentid = 0
  UNION ALL SELECT pg_catalog.format('policy %I of %s', p.polname, p.polrelid::pg_catalog.regclass) FROM pg_catalog.pg_policy p
  UNION ALL SELECT pg_catalog.format('rule %I of %s', w.rulename, w.ev_class::pg_catalog.regclass) FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_class c ON c.oid = w.ev_class
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE ${OWN} AND w.rulename <> '_RETURN'
  UNION ALL SELECT 'foreign table ' || c.oid::pg_catalog.regclass FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE ${OWN} AND c.relkind = 'f'
  UNION ALL SELECT 'publication ' || pubname FROM pg_catalog.pg_publication
  UNION ALL SELECT 'event trigger ' || evtname FROM pg_catalog.pg_event_trigger
  ORDER BY 1`;

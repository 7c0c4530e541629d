import { sql } from '../../services/postgres.ts';

/** What a server says of everything in the schemas of users, one line a thing: to be compared between two databases. */
export async function shapeOf(url: string): Promise<string[]> {
  const rows = await sql<{ line: string }>(url, `SET search_path = ''; ${SHAPE}`);
  return rows.map(({ line }) => line);
}

const SCHEMAS = `(SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'millrace'))`;

const SHAPE = `
  SELECT line FROM (
    SELECT format('schema %I %s', nspname, obj_description(oid, 'pg_namespace')) AS line FROM pg_namespace WHERE oid IN ${SCHEMAS} AND nspname <> 'public'
    UNION ALL SELECT format('relation %s %s %s options %s key %s bound %s parents %s comment %s replica %s', c.oid::regclass, relkind, relpersistence, reloptions,
      CASE WHEN relkind = 'p' THEN pg_get_partkeydef(c.oid) END, pg_get_expr(relpartbound, c.oid),
      (SELECT string_agg(inhparent::regclass::text, ',' ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = c.oid), obj_description(c.oid, 'pg_class'), relreplident)
      FROM pg_class c WHERE relnamespace IN ${SCHEMAS}
    UNION ALL SELECT format('column %s.%I %s %s collation %s storage %s notnull %s identity %s generated %s default %s comment %s local %s target %s options %s', attrelid::regclass, attname,
      row_number() OVER (PARTITION BY attrelid ORDER BY attnum), format_type(atttypid, atttypmod), attcollation::regcollation, attstorage, attnotnull, attidentity, attgenerated,
      pg_get_expr(adbin, adrelid), col_description(attrelid, attnum), attislocal, nullif(to_jsonb(a.*)->>'attstattarget', '-1'), attoptions)
      FROM (SELECT attrelid, attname, attnum, atttypid, atttypmod, attcollation, attstorage, attnotnull, attidentity, attgenerated, attislocal, attstattarget, attoptions, attisdropped
        FROM pg_attribute) a
      JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE relnamespace IN ${SCHEMAS} AND attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'v', 'm', 'c')
    UNION ALL SELECT format('constraint %s %s %I %s valid %s local %s comment %s', conrelid::regclass, contypid::regtype, conname, pg_get_constraintdef(oid), convalidated, conislocal,
      obj_description(oid, 'pg_constraint')) FROM pg_constraint WHERE connamespace IN ${SCHEMAS} AND contype <> 't'
    UNION ALL SELECT format('index %s valid %s clustered %s replica %s parent %s comment %s', pg_get_indexdef(indexrelid), indisvalid, indisclustered, indisreplident,
      (SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = indexrelid), obj_description(indexrelid, 'pg_class'))
      FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace IN ${SCHEMAS}
    UNION ALL SELECT format('statistics %s %s', pg_get_statisticsobjdef(oid), obj_description(oid, 'pg_statistic_ext')) FROM pg_statistic_ext WHERE stxnamespace IN ${SCHEMAS}
    UNION ALL SELECT format('sequence %s %s %s %s %s %s %s %s owned by %s comment %s', seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle,
      (SELECT format('%s.%s %s', refobjid::regclass, refobjsubid, deptype) FROM pg_depend WHERE objid = seqrelid AND classid = 'pg_class'::regclass AND refobjsubid > 0), obj_description(seqrelid, 'pg_class'))
      FROM pg_sequence JOIN pg_class c ON c.oid = seqrelid WHERE relnamespace IN ${SCHEMAS}
    UNION ALL SELECT format('view %s %s', c.oid::regclass, pg_get_viewdef(c.oid)) FROM pg_class c WHERE relkind IN ('v', 'm') AND relnamespace IN ${SCHEMAS}
    UNION ALL SELECT format('type %s %s base %s default %s notnull %s labels %s range %s comment %s', format_type(t.oid, NULL), typtype, format_type(nullif(typbasetype, 0), typtypmod), typdefault, typnotnull,
      (SELECT array_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
      (SELECT format('%s %s', format_type(rngsubtype, NULL), rngsubdiff) FROM pg_range WHERE rngtypid = t.oid), obj_description(t.oid, 'pg_type'))
      FROM pg_type t WHERE typnamespace IN ${SCHEMAS} AND typcategory <> 'A'
  ) shape ORDER BY line COLLATE "C"`;

/** What one has and the other has not. */
export function differences(source: readonly string[], target: readonly string[]): { missing: string[]; extra: string[] } {
  const [there, here] = [new Set(target), new Set(source)];
  return { missing: source.filter(line => !there.has(line)), extra: target.filter(line => !here.has(line)) };
}

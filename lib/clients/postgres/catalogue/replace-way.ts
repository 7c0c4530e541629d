import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { limited } from '../connection/connect.ts';

export interface ReplaceWay {
  readonly way: 'swap' | 'truncate';
  /** What stands in the way of a swap; nothing where nobody looked, because the other way was asked for. */
  readonly obstacles: readonly string[];
}

/** How mode replace goes about a table: as asked for, or as the table allows. `name` is quoted. OPTION_INVALID for a swap that cannot be. */
export async function replaceWay(
  client: pg.Client,
  name: string,
  asked: ReplaceWay['way'] | undefined,
  shown: string,
): Promise<ReplaceWay> {
  if (asked === 'truncate') return { way: 'truncate', obstacles: [] };
  const obstacles = await swapObstacles(client, name);
  if (asked === 'swap' && obstacles.length > 0) {
    throw new MillraceError(
      'OPTION_INVALID',
      `postgres: option "replace": no table can be put in the place of ${shown}: ${obstacles.join('; ')}; leave the option out`,
    );
  }
  return { way: obstacles.length === 0 ? 'swap' : 'truncate', obstacles };
}

/**
 * What keeps another table from taking the place of this one without anybody noticing, in words; empty: nothing. `$1`: its quoted name.
 * Views, keys of other tables and everything else that the server ties to a table by its number would stay with the old one.
 */
async function swapObstacles(client: pg.Client, name: string): Promise<string[]> {
  const { rows } = await client.query<{ obstacle: string }>(limited(OBSTACLES, [name]));
  return rows.map(({ obstacle }) => obstacle);
}

/**
 * To drop the table takes to act as its owner, and to give the other one to it takes what `giving` says, which has its own name from 16 on.
 * `own`: the table and what is made again with it, or goes over with it. Before 14 TOAST tables and sequences have types of their own.
 */
const OBSTACLES = `
  WITH t AS (
    SELECT c.*, c.oid AS id FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)
  ), giving(privilege) AS (
    SELECT CASE WHEN pg_catalog.current_setting('server_version_num')::int4 >= 160000 THEN 'SET' ELSE 'MEMBER' END
  ), sequences AS (
    SELECT d.objid AS id, d.deptype AS tie FROM t JOIN pg_catalog.pg_depend d ON d.refobjid = t.id AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  ), own(class, id) AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, id FROM t
    UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, reltoastrelid FROM t
    UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, id FROM sequences
    UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid FROM t JOIN pg_catalog.pg_index i ON i.indrelid IN (t.id, t.reltoastrelid)
    UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, y.oid FROM t JOIN pg_catalog.pg_type y ON y.oid = t.reltype OR y.typelem = t.reltype AND t.reltype <> 0
    UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, s.reltype FROM t JOIN pg_catalog.pg_class s ON s.oid = t.reltoastrelid OR s.oid IN (SELECT id FROM sequences)
    UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid FROM t JOIN pg_catalog.pg_constraint k ON k.conrelid = t.id
    UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, f.oid FROM t JOIN pg_catalog.pg_attrdef f ON f.adrelid = t.id
    UNION ALL SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, g.oid FROM t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.id
      OR g.tgconstraint IN (SELECT k.oid FROM pg_catalog.pg_constraint k WHERE k.conrelid = t.id)
    UNION ALL SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, p.oid FROM t JOIN pg_catalog.pg_policy p ON p.polrelid = t.id
    UNION ALL SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid FROM t JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = t.id
  )
  SELECT CASE relkind WHEN 'p' THEN 'it is partitioned' ELSE 'it is no table of its own' END AS obstacle FROM t WHERE relkind <> 'r'
  UNION SELECT 'it is a partition' FROM t WHERE relispartition
  UNION SELECT 'it inherits from another table' FROM t JOIN pg_catalog.pg_inherits i ON i.inhrelid = t.id WHERE NOT relispartition
  UNION SELECT 'its owner is another role' FROM t
    WHERE NOT (pg_catalog.pg_has_role(relowner, 'USAGE') AND pg_catalog.pg_has_role(relowner, (SELECT privilege FROM giving)))
  UNION SELECT 'its owner, or this user, may not make tables in its schema' FROM t
    WHERE NOT (pg_catalog.has_schema_privilege(relowner, relnamespace, 'CREATE') AND pg_catalog.has_schema_privilege(relnamespace, 'CREATE'))
  UNION SELECT 'row-level security applies to its owner' FROM t WHERE pg_catalog.row_security_active(id)
  UNION SELECT pg_catalog.format('trigger %I fires when it is loaded or emptied', g.tgname) FROM t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.id
    WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' AND g.tgtype & 36 <> 0
  UNION SELECT 'it, or an index of it, lies in a tablespace of its own' FROM t WHERE EXISTS (
    SELECT FROM own JOIN pg_catalog.pg_class c ON c.oid = own.id WHERE own.class = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.reltablespace <> 0)
  UNION SELECT 'it, or a column of it, has a security label' FROM t JOIN pg_catalog.pg_seclabel l ON l.objoid = t.id AND l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
  UNION SELECT 'its identity column''s sequence has privileges of its own' FROM sequences JOIN pg_catalog.pg_class c ON c.oid = sequences.id WHERE tie = 'i' AND c.relacl IS NOT NULL
  UNION SELECT 'it belongs to an extension, or something of it needs one' FROM own JOIN pg_catalog.pg_depend d ON d.classid = own.class AND d.objid = own.id
    WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype IN ('e', 'x')
  UNION SELECT pg_catalog.format('publication %I has it', p.pubname) FROM t JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    JOIN pg_catalog.pg_publication_tables p ON p.schemaname = n.nspname AND p.tablename = t.relname
  UNION SELECT 'a subscription fills it' FROM t JOIN pg_catalog.pg_subscription_rel r ON r.srrelid = t.id
  UNION SELECT pg_catalog.format('replication slot %I tells of its rows', s.slot_name) FROM t, pg_catalog.pg_replication_slots s
    WHERE s.slot_type = 'logical' AND s.database = pg_catalog.current_database() AND t.relpersistence = 'p'
  UNION SELECT CASE WHEN w.ev_class IS DISTINCT FROM t.id AND w.ev_class IS NOT NULL THEN pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, w.ev_class, 0)
      ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END || ' hangs on it'
    FROM t, own JOIN pg_catalog.pg_depend d ON d.refclassid = own.class AND d.refobjid = own.id
      LEFT JOIN pg_catalog.pg_rewrite w ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND w.oid = d.objid
    WHERE d.deptype <> 'p' AND d.classid <> 'pg_catalog.pg_publication_rel'::pg_catalog.regclass AND NOT EXISTS (SELECT FROM own o WHERE o.class = d.classid AND o.id = d.objid)
  ORDER BY 1`;

import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { quoteIdentifier, quoteLiteral } from '../../../values/identifiers.ts';
import type { TargetTable } from '../catalogue/target-table.ts';
import type { Upsert } from '../catalogue/upsert-key.ts';
import { limited } from '../connection/connect.ts';
import type { PgPool, PgSession } from '../connection/pool.ts';
import { isPooled } from '../connection/settings.ts';
import { within } from '../connection/within.ts';
import { type Staged, stagingSql } from './merge-statements.ts';

/**
 * A staging table that one session fills while another one merges what is there already. It is not logged, stands beside the table that it is for, and
 * belongs to nobody but its owner. Every COPY into it is committed at once, so it has to be dropped when the merging transaction is over; one
 * whose process died is dropped by the next one that is made in that schema: nobody holds its lock.
 */
export class SharedStaging {
  /** For SQL. */
  readonly name: string;
  /** As the server calls it in the context of an error. */
  readonly bare: string;
  readonly #pool: PgPool;
  readonly #session: PgSession;
  /** The last row that was staged. */
  #last = '(0,0)';

  private constructor(pool: PgPool, session: PgSession, schema: string, bare: string) {
    this.#pool = pool;
    this.#session = session;
    this.bare = bare;
    this.name = `${quoteIdentifier(schema)}.${bare}`;
  }

  /**
   * Undefined where there can be none: without the right to make tables there, or another connection; where something of the merging session is its own
   * alone (a temporary table, a role, a lock); behind a pooler.
   */
  static async make(
    pool: PgPool,
    merging: pg.Client,
    target: TargetTable,
    upsert: Upsert,
    signal: AbortSignal,
  ): Promise<SharedStaging | undefined> {
    const { rows } = await merging.query<Home>(limited(HOME, [target.name]));
    const [home] = rows;
    if (home === undefined || isPooled(merging)) return undefined;
    const session = await pool.acquire(AbortSignal.any([signal, AbortSignal.timeout(CONNECT_LIMIT_MS)])).catch(() => undefined);
    if (session === undefined) return undefined;
    const staging = new SharedStaging(pool, session, home.schema, `${PREFIX}${randomBytes(6).toString('hex')}`);
    if (!session.isBorrowed && (await within(CONNECT_LIMIT_MS, staging.#create(home, target, upsert)))) return staging;
    session.discard();
    return undefined;
  }

  /** Of the session that fills it. */
  get client(): pg.Client {
    return this.#session.client;
  }

  /** What came since this was last asked. */
  async staged(): Promise<Staged> {
    const after = this.#last;
    const { rows } = await this.client.query<{ last: string | null }>(
      `SELECT pg_catalog.max(ctid)::text AS last FROM ${this.name} WHERE ctid > '${after}'`,
    );
    this.#last = rows[0]?.last ?? after;
    return { table: this.name, between: [after, this.#last] };
  }

  /** Drops it; the merging transaction is over. False where that was not possible. */
  async end(): Promise<boolean> {
    if (await within(DROP_LIMIT_MS, this.#drop(this.client))) {
      this.#session.release();
      return true;
    }
    await this.#session.cancel();
    this.#session.discard();
    const again = await this.#pool.acquire(AbortSignal.timeout(CONNECT_LIMIT_MS)).catch(() => undefined);
    const isDropped = again !== undefined && (await within(DROP_LIMIT_MS, this.#drop(again.client)));
    if (isDropped) again.release();
    else again?.discard();
    return isDropped;
  }

  async #create(home: Home, target: TargetTable, upsert: Upsert): Promise<void> {
    const { client } = this;
    await this.#dropAbandoned(home);
    await client.query('BEGIN');
    await client.query(`SET LOCAL lock_timeout = ${LOCK_LIMIT_MS}`);
    const { rows } = await client.query<{ isSame: boolean }>(SAME, [target.name, home.table, home.role]);
    if (rows[0]?.isSame !== true) throw new Error('the two sessions do not mean the same');
    await client.query(stagingSql(`UNLOGGED TABLE ${this.name} WITH (autovacuum_enabled = off)`, this.name, target, upsert));
    const granted = await client.query<{ statement: string }>(REVOKES, [this.name]);
    for (const { statement } of granted.rows) await client.query(statement);
    await client.query(`SELECT pg_catalog.pg_advisory_lock(${LOCK}) FROM pg_catalog.pg_class c WHERE c.oid = ${regclass(this.name)}`);
    await client.query('COMMIT');
  }

  async #dropAbandoned({ schema }: Home): Promise<void> {
    const { client } = this;
    const { rows } = await client.query<{ name: string; lock: string }>(ABANDONED, [schema]);
    for (const { name, lock } of rows) {
      await client.query(`SET lock_timeout = ${LOCK_LIMIT_MS}; DROP TABLE IF EXISTS ${name}; RESET lock_timeout`);
      await client.query('SELECT pg_catalog.pg_advisory_unlock($1)', [lock]);
    }
  }

  /** One transaction, and no lock afterwards. */
  async #drop(client: pg.Client): Promise<void> {
    await client.query(`SELECT pg_catalog.set_config('lock_timeout', '${DROP_LIMIT_MS}', true); DROP TABLE IF EXISTS ${this.name};
      SELECT pg_catalog.pg_advisory_unlock_all()`);
  }
}

interface Home {
  readonly schema: string;
  /** Its number. */
  readonly table: string;
  readonly role: string;
}

const PREFIX = 'millrace_staging_';
const CONNECT_LIMIT_MS = 5000;
const LOCK_LIMIT_MS = 500;
const DROP_LIMIT_MS = 2000;

/** The lock of a staging table: the letters MILL, and its number. */
const LOCK = '(1296649292::int8 << 32) | c.oid::int8';

const regclass = (name: string): string => `pg_catalog.to_regclass(${quoteLiteral(name)})`;

const HOME = `SELECT n.nspname::text AS schema, c.oid::text AS table, current_user::text AS role
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = pg_catalog.to_regclass($1) AND c.relpersistence <> 't' AND pg_catalog.has_schema_privilege(n.oid, 'CREATE')`;

const SAME = `SELECT pg_catalog.to_regclass($1)::pg_catalog.oid::text = $2 AND current_user::text = $3 AS "isSame"`;

/** What default privileges have given to others. */
const REVOKES = `SELECT DISTINCT pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s', $1::text,
    CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::pg_catalog.regrole::text END) AS statement
  FROM pg_catalog.pg_class c CROSS JOIN pg_catalog.aclexplode(c.relacl) a
  WHERE c.oid = pg_catalog.to_regclass($1) AND a.grantee <> c.relowner`;

/** Their locks are taken; those that another session holds are of the living. */
const ABANDONED = `SELECT pg_catalog.format('%I.%I', s.schema, s.relname) AS name, s.lock::text AS lock
  FROM (SELECT n.nspname AS schema, c.relname, ${LOCK} AS lock FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname ~ '^${PREFIX}[0-9a-f]{12}$' AND c.relpersistence = 'u' AND c.relkind = 'r'
      AND pg_catalog.pg_has_role(c.relowner, 'USAGE') OFFSET 0) s
  WHERE pg_catalog.pg_try_advisory_lock(s.lock)`;

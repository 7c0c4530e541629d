import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { quoteIdentifier, quoteQualifiedName } from '../../../values/identifiers.ts';
import { limited } from '../connection/connect.ts';
import { commentDdl, indexDdl } from './definition/after-ddl.ts';
import type { TableDefinition } from './definition/model.ts';
import { withQualifiedNames } from './definition/qualified-session.ts';
import { readDefinitions, relationOid } from './definition/read-tables.ts';
import type { TargetTable } from './target-table.ts';

/** Indexes of a table that a load goes faster without. */
export interface RebuiltIndexes {
  readonly names: readonly string[];
  /** Names of those that stay, and why. */
  readonly kept: readonly string[];
  /** Before the load, and after it. */
  readonly drop: readonly string[];
  readonly build: readonly string[];
}

/**
 * The secondary indexes of a table: no constraint, no key and no uniqueness needs them, and all that is theirs can be made again. Looked up only.
 * OPTION_INVALID for what is no table of its own rows, NOT_PERMITTED where this user may not drop and make its indexes.
 */
export async function rebuiltIndexes(client: pg.Client, { name, kind }: TargetTable, shown: string): Promise<RebuiltIndexes> {
  if (kind !== 'r') throw invalid(`${shown} is ${KINDS[kind] ?? 'no table'}`);
  const oid = await relationOid(client, name);
  const [definition] = oid === undefined ? [] : await readDefinitions(client, [oid]);
  if (definition === undefined) throw new MillraceError('NOT_FOUND', `table ${shown} is gone`);
  const { rows } = await client.query<IndexState>(limited(STATES, [oid]));
  const states = new Map(rows.map(state => [state.name, state]));
  const kept: string[] = [];
  const indexes = definition.indexes.filter(index => {
    const why = index.isUnique ? undefined : obstacle(index, states.get(index.name));
    if (why !== undefined) kept.push(`${JSON.stringify(index.name)} (${why})`);
    return !index.isUnique && why === undefined;
  });
  if (indexes.length > 0) await checkRights(client, definition, shown);
  return {
    names: indexes.map(index => index.name),
    kept,
    drop: indexes.map(index => `DROP INDEX ${quoteQualifiedName({ schema: definition.schema, name: index.name })}`),
    build: building({ ...definition, indexes, constraints: [], statistics: [], columns: [], comment: undefined }, states),
  };
}

const KINDS: Readonly<Record<string, string>> = {
  p: 'partitioned, and an index of it cannot be dropped alone; name a partition',
  v: 'a view; name a table',
  f: 'a foreign table; name a table',
};

function invalid(what: string): MillraceError {
  return new MillraceError(
    'OPTION_INVALID',
    `postgres: option "indexes": only those of one table can be rebuilt: ${what}, or leave the option out`,
  );
}

/** Drops them: from then on nobody else reads the table until the transaction ends. Errors as of `rebuiltIndexes`. */
export async function dropIndexes(client: pg.Client, target: TargetTable, shown: string): Promise<RebuiltIndexes> {
  const seen = await rebuiltIndexes(client, target, shown);
  if (seen.names.length === 0) return seen;
  await client.query(`LOCK TABLE ONLY ${target.name} IN ACCESS EXCLUSIVE MODE`);
  const found = await rebuiltIndexes(client, target, shown);
  for (const statement of found.drop) await client.query(statement);
  return found;
}

/**
 * Makes them over all rows, where they were, whatever tablespace new ones go to. No index can be made while checks of rows are put off, so these are
 * made now. Errors of the server come as they are.
 */
export async function buildIndexes(client: pg.Client, { build }: RebuiltIndexes): Promise<void> {
  if (build.length === 0) return;
  await client.query(limited('SET CONSTRAINTS ALL IMMEDIATE'));
  const { rows } = await client.query<{ place: string }>(limited("SELECT pg_catalog.current_setting('default_tablespace') AS place"));
  await client.query(limited(SET_TABLESPACE, ['']));
  await withQualifiedNames(client, async () => {
    for (const statement of build) await client.query(statement);
  });
  await client.query(limited(SET_TABLESPACE, [rows[0]?.place ?? '']));
}

const SET_TABLESPACE = "SELECT pg_catalog.set_config('default_tablespace', $1, true)";

function building(definition: TableDefinition, states: ReadonlyMap<string, IndexState>): string[] {
  const targets = definition.indexes.flatMap(({ name }) =>
    (states.get(name)?.targets ?? []).map(
      ({ number, target }) =>
        `ALTER INDEX ${quoteQualifiedName({ schema: definition.schema, name })} ALTER COLUMN ${number} SET STATISTICS ${target}`,
    ),
  );
  // What ANALYZE knows of an expression is gone with its index.
  const isAnalyzed = definition.indexes.some(({ name }) => states.get(name)?.analyzed === true);
  return [
    ...indexDdl(definition).map(({ sql }) => sql),
    ...commentDdl(definition).map(({ sql }) => sql),
    ...targets,
    ...(isAnalyzed ? [`ANALYZE ${quoteQualifiedName(definition)}`] : []),
  ];
}

interface IndexState {
  readonly name: string;
  readonly placed: boolean;
  readonly extension: boolean;
  readonly analyzed: boolean;
  readonly targets: { number: number; target: number }[] | null;
}

const STATES = `
  SELECT c.relname::text AS name, c.reltablespace <> 0 AS placed,
    EXISTS (SELECT FROM pg_catalog.pg_stats s JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname
      WHERE n.oid = c.relnamespace AND s.tablename = c.relname) AS analyzed,
    EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype IN ('e', 'x')) AS extension,
    (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('number', a.attnum, 'target', a.attstattarget) ORDER BY a.attnum)
      FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attstattarget >= 0 AND a.attnum > 0) AS targets
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = $1`;

function obstacle({ isValid, parent }: TableDefinition['indexes'][number], state: IndexState | undefined): string | undefined {
  if (parent !== undefined) return 'a part of an index of the partitioned table';
  if (!isValid) return 'not valid';
  if (state?.placed === true) return 'in a tablespace of its own';
  return state?.extension === true ? 'of an extension' : undefined;
}

async function checkRights(client: pg.Client, { schema, name }: TableDefinition, shown: string): Promise<void> {
  const { rows } = await client.query<{ owns: boolean; creates: boolean }>(limited(RIGHTS, [quoteQualifiedName({ schema, name }), schema]));
  const { owns, creates } = rows[0] as (typeof rows)[number];
  const who = owns ? `whoever may CREATE in schema ${quoteIdentifier(schema)}` : 'its owner';
  if (owns && creates) return;
  throw new MillraceError(
    'NOT_PERMITTED',
    `postgres: option "indexes": only ${who} can rebuild the indexes of table ${shown}; leave the option out`,
  );
}

const RIGHTS = `
  SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owns, pg_catalog.has_schema_privilege($2, 'CREATE') AS creates
  FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)`;

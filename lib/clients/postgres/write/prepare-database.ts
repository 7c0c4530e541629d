import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import { quoteIdentifier, quoteQualifiedName } from '../../../values/identifiers.ts';
import { type NeededObject, neededDdl, quotedName, schemaOf } from '../catalogue/definition/database-ddl.ts';
import { type Ddl, printTableName } from '../catalogue/definition/ddl.ts';
import type { TableDefinition } from '../catalogue/definition/model.ts';
import { asServerHas } from '../catalogue/definition/older-server.ts';
import { type DatabaseDefinition, databaseIdentity, type DatabaseObject } from '../catalogue/definition/read-database.ts';
import { type DdlRun, runAround, runEach } from '../catalogue/definition/run-ddl.ts';
import { tableDdl } from '../catalogue/definition/table-ddl.ts';
import { checkWritable } from '../catalogue/rights.ts';
import { limited } from '../connection/connect.ts';
import { describeTarget, type PgTarget } from '../connection/connection-options.ts';
import { postgresError } from '../connection/errors.ts';
import { circleOf, type ExistingTables, findTables } from './existing-tables.ts';

export type DatabaseMode = 'create' | 'append' | 'replace';

/** What is there before the first row. */
export interface Prepared {
  readonly existing: ExistingTables;
  /** Tables that the target cannot have, and why. */
  readonly unmade: ReadonlyMap<TableDefinition, MillraceError>;
  /** Types and sequences that were there. */
  readonly found: ReadonlySet<DatabaseObject>;
  /** What takes away again what this run has made, beside tables; in the order of their making. */
  readonly undo: readonly string[];
}

export const NOTHING_PREPARED: Prepared = {
  existing: { names: new Set(), after: new Map(), referring: [] },
  unmade: new Map(),
  found: new Set(),
  undo: [],
};

export function tablesOf({ objects }: DatabaseDefinition): TableDefinition[] {
  return objects.flatMap(object => (object.kind === 'table' ? [object.table] : []));
}

/**
 * Makes schemas, types, sequences and empty tables, within a transaction; what is there is used as it is. EXISTS, with the names of all tables that
 * are there, in mode create; OPTION_INVALID where foreign keys of tables that are there leave no way to fill them; NOT_PERMITTED on a standby.
 */
export async function prepareDatabase(run: DdlRun, whole: DatabaseDefinition, mode: DatabaseMode, target: PgTarget): Promise<Prepared> {
  const { client } = run;
  const tables = tablesOf(whole);
  await checkWritable(client);
  const existing = await findTables(client, tables);
  for (const problem of [...(await ownDatabase(client, whole, mode)), ...modeProblems(existing, mode, target)]) throw problem;
  const isThereAlready = (table: TableDefinition): boolean => existing.names.has(printTableName(table));
  const undo: string[] = [];
  for (const schema of await missingSchemas(client, whole)) {
    await client.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
    undo.push(`DROP SCHEMA ${quoteIdentifier(schema)}`);
  }
  const [found, unmade] = [new Set<DatabaseObject>(), new Map<TableDefinition, MillraceError>()];
  for (const object of whole.objects) {
    if (object.kind === 'table' && !isThereAlready(object.table)) {
      const refusal = await makeTable(run, object.table, target);
      if (refusal !== undefined) unmade.set(object.table, refusal);
    }
    if (object.kind !== 'type' && object.kind !== 'sequence') continue;
    if (await isThere(client, object)) found.add(object);
    else if ((await runEach(run, [neededDdl(object)])).length === 0) undo.push(`DROP ${object.kind} IF EXISTS ${quotedName(object)}`);
  }
  const emptying = mode === 'replace' ? emptyingAll(tables.filter(isThereAlready)) : undefined;
  if (emptying !== undefined) await client.query(emptying);
  return { existing, unmade, found, undo };
}

/** OPTION_INVALID where the rows that are to be read would be emptied before: a snapshot does not keep them. */
export async function ownDatabase(client: pg.Client, { identity }: DatabaseDefinition, mode: DatabaseMode): Promise<MillraceError[]> {
  if (mode !== 'replace' || (await databaseIdentity(client)) !== identity) return [];
  const what =
    'postgres: option "mode": replace is not possible, because it is the database that is read: its rows would be gone; name another one';
  return [new MillraceError('OPTION_INVALID', what)];
}

/** What makes the mode impossible for tables that are there: EXISTS, with all names; OPTION_INVALID for foreign keys that leave no way to fill them. */
export function modeProblems(existing: ExistingTables, mode: DatabaseMode, target: PgTarget): MillraceError[] {
  const { names, referring } = existing;
  const problems: MillraceError[] = [];
  if (mode === 'create' && names.size > 0) {
    const what = `these tables exist in ${describeTarget(target)}: ${[...names].join(', ')}; add to them with mode append, or replace them`;
    problems.push(new MillraceError('EXISTS', what));
  }
  if (mode === 'replace' && referring.length > 0) {
    const what = `postgres: option "mode": replace is not possible, because foreign keys of tables that are not replaced refer to those that are: ${referring.join(', ')}; replace these tables too, or drop the keys first`;
    problems.push(new MillraceError('OPTION_INVALID', what));
  }
  const circle = circleOf(existing);
  if (circle !== undefined) {
    const what = `postgres: option "mode": ${mode} is not possible, because foreign keys of tables that are there go in a circle: ${circle}; drop one of them for the copy`;
    problems.push(new MillraceError('OPTION_INVALID', what));
  }
  return problems;
}

export async function missingSchemas(client: pg.Client, { objects }: DatabaseDefinition): Promise<string[]> {
  const schemas = [...new Set(objects.map(schemaOf))];
  const { rows } = await client.query<{ name: string }>(
    limited('SELECT nspname::text AS name FROM pg_catalog.pg_namespace WHERE nspname = ANY ($1::text[])', [schemas]),
  );
  return schemas.filter(schema => !rows.some(({ name }) => name === schema));
}

/** Why it cannot be made, which is said too. */
async function makeTable(run: DdlRun, table: TableDefinition, target: PgTarget): Promise<MillraceError | undefined> {
  const statements = tableDdl(await asServerHas(run.client, table, message => run.warn(message)));
  const making = statements.find(({ sql }) => /^CREATE (?:UNLOGGED )?TABLE /.test(sql)) as Ddl;
  const refusal = await runAround(run, statements, making);
  return refusal === undefined ? undefined : postgresError(refusal, 'the table cannot be made', target);
}

export async function isThere(client: pg.Client, object: NeededObject): Promise<boolean> {
  const lookUp = object.kind === 'type' ? 'to_regtype' : 'to_regclass';
  const { rows } = await client.query<{ found: boolean }>(
    limited(`SELECT pg_catalog.${lookUp}($1) IS NOT NULL AS found`, [quotedName(object)]),
  );
  return rows[0]?.found === true;
}

/** All of them in one statement: they may refer to each other. */
export function emptyingAll(tables: readonly TableDefinition[]): string | undefined {
  const replaced = tables.filter(({ kind }) => kind === 'r');
  return replaced.length === 0 ? undefined : `TRUNCATE ONLY ${replaced.map(quoteQualifiedName).join(', ONLY ')}`;
}

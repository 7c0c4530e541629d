import type pg from 'pg';
import { MillraceError } from '../../../../errors.ts';
import { limited } from '../../connection/connect.ts';
import { NEEDS, NOT_CARRIED, type ObjectRow, RELATIONS_OF_DATABASE, TYPES_OF_DATABASE } from './database-queries.ts';
import { printTableName } from './ddl.ts';
import type { SchemaName, SequenceDefinition, TableDefinition } from './model.ts';
import { withQualifiedNames } from './qualified-session.ts';
import { readSequenceStates, sequenceDefinition } from './read-sequences.ts';
import { readDefinitions } from './read-tables.ts';
import { SEQUENCES, type SequenceRow } from './table-queries.ts';

/** An object of a database, in the order in which it has to be made. */
export type DatabaseObject =
  | { readonly kind: 'type'; readonly object: ObjectRow & { readonly sql: string } }
  | { readonly kind: 'view'; readonly object: ObjectRow & { readonly sql: string }; readonly indexes?: TableDefinition }
  | { readonly kind: 'sequence'; readonly sequence: SequenceDefinition }
  | { readonly kind: 'table'; readonly table: TableDefinition };

/** What a copy of a database, or of a part of it, is made of. */
export interface DatabaseDefinition {
  readonly objects: readonly DatabaseObject[];
  /** Functions, triggers, extensions, … by name. */
  readonly notCarried: readonly string[];
  /** Another one in every other database, wherever its server is. */
  readonly identity: string;
}

/** What tells a database apart, under whatever address: when its server was started, and its own number there. */
export async function databaseIdentity(client: pg.Client): Promise<string> {
  const [row] = await ask<{ identity: string }>(client, IDENTITY);
  return row?.identity ?? '';
}

const IDENTITY = `
  SELECT extract(epoch FROM pg_catalog.pg_postmaster_start_time())::text || ' ' || oid AS identity
  FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`;

/**
 * The tables (and views) that match, and what they need: types and sequences; without patterns everything. NOT_FOUND where nothing matches.
 * `tables`: `public.*,crm.orders`.
 */
export async function readDatabase(client: pg.Client, tables: string | undefined): Promise<DatabaseDefinition> {
  return withQualifiedNames(client, async () => {
    const relations = await ask<ObjectRow>(client, RELATIONS_OF_DATABASE);
    const types = await ask<ObjectRow>(client, TYPES_OF_DATABASE);
    const needs = needsOf(await ask<{ node: string; needs: string }>(client, NEEDS));
    const isWanted = matcher(tables);
    const wanted = relations.filter(relation => relation.kind !== 'f' && isWanted(relation));
    if (tables !== undefined && wanted.length === 0)
      throw new MillraceError('NOT_FOUND', `no table or view matches ${JSON.stringify(tables)}; write schema.table or schema.*`);
    const known = new Map([...types, ...relations].map(object => [object.node, object]));
    const all =
      tables === undefined ? [...types, ...wanted] : [...wanted.filter(({ kind }) => kind !== 'S'), ...needed(wanted, needs, known)];
    const ordered = inOrder(all, needs);
    const oids = ordered.filter(({ kind, node }) => node.startsWith('c') && 'rpm'.includes(kind)).map(({ oid }) => oid);
    const whole = await readDefinitions(client, oids);
    const sequenceOids = ordered.filter(({ kind }) => kind === 'S').map(({ oid }) => oid);
    const rows = await ask<SequenceRow>(client, SEQUENCES, [`{${sequenceOids.join(',')}}`]);
    const states = await readSequenceStates(client, rows);
    const sequences = new Map(rows.map(row => [row.oid, sequenceDefinition(row, states)]));
    const carried = new Set(ordered.flatMap(({ node, oid }) => (node.startsWith('c') ? [oid] : [])));
    const definitions = new Map(whole.map(definition => [definition.oid, detached(definition, carried)]));
    const notCarried = (await ask<{ what: string }>(client, NOT_CARRIED)).map(({ what }) => what);
    return {
      objects: ordered.flatMap(object => databaseObject(object, definitions, sequences)),
      notCarried: [...notCarried, ...absentParents(whole, carried)],
      identity: await databaseIdentity(client),
    };
  });
}

async function ask<Row extends pg.QueryResultRow>(client: pg.Client, text: string, values?: unknown[]): Promise<Row[]> {
  return (await client.query<Row>(limited(text, values))).rows;
}

function needsOf(rows: readonly { node: string; needs: string }[]): ReadonlyMap<string, readonly string[]> {
  const map = new Map<string, string[]>();
  for (const { node, needs } of rows) map.set(node, [...(map.get(node) ?? []), needs]);
  return map;
}

/** Types and sequences that these need, directly or not. */
function needed(
  roots: readonly ObjectRow[],
  needs: ReadonlyMap<string, readonly string[]>,
  known: ReadonlyMap<string, ObjectRow>,
): ObjectRow[] {
  const found = new Map<string, ObjectRow>();
  const visit = (node: string): void => {
    for (const next of needs.get(node) ?? []) {
      const object = known.get(next);
      if (object === undefined || found.has(next) || !(next.startsWith('t') || object.kind === 'S')) continue;
      found.set(next, object);
      visit(next);
    }
  };
  for (const { node } of roots) visit(node);
  return [...found.values()];
}

function inOrder(objects: readonly ObjectRow[], needs: ReadonlyMap<string, readonly string[]>): ObjectRow[] {
  const byNode = new Map(objects.map(object => [object.node, object]));
  const ordered = new Set<ObjectRow>();
  const begun = new Set<string>();
  const visit = (object: ObjectRow): void => {
    if (begun.has(object.node)) return;
    begun.add(object.node);
    for (const next of needs.get(object.node) ?? []) {
      const other = byNode.get(next);
      if (other !== undefined) visit(other);
    }
    ordered.add(object);
  };
  objects.forEach(visit);
  return [...ordered];
}

function databaseObject(
  object: ObjectRow,
  definitions: ReadonlyMap<number, TableDefinition>,
  sequences: ReadonlyMap<number, SequenceDefinition>,
): DatabaseObject[] {
  const { node, kind, oid, sql } = object;
  const definition = definitions.get(oid);
  if (node.startsWith('t')) return sql === null ? [] : [{ kind: 'type', object: { ...object, sql } }];
  if (kind === 'S') {
    const sequence = sequences.get(oid);
    return sequence === undefined ? [] : [{ kind: 'sequence', sequence }];
  }
  if (sql !== null) return [{ kind: 'view', object: { ...object, sql }, ...(definition === undefined ? {} : { indexes: definition }) }];
  return definition === undefined ? [] : [{ kind: 'table', table: definition }];
}

/** A partition or child whose parent stays behind becomes a table of its own. */
function absentParents(tables: readonly TableDefinition[], carried: ReadonlySet<number>): string[] {
  return tables.flatMap(table =>
    table.parentOids.flatMap((oid, i) =>
      carried.has(oid)
        ? []
        : [`place of ${printTableName(table)} below ${printTableName(table.parents[i] as SchemaName)}, which is not among the tables`],
    ),
  );
}

function detached(definition: TableDefinition, carried: ReadonlySet<number>): TableDefinition {
  if (definition.parentOids.every(oid => carried.has(oid))) return definition;
  return {
    ...definition,
    parents: [],
    parentOids: [],
    partitionBound: undefined,
    columns: definition.columns.map(column => ({ ...column, isLocal: true })),
    constraints: definition.constraints.map(one => ({
      ...one,
      isLocal: true,
      isOfParent: false,
      index: one.index === undefined ? undefined : { ...one.index, parent: undefined },
    })),
    indexes: definition.indexes.map(index => ({ ...index, parent: undefined })),
  };
}

function matcher(tables: string | undefined): (object: { schema: string; name: string }) => boolean {
  if (tables === undefined) return () => true;
  const patterns = splitOutsideQuotes(tables, ',').map(pattern => {
    const parts = splitOutsideQuotes(pattern.trim(), '.');
    const [schema, name] = parts.length === 1 ? ['public', parts[0] ?? ''] : parts;
    if (parts.length > 2 || parts.includes(''))
      throw new MillraceError(
        'OPTION_INVALID',
        `postgres: option "tables": ${JSON.stringify(pattern)} is no pattern; write schema.table or schema.*`,
      );
    return { schema: asPattern(schema ?? ''), name: asPattern(name ?? '') };
  });
  return object => patterns.some(({ schema, name }) => schema.test(object.schema) && name.test(object.name));
}

function splitOutsideQuotes(text: string, at: string): string[] {
  const parts = [''];
  let isQuoted = false;
  for (const char of text) {
    if (char === '"') isQuoted = !isQuoted;
    if (char === at && !isQuoted) parts.push('');
    else parts.push((parts.pop() ?? '') + char);
  }
  return parts;
}

function asPattern(part: string): RegExp {
  const text = part.startsWith('"') && part.endsWith('"') && part.length > 1 ? part.slice(1, -1).replaceAll('""', '"') : part;
  const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${text === part ? escaped.replaceAll('\\*', '.*') : escaped}$`, 's');
}

/** What makes the objects of a database: of tables the steps of their load, of others what stands before the rows and after them. */
import { type QualifiedName, quoteLiteral, quoteQualifiedName } from '../../../../values/identifiers.ts';
import { commentDdl, indexDdl, keyDdl, replicaIdentityDdl, sequenceStateDdl, statisticsDdl, unvalidatedDdl } from './after-ddl.ts';
import type { Ddl } from './ddl.ts';
import type { SchemaName, SequenceDefinition, TableDefinition } from './model.ts';
import type { DatabaseObject } from './read-database.ts';
import { sequenceDdl } from './table-ddl.ts';

/** What tables need. */
export type NeededObject = Extract<DatabaseObject, { kind: 'type' | 'sequence' }>;

export function schemaOf(object: DatabaseObject): string {
  if (object.kind === 'table') return object.table.schema;
  return object.kind === 'sequence' ? (object.sequence.name?.schema ?? 'public') : object.object.schema;
}

/** For SQL. */
export function quotedName(object: DatabaseObject): string {
  if (object.kind === 'table') return quoteQualifiedName(object.table);
  return quoteQualifiedName(object.kind === 'sequence' ? (object.sequence.name as QualifiedName) : object.object);
}

export function neededDdl(object: NeededObject): Ddl {
  if (object.kind === 'sequence') return sequenceDdl(object.sequence.name as QualifiedName, object.sequence);
  return { object: `type ${shownName(object.object)}`, sql: object.object.sql };
}

/** Of a table that has its rows, in their transaction. */
export function loadedDdl(table: TableDefinition): Ddl[] {
  return [keyDdl, statisticsDdl, unvalidatedDdl].flatMap(ddl => ddl(table));
}

/** Of a partitioned table whose partitions have their rows, keys and indexes. */
export function parentDdl(table: TableDefinition): Ddl[] {
  return [...keyDdl(table), ...indexDdl(table)];
}

/** Of a table, when all of them have their rows and foreign keys. */
export function finishedDdl(table: TableDefinition): Ddl[] {
  return [replicaIdentityDdl, sequenceStateDdl, commentDdl].flatMap(ddl => ddl(table));
}

const COMMENTED: Readonly<Record<string, string>> = { v: 'VIEW', m: 'MATERIALIZED VIEW', d: 'DOMAIN' };

/**
 * Views in the order in which they need each other, where sequences of nobody stand, comments. `wasThere`: before this run; then only a sequence is
 * moved on, and never back.
 */
export function afterRowsDdl(object: DatabaseObject, wasThere: boolean): Ddl[] {
  if (object.kind === 'table') return [];
  if (object.kind === 'sequence') return standing(object.sequence, wasThere);
  const { kind, sql, comment } = object.object;
  const name = quoteQualifiedName(object.object);
  const shown = `${object.kind} ${shownName(object.object)}`;
  const said =
    comment === null || wasThere
      ? []
      : [{ object: `comment on ${shown}`, sql: `COMMENT ON ${COMMENTED[kind] ?? 'TYPE'} ${name} IS ${quoteLiteral(comment)}` }];
  if (object.kind === 'type') return said;
  const view = [{ object: shown, sql }];
  if (object.indexes === undefined) return [...view, ...said];
  return [...view, { object: shown, sql: `REFRESH MATERIALIZED VIEW ${name}` }, ...indexDdl(object.indexes), ...commentDdl(object.indexes)];
}

function standing({ name, state, comment, increment }: SequenceDefinition, wasThere: boolean): Ddl[] {
  const quoted = quoteQualifiedName(name as QualifiedName);
  const object = `state of sequence ${shownName(name as SchemaName)}`;
  const said = comment === undefined || wasThere ? [] : [{ object, sql: `COMMENT ON SEQUENCE ${quoted} IS ${quoteLiteral(comment)}` }];
  if (state === undefined) return said;
  const { lastValue, isCalled } = state;
  const isBehind = `last_value ${increment.startsWith('-') ? '>' : '<'} ${lastValue} OR last_value = ${lastValue} AND NOT is_called`;
  const sql = `SELECT pg_catalog.setval(${quoteLiteral(quoted)}, ${lastValue}, ${isCalled})${wasThere ? ` FROM ${quoted} WHERE ${isBehind}` : ''}`;
  return [{ object, sql }, ...said];
}

function shownName({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return JSON.stringify(`${schema}.${name}`);
}

import { type QualifiedName, quoteIdentifier, quoteQualifiedName } from '../../../../values/identifiers.ts';
import { printPath } from '../../../../query/path.ts';
import type { SchemaName, TableDefinition } from './model.ts';

/** A statement that makes, changes or sets something. It is read with an empty search_path. */
export interface Ddl {
  /** What it makes, for messages: `index "a_b_idx" of table "a"`. */
  readonly object: string;
  readonly sql: string;
  /** A key it refers to lies there. */
  readonly references?: QualifiedName;
}

/** Where the objects of a table are made: under their own names, or around another table in its place. */
export interface DdlPlace {
  readonly table: QualifiedName;
  /** What indexes, constraints and statistics are called there; as in the definition by default. */
  readonly nameOf?: (name: string) => string;
  /** The oid of the table that this one stands for: keys that refer to it refer to this one. */
  readonly self?: number;
}

export function placeOf(definition: TableDefinition): DdlPlace {
  return { table: { schema: definition.schema, name: definition.name } };
}

/** What the parts of the statements are called at a place. */
export function namesAt({ table, nameOf = name => name }: DdlPlace): PlaceNames {
  return {
    table: quoteQualifiedName(table),
    shown: showName(table),
    own: name => quoteIdentifier(nameOf(name)),
    inSchema: name => quoteQualifiedName({ schema: table.schema, name: nameOf(name) }),
  };
}

export interface PlaceNames {
  /** For SQL. */
  readonly table: string;
  /** For messages. */
  readonly shown: string;
  /** Of an index, a constraint, statistics. */
  own(name: string): string;
  inSchema(name: string): string;
}

/** `crm.users`, `"odd.schema".t`: no other table's name, and what option `tables` takes. */
export function printTableName({ schema, name }: SchemaName): string {
  return printPath([schema, name]);
}

/** `"crm.users"`, for messages. */
export function showName({ schema, name }: QualifiedName): string {
  return JSON.stringify(schema === undefined ? name : `${schema}.${name}`);
}

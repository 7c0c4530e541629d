import type pg from 'pg';
import type { Schema } from '../../../../schema/schema.ts';
import { typeName } from '../../../../schema/types.ts';
import { parseQualifiedName, quoteIdentifier, quoteQualifiedName } from '../../../../values/identifiers.ts';
import { limited } from '../../connection/connect.ts';
import { sqlStateOf } from '../../connection/errors.ts';
import { type Making, provideType } from '../create-table.ts';
import { adaptDefinition } from './adapt.ts';
import { commentDdl, foreignKeyDdl, indexDdl, keyDdl, replicaIdentityDdl, sequenceStateDdl, unvalidatedDdl } from './after-ddl.ts';
import type { Ddl, DdlPlace } from './ddl.ts';
import { freeNames } from './free-names.ts';
import type { ColumnDefinition, TableDefinition } from './model.ts';
import { asServerHas } from './older-server.ts';
import { isUnreferenced, runEach } from './run-ddl.ts';
import { tableDdl } from './table-ddl.ts';

/** What is asked for of a table that is made like another one. */
export interface DefinedWish {
  readonly table: string;
  /** Of the records. */
  readonly schema: Schema;
  /** The primary key that the user wants, in place of the table's own. */
  readonly key?: readonly string[] | undefined;
}

/**
 * A table made like the one that the records come from: before the load columns with all that is theirs and checks, after it keys, indexes, foreign
 * keys, sequences and comments. What cannot come along is left out, and said as a warning. All within the transaction of the client.
 */
export class DefinedTable {
  readonly #making: Making;
  readonly #definition: TableDefinition;
  readonly #place: DdlPlace;
  readonly #ownKey: readonly string[] | undefined;
  /** Of the columns of the records, in their order. */
  readonly types: readonly string[];

  private constructor(making: Making, definition: TableDefinition, place: DdlPlace, { ownKey, types }: OwnParts) {
    this.#making = making;
    this.#definition = definition;
    this.#place = place;
    this.#ownKey = ownKey;
    this.types = types;
  }

  /** Looks what of the definition the target can have. Makes enums that it lacks. TYPE_NOT_CARRIED. */
  static async plan(making: Making, whole: TableDefinition, { table, schema, key }: DefinedWish): Promise<DefinedTable> {
    const { client } = making;
    const to = await placed(client, table);
    for (const name of key ?? []) schema.field(name);
    const fields = [];
    const types: string[] = [];
    for (const field of schema.fields) {
      const provided = await provideType(making, field, field.type);
      const exact = whole.columns.find(({ name }) => name === field.origin)?.type;
      const isExact = exact !== undefined && (await hasType(client, exact));
      fields.push({ field, type: isExact ? exact : provided });
      types.push(isExact ? (field.type.domain ?? typeName(field.type)) : provided);
    }
    const { definition: adapted, leftOut } = adaptDefinition(whole, fields, to);
    const definition = await asServerHas(client, adapted, message => making.warn(message));
    for (const reason of leftOut) making.warn(`table ${JSON.stringify(table)} is made without ${reason}`);
    const mine = key === undefined ? definition : withoutPrimaryKey(definition);
    const taken = await freeNames(client, mine, whole.name);
    return new DefinedTable(making, taken.definition, { table: to, nameOf: taken.nameOf, self: whole.oid }, { ownKey: key, types });
  }

  /** What would be run before the load and after it. */
  get statements(): { readonly before: readonly string[]; readonly after: readonly string[] } {
    const key = this.#ownKey === undefined ? [] : [this.#keyStatement(this.#ownKey)];
    const after = [keyDdl, indexDdl, unvalidatedDdl, foreignKeyDdl, replicaIdentityDdl, sequenceStateDdl, commentDdl];
    return {
      before: [...tableDdl(this.#definition, this.#place).map(({ sql }) => sql), ...key],
      after: after.flatMap(ddl => ddl(this.#definition, this.#place)).map(({ sql }) => sql),
    };
  }

  /** Before the load. A generated column whose function is not there becomes an ordinary one. */
  async create(): Promise<void> {
    const { client } = this.#making;
    let definition = this.#definition;
    for (let column = generatedColumn(definition); ; column = generatedColumn(definition)) {
      const statements = tableDdl(definition, this.#place);
      const making = statements.findIndex(({ object }) => object.startsWith('table '));
      try {
        await client.query(`SAVEPOINT ${SAVEPOINT}`);
        for (const { sql } of statements.slice(0, making + 1)) await client.query(sql);
        await client.query(`RELEASE SAVEPOINT ${SAVEPOINT}`);
        await runEach(this.#making, statements.slice(making + 1));
        break;
      } catch (error) {
        if (column === undefined || sqlStateOf(error) !== NO_SUCH_FUNCTION) throw error;
        await client.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`);
        this.#making.warn(`generation of column ${JSON.stringify(column.name)} is left out: the target lacks a function that it calls`);
        definition = ungenerated(definition, column);
      }
    }
    if (this.#ownKey !== undefined) await client.query(this.#keyStatement(this.#ownKey));
  }

  #keyStatement(key: readonly string[]): string {
    return `ALTER TABLE ${quoteQualifiedName(this.#place.table)} ADD PRIMARY KEY (${key.map(quoteIdentifier).join(', ')})`;
  }

  /** After the load. */
  async finish(): Promise<void> {
    const [definition, place] = [this.#definition, this.#place];
    const made: ((definition: TableDefinition, place: DdlPlace) => Ddl[])[] = [keyDdl, indexDdl, unvalidatedDdl];
    for (const ddl of made) await runEach(this.#making, ddl(definition, place));
    await runEach(this.#making, foreignKeyDdl(definition, place), isUnreferenced);
    await runEach(
      this.#making,
      [replicaIdentityDdl, sequenceStateDdl, commentDdl].flatMap(ddl => ddl(definition, place)),
    );
  }
}

interface OwnParts {
  readonly ownKey: readonly string[] | undefined;
  readonly types: readonly string[];
}

const SAVEPOINT = 'millrace_table';
const NO_SUCH_FUNCTION = '42883';

function generatedColumn({ columns }: TableDefinition): ColumnDefinition | undefined {
  return columns.find(({ generated }) => generated !== undefined);
}

function ungenerated(definition: TableDefinition, { name }: ColumnDefinition): TableDefinition {
  return {
    ...definition,
    columns: definition.columns.map(column => (column.name === name ? { ...column, generated: undefined } : column)),
  };
}

function withoutPrimaryKey(definition: TableDefinition): TableDefinition {
  return { ...definition, constraints: definition.constraints.filter(({ kind }) => kind !== 'p') };
}

/** The schema in which a name without one is made. */
async function placed(client: pg.Client, table: string): Promise<{ schema: string; name: string }> {
  const { schema, name } = parseQualifiedName(table);
  if (schema !== undefined) return { schema, name };
  const { rows } = await client.query<{ schema: string | null }>(limited('SELECT pg_catalog.current_schema()::text AS schema'));
  return { schema: rows[0]?.schema ?? 'public', name };
}

async function hasType(client: pg.Client, type: string): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(limited('SELECT pg_catalog.to_regtype($1) IS NOT NULL AS found', [type]));
  return rows[0]?.found === true;
}

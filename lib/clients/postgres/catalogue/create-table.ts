import type pg from 'pg';
import { MillraceError } from '../../../errors.ts';
import type { Field, Schema } from '../../../schema/schema.ts';
import { type DataType, TEXT, typeName } from '../../../schema/types.ts';
import { parseQualifiedName, type QualifiedName, quoteIdentifier, quoteLiteral, quoteQualifiedName } from '../../../values/identifiers.ts';
import { limited } from '../connection/connect.ts';
import { sqlStateOf } from '../connection/errors.ts';

/** What a table is made with, and where that says what it could not keep. */
export interface Making {
  readonly client: pg.Client;
  warn(message: string): void;
  /** Where statements go instead of to the server: then nothing is made. */
  readonly collect?: (statement: string) => void;
}

/**
 * Makes a table with the columns of a schema, exact types, NOT NULL as declared and `key` as its primary key. Enums that the target lacks are made
 * too; of any other type that it lacks the column is named (TYPE_NOT_CARRIED). A domain that it lacks gives way to what it is made of, with a
 * warning. Gives the types of the columns. Errors of the server come as they are.
 */
export async function createTable(making: Making, table: string, schema: Schema, key: readonly string[] = []): Promise<readonly string[]> {
  if (schema.fields.length === 0) throw new MillraceError('SCHEMA_UNKNOWN', `table ${table} cannot be made: the records have no columns`);
  for (const name of key) schema.field(name);
  const types: string[] = [];
  for (const field of schema.fields) types.push(await provideType(making, field, field.type));
  const parts = schema.fields.map((field, i) => columnDefinition(field, types[i] as string));
  if (key.length > 0) parts.push(`PRIMARY KEY (${key.map(quoteIdentifier).join(', ')})`);
  // How long it may wait for whoever else makes such a table is for the server's lock_timeout to say.
  const statement = `CREATE TABLE ${quoteQualifiedName(parseQualifiedName(table))} (\n  ${parts.join(',\n  ')}\n)`;
  await run(making, statement).catch((cause: unknown) => {
    if (sqlStateOf(cause) !== UNIQUE_VIOLATION) throw cause;
    throw new MillraceError('EXISTS', `table ${JSON.stringify(table)} was made by somebody else in this moment; look at it first`);
  });
  return types;
}

async function run({ client, collect }: Making, statement: string): Promise<void> {
  if (collect === undefined) await client.query(statement);
  else collect(statement);
}

/**
 * Keeps other runs from making what has this name until the transaction ends; waits for one that is at it, as long as the server's lock_timeout
 * allows, or says at once by false that there is one.
 */
export async function lockName(client: pg.Client, { schema, name }: QualifiedName, waits: boolean): Promise<boolean> {
  const call = `pg_catalog.pg${waits ? '' : '_try'}_advisory_xact_lock(${LOCK_CLASS}, pg_catalog.hashtext(coalesce($1, pg_catalog.current_schema()) || '.' || $2))`;
  const { rows } = await client.query<{ locked: boolean }>(`SELECT ${waits ? 'true' : call} AS locked${waits ? ` FROM ${call}` : ''}`, [
    schema,
    name,
  ]);
  return rows[0]?.locked === true;
}

/** `mill`: to keep out of the way of the advisory locks of others. */
const LOCK_CLASS = 0x6d696c6c;
const UNIQUE_VIOLATION = '23505';

export function columnDefinition({ name, nullable }: Pick<Field, 'name' | 'nullable'>, typeName: string): string {
  return `${quoteIdentifier(name)} ${typeName}${nullable ? '' : ' NOT NULL'}`;
}

/** Types that users made: an enum is made when it is not there. The type's name on the target. */
export async function provideType(making: Making, field: Field, type: DataType): Promise<string> {
  const { client } = making;
  if (type.domain !== undefined) {
    if ((await existingType(client, type.domain))?.kind === 'd') return type.domain;
    const { domain, ...base } = type;
    const name = await provideType(making, field, base);
    making.warn(`column ${JSON.stringify(field.name)}: the target has no domain ${domain}; the column is made as ${name}`);
    return name;
  }
  if (type.kind === 'array') return `${await provideType(making, field, type.element ?? TEXT)}[]`;
  if (type.kind === 'enum') await provideEnum(making, field, type);
  else if (type.kind === 'other' && (await existingType(client, typeName(type).replace(/\(.*\)$/, ''))) === undefined)
    throw notCarried(field, `the target has no type ${typeName(type)}; make it there`);
  return typeName(type);
}

async function provideEnum(making: Making, field: Field, type: DataType): Promise<void> {
  const name = typeName(type);
  const { labels = [] } = type;
  const { client, collect } = making;
  let found = await existingType(client, name);
  if (found === undefined && collect === undefined) {
    await lockName(client, parseQualifiedName(name), true);
    found = await existingType(client, name);
  }
  if (found === undefined) {
    if (type.labels === undefined) throw notCarried(field, `the target has no type ${name}; make it there`);
    await run(making, `CREATE TYPE ${name} AS ENUM (${labels.map(quoteLiteral).join(', ')})`).catch((error: unknown) => {
      throw sqlStateOf(error) === NO_SUCH_SCHEMA ? notCarried(field, `the target has no schema for type ${name}; make it there`) : error;
    });
    return;
  }
  const lacking = labels.filter(label => found.labels?.includes(label) !== true).map(label => JSON.stringify(label));
  if (lacking.length > 0) throw notCarried(field, `type ${name} of the target lacks ${lacking.join(', ')}; add it there`);
}

const NO_SUCH_SCHEMA = '3F000';

function notCarried(field: Field, why: string): MillraceError {
  return new MillraceError('TYPE_NOT_CARRIED', `column ${JSON.stringify(field.name)}: ${why}, or coerce the column to text`);
}

interface FoundType {
  /** `d`: a domain; and so on, as pg_type.typtype has it. */
  readonly kind: string;
  readonly labels: string[] | null;
}

async function existingType(client: pg.Client, name: string): Promise<FoundType | undefined> {
  const statement = `SELECT typtype::text AS kind,
      (SELECT pg_catalog.array_agg(enumlabel::text) FROM pg_catalog.pg_enum WHERE enumtypid = t.oid) AS labels
    FROM pg_catalog.pg_type t WHERE t.oid = pg_catalog.to_regtype($1)`;
  const { rows } = await client.query<FoundType>(limited(statement, [name]));
  return rows[0];
}

import type pg from 'pg';
import { MillraceError } from '../../errors.ts';
import type { Field, Schema } from '../../schema/schema.ts';
import { type DataType, TEXT, typeName } from '../../schema/types.ts';
import { parseQualifiedName, quoteIdentifier, quoteLiteral, quoteQualifiedName } from '../../values/identifiers.ts';
import { limited } from './connect.ts';

/**
 * Makes a table with the columns of a schema, exact types, NOT NULL as declared and `key` as its primary key. Enums that the target lacks are made
 * too; of any other type that it lacks the column is named (TYPE_NOT_CARRIED). Errors of the server come as they are.
 */
export async function createTable(client: pg.Client, table: string, schema: Schema, key: readonly string[] = []): Promise<void> {
  if (schema.fields.length === 0) throw new MillraceError('SCHEMA_UNKNOWN', `table ${table} cannot be made: the records have no columns`);
  for (const name of key) schema.field(name);
  for (const field of schema.fields) await provideType(client, field, field.type);
  await client.query(limited(createStatement(table, schema, key)));
}

/** The statement that makes the table. */
export function createStatement(table: string, schema: Schema, key: readonly string[] = []): string {
  const parts = schema.fields.map(columnDefinition);
  if (key.length > 0) parts.push(`PRIMARY KEY (${key.map(quoteIdentifier).join(', ')})`);
  return `CREATE TABLE ${quoteQualifiedName(parseQualifiedName(table))} (${parts.join(', ')})`;
}

export function columnDefinition({ name, type, nullable }: Field): string {
  return `${quoteIdentifier(name)} ${typeName(type)}${nullable ? '' : ' NOT NULL'}`;
}

/** Types that users made: an enum is made when it is not there. */
export async function provideType(client: pg.Client, field: Field, type: DataType): Promise<void> {
  if (type.kind === 'array') return provideType(client, field, type.element ?? TEXT);
  if (type.kind !== 'enum' && type.kind !== 'other') return;
  const name = typeName(type);
  const found = await existingType(client, name.replace(/\(.*\)$/, ''));
  if (found === undefined) {
    if (type.kind === 'enum' && type.labels !== undefined) {
      await client.query(limited(`CREATE TYPE ${name} AS ENUM (${type.labels.map(quoteLiteral).join(', ')})`));
      return;
    }
    throw new MillraceError(
      'TYPE_NOT_CARRIED',
      `column ${JSON.stringify(field.name)}: the target has no type ${name}; make it there, or coerce the column to text`,
    );
  }
  const lacking = type.kind === 'enum' ? type.labels?.filter(label => found.labels?.includes(label) !== true) : [];
  if (lacking !== undefined && lacking.length > 0) {
    const labels = lacking.map(label => JSON.stringify(label)).join(', ');
    throw new MillraceError(
      'TYPE_NOT_CARRIED',
      `column ${JSON.stringify(field.name)}: type ${name} of the target lacks ${labels}; add it there, or coerce the column to text`,
    );
  }
}

async function existingType(client: pg.Client, name: string): Promise<{ labels: string[] | null } | undefined> {
  const statement = `SELECT (SELECT pg_catalog.array_agg(enumlabel::text) FROM pg_catalog.pg_enum WHERE enumtypid = t.oid) AS labels
    FROM pg_catalog.pg_type t WHERE t.oid = pg_catalog.to_regtype($1)`;
  const { rows } = await client.query<{ labels: string[] | null }>(limited(statement, [name]));
  return rows[0];
}

import { quoteIdentifier } from '../../values/identifiers.ts';
import type { Schema } from '../schema.ts';
import { typeName } from '../types.ts';

/** `CREATE TABLE` for PostgreSQL: the columns with their exact types; keys and all else that hangs on a table are not in a schema. */
export function sqlForm({ fields }: Schema, name: string): string {
  const lines = fields.map(field => `  ${quoteIdentifier(field.name)} ${typeName(field.type)}${field.nullable ? '' : ' NOT NULL'}`);
  return `CREATE TABLE ${quoteIdentifier(name)} (\n${lines.join(',\n')}\n);`;
}

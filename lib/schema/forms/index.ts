/** A schema written down for others: other languages, other checkers. */
import type { Schema } from '../schema.ts';
import { jsonSchemaForm } from './json-schema.ts';
import { sqlForm } from './sql.ts';
import { textForm } from './text.ts';
import { typescriptForm } from './typescript.ts';
import { zodForm } from './zod.ts';

/** Makes the text, without a line end behind it; `name` is that of the table or type. */
export type SchemaForm = (schema: Schema, name: string) => string;

export const SCHEMA_FORMS: Readonly<Record<'text' | 'typescript' | 'zod' | 'json-schema' | 'sql', SchemaForm>> = {
  text: textForm,
  typescript: typescriptForm,
  zod: zodForm,
  'json-schema': jsonSchemaForm,
  sql: sqlForm,
};

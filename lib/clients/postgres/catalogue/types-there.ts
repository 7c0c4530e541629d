import type pg from 'pg';
import { limited } from '../connection/connect.ts';
import type { TableDefinition } from './definition/model.ts';
import type { DatabaseObject } from './definition/read-database.ts';

/** Types of a table's columns that the target neither has nor gets with these objects. */
export async function lackingTypes(client: pg.Client, { columns }: TableDefinition, objects: readonly DatabaseObject[]): Promise<string[]> {
  const types = [...new Set(columns.map(({ type }) => type))];
  // A table is a type too.
  const made = objects.flatMap(object => (object.kind === 'sequence' ? [] : [object.kind === 'table' ? object.table : object.object]));
  const { rows } = await client.query<{ type: string }>(
    limited(LACKING, [JSON.stringify(types), JSON.stringify(made.map(({ schema, name }) => [schema, name]))]),
  );
  return rows.map(({ type }) => type);
}

/** Compared as the server prints them: `public.mood[]`, `"Odd".t(3)`. */
const LACKING = `
  SELECT type FROM pg_catalog.jsonb_array_elements_text($1::jsonb) WITH ORDINALITY t(type, place)
  WHERE pg_catalog.to_regtype(type) IS NULL AND pg_catalog.regexp_replace(type, '(\\(\\d+(,-?\\d+)?\\))?(\\[\\])*$', '') NOT IN (
    SELECT pg_catalog.format('%I.%I', made->>0, made->>1) FROM pg_catalog.jsonb_array_elements($2::jsonb) m(made)) ORDER BY place`;

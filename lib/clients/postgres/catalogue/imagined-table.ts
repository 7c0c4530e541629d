import type pg from 'pg';
import type { Field, Schema } from '../../../schema/schema.ts';
import { typeName } from '../../../schema/types.ts';
import { type QualifiedName, quoteQualifiedName } from '../../../values/identifiers.ts';
import { limited } from '../connection/connect.ts';
import type { TargetColumn, TargetTable } from './target-table.ts';
import { TypeCatalogue } from './types.ts';

/** A table that is not there, as it would be made of a schema. Types that the server does not have yet would be enums, or arrays of them. */
export async function imaginedTable(
  client: pg.Client,
  name: QualifiedName,
  { fields }: Schema,
  keepsGenerated: boolean,
): Promise<TargetTable> {
  return { name: quoteQualifiedName(name), kind: 'r', columns: await imaginedColumns(client, fields, keepsGenerated) };
}

/** Columns that are not there, the same way. */
export async function imaginedColumns(client: pg.Client, fields: readonly Field[], keepsGenerated: boolean): Promise<TargetColumn[]> {
  const names = fields.map(({ type }) => type.domain ?? typeName(type));
  const { rows } = await client.query<{ oid: number | null }>(limited(OIDS, [JSON.stringify(names)]));
  const catalogue = new TypeCatalogue(client);
  await catalogue.load(rows.flatMap(({ oid }) => oid ?? []));
  return fields.map((field, i) => {
    const { type, nullable } = field;
    const oid = rows[i]?.oid ?? null;
    return {
      name: field.name,
      type,
      server: oid === null ? { type, isPlain: true, hasBinary: true } : { ...catalogue.type(oid, -1), type },
      isRequired: !nullable,
      isNotNull: !nullable,
      isAlwaysNumbered: false,
      generatedBy: keepsGenerated ? field.generatedBy : undefined,
      sequence: undefined,
    };
  });
}

const OIDS = `
  SELECT pg_catalog.to_regtype(name)::pg_catalog.oid AS oid
  FROM pg_catalog.jsonb_array_elements_text($1::jsonb) WITH ORDINALITY n(name, place) ORDER BY place`;

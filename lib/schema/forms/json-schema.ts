import { INTEGER_BOUNDS } from '../numbers.ts';
import type { Schema } from '../schema.ts';
import { type DataType, TEXT } from '../types.ts';

type Json = Record<string, unknown>;

/** JSON Schema (draft 2020-12) of the records as NDJSON and JSON files have them (docs/values.md, "JSON"). */
export function jsonSchemaForm({ fields }: Schema, name: string): string {
  // Built from entries: a column may be called __proto__.
  const properties = Object.fromEntries(
    fields.map(({ name: column, type, nullable }) => [column, nullable ? orNull(schemaOf(type)) : schemaOf(type)]),
  );
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: name,
    type: 'object',
    properties,
    required: fields.map(field => field.name),
    additionalProperties: false,
  };
  return JSON.stringify(schema, null, 2);
}

function orNull(schema: Json): Json {
  if (Object.keys(schema).length === 0) return schema;
  if (typeof schema['type'] === 'string' && schema['enum'] === undefined) return { ...schema, type: [schema['type'], 'null'] };
  return { anyOf: [schema, { type: 'null' }] };
}

function schemaOf(type: DataType): Json {
  switch (type.kind) {
    case 'bool':
      return { type: 'boolean' };
    case 'int2':
    case 'int4':
    case 'oid': {
      const { least, most } = INTEGER_BOUNDS[type.kind];
      return { type: 'integer', minimum: least, maximum: most };
    }
    case 'int8':
      return { type: 'integer' };
    case 'float4':
    case 'float8':
    case 'numeric':
      return { anyOf: [{ type: 'number' }, { enum: ['NaN', 'Infinity', '-Infinity'] }] };
    case 'varchar':
    case 'bpchar':
      return type.length === undefined ? { type: 'string' } : { type: 'string', maxLength: type.length };
    case 'timestamptz':
      return { type: 'string', format: 'date-time' };
    case 'date':
      return { type: 'string', format: 'date' };
    case 'uuid':
      return { type: 'string', format: 'uuid' };
    case 'bytea':
      return { type: 'string', contentEncoding: 'base64' };
    case 'json':
    case 'jsonb':
      return {};
    case 'enum':
      return type.labels === undefined || type.labels.length === 0 ? { type: 'string' } : { enum: [...type.labels] };
    case 'array':
      return { type: 'array', items: orNull(schemaOf(type.element ?? TEXT)) };
    default:
      return { type: 'string' };
  }
}

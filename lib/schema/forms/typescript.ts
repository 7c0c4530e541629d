import type { Schema } from '../schema.ts';
import { type DataType, TEXT } from '../types.ts';
import { propertyName, typeIdentifier } from './names.ts';

/** An interface of the records as Millrace gives them to functions (docs/values.md, "in a record"). */
export function typescriptForm({ fields }: Schema, name: string): string {
  const lines = fields.map(field => {
    const type = typeOf(field.type);
    return `  ${propertyName(field.name)}: ${field.nullable && type !== 'unknown' ? `${type} | null` : type};`;
  });
  return [`export interface ${typeIdentifier(name)} {`, ...lines, '}'].join('\n');
}

function typeOf(type: DataType): string {
  switch (type.kind) {
    case 'bool':
      return 'boolean';
    case 'int2':
    case 'int4':
    case 'oid':
    case 'int8':
    case 'float4':
    case 'float8':
      return 'number';
    case 'timestamptz':
      return 'Date';
    case 'bytea':
      return 'Uint8Array';
    case 'json':
    case 'jsonb':
      return 'unknown';
    case 'array':
      return listOf(type.element ?? TEXT);
    case 'enum':
      return type.labels === undefined || type.labels.length === 0 ? 'string' : type.labels.map(label => JSON.stringify(label)).join(' | ');
    default:
      return 'string';
  }
}

/** Elements may be NULL, whatever the column says; of how many dimensions an array is, each value says for itself. */
function listOf(element: DataType): string {
  const type = typeOf(element);
  return type === 'unknown' ? 'unknown[]' : `(${type} | null)[]`;
}

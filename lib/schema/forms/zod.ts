import { INTEGER_BOUNDS } from '../numbers.ts';
import type { Schema } from '../schema.ts';
import { type DataType, TEXT } from '../types.ts';
import { propertyName, typeIdentifier } from './names.ts';

/** A zod 4 object for records as Millrace gives them to functions: for `validate`, to be tightened by hand. */
export function zodForm({ fields }: Schema, name: string): string {
  const lines = fields.map(
    field => `  ${propertyName(field.name)}: ${checkOf(field.type)}${field.nullable && !isJson(field.type) ? '.nullable()' : ''},`,
  );
  const type = typeIdentifier(name);
  return [
    "import { z } from 'zod';",
    '',
    `export const ${type} = z.object({`,
    ...lines,
    '});',
    `export type ${type} = z.infer<typeof ${type}>;`,
  ].join('\n');
}

/** Whose check takes null already. */
function isJson({ kind }: DataType): boolean {
  return kind === 'json' || kind === 'jsonb';
}

function checkOf(type: DataType): string {
  switch (type.kind) {
    case 'bool':
      return 'z.boolean()';
    case 'int2':
    case 'int4':
    case 'oid': {
      const { least, most } = INTEGER_BOUNDS[type.kind];
      return `z.int().min(${least}).max(${most})`;
    }
    case 'int8':
      return 'z.int()';
    case 'float4':
    case 'float8':
      // NaN and infinities are values here; zod's number is a finite one.
      return 'z.union([z.number(), z.nan(), z.literal([Infinity, -Infinity])])';
    case 'numeric':
      return 'z.string().regex(/^(?:-?\\d+(?:\\.\\d+)?|NaN|-?Infinity)$/)';
    case 'varchar':
    case 'bpchar':
      return type.length === undefined ? 'z.string()' : `z.string().max(${type.length})`;
    case 'timestamptz':
      return 'z.date()';
    case 'bytea':
      return 'z.instanceof(Uint8Array)';
    case 'json':
    case 'jsonb':
      return 'z.unknown()';
    case 'uuid':
      return 'z.guid()';
    case 'enum':
      return type.labels === undefined || type.labels.length === 0
        ? 'z.string()'
        : `z.enum([${type.labels.map(label => JSON.stringify(label)).join(', ')}])`;
    case 'array':
      return `z.array(${checkOf(type.element ?? TEXT)}.nullable())`;
    default:
      return 'z.string()';
  }
}

import type { Schema } from '../schema.ts';
import { typeName } from '../types.ts';

/** A line a column, aligned: `id  int8  not null`. */
export function textForm({ fields }: Schema): string {
  const width = Math.max(0, ...fields.map(({ name }) => printed(name).length));
  const types = fields.map(({ type }) => typeName(type));
  const typeWidth = Math.max(0, ...types.map(type => type.length));
  return fields
    .map(({ name, nullable }, i) =>
      `${printed(name).padEnd(width)}  ${(types[i] as string).padEnd(typeWidth)}${nullable ? '' : '  not null'}`.trimEnd(),
    )
    .join('\n');
}

/** Names that would be read as something else stand in quotes. */
function printed(name: string): string {
  return /^[\p{L}_][\p{L}\p{N}_.$ -]*$/u.test(name) && name.trimEnd() === name ? name : JSON.stringify(name);
}

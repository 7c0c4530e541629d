import type { Field, Schema } from '../schema/schema.ts';
import { joinedName, type Path } from './path.ts';

/** A path as a column, and what is to be walked inside its values. */
export interface ColumnPath {
  readonly column: string;
  readonly rest: readonly (string | number)[];
  /** Undefined where the schema is unknown. */
  readonly field: Field | undefined;
}

/**
 * The column that a path begins with: the longest beginning that is a column's whole name wins, since names may have dots in them. Without a
 * schema all that it may be, the longest first. COLUMN_UNKNOWN where the schema has none of them.
 */
export function columnsAt(path: Path, schema: Schema | undefined): ColumnPath[] {
  const ways = path.map((_, i) => ({ column: joinedName(path, path.length - i), rest: path.slice(path.length - i), field: undefined }));
  if (schema === undefined) return ways;
  const way = ways.find(({ column }) => schema.has(column));
  const { column, rest } = way ?? { column: joinedName(path, 1), rest: [] };
  return [{ column, rest, field: schema.field(column) }];
}

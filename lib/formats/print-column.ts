import type { Column } from '../core/batch/column.ts';
import { INTEGER_BOUNDS, shortestFloat4 } from '../schema/numbers.ts';
import { writeFloat, writeWhole } from '../values/write-number.ts';

/** How a column prints its values without a string: as its source can, or of numbers as `textPrinter` has them. */
export function printOf(column: Column): Column['print'] {
  const { kind } = column.type;
  if (column.print !== undefined || column.text !== undefined || column.utf8 !== undefined) return column.print;
  switch (kind) {
    case 'int2':
    case 'int4':
    case 'oid': {
      const { least, most } = INTEGER_BOUNDS[kind];
      return (out, row) => {
        const value = column.get(row);
        return typeof value === 'number' && value >= least && value <= most && writeWhole(out, value);
      };
    }
    case 'int8':
      return (out, row) => {
        const value = column.get(row);
        return typeof value === 'number' && writeWhole(out, value);
      };
    case 'float4':
      return (out, row) => {
        const value = column.get(row);
        return typeof value === 'number' && writeFloat(out, shortestFloat4(value));
      };
    case 'float8':
    case 'numeric':
      return (out, row) => {
        const value = column.get(row);
        return typeof value === 'number' && writeFloat(out, value);
      };
    default:
      return undefined;
  }
}

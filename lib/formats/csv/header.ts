import { MillraceError } from '../../errors.ts';
import { Schema } from '../../schema/schema.ts';
import { TEXT } from '../../schema/types.ts';
import { malformed, type Place } from './malformed.ts';

/** The schema of these columns: all nullable text that only looks typed. COLUMN_DUPLICATE names those that stand more than once. */
export function textSchema(names: readonly string[], file: string): Schema {
  const twice = new Set(names.filter((name, i) => names.indexOf(name) !== i));
  if (twice.size > 0) {
    const shown = [...twice]
      .slice(0, 12)
      .map(name => JSON.stringify(name))
      .join(', ');
    throw new MillraceError(
      'COLUMN_DUPLICATE',
      `${file}: the header names ${shown} more than once; give each column a name of its own (headers: [names], fromLine: 2)`,
    );
  }
  return new Schema(names.map(name => ({ name, type: TEXT, nullable: true, untyped: true })));
}

/** Where no header names them: column1, column2, … */
export function numberedSchema(count: number): Schema {
  return textSchema(
    Array.from({ length: count }, (_, i) => `column${i + 1}`),
    '',
  );
}

/**
 * What a file's own columns are to the schema that its readers know: the same names in the same order, or in another (then each batch is
 * shown in theirs). SCHEMA_MISMATCH for a name too many or too few.
 */
export function matchingSchema(own: Schema, known: Schema | undefined, file: string): { schema: Schema; inOrder: boolean } {
  if (known === undefined) return { schema: own, inOrder: true };
  const missing = known.names.filter(name => !own.has(name));
  const surplus = own.names.filter(name => !known.has(name));
  if (missing.length + surplus.length > 0) {
    const parts = [
      ...missing.map(name => `no column ${JSON.stringify(name)}`),
      ...surplus.map(name => `a column ${JSON.stringify(name)} that was not there before`),
    ];
    throw new MillraceError('SCHEMA_MISMATCH', `${file}: the header has ${parts.slice(0, 6).join(', ')}`);
  }
  return { schema: known, inOrder: own.names.every((name, i) => known.indexOf(name) === i) };
}

/** Lines that end with CR alone would make one header of the whole file, and no record: refused. */
export function bareCarriageReturn(place: Place): MillraceError {
  return malformed(place, String.raw`a carriage return in the header; if lines end so, set recordDelimiter: '\r'`);
}

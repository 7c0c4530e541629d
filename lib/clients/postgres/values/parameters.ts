import { MillraceError } from '../../../errors.ts';
import { textPrinter } from '../../../schema/print.ts';
import type { DataType } from '../../../schema/types.ts';
import { JsonNumber } from '../../../values/json.ts';
import { countOf } from '../../../values/counts.ts';

/** $1, $2, … of a query: their types and their values as text, which the server reads by the type's input rules. */
export interface QueryParameters {
  readonly oids: readonly number[];
  readonly values: readonly (string | null)[];
}

/**
 * Values as parameters of the types that the query uses them as. A text goes as it is; null and undefined are NULL; anything else is written as
 * in the value table, exactly. Errors: OPTION_INVALID, by the parameter's number, for too few or too many, and for what cannot be of the type.
 */
export function queryParameters(
  values: readonly unknown[],
  types: readonly { readonly oid: number; readonly type: DataType }[],
): QueryParameters {
  if (values.length !== types.length) {
    const wants = types.length === 0 ? 'no parameters' : `${countOf(types.length, 'parameter')} ($1 to $${types.length})`;
    throw invalidOption(`the query has ${wants.replace(' ($1 to $1)', ' ($1)')}, and ${values.length} values are given`);
  }
  return {
    oids: types.map(({ oid }) => oid),
    values: values.map((value, i) => parameterText(value, (types[i] as { type: DataType }).type, i + 1)),
  };
}

function parameterText(value: unknown, type: DataType, number: number): string | null {
  if (value === null || value === undefined) return null;
  const text = typeof value === 'string' ? value : printed(value, type, number);
  if (text.isWellFormed() && !text.includes('\0')) return text;
  throw invalidOption(`$${number} holds a NUL or half of a character, which PostgreSQL does not keep`);
}

function printed(value: unknown, type: DataType, number: number): string {
  try {
    return (PLAIN.has(typeof value) || value instanceof JsonNumber) && TEXTUAL.has(type.kind) ? String(value) : textPrinter(type)(value);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    throw invalidOption(`$${number}: ${error.message}`);
  }
}

/** Values with one plain text, and the types that take any text. */
const PLAIN = new Set(['number', 'bigint', 'boolean']);
const TEXTUAL = new Set(['text', 'varchar', 'bpchar', 'other']);

function invalidOption(message: string): MillraceError {
  return new MillraceError('OPTION_INVALID', `postgres: option "values": ${message}`);
}

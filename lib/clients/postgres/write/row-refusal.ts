import { MillraceError } from '../../../errors.ts';
import type { Position } from '../../../core/batch/batch.ts';
import type { PgTarget } from '../connection/connection-options.ts';
import type { TableName } from './row-loader.ts';
import { isRaised, isRowRefusal, isServerError, postgresError, printable, type ServerError } from '../connection/errors.ts';

/** The server's refusal of a COPY for what stands in a row. */
export interface RowRefusal {
  /** Line of the COPY's data, from 1; undefined where the server does not name one (foreign keys, deferred constraints). */
  readonly line: number | undefined;
  readonly sqlState: string;
  /** Column, if it is named, and the server's words without values. */
  readonly reason: string;
}

/** Refusals beyond data exceptions and violated constraints: a trigger's RAISE, a view's check option, an index entry that is too long. */
const FURTHER_REFUSALS = new Set(['P0001', '44000', '54000']);
/** Classes of errors that mean the server or the session, whatever row it was at. All others may be a trigger's own. */
const NOT_OF_A_ROW = /^(?:08|25|28|40|53|55|57|58|F0|XX)/;
/** Classes that would come of any row, but of a column's text: a syntax error of a tsquery is one of these. */
const OF_ANY_ROW = /^(?:0A|42)/;

/** What the error says of a row; undefined for an error that is not about one. `columns` are those of the COPY. */
export function rowRefusal(error: unknown, { bare, inferred }: TableName, columns: readonly string[]): RowRefusal | undefined {
  if (!isServerError(error)) return undefined;
  const { line, column, isInput = false } = placeOf(error, bare, columns);
  if (!isOfRow(error, line, isInput)) return undefined;
  const prefix = column === undefined ? '' : `column ${JSON.stringify(column)}: `;
  const why = isInput && column !== undefined ? inferred?.get(column) : undefined;
  return {
    line,
    sqlState: error.code,
    reason: `${prefix}${printable(error)} (SQLSTATE ${error.code})${why === undefined ? '' : `; ${why}`}`,
  };
}

/** A trigger after the row speaks when the line is no longer named. */
function isOfRow({ code, where = '' }: ServerError, line: number | undefined, isInput: boolean): boolean {
  if (isRowRefusal(code) || FURTHER_REFUSALS.has(code)) return true;
  if (line === undefined && !isRaised(where)) return false;
  return !NOT_OF_A_ROW.test(code) && (isInput || !OF_ANY_ROW.test(code));
}

/** `COPY users, line 12, column age: "x"`: what stands behind the column is a value, which may hold anything. */
function placeOf(error: ServerError, table: string, columns: readonly string[]): { line?: number; column?: string; isInput?: boolean } {
  const where = `\n${error.where ?? ''}`;
  const start = `\nCOPY ${table}, line `;
  const at = where.indexOf(start);
  if (at < 0) return error.column === undefined ? {} : { column: error.column };
  const rest = where.slice(at + start.length);
  const digits = /^\d+/.exec(rest)?.[0] ?? '';
  if (digits === '') return {};
  const behind = rest.slice(digits.length);
  const read = columns.find(name => behind === `, column ${name}` || behind.startsWith(`, column ${name}: `));
  const column = read ?? error.column;
  return { line: Number(digits), ...(column === undefined ? {} : { column }), isInput: read !== undefined };
}

/** ROW_REFUSED with the row's place, or what else the error means. */
export function refusedRun(error: unknown, refusal: RowRefusal | undefined, place: string, table: string, target: PgTarget): MillraceError {
  if (refusal === undefined) return postgresError(error, `write to table ${table}`, target);
  const cause = postgresError(error, `write to table ${table}`, target).cause;
  return new MillraceError('ROW_REFUSED', `table ${table} refused ${place}: ${refusal.reason}`, { cause });
}

/** Where a row came from, for a person: its file and line, or its number among those written. Other positions may hold keys. */
export function placeText(position: Position | undefined, rowNumber: number): string {
  if (typeof position?.['file'] === 'string' && typeof position['line'] === 'number') {
    return `a row (${position['file']}, line ${position['line']})`;
  }
  return `row ${rowNumber}`;
}

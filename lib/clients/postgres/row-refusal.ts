import { MillraceError } from '../../errors.ts';
import type { Position } from '../../core/batch/batch.ts';
import type { PgTarget } from './connection-options.ts';
import { isRowRefusal, isServerError, postgresError, printable, type ServerError } from './errors.ts';

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

/** What the error says of a row; undefined for an error that is not about one. `columns` are those of the COPY. */
export function rowRefusal(error: unknown, table: string, columns: readonly string[]): RowRefusal | undefined {
  if (!isServerError(error)) return undefined;
  if (!isRowRefusal(error.code) && !FURTHER_REFUSALS.has(error.code)) return undefined;
  const { line, column } = placeOf(error, table, columns);
  const prefix = column === undefined ? '' : `column ${JSON.stringify(column)}: `;
  return { line, sqlState: error.code, reason: `${prefix}${printable(error)} (SQLSTATE ${error.code})` };
}

/** `COPY users, line 12, column age: "x"`: what stands behind the column is a value, which may hold anything. */
function placeOf(error: ServerError, table: string, columns: readonly string[]): { line?: number; column?: string } {
  const where = `\n${error.where ?? ''}`;
  const start = `\nCOPY ${table}, line `;
  const at = where.indexOf(start);
  if (at < 0) return error.column === undefined ? {} : { column: error.column };
  const rest = where.slice(at + start.length);
  const digits = /^\d+/.exec(rest)?.[0] ?? '';
  if (digits === '') return {};
  const behind = rest.slice(digits.length);
  const column = columns.find(name => behind === `, column ${name}` || behind.startsWith(`, column ${name}: `)) ?? error.column;
  return { line: Number(digits), ...(column === undefined ? {} : { column }) };
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

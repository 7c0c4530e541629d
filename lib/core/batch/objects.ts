import { MillraceError } from '../../errors.ts';
import type { Schema } from '../../schema/schema.ts';
import type { DataType } from '../../schema/types.ts';
import type { Origin, View } from './batch.ts';
import type { Locator } from './locator.ts';
import type { Column } from './column.ts';
import { constructRows } from './construct-rows.ts';

/** Objects as they came. */
export class ObjectOrigin implements Origin {
  readonly length: number;
  readonly #rows: readonly object[];
  readonly #names: readonly string[];
  readonly locate?: Locator;
  #bytes: number | undefined;
  #check: ((rows: readonly object[]) => void) | undefined;

  /** `check` is called before somebody gets at the rows for the first time, and throws when some are none; `given` goes without it. */
  constructor(
    rows: readonly object[],
    schema: Schema | undefined,
    bytes?: number,
    locate?: Locator,
    check?: (rows: readonly object[]) => void,
  ) {
    this.length = rows.length;
    if (locate !== undefined) this.locate = locate;
    this.#rows = rows;
    this.#names = schema?.names ?? [];
    this.#bytes = bytes;
    this.#check = check;
  }

  /** What was given for rows, not checked. */
  get given(): readonly object[] {
    return this.#rows;
  }

  get bytes(): number {
    this.#bytes ??= roughBytes(this.#rows);
    return this.#bytes;
  }

  column(index: number, type: DataType): Column {
    return { ...fieldOfRows(this.#checked() as readonly Record<string, unknown>[], this.#names[index] as string), type };
  }

  rows(view: View): readonly object[] {
    const all = this.#checked();
    const rows = view.selection === undefined ? all : pick(all, view.selection);
    if (view.ownColumns) return rows;
    const columns = view.columns.map(c =>
      'overlay' in c ? c.overlay : fieldOfRows(rows as readonly Record<string, unknown>[], this.#names[c.index] as string),
    );
    return constructRows(
      view.columns.map(c => c.name),
      columns,
      view.length,
    );
  }

  #checked(): readonly object[] {
    this.#check?.(this.#rows);
    this.#check = undefined;
    return this.#rows;
  }
}

export function fieldOfRows(rows: readonly Record<string, unknown>[], name: string): Column {
  // A record without a field called `constructor` has none, though every object inherits one.
  const get =
    name in Object.prototype
      ? (row: number): unknown => (Object.hasOwn(rows[row] as object, name) ? ((rows[row] as Record<string, unknown>)[name] ?? null) : null)
      : (row: number): unknown => (rows[row] as Record<string, unknown>)[name] ?? null;
  return { type: { kind: 'text' }, length: rows.length, get };
}

export function pick<T>(values: readonly T[], rows: Uint32Array): T[] {
  const picked = new Array<T>(rows.length);
  for (let i = 0; i < rows.length; i++) picked[i] = values[rows[i] as number] as T;
  return picked;
}

export function projectRows(rows: readonly object[], names: readonly string[]): object[] {
  const columns = names.map(name => fieldOfRows(rows as readonly Record<string, unknown>[], name));
  return constructRows(names, columns, rows.length);
}

/** Keys keep their places; a new name that another key has already is COLUMN_DUPLICATE. */
export function renameRows(rows: readonly object[], names: Readonly<Record<string, string>>): object[] {
  return rows.map(row => {
    const entries = Object.entries(row).map(([key, value]) => [Object.hasOwn(names, key) ? (names[key] as string) : key, value] as const);
    if (new Set(entries.map(([key]) => key)).size !== entries.length)
      throw new MillraceError('COLUMN_DUPLICATE', 'rename: two columns would have the same name');
    return Object.fromEntries(entries);
  });
}

/** Copies of the rows with this field; `__proto__` is a name like any other. */
export function overlayRows(rows: readonly object[], name: string, column: Column): object[] {
  return rows.map((row, at) =>
    Object.defineProperty({ ...row }, name, { value: column.get(at), writable: true, enumerable: true, configurable: true }),
  );
}

/** About what the objects weigh: the first, the middle and the last row measured, the others taken to be alike. */
function roughBytes(rows: readonly object[]): number {
  if (rows.length === 0) return 0;
  const samples = [rows[0], rows[rows.length >> 1], rows[rows.length - 1]] as object[];
  return Math.ceil((samples.reduce((sum, row) => sum + roughValueBytes(row, 3), 0) / samples.length) * rows.length);
}

function roughValueBytes(value: unknown, depth: number): number {
  if (typeof value === 'string') return 16 + value.length;
  if (value === null || typeof value !== 'object') return 8;
  if (ArrayBuffer.isView(value)) return 64 + value.byteLength;
  if (depth === 0) return 64;
  let bytes = 24;
  for (const key of Object.keys(value)) bytes += 8 + roughValueBytes((value as Record<string, unknown>)[key], depth - 1);
  return bytes;
}

import { MillraceError } from '../../errors.ts';
import { directionHint, type Order } from '../../query/order.ts';
import { joinedName, type Path, walk } from '../../query/path.ts';
import { columnsAt } from '../../query/resolve.ts';
import { sortReadingOf } from '../../query/sort-value.ts';
import type { Schema } from '../../schema/schema.ts';
import type { AnyBatch, AnyRow } from '../define.ts';
import { KeyColumn, SortKey } from './key-column.ts';

/** The value of a key in a row of one batch. */
type Get = (row: number) => unknown;

/** The columns that an order looks at. Without a schema `a.b` may be a column or a field of `a`, so both stand here. COLUMN_UNKNOWN. */
export function orderColumns(order: readonly Order[], schema?: Schema): string[] {
  return [...new Set(order.flatMap(({ path }) => orderColumn(path, schema).map(({ column }) => column)))];
}

function orderColumn(path: Path, schema: Schema | undefined): ReturnType<typeof columnsAt> {
  try {
    return columnsAt(path, schema);
  } catch (error) {
    const name = joinedName(path, path.length);
    const hint = directionHint(name, schema?.names ?? []);
    if (hint === undefined) throw error;
    throw new MillraceError('COLUMN_UNKNOWN', `no column ${JSON.stringify(name)}${hint}`, { cause: error });
  }
}

/** Reads the keys of an order out of batches. What a text stands for the first schema says that is known. */
export class KeyReader {
  readonly #order: readonly Order[];
  #keys: readonly SortKey[] | undefined;

  constructor(order: readonly Order[], schema: Schema | undefined) {
    this.#order = order;
    if (schema !== undefined) this.#keys = this.#keysOf(schema);
  }

  /** Empty columns, one a key. */
  columns(batch: AnyBatch): KeyColumn[] {
    this.#keys ??= this.#keysOf(batch.schemaKnown ? batch.schema : undefined);
    return this.#keys.map(key => new KeyColumn(key));
  }

  /** How the keys of a batch are read, row by row. */
  gets(batch: AnyBatch): readonly Get[] {
    if (!batch.schemaKnown) return this.#order.map(({ path }) => fieldGet(batch.rows, columnsAt(path, undefined)));
    return this.#order.map(({ path }): Get => {
      const [way] = columnsAt(path, batch.schema);
      const column = batch.column(way?.column ?? '');
      const rest = way?.rest ?? [];
      return rest.length === 0 ? row => column.get(row) : row => walk(column.get(row), rest);
    });
  }

  #keysOf(schema: Schema | undefined): SortKey[] {
    return this.#order.map(({ path, direction }) => {
      const [way] = columnsAt(path, schema);
      const field = way !== undefined && way.rest.length === 0 ? way.field : undefined;
      return new SortKey(sortReadingOf(field), direction);
    });
  }
}

/** The first of the ways that the record has. */
function fieldGet(rows: readonly AnyRow[], ways: ReturnType<typeof columnsAt>): Get {
  return at => {
    const row = rows[at] as AnyRow;
    for (const { column, rest } of ways) if (Object.hasOwn(row, column)) return walk(row[column], rest);
    return undefined;
  };
}

import type { Column } from '../../core/batch/column.ts';
import { RecordBatch } from '../../core/batch/batch.ts';
import type { AnyBatch, AnyRow } from '../../core/define.ts';
import { MillraceError } from '../../errors.ts';
import { JsonNull } from '../../values/json.ts';

/** JSON's null as a value, or as an element of a list: a JSON file has one null only, which stands for NULL. */
export function hasJsonNull(value: unknown): boolean {
  return value === JsonNull || (Array.isArray(value) && (value as unknown[]).some(hasJsonNull));
}

export function refuseJsonNull(): never {
  throw new MillraceError('VALUE_NOT_CARRIED', 'the JSON value null would become NULL: a JSON file has one null only; allow it with lossy');
}

/** A batch in which JSON's null of some columns is NULL, and the numbers of the rows in which it was, by column. */
export interface ReducedNulls {
  readonly batch: AnyBatch;
  readonly lost: ReadonlyMap<string, readonly number[]>;
}

/** Columns without such a value stay as they came. */
export function jsonNullsAsNull(batch: AnyBatch, names: readonly string[]): ReducedNulls {
  const lost = new Map<string, readonly number[]>();
  for (const name of names) {
    if (batch.schemaKnown && !batch.schema.has(name)) continue;
    const column = batch.column(name);
    const rows = Array.from({ length: batch.length }, (_, row) => row).filter(row => hasJsonNull(column.get(row)));
    if (rows.length > 0) lost.set(name, rows);
  }
  if (lost.size === 0) return { batch, lost };
  return { batch: batch.schemaKnown ? reducedColumns(batch, lost) : reducedRows(batch, lost), lost };
}

function reducedColumns(batch: AnyBatch, lost: ReducedNulls['lost']): AnyBatch {
  let reduced = batch;
  for (const [name, rows] of lost) {
    const column = batch.column(name);
    const changed = new Set(rows);
    const { text } = column;
    const get = (row: number): unknown => (changed.has(row) ? asNull(column.get(row)) : column.get(row));
    const plain: Column = { type: column.type, length: column.length, get };
    // Lists are written by their values.
    const hasText = text !== undefined && column.type.kind !== 'array';
    const own = hasText ? { ...plain, text: (row: number) => (changed.has(row) ? null : text.call(column, row)) } : plain;
    reduced = reduced.withColumn<AnyRow>(name, own);
  }
  return reduced;
}

/** Records that nobody described keep the fields that they have. */
function reducedRows(batch: AnyBatch, lost: ReducedNulls['lost']): AnyBatch {
  const rows = [...batch.rows];
  for (const [name, numbers] of lost) {
    for (const row of numbers) {
      const value = asNull((rows[row] as AnyRow)[name]);
      rows[row] = Object.defineProperty({ ...rows[row] }, name, { value, writable: true, enumerable: true, configurable: true });
    }
  }
  return RecordBatch.of(rows, undefined, batch.position, batch.bytes, batch.locator);
}

function asNull(value: unknown): unknown {
  if (value === JsonNull) return null;
  return Array.isArray(value) ? (value as unknown[]).map(asNull) : value;
}

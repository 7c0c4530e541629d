import { ArrayColumn } from '../../../core/batch/column.ts';
import type { AnyBatch } from '../../../core/define.ts';
import { type DataType, typeName } from '../../../schema/types.ts';
import type { NearestValue } from './nearest-value.ts';
import { countOf } from '../../../values/counts.ts';

/** A column that may lose something on the way, because the user said so. */
export interface LossyColumn {
  readonly name: string;
  readonly target: DataType;
  readonly nearest: NearestValue;
}

/** A batch with the values that the table keeps, and the numbers of the rows that lost something, by column. */
export interface ReducedBatch {
  readonly batch: AnyBatch;
  readonly lost: readonly (readonly [LossyColumn, rows: readonly number[]])[];
}

export function reduceBatch(batch: AnyBatch, columns: readonly LossyColumn[]): ReducedBatch {
  let reduced = batch;
  const lost = columns.map((column): [LossyColumn, number[]] => {
    const source = batch.column(column.name);
    const rows: number[] = [];
    const values = Array.from({ length: batch.length }, (_, row) => {
      const value = source.get(row);
      return value === null || value === undefined ? null : column.nearest(value, () => rows.push(row));
    });
    reduced = reduced.withColumn(column.name, new ArrayColumn(column.target, values));
    return [column, rows];
  });
  return { batch: reduced, lost };
}

/** How many values of rows that were written lost something. */
export class Losses {
  readonly #counts = new Map<string, { target: DataType; count: number }>();

  /** `rejected`: rows that were not written. */
  add({ lost }: ReducedBatch, rejected: ReadonlyMap<number, unknown> = NONE): void {
    for (const [{ name, target }, rows] of lost) {
      const count = rejected.size === 0 ? rows.length : rows.filter(row => !rejected.has(row)).length;
      this.#counts.set(name, { target, count: count + (this.#counts.get(name)?.count ?? 0) });
    }
  }

  /** A sentence for each column that lost something since the last call. `table`: as messages name it. */
  take(table: string): string[] {
    const told = [...this.#counts].filter(([, { count }]) => count > 0);
    this.#counts.clear();
    return told.map(
      ([name, { target, count }]) =>
        `column ${JSON.stringify(name)} of table ${table}: ${countOf(count, 'value')} changed on the way into ${typeName(target)} (lossy)`,
    );
  }
}

const NONE: ReadonlyMap<number, unknown> = new Map();

import type { Schema } from '../../schema/schema.ts';
import type { Column } from '../batch/column.ts';
import { constructRows } from '../batch/construct-rows.ts';
import { RecordBatch } from '../batch/batch.ts';
import type { AnyBatch, AnyRow } from '../define.ts';
import { ValueReader } from './value-reader.ts';
import type { ValueWriter } from './value-writer.ts';

/** More ways than this to have fields are not remembered: such records carry their names. */
const MAX_SHAPES = 1024;
const OWN_NAMES = MAX_SHAPES;

/** Names of fields in their order, told by a number: records are many, their shapes few. */
export class Shapes {
  readonly #names: (readonly string[])[] = [];
  readonly #numbers = new Map<string, number>();

  /** OWN_NAMES where there are too many. */
  numberOf(names: readonly string[]): number {
    const key = JSON.stringify(names);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      if (this.#names.length === MAX_SHAPES) return OWN_NAMES;
      number = this.#names.length;
      this.#names.push(names);
      this.#numbers.set(key, number);
    }
    return number;
  }

  namesOf(number: number): readonly string[] {
    return this.#names[number] ?? [];
  }
}

/** Writes one row of the batch that it was made for. */
export type RowWriter = (out: ValueWriter, row: number) => void;

/** Fields that a record lacks stay missing, those that are undefined stay so. Columns are read as they are, without making objects. */
export function rowWriter(batch: AnyBatch, shapes: Shapes): RowWriter {
  if (batch.hasRows || !batch.schemaKnown) {
    const { rows } = batch;
    return (out, row) => writeRecord(out, rows[row] as AnyRow, shapes);
  }
  const { names } = batch.schema;
  const columns = names.map(name => batch.column(name));
  const shape = shapes.numberOf(names);
  return (out, row) => {
    out.uint32(shape);
    if (shape === OWN_NAMES) writeNames(out, names);
    for (let i = 0; i < columns.length; i++) out.value((columns[i] as Column).get(row));
  };
}

function writeRecord(out: ValueWriter, record: AnyRow, shapes: Shapes): void {
  const names = Object.keys(record);
  const shape = shapes.numberOf(names);
  out.uint32(shape);
  if (shape === OWN_NAMES) writeNames(out, names);
  for (const name of names) out.value(record[name]);
}

function writeNames(out: ValueWriter, names: readonly string[]): void {
  out.uint32(names.length);
  for (const name of names) out.text(name);
}

/** All records of a block, as objects of the shapes that they had. */
export function readBlock(bytes: Buffer, shapes: Shapes, schema: Schema | undefined): AnyBatch {
  const reader = new ValueReader(bytes);
  const rows: object[] = [];
  let shape = -1;
  let names: readonly string[] = [];
  let values: unknown[][] = [];
  const construct = (): void => {
    const [first] = values;
    const columns = values.map((all): Column => ({ type: { kind: 'text' }, length: all.length, get: row => all[row] }));
    for (const row of constructRows(names, columns, first?.length ?? count)) rows.push(row);
  };
  let count = 0;
  while (!reader.isAtEnd) {
    const next = reader.uint32();
    if (next !== shape || next === OWN_NAMES) {
      if (count > 0) construct();
      count = 0;
      shape = next;
      names = shape === OWN_NAMES ? Array.from({ length: reader.uint32() }, () => reader.value() as string) : shapes.namesOf(shape);
      values = names.map(() => []);
    }
    for (const column of values) column.push(reader.value());
    count++;
  }
  if (count > 0) construct();
  return RecordBatch.of(rows as AnyRow[], schema, undefined, bytes.length);
}

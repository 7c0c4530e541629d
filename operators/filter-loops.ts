import { fieldsOf } from '../lib/core/batch/construct-rows.ts';
import { reading } from '../lib/core/batch/decodable.ts';
import type { AnyBatch, AnyRow, BatchFunction, OperatorContext, RowFunction } from '../lib/core/define.ts';
import { around, threw } from '../lib/core/run/row-function.ts';
import { isUnwantedPromise } from '../lib/core/run/waiting.ts';
import { type CompiledPredicate, compilePredicate } from '../lib/query/compile.ts';
import type { Predicate } from '../lib/query/predicate.ts';
import type { Schema } from '../lib/schema/schema.ts';
import { sameType } from '../lib/schema/types.ts';

/** The rows of a batch for which a predicate holds, as a view. */
export function selecting(predicate: Predicate, declared: Schema | undefined, context: OperatorContext): BatchFunction {
  let schema = declared;
  let compiled = compilePredicate(predicate, declared);
  return batch => {
    const found = batch.schemaKnown ? batch.schema : undefined;
    if (found !== schema) {
      if (!readsAlike(found, schema)) compiled = compilePredicate(predicate, found);
      schema = found;
    }
    const refuse = (index: number, code: string, reason: string): void => context.reject(batch, index, code, reason);
    return reading(batch, compiled.columns, refuse, some => selected(some, compiled));
  };
}

function selected(batch: AnyBatch, compiled: CompiledPredicate): AnyBatch {
  const rows = new Uint32Array(batch.length);
  const count = batch.schemaKnown ? selectByColumns(batch, compiled, rows) : selectByRows(batch, compiled, rows);
  return count === batch.length ? batch : batch.select(rows.slice(0, count));
}

/** Operators that lay columns over give each batch a schema of its own; compiling a predicate anew for each would cost more than it does. */
function readsAlike(a: Schema | undefined, b: Schema | undefined): boolean {
  if (a === undefined || b === undefined || a.fields.length !== b.fields.length) return false;
  return a.fields.every((field, i) => {
    const other = b.fields[i];
    return other !== undefined && field.name === other.name && field.untyped === other.untyped && sameType(field.type, other.type);
  });
}

/** Conjunct by conjunct: what the first leaves out is not decoded for the next. Fills `rows` from the start; the count of them. */
function selectByColumns(batch: AnyBatch, { conjuncts }: CompiledPredicate, rows: Uint32Array): number {
  let count = batch.length;
  for (let row = 0; row < count; row++) rows[row] = row;
  for (const conjunct of conjuncts) {
    if (count === 0) break;
    count = conjunct.value === undefined ? narrow(batch, conjunct, rows, count) : narrowByOne(batch, conjunct, conjunct.value, rows, count);
  }
  return count;
}

function narrowByOne(
  batch: AnyBatch,
  { columns }: CompiledPredicate,
  test: (value: unknown) => boolean,
  rows: Uint32Array,
  count: number,
): number {
  const column = batch.column(columns[0] as string);
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    if (test(column.get(row))) rows[kept++] = row;
  }
  return kept;
}

function narrow(batch: AnyBatch, conjunct: CompiledPredicate, rows: Uint32Array, count: number): number {
  const columns = conjunct.columns.map(name => batch.column(name));
  const values = new Array<unknown>(columns.length).fill(null);
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    for (const [at, column] of columns.entries()) values[at] = column.get(row);
    if (conjunct.values(values)) rows[kept++] = row;
  }
  return kept;
}

function selectByRows(batch: AnyBatch, compiled: CompiledPredicate, rows: Uint32Array): number {
  let count = 0;
  for (const [row, record] of batch.rows.entries()) if (compiled.row(record)) rows[count++] = row;
  return count;
}

/** A user's function over the record; a promise is always true, so it is refused. */
export function keepingByFunction(context: OperatorContext, keep: (row: AnyRow) => boolean): RowFunction {
  return around(keep, 'keeps', (row, kept) => {
    if (isUnwantedPromise(kept)) return context.reject('VALUE_INVALID', PROMISED);
    return kept ? row : undefined;
  });
}

/** A user's function over some fields; records of the others are not made. */
export function keepingByFields(fields: readonly string[], context: OperatorContext, keep: (fields: AnyRow) => boolean): BatchFunction {
  return whole => {
    const refuse = (index: number, code: string, reason: string): void => context.reject(whole, index, code, reason);
    const { batch, given } = reading(whole, fields, refuse, some => ({ batch: some, given: fieldsOf(some, fields) }));
    const rows = new Uint32Array(batch.length);
    let count = 0;
    for (let row = 0; row < given.length; row++) {
      let kept: unknown;
      try {
        kept = keep(given[row] as AnyRow);
      } catch (error) {
        const { code, reason } = threw(error);
        context.reject(batch, row, code, reason);
        continue;
      }
      if (isUnwantedPromise(kept)) context.reject(batch, row, 'VALUE_INVALID', PROMISED);
      else if (kept) rows[count++] = row;
    }
    return count === batch.length ? batch : batch.select(rows.slice(0, count));
  };
}

const PROMISED = 'the function gave a promise; filter takes functions that give true or false at once';

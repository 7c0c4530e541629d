import { z } from 'zod';
import { MillraceError } from '../lib/errors.ts';
import { withRows } from '../lib/core/batch/decodable.ts';
import { RecordBatch } from '../lib/core/batch/batch.ts';
import { pickedLocator } from '../lib/core/batch/locator.ts';
import type { DeadLetter, Operator } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, type BatchFunction, defineOperator, type OperatorContext } from '../lib/core/define.ts';
import { notRecord } from '../lib/core/run/gather.ts';
import { threw } from '../lib/core/run/row-function.ts';
import { untilAborted } from '../lib/core/run/until-aborted.ts';
import { type Validator, validatorOf } from '../lib/schema/compiled-validator.ts';
import {
  describeIssues,
  type InferIn,
  type InferOut,
  isStandardSchema,
  type StandardResult,
  type StandardSchemaV1,
} from '../lib/schema/standard-schema.ts';

/** Fields that the schema requires must be there; their types may be anything, to judge them is what validate is for. */
export type Dirty<T> = { readonly [K in keyof T as object extends Pick<T, K> ? never : K]: unknown };

export interface ValidateOptions {
  /** Takes the rejects where the operator is used without pipeline(). */
  readonly onReject?: ((letter: DeadLetter) => void) | undefined;
  /** True: reasons carry the schema's own messages, which may quote the record. False, the default: path, rule and what the rule wants. */
  readonly messages?: boolean | undefined;
}

const optionsSchema = z.strictObject({
  messages: z.boolean().default(false).describe("reasons carry the schema's own messages, which may quote the record"),
});

/**
 * Records that fit a schema: zod 4 or any Standard Schema, synchronous or not (64 at once). What the schema gives takes the record's place; a batch
 * whose records all come out as they went in stays as it is, its bytes too. A record that does not fit is rejected (VALIDATION_FAILED; the reason
 * tells each path with its rule, never a value). A schema that throws rejects the record (OPERATOR_THREW).
 */
export function validate<S extends StandardSchemaV1>(
  schema: S,
  { onReject, messages = false }: ValidateOptions = {},
): Operator<Dirty<InferIn<S>>, InferOut<S>> {
  if (!isStandardSchema(schema))
    throw new MillraceError('OPTION_INVALID', 'validate: give a zod schema or another Standard Schema (https://standardschema.dev)');
  return validateKind.create({ messages }, schema, onReject);
}

export const validateKind = defineOperator<typeof optionsSchema, StandardSchemaV1>({
  kind: 'validate',
  options: optionsSchema,
  keepsNothing: true,
  batch: ({ messages }, context, schema) => validating(schema, messages, context),
});

/** So many results of an asynchronous schema are awaited at once. */
const AT_ONCE = 64;

type Result = StandardResult<unknown>;

function validating(schema: StandardSchemaV1, messages: boolean, context: OperatorContext): BatchFunction {
  const check = validatorOf(schema);
  return given => {
    const batch = withRows(given, (index, code, reason) => context.reject(given, index, code, reason));
    const verdict = new Verdict(batch, messages, context);
    const { rows } = batch;
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index] as AnyRow;
      const result = verdict.attempt(index, row, check);
      if (result instanceof Promise) return finishAsync(index, result, check, verdict, context.signal);
      if (result !== undefined) verdict.take(index, row, result);
    }
    return verdict.batch();
  };
}

/** The rest of a batch, from the first result that is a promise. */
async function finishAsync(
  start: number,
  first: Promise<Result>,
  check: Validator,
  verdict: Verdict,
  signal: AbortSignal,
): Promise<AnyBatch> {
  const { rows } = verdict;
  let pending: (Result | Promise<Result> | undefined)[] = [first];
  let from = start;
  while (from < rows.length) {
    for (let i = from + pending.length; pending.length < AT_ONCE && i < rows.length; i++)
      pending.push(verdict.attempt(i, rows[i] as AnyRow, check));
    // eslint-disable-next-line @typescript-eslint/await-thenable -- a check answers at once or by a promise
    const results = await untilAborted(Promise.allSettled(pending), signal);
    for (const [i, result] of results.entries()) {
      if (result.status === 'rejected') verdict.refuse(from + i, result.reason);
      else if (result.value !== undefined) verdict.take(from + i, rows[from + i] as AnyRow, result.value);
    }
    from += pending.length;
    pending = [];
  }
  return verdict.batch();
}

/** What became of the records of one batch. Results are taken in order. */
class Verdict {
  readonly rows: readonly AnyRow[];
  readonly #batch: AnyBatch;
  readonly #messages: boolean;
  readonly #context: OperatorContext;
  /** What the schema gave, and the row numbers of those records. */
  readonly #made: AnyRow[];
  readonly #kept: Uint32Array;
  #count = 0;
  readonly #columns: number | undefined;
  #isChanged = false;

  constructor(batch: AnyBatch, messages: boolean, context: OperatorContext) {
    this.rows = batch.rows;
    this.#batch = batch;
    this.#messages = messages;
    this.#context = context;
    this.#made = new Array<AnyRow>(batch.length);
    this.#kept = new Uint32Array(batch.length);
    this.#columns = batch.schemaKnown ? batch.schema.fields.length : undefined;
  }

  /** The schema's result for a row; undefined when it threw, and the row is rejected. */
  attempt(index: number, row: AnyRow, check: Validator): Result | Promise<Result> | undefined {
    try {
      const result = check(row);
      // One before it may end the run while it is on its way.
      if (result instanceof Promise) result.catch(() => undefined);
      return result;
    } catch (error) {
      this.refuse(index, error);
      return undefined;
    }
  }

  refuse(index: number, error: unknown): void {
    const { code, reason } = threw(error);
    this.#context.reject(this.#batch, index, code, reason);
  }

  take(index: number, row: AnyRow, result: Result): void {
    if (result.issues !== undefined) {
      this.#context.reject(this.#batch, index, 'VALIDATION_FAILED', describeIssues(result.issues, this.#messages));
      return;
    }
    const { value } = result;
    const found = notRecord(value);
    if (found !== undefined) {
      this.#context.reject(this.#batch, index, 'VALIDATION_FAILED', `the schema gives ${found} for a record`);
      return;
    }
    if (!this.#isChanged && value !== row) this.#isChanged = !isSameRecord(value as AnyRow, row, this.#columns ?? Object.keys(row).length);
    this.#made[this.#count] = value as AnyRow;
    this.#kept[this.#count++] = index;
  }

  batch(): AnyBatch {
    const batch = this.#batch;
    const isWhole = this.#count === batch.length;
    const kept = this.#kept.subarray(0, this.#count);
    if (!this.#isChanged) return isWhole ? batch : batch.select(kept);
    this.#made.length = this.#count;
    const { locator } = batch;
    return RecordBatch.of(this.#made, undefined, batch.position, undefined, isWhole ? locator : pickedLocator(locator, kept));
  }
}

/** Schemas make a new object even of a record that they leave as it is. */
function isSameRecord(next: AnyRow, row: AnyRow, columns: number): boolean {
  let count = 0;
  for (const key in next) {
    if (!isSame(next[key], row[key])) return false;
    count++;
  }
  return count === columns;
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => isSame(item, (b as unknown[])[i]));
  if (Object.getPrototypeOf(a) !== Object.prototype || Object.getPrototypeOf(b) !== Object.prototype) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every(key => isSame((a as AnyRow)[key], (b as AnyRow)[key]));
}

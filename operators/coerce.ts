import { z } from 'zod';
import { RecordBatch } from '../lib/core/batch/batch.ts';
import { ArrayColumn, type Column } from '../lib/core/batch/column.ts';
import { isUndecodable, type Undecodable } from '../lib/core/batch/decodable.ts';
import type { DeadLetter, Operator } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, type BatchFunction, defineOperator, type OperatorContext } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { type Coercion, coercion, CoercionFailure, coercionType, type CoercionOptions } from '../lib/schema/coerce.ts';
import type { DataType } from '../lib/schema/types.ts';
import type { Show } from './row-types.ts';

/** What the records hold afterwards, by the name of the type. */
export interface CoercedTypes {
  string: string;
  integer: number | bigint;
  float: number;
  boolean: boolean;
  datetime: Date;
  json: unknown;
  binary: Buffer;
  date: string;
  timestamp: string;
  decimal: string;
}
export type Coerced<Row, M> = Show<{
  [K in keyof Row]: K extends keyof M ? (M[K] extends keyof CoercedTypes ? CoercedTypes[M[K]] | Extract<Row[K], null> : Row[K]) : Row[K];
}>;

export interface CoerceOptions extends CoercionOptions {
  /** Takes the rejects where the operator is used without pipeline(). */
  readonly onReject?: ((letter: DeadLetter) => void) | undefined;
}

const optionsSchema = z.strictObject({
  /** A list, because columns can have any name. */
  columns: z
    .array(z.strictObject({ name: z.string(), type: z.string() }))
    .min(1)
    .describe('name and type of each'),
  epoch: z.enum(['seconds', 'milliseconds']).optional().describe('what numbers count since 1970; without it they are no times'),
  zone: z.string().optional().describe('of times that are written without one: Z, +02:00'),
  formats: z.array(z.string()).readonly().optional().describe('of times besides ISO 8601: DD/MM/YYYY, MMM D YYYY HH:mm'),
  binary: z.enum(['utf8', 'base64', 'hex']).optional().describe('how text becomes bytes; utf8 by default'),
});

/**
 * Columns as values of other types; null stays null, nothing is lost. Only these columns are decoded, and they are laid over the others. A value
 * that cannot be of the type rejects its record (COERCION_FAILED, with column and type). Types are string, integer, float, boolean, datetime, json,
 * binary, date, timestamp, decimal; an unknown one is OPTION_INVALID. docs/values.md tells what becomes what.
 */
export function coerce<Row, const M extends { readonly [K in keyof Row]?: keyof CoercedTypes }>(
  types: M,
  given: CoerceOptions = {},
): Operator<Row, Coerced<Row, M>> {
  checkArgument('coerce', 'types', types, 'object');
  checkArgument('coerce', 'options', given, 'object');
  const { onReject, ...options } = given;
  const columns = Object.entries(types as Readonly<Record<string, string>>).map(([name, type]) => ({ name, type }));
  const operator = coerceKind.create<Row, Coerced<Row, M>>({ columns, ...options }, undefined, onReject);
  for (const { type } of columns) coercionType(type);
  return operator;
}

export const coerceKind = defineOperator<typeof optionsSchema>({
  kind: 'coerce',
  options: optionsSchema,
  keepsNothing: true,
  batch: ({ columns, ...options }, context) =>
    coercing(
      columns.map(({ name, type }) => target(name, type, options)),
      context,
    ),
  reads: ({ columns }) => columns.map(({ name }) => name),
  schema: (input, { columns }) =>
    columns.reduce((schema, { name, type }) => schema.with({ name, type: plainType(type), nullable: schema.field(name).nullable }), input),
  sets: ({ columns }) => columns.map(({ name, type }) => ({ name, type: plainType(type), nullable: true })),
  title: ({ columns }) => columns.map(({ name, type }) => `${name} to ${type}`).join(', '),
});

interface Target {
  readonly name: string;
  readonly typeName: string;
  readonly type: DataType;
  readonly change: Coercion;
}

function target(name: string, typeName: string, options: CoercionOptions): Target {
  const type = coercionType(typeName);
  return { name, typeName, type: plainType(typeName), change: coercion(type, options) };
}

function plainType(name: string): DataType {
  return { kind: coercionType(name).kind };
}

function coercing(targets: readonly Target[], context: OperatorContext): BatchFunction {
  return batch => {
    const refused = new Set<number>();
    const overlays = targets.map(wanted => coerced(batch, wanted, refused, context));
    const made = batch.schemaKnown ? overlaid(batch, targets, overlays) : merged(batch, targets, overlays);
    return refused.size === 0 ? made : made.select(keptRows(batch.length, refused));
  };
}

/** The values of one column; rows that it refuses for the first time are rejected. */
function coerced(batch: AnyBatch, { name, typeName, type, change }: Target, refused: Set<number>, context: OperatorContext): ArrayColumn {
  const column = batch.column(name);
  const values = new Array<unknown>(batch.length);
  const refuse = (row: number, code: string, reason: string): void => {
    values[row] = null;
    if (refused.has(row)) return;
    refused.add(row);
    context.reject(batch, row, code, reason);
  };
  for (let row = 0; row < values.length; row++) {
    const value = readOr(column, row, refuse);
    if (value === null || value === undefined) {
      values[row] = null;
      continue;
    }
    const next = change(value);
    if (next instanceof CoercionFailure)
      refuse(row, 'COERCION_FAILED', `column ${JSON.stringify(name)} cannot be ${typeName}: ${next.reason}`);
    else values[row] = next;
  }
  return new ArrayColumn(type, values);
}

/** A value; null where no record can have it, and the row is refused. */
function readOr(column: Column, row: number, refuse: Undecodable): unknown {
  try {
    return column.get(row);
  } catch (error) {
    if (!isUndecodable(error)) throw error;
    refuse(row, error.code, error.message);
    return null;
  }
}

function overlaid(batch: AnyBatch, targets: readonly Target[], overlays: readonly ArrayColumn[]): AnyBatch {
  return overlays.reduce<AnyBatch>((made, overlay, i) => {
    const { name } = targets[i] as Target;
    return made.withColumn(name, overlay, batch.schema.field(name).nullable);
  }, batch);
}

/** Records that nobody described stay objects; a field that is not there does not appear. */
function merged(batch: AnyBatch, targets: readonly Target[], overlays: readonly ArrayColumn[]): AnyBatch {
  const rows = batch.rows.map((row, index) => {
    const next: AnyRow = { ...row };
    for (const [i, { name }] of targets.entries()) {
      if (Object.hasOwn(row, name))
        Object.defineProperty(next, name, { value: overlays[i]?.get(index), writable: true, enumerable: true, configurable: true });
    }
    return next;
  });
  return RecordBatch.of(rows, undefined, batch.position, batch.bytes, batch.locator);
}

function keptRows(length: number, refused: ReadonlySet<number>): Uint32Array {
  const kept = new Uint32Array(length - refused.size);
  for (let row = 0, count = 0; row < length; row++) if (!refused.has(row)) kept[count++] = row;
  return kept;
}

import { MillraceError } from '../../errors.ts';
import { accepts, inferSchema, inferType } from '../../schema/infer.ts';
import type { Schema } from '../../schema/schema.ts';
import { RecordBatch } from '../batch/batch.ts';
import type { AnyBatch, AnyRow, RejectedRow } from '../define.ts';

/** So many records (or the end) decide a schema that nobody declared. */
export const SAMPLE_RECORDS = 1000;

/** The schema of the first batches: the one that all of them bring, or else one that is inferred from their records. */
export function lateSchema(batches: readonly AnyBatch[], hint: Schema | undefined): Schema | undefined {
  const [first] = batches;
  if (first !== undefined && batches.every(batch => batch.schemaKnown && isSameSchema(batch.schema, first.schema))) return first.schema;
  const rows = batches.flatMap(batch => batch.rows.slice(0, SAMPLE_RECORDS));
  return rows.length === 0 ? undefined : inferSchema(rows, hint);
}

export interface Fitted {
  readonly batch: AnyBatch;
  readonly rejected: readonly RejectedRow[];
  /** The schema grown by what did not fit, where the sink may be asked to follow. */
  readonly wider: Schema | undefined;
}

type Accepts = (value: unknown) => boolean;

/** Checks batches whose schema nobody declared against the one that the sink was opened with. */
export class LateSchema {
  schema: Schema;
  #accepts: readonly Accepts[];
  #judged: ReadonlySet<string>;

  /** `judged` are columns whose values the sink judges itself. */
  constructor(schema: Schema, judged: readonly string[] = []) {
    this.schema = schema;
    this.#judged = new Set(judged);
    this.#accepts = this.#acceptsOf(schema);
  }

  /** The batch under the schema, and the rows that do not fit it. */
  fit(batch: AnyBatch): Fitted {
    if (batch.schemaKnown && isSameSchema(batch.schema, this.schema)) return { batch, rejected: [], wider: undefined };
    const { rows } = batch;
    const rejected: RejectedRow[] = [];
    for (let index = 0; index < rows.length; index++) {
      const reason = this.#misfit(rows[index] as AnyRow);
      if (reason !== undefined) rejected.push({ index, code: 'SCHEMA_MISMATCH', reason });
    }
    const typed = batch.schemaKnown
      ? RecordBatch.of(rows as AnyRow[], this.schema, batch.position, batch.bytes, batch.locator)
      : batch.withSchema(this.schema);
    return {
      batch: typed,
      rejected,
      wider: rejected.length === 0 ? undefined : this.#widened(rejected.map(({ index }) => rows[index] as AnyRow)),
    };
  }

  /** The sink follows: from now on this is the schema. */
  widen(schema: Schema, judged: readonly string[] = []): void {
    this.schema = schema;
    this.#judged = new Set(judged);
    this.#accepts = this.#acceptsOf(schema);
  }

  #acceptsOf({ fields }: Schema): Accepts[] {
    return fields.map(({ name, type }) => (this.#judged.has(name) ? () => true : accepts(type)));
  }

  #misfit(row: AnyRow): string | undefined {
    const { fields } = this.schema;
    let present = 0;
    for (let i = 0; i < fields.length; i++) {
      const { name } = fields[i] as { name: string };
      const value = row[name];
      if (value === undefined) {
        if (Object.hasOwn(row, name)) present++;
        continue;
      }
      present++;
      if (value === null || (this.#accepts[i] as Accepts)(value)) continue;
      // What every object inherits (`constructor`) is no field.
      if (!Object.hasOwn(row, name)) present--;
      else
        return `column ${JSON.stringify(name)}: a ${kindOf(value)} where the first records had ${(fields[i] as { type: { kind: string } }).type.kind}`;
    }
    const keys = Object.keys(row);
    if (keys.length === present) return undefined;
    const extra = keys.find(key => !this.schema.has(key));
    return extra === undefined ? undefined : `column ${JSON.stringify(extra)} is new: the first records did not have it`;
  }

  /** Grown record by record by those for which that is possible; undefined where there are none. */
  #widened(rows: readonly AnyRow[]): Schema | undefined {
    const wider = rows.reduce((schema, row) => widenedBy(row, schema, this.#judged) ?? schema, this.schema);
    return wider === this.schema ? undefined : wider;
  }
}

function widenedBy(row: AnyRow, schema: Schema, judged: ReadonlySet<string>): Schema | undefined {
  let wider = schema;
  for (const name of Object.keys(row)) {
    const value = row[name];
    const field = schema.fields[schema.indexOf(name)];
    if (field === undefined) wider = wider.with({ name, type: inferType([value]), nullable: true });
    else if (value !== null && value !== undefined && !judged.has(name) && !accepts(field.type)(value)) {
      const type = widerType(field.type.kind, value);
      if (type === undefined) return undefined;
      wider = wider.with({ ...field, type });
    }
  }
  return wider;
}

/** Only where nothing that was written changes: whole numbers become numbers with fractions. */
function widerType(kind: string, value: unknown): Schema['fields'][number]['type'] | undefined {
  const isWhole = kind === 'int2' || kind === 'int4' || kind === 'int8';
  if (!isWhole || (typeof value !== 'number' && typeof value !== 'bigint')) return undefined;
  const type = inferType([value]);
  if (type.kind === 'numeric') return type;
  if (type.kind === 'int8' && kind !== 'int8') return type;
  return type.kind === 'float8' ? { kind: 'numeric' } : undefined;
}

function isSameSchema(a: Schema, b: Schema): boolean {
  if (a === b) return true;
  return (
    a.fields.length === b.fields.length &&
    a.fields.every((field, i) => field.name === b.fields[i]?.name && field.type.kind === b.fields[i]?.type.kind)
  );
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  if (value instanceof Date) return 'date';
  return ArrayBuffer.isView(value) ? 'buffer' : typeof value;
}

/** No record and no schema: what a table or a Parquet file cannot be made of. */
export function schemaUnknown(stage: string): MillraceError {
  return new MillraceError('SCHEMA_UNKNOWN', `${stage}: no record came and no schema is declared, so there is nothing to make it of`, {
    stage,
  });
}

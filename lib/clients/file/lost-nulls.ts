import type { AnyBatch, RejectedRow } from '../../core/define.ts';
import { MillraceError, suggestion } from '../../errors.ts';
import type { Format } from '../../formats/index.ts';
import { jsonNullsAsNull, type ReducedNulls } from '../../formats/ndjson/index.ts';
import type { Field, Schema } from '../../schema/schema.ts';
import type { DataType } from '../../schema/types.ts';
import { countOf } from '../../values/counts.ts';

/** OPTION_INVALID where the format carries everything, COLUMN_UNKNOWN for a name that the records do not have. */
export function checkLossy(lossy: readonly string[], { name }: Format, schema: Schema | undefined): void {
  if (lossy.length === 0) return;
  if (name !== 'ndjson' && name !== 'json')
    throw new MillraceError('OPTION_INVALID', `file: option "lossy": ${name} carries every value; leave it out`);
  const unknown = schema === undefined ? undefined : lossy.find(column => !schema.has(column));
  if (unknown === undefined) return;
  const near = suggestion(unknown, schema?.names ?? []);
  throw new MillraceError('COLUMN_UNKNOWN', `file: option "lossy": the records have no column ${JSON.stringify(unknown)}${near}`);
}

/** What would become of JSON's null, column by column. */
export function nullNotes(lossy: readonly string[], { name }: Format, schema: Schema | undefined): string[] {
  if (schema === undefined || (name !== 'ndjson' && name !== 'json')) return [];
  return schema.fields.filter(hasJson).map(field => {
    const column = `column ${JSON.stringify(field.name)}`;
    return lossy.includes(field.name)
      ? `${column}: the JSON value null is written as NULL, and counted`
      : `${column}: a record with the JSON value null is refused, unless lossy has the column`;
  });
}

function hasJson({ type }: Field): boolean {
  const holds = ({ kind, element }: DataType): boolean => kind === 'json' || kind === 'jsonb' || (element !== undefined && holds(element));
  return holds(type);
}

/** Writes JSON's null of some columns as NULL, and counts it. */
export class LostNulls {
  readonly #names: readonly string[];
  readonly #counts = new Map<string, number>();
  #last: ReducedNulls['lost'] = new Map();

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** The batch as it is written. */
  reduce(batch: AnyBatch): AnyBatch {
    if (this.#names.length === 0) return batch;
    const { batch: reduced, lost } = jsonNullsAsNull(batch, this.#names);
    this.#last = lost;
    return reduced;
  }

  /** What became of the batch that was reduced last. */
  written(rejected: readonly RejectedRow[]): void {
    const refused = new Set(rejected.map(({ index }) => index));
    for (const [name, rows] of this.#last) {
      const count = rows.filter(row => !refused.has(row)).length;
      this.#counts.set(name, count + (this.#counts.get(name) ?? 0));
    }
    this.#last = new Map();
  }

  /** A sentence for each column that lost something since the last call. */
  take(): string[] {
    const told = [...this.#counts].filter(([, count]) => count > 0);
    this.#counts.clear();
    return told.map(
      ([name, count]) => `column ${JSON.stringify(name)}: the JSON value null became NULL in ${countOf(count, 'record')} (lossy)`,
    );
  }
}

import { MillraceError } from '../../errors.ts';
import { Schema } from '../../schema/schema.ts';
import type { AnyBatch } from '../define.ts';
import { schemasOf } from './layout.ts';
import type { OperatorStage } from './stage.ts';

/**
 * Whether the columns that operators name are there, where the schema of the source is found late: each may come with the next record, so
 * only the end tells. Looks at the fields of the first batch, and of further ones as long as a column is missing.
 */
export class LateColumns {
  readonly #operators: readonly OperatorStage[];
  readonly #names = new Set<string>();
  #missing: string | undefined;
  #isDone = false;

  constructor(operators: readonly OperatorStage[]) {
    this.#operators = operators;
    this.#isDone = operators.length === 0;
  }

  /** What no record had so far, with the nearest name; undefined where nothing is missing, or no record came. */
  get missing(): string | undefined {
    return this.#missing;
  }

  look(batch: AnyBatch): void {
    if (this.#isDone || batch.length === 0) return;
    if (!batch.schemaKnown) {
      for (const row of batch.rows) if (typeof row === 'object') for (const name of Object.keys(row)) this.#names.add(name);
      this.#missing = this.#missingName();
    }
    this.#isDone = this.#missing === undefined;
  }

  #missingName(): string | undefined {
    const fields = [...this.#names].map(name => ({ name, type: { kind: 'jsonb' as const }, nullable: true }));
    try {
      schemasOf(this.#operators, new Schema(fields));
      return undefined;
    } catch (error) {
      // Whatever else is wrong with types that are not these, the operators say themselves.
      return error instanceof MillraceError && error.code === 'COLUMN_UNKNOWN' ? error.message : undefined;
    }
  }
}

import { z } from 'zod';
import { MillraceError, suggestion } from '../lib/errors.ts';
import { type Origin, RecordBatch } from '../lib/core/batch/batch.ts';
import type { Locator } from '../lib/core/batch/locator.ts';
import type { Column } from '../lib/core/batch/column.ts';
import type { Source } from '../lib/core/contracts.ts';
import { type AnyBatch, defineSource, type SourceContext } from '../lib/core/define.ts';
import { Schema } from '../lib/schema/schema.ts';
import { GENERATED_COLUMNS, type GeneratedColumn } from './generate-columns.ts';
import { turnTaker } from './memory.ts';

/** A made-up record, with all its columns. */
export interface GeneratedRow {
  id: number;
  customer: number;
  name: string | null;
  email: string;
  amount: string;
  score: number;
  active: boolean | null;
  created: Date;
  born: string;
  meta: unknown;
}

const optionsSchema = z.strictObject({
  rows: z
    .int()
    .min(0)
    .max(2 ** 31)
    .default(1000)
    .describe('how many records'),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(1)
    .describe('the same seed gives the same records, on every machine'),
  columns: z.array(z.string()).min(1).optional().describe('only these columns, in this order'),
});

/**
 * Made-up records of ten mixed columns, for trying out and measuring: unicode, empty and missing names, exact amounts, NaN and infinities,
 * microseconds, JSON. Record n depends on the seed and n alone. Values are made when somebody looks at them. Positions are `{ row }`.
 */
export function generate(options: z.input<typeof optionsSchema> = {}): Source<GeneratedRow> {
  return generateKind.create<GeneratedRow>(options, undefined);
}

export const generateKind = defineSource<typeof optionsSchema>({
  kind: 'generate',
  options: optionsSchema,
  describe: ({ columns }) => Promise.resolve(schemaOf(columnsOf(columns))),
  read: ({ rows, seed, columns }, context) => generated(rows, seed, columnsOf(columns), context),
  canReopen: () => true,
  plan: ({ rows }) => Promise.resolve({ estimatedRows: rows, estimatedBytes: rows * ROW_BYTES, hasPositions: true, isRepeatable: true }),
  title: ({ rows, seed }) => `${rows} records, seed ${seed}`,
  place: ({ rows, seed, columns }) => `${rows} records, seed ${seed}, columns ${columns?.join() ?? 'all'}`,
});

/** About what a record weighs when its columns are looked at. */
const ROW_BYTES = 150;

async function* generated(rows: number, seed: number, all: readonly GeneratedColumn[], context: SourceContext): AsyncGenerator<AnyBatch> {
  const { after, to, columns: wanted, signal, batchRows, batchBytes } = context;
  const columns = wanted === undefined ? all : all.filter(({ name }) => wanted.includes(name));
  const schema = schemaOf(columns);
  const size = Math.max(1, Math.min(batchRows, Math.floor(batchBytes / ROW_BYTES)));
  const end = to === undefined ? rows : Math.min(rows, Number(to['row']) + 1);
  const turns = turnTaker();
  let row = after === undefined ? 0 : Number(after['row']) + 1;
  context.expects({ rows: Math.max(0, end - row) });
  while (row < end && !signal.aborted) {
    const length = Math.min(size, end - row);
    const origin = new GeneratedOrigin(seed, row, length, columns);
    row += length;
    context.counted({ rows: length });
    yield new RecordBatch(origin, schema, { row: row - 1 });
    await turns();
  }
}

function columnsOf(names: readonly string[] | undefined): readonly GeneratedColumn[] {
  if (names === undefined) return GENERATED_COLUMNS;
  return names.map(name => {
    const column = GENERATED_COLUMNS.find(known => known.name === name);
    if (column !== undefined) return column;
    const known = GENERATED_COLUMNS.map(each => each.name);
    throw new MillraceError('COLUMN_UNKNOWN', `generate: no column ${JSON.stringify(name)}${suggestion(name, known)}`);
  });
}

function schemaOf(columns: readonly GeneratedColumn[]): Schema {
  return new Schema(columns.map(({ name, type, nullable }) => ({ name, type, nullable })));
}

/** Rows `first` and on. Nothing is kept: a value is made each time it is asked for. */
class GeneratedOrigin implements Origin {
  readonly length: number;
  readonly bytes: number;
  readonly locate: Locator;
  readonly #seed: number;
  readonly #first: number;
  readonly #columns: readonly GeneratedColumn[];

  constructor(seed: number, first: number, length: number, columns: readonly GeneratedColumn[]) {
    this.length = length;
    this.bytes = length * ROW_BYTES;
    this.#seed = seed;
    this.#first = first;
    this.locate = row => ({ row: first + row });
    this.#columns = columns;
  }

  column(index: number): Column {
    const { type, make, salt } = this.#columns[index] as GeneratedColumn;
    const [seed, first] = [this.#seed ^ salt, this.#first];
    return { type, length: this.length, get: row => make(seed, first + row) };
  }
}

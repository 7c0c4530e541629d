import { type Origin, RecordBatch } from '../../core/batch/batch.ts';
import type { Locator } from '../../core/batch/locator.ts';
import type { Column } from '../../core/batch/column.ts';
import type { AnyBatch } from '../../core/define.ts';
import { MillraceError } from '../../errors.ts';
import type { Schema } from '../../schema/schema.ts';
import type { DataType } from '../../schema/types.ts';
import type { DecodeContext } from '../format.ts';
import { type Unmarked, unmarked } from '../text/byte-order-mark.ts';
import { type ParsedRecord, parseRecords } from './dialect-parse.ts';
import { bareCarriageReturn, matchingSchema, numberedSchema, textSchema } from './header.ts';
import { lineLocator } from '../line-locator.ts';
import { ragged } from './malformed.ts';
import type { CsvOptions } from './options.ts';

/** The schema of any dialect: of its header, or its first record where it has none. */
export async function describeDialect(
  chunks: AsyncIterable<Uint8Array>,
  options: CsvOptions,
  limits: { file: string; maxRecordBytes: number },
): Promise<Schema | undefined> {
  const { file } = limits;
  if (Array.isArray(options.headers)) return textSchema(options.headers, file);
  const input = unmarked(chunks, options.bom);
  let blanks = 0;
  for await (const records of parseRecords(input, options, { ...limits, line: 1 })) {
    for (const record of records) {
      if (!record.isBlank) return ownSchema(record, options, file);
      blanks++;
    }
  }
  return blanks > 0 && !options.headers ? numberedSchema(1) : undefined;
}

/** Batches of any dialect, by csv-parse. */
export async function* decodeDialect(
  chunks: AsyncIterable<Uint8Array>,
  options: CsvOptions,
  schema: Schema | undefined,
  context: DecodeContext,
): AsyncGenerator<AnyBatch> {
  const isContinued = context.after !== undefined && context.after.offset > 0;
  const input = unmarked(chunks, options.bom && !isContinued);
  const gathering = new DialectBatches(options, schema, input, context);
  const line = context.after?.line ?? 1;
  if (isContinued && options.toLine !== undefined && options.toLine < line) return;
  try {
    for await (const records of parseRecords(input, options, { file: context.file, line, maxRecordBytes: context.maxRecordBytes })) {
      for (const record of records) gathering.add(record);
      if (records.length === 0) gathering.take();
      yield* gathering.ready();
    }
    gathering.finish();
  } catch (thrown) {
    gathering.take();
    yield* gathering.ready();
    throw thrown;
  }
  yield* gathering.ready();
}

/** Gathers records into batches, after the header. */
class DialectBatches {
  readonly #options: CsvOptions;
  readonly #input: Unmarked;
  readonly #context: DecodeContext;
  readonly #known: Schema | undefined;
  /** Of the file; undefined until its first record. */
  #own: Schema | undefined;
  #shown: Schema | undefined;
  #inOrder = true;
  /** Empty lines before the first record: NULLs of a single column, else nothing. */
  #blanks: ParsedRecord[] = [];
  #records: ParsedRecord[] = [];
  #ready: AnyBatch[] = [];
  #bytes = 0;
  #row: number;
  #counted: number;
  #isFirst = true;
  #hasWarned = false;

  constructor(options: CsvOptions, known: Schema | undefined, input: Unmarked, context: DecodeContext) {
    this.#options = options;
    this.#known = known;
    this.#input = input;
    this.#context = context;
    this.#row = context.after?.row ?? 0;
    this.#counted = context.after?.offset ?? 0;
    const isContinued = this.#counted > 0;
    if (Array.isArray(options.headers)) this.#own = textSchema(options.headers, context.file);
    else if (isContinued || !options.headers) this.#own = known;
    if (isContinued && this.#own === undefined)
      throw new MillraceError('SCHEMA_UNKNOWN', `${context.file}: to go on in mid file takes the schema of its header`);
    this.#shown = this.#own;
  }

  add(record: ParsedRecord): void {
    if (this.#own === undefined) {
      if (record.isBlank) {
        if (this.#options.headers === false) this.#blanks.push(record);
        return;
      }
      this.#open(ownSchema(record, this.#options, this.#context.file));
      if (this.#options.headers === true) return;
    }
    this.#addRecord(record);
  }

  /** The batches that are full; the first goes as soon as there is any record. */
  *ready(): Generator<AnyBatch> {
    if (this.#isFirst) this.take();
    const ready = this.#ready;
    this.#ready = [];
    yield* ready;
  }

  finish(): void {
    if (this.#own === undefined && this.#blanks.length > 0) this.#open(numberedSchema(1));
    this.take();
  }

  /** Makes a batch of what is there. */
  take(): void {
    const records = this.#records;
    const last = records[records.length - 1];
    if (last === undefined || this.#own === undefined || this.#shown === undefined) return;
    this.#isFirst = false;
    this.#row += records.length;
    const offset = (this.#context.after?.offset ?? 0) + this.#input.skipped + last.offset;
    this.#context.counted({ rows: records.length, bytes: offset - this.#counted });
    this.#counted = offset;
    const position = { offset, line: last.nextLine, row: this.#row };
    const origin = new ParsedOrigin(records, this.#bytes, this.#context.file);
    this.#records = [];
    this.#bytes = 0;
    const batch = new RecordBatch(origin, this.#inOrder ? this.#shown : this.#own, position) as AnyBatch;
    this.#ready.push(this.#inOrder ? batch : batch.project(this.#shown.names).withSchema(this.#shown));
  }

  #open(own: Schema): void {
    this.#own = own;
    const { schema, inOrder } = matchingSchema(own, this.#options.headers === true ? this.#known : undefined, this.#context.file);
    this.#shown = schema;
    this.#inOrder = inOrder;
    if (own.fields.length === 1) for (const blank of this.#blanks) this.#addRecord(blank);
    this.#blanks = [];
  }

  #addRecord(record: ParsedRecord): void {
    const wanted = (this.#own as Schema).fields.length;
    if (record.isBlank && wanted > 1) return;
    if (record.fields.length !== wanted) this.#fit(record, wanted);
    this.#records.push(record);
    for (const field of record.fields) this.#bytes += 16 + (field === null ? 0 : field.length);
    if (this.#records.length >= this.#context.batchRows || this.#bytes >= this.#context.batchBytes) this.take();
  }

  #fit({ fields, line }: ParsedRecord, wanted: number): void {
    const { relaxColumnCount, relaxColumnCountLess, relaxColumnCountMore } = this.#options;
    const isAllowed = relaxColumnCount || (fields.length < wanted ? relaxColumnCountLess : relaxColumnCountMore);
    if (!isAllowed) throw ragged({ file: this.#context.file, line }, fields.length, wanted);
    if (fields.length > wanted && !this.#hasWarned) {
      this.#context.warn(
        `${this.#context.file}: records with more than ${wanted} fields lose those behind (relaxColumnCount); the first at line ${line}`,
      );
      this.#hasWarned = true;
    }
    while (fields.length < wanted) fields.push(null);
    fields.length = wanted;
  }
}

function ownSchema(record: ParsedRecord, options: CsvOptions, file: string): Schema {
  if (options.headers !== true) return numberedSchema(record.fields.length);
  if (record.hasBareCr && options.recordDelimiter === undefined) throw bareCarriageReturn({ file, line: record.line });
  return textSchema(
    record.fields.map(name => name ?? ''),
    file,
  );
}

/** Records that csv-parse made text of. */
class ParsedOrigin implements Origin {
  readonly length: number;
  readonly locate: Locator;
  readonly lines: readonly number[];
  readonly bytes: number;
  readonly #records: readonly ParsedRecord[];

  constructor(records: readonly ParsedRecord[], bytes: number, file: string) {
    this.length = records.length;
    this.bytes = bytes;
    this.#records = records;
    this.lines = records.map(({ line }) => line);
    this.locate = lineLocator(file, this.lines);
  }

  column(index: number, type: DataType): Column {
    const text = (row: number) => (this.#records[row] as ParsedRecord).fields[index] ?? null;
    return { type, length: this.length, get: text, text };
  }
}

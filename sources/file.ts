import { resolve } from 'node:path';
import { z } from 'zod';
import { contentOf } from '../lib/clients/file/content.ts';
import { type FoundFile, filesOf } from '../lib/clients/file/files.ts';
import { inputOf } from '../lib/clients/file/input-of.ts';
import { describeGuess, type Guessed, guessedContent, guessedEncoding } from '../lib/clients/file/guessed-dialect.ts';
import { checkEncoding, codecsOf, type Encoding, fileFields } from '../lib/clients/file/options.ts';
import { withProvenance, withProvenanceFields } from '../lib/clients/file/provenance.ts';
import type { Json, Position } from '../lib/core/batch/batch.ts';
import type { Source } from '../lib/core/contracts.ts';
import { type AnyBatch, defineSource, type SourceContext } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { MillraceError } from '../lib/errors.ts';
import type { DecodeContext } from '../lib/formats/format.ts';
import { MalformedAt } from '../lib/formats/ndjson/index.ts';
import type { SourcePlan } from '../lib/core/plan.ts';
import type { TextInput } from '../lib/formats/text/decode-text.ts';
import type { Schema } from '../lib/schema/schema.ts';

const options = z
  .strictObject({
    ...fileFields,
    maxRecordBytes: z
      .int()
      .positive()
      .default(64 * 1024 * 1024)
      .describe('a longer record is an error'),
    maxRatio: z.number().positive().default(500).describe('a compressed file of more than 256 MiB that expands more often is an error'),
    provenance: z.boolean().default(false).describe('two columns more: _file, and _line at which the record begins'),
  })
  .refine(checkEncoding);
type FileOptions = z.output<typeof options>;

/**
 * Records of a file, of many files (`data/*.csv`, `data/**\/*.ndjson.gz`, in name order) or of standard input (`-`). Format and compression by
 * extension: csv, tsv, ndjson (jsonl), json, each with gz or br. What the options do not say of a CSV file's dialect is taken from its beginning
 * where that leaves no doubt. CSV columns are text, and further files may have them in another order; the
 * fields of JSON have the types of their values, and the schema is known with the first records.
 * Memory: a batch, whatever the file's length. Positions `{ file, offset, line, row }`; a compressed file is read again up to there; none of
 * standard input, pipes and files that are not UTF-8.
 * Errors: NOT_FOUND, NOT_PERMITTED, IO_FAILED; DATA_MALFORMED, ENCODING_INVALID, RECORD_TOO_LARGE with file and line; SCHEMA_MISMATCH where a
 * further file has other columns.
 */
export function file<Row = Record<string, unknown>>(path: string, more: Omit<z.input<typeof options>, 'path'> = {}): Source<Row> {
  checkArgument('file', 'more', more, 'object');
  return fileKind.create({ path, ...more }, undefined);
}

export const fileKind = defineSource<typeof options>({
  kind: 'file',
  options,
  describe: async (given, { signal }) => {
    const [first] = await filesOf(given.path);
    const schema = first === undefined ? undefined : (await describe(first, given, signal))?.schema;
    return schema === undefined || !given.provenance ? schema : withProvenanceFields(schema, given.path);
  },
  plan: async (given, { signal }) => planOf(await filesOf(given.path), given, signal),
  read,
  gives: codecsOf,
  title: ({ path }) => path,
  place: ({ path }) => (path === '-' ? 'standard input' : resolve(path)),
  input: async ({ path }) => inputOf(await filesOf(path)),
  reading: readingOf,
  canReopen: async ({ path }) => (await filesOf(path)).every(({ bytes }) => bytes !== undefined),
});

/** Where the files are, and how far they may expand, changes no record. */
function readingOf({ path, maxRatio, maxRecordBytes, ...dialect }: FileOptions): Json {
  return JSON.parse(JSON.stringify(dialect)) as Json;
}

async function describe({ path, bytes }: FoundFile, given: FileOptions, signal: AbortSignal): Promise<Described | undefined> {
  if (bytes === undefined) return undefined;
  const { maxRatio } = given;
  const found = await guessedEncoding(path, given, { signal, maxRatio });
  const { chunks } = contentOf(path, found.encoding, { signal, maxRatio });
  return { ...found, schema: await found.encoding.format.decoder.describe(chunks, path) };
}

interface Described extends Guessed {
  readonly schema: Schema | undefined;
}

/** What can be read once only is not looked at before. */
async function planOf(files: readonly FoundFile[], given: FileOptions, signal: AbortSignal): Promise<SourcePlan> {
  const once = files.filter(({ bytes }) => bytes === undefined).map(({ path }) => (path === '-' ? 'standard input' : path));
  if (once.length > 0)
    return {
      notes: [`${once.join(', ')} can be read once: which columns and types there are is known when it is`],
      hasPositions: false,
      isRepeatable: false,
    };
  const notes = files.length === 1 ? [] : [`${files.length} files`];
  for (const { path } of files.slice(0, LOOKED_AT_FILES)) {
    const guess = describeGuess((await guessedEncoding(path, given, { signal, maxRatio: given.maxRatio })).guessed);
    if (guess !== '') notes.push(`${files.length === 1 ? '' : `${path}: `}guessed: ${guess}`);
  }
  return {
    estimatedBytes: files.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
    ...(notes.length === 0 ? {} : { notes }),
    hasPositions: true,
    isRepeatable: true,
  };
}

/** Of a pattern the plan looks into so many. */
const LOOKED_AT_FILES = 8;

async function* read(given: FileOptions, context: SourceContext): AsyncGenerator<AnyBatch> {
  const { after, to, signal } = context;
  const files = await filesOf(given.path);
  const start = after === undefined ? 0 : indexOf(after, files, given);
  const end = to === undefined ? files.length : indexOf(to, files, given) + 1;
  const wanted = files.slice(start, end);
  if (wanted.every(({ bytes }) => bytes !== undefined)) context.expects({ bytes: wanted.reduce((sum, { bytes = 0 }) => sum + bytes, 0) });
  const described = files[0] === undefined ? undefined : await describe(files[0], given, signal);
  const first = described?.schema;
  for (const found of wanted) {
    const own = found === files[0] ? described : await describe(found, given, signal);
    const schema = own?.schema;
    if (schema !== undefined && first !== undefined) checkColumns(found.path, schema, first);
    const resumed = after?.file === found.path ? after : undefined;
    for await (const batch of decodeFile(found, given, { described: own, after: resumed, context })) {
      const ordered = first === undefined || isSameOrder(batch.schema, first) || !batch.schemaKnown ? batch : batch.project(first.names);
      const shown = given.provenance ? withProvenance(ordered as AnyBatch, found.path) : ordered;
      const last = to?.file === found.path ? upTo(shown, to, context) : shown;
      if (last !== undefined) yield last;
      if (last !== shown || signal.aborted) return;
    }
  }
}

function indexOf(position: Position, files: readonly FoundFile[], { path }: FileOptions): number {
  const at = files.findIndex(found => found.path === position.file);
  if (at < 0)
    throw new MillraceError(
      'NOT_FOUND',
      `${JSON.stringify(position.file)}, where reading is to go on, is no longer among the files of ${path}`,
    );
  return at;
}

/** Further files may have the columns in another order, but not others. */
function checkColumns(path: string, schema: Schema, first: Schema): void {
  const quoted = (names: readonly string[]): string => names.map(name => JSON.stringify(name)).join(', ');
  const surplus = schema.names.filter(name => !first.has(name));
  const missing = first.names.filter(name => !schema.has(name));
  if (surplus.length === 0 && missing.length === 0) return;
  const what = [surplus.length === 0 ? '' : `has ${quoted(surplus)}`, missing.length === 0 ? '' : `lacks ${quoted(missing)}`];
  throw new MillraceError(
    'SCHEMA_MISMATCH',
    `${path} has other columns than the first file: it ${what.filter(part => part !== '').join(' and ')}`,
  );
}

function isSameOrder(schema: Schema, first: Schema): boolean {
  return schema === first || schema.names.every((name, i) => name === first.fields[i]?.name);
}

interface Decoding {
  /** Undefined of what can be read once only. */
  readonly described: Described | undefined;
  readonly after: Position | undefined;
  readonly context: SourceContext;
}

async function* decodeFile({ path, bytes }: FoundFile, given: FileOptions, decoding: Decoding): AsyncGenerator<AnyBatch> {
  const { described, after, context } = decoding;
  const from = after === undefined ? undefined : { offset: Number(after.offset), line: Number(after.line), row: Number(after.row) };
  const open = (encoding: Encoding): TextInput =>
    contentOf(path, encoding, {
      signal: context.signal,
      maxRatio: given.maxRatio,
      start: from?.offset ?? 0,
      counted: read => context.counted({ bytes: read }),
    });
  const { encoding, guessed, content } =
    described === undefined ? await guessedContent(path, given, open) : { ...described, content: open(described.encoding) };
  if (guessed.headers === false)
    context.warn(`${path}: its first line looks like a record: it is read as one, and columns are called column1, …; set headers`);
  const { codec, decoder } = encoding.format;
  const decodeContext: DecodeContext = {
    file: path === '-' ? 'standard input' : path,
    batchRows: context.batchRows,
    batchBytes: context.batchBytes,
    maxRecordBytes: given.maxRecordBytes,
    passesThrough:
      codec !== undefined &&
      context.passthrough?.includes(codec) === true &&
      context.looksAt?.length === 0 &&
      context.columns === undefined,
    // Bytes are counted as they are read: of a compressed file those count that it has.
    counted: ({ rows }) => (rows === undefined ? undefined : context.counted({ rows })),
    warn: message => context.warn(message),
    ...(context.columns === undefined ? {} : { columns: context.columns }),
    ...(from === undefined ? {} : { after: from }),
  };
  try {
    for await (const batch of decoder.decode(content.chunks, described?.schema, decodeContext)) {
      const hasPosition = bytes !== undefined && content.encoding === 'utf-8' && batch.position !== undefined;
      yield batch.withPosition(hasPosition ? { file: path, ...batch.position } : undefined);
    }
  } catch (error) {
    throw error instanceof MalformedAt && content.encoding !== 'utf-8' ? error.ofText() : error;
  }
}

/** The records up to a position, the last one with it; undefined where they were all given before. */
function upTo(batch: AnyBatch, to: Position, context: SourceContext): AnyBatch | undefined {
  const beyond = Number(batch.position?.row) - Number(to.row);
  if (beyond < 0) return batch;
  context.counted({ rows: -Math.min(beyond, batch.length) });
  return beyond >= batch.length ? undefined : batch.slice(0, batch.length - beyond).withPosition(to);
}

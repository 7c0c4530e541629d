import { z } from 'zod';
import { openAppending } from '../lib/clients/file/appending-writer.ts';
import { openAtomic } from '../lib/clients/file/atomic-writer.ts';
import { type ExistingFile, existingFile } from '../lib/clients/file/existing.ts';
import type { FileWriter } from '../lib/clients/file/file-writer.ts';
import { checkEncoding, codecsOf, type Encoding, encodingOf, fileFields } from '../lib/clients/file/options.ts';
import { checkLossy, LostNulls } from '../lib/clients/file/lost-nulls.ts';
import { planFile } from '../lib/clients/file/plan-file.ts';
import { isSpecialFile, openSpecial } from '../lib/clients/file/special-file.ts';
import { openStdout } from '../lib/clients/file/standard-io.ts';
import type { Sink } from '../lib/core/contracts.ts';
import { type AnyBatch, type AnyRow, type Checkpoint, defineSink, type SinkContext, type Writer } from '../lib/core/define.ts';
import { checkArgument } from '../lib/core/run/check-argument.ts';
import { compressor, type Compressor } from '../lib/formats/compression.ts';
import type { RecordCounter } from '../lib/formats/count-records.ts';
import { MillraceError } from '../lib/errors.ts';
import type { Encoder } from '../lib/formats/format.ts';
import { type CharacterSet, characterSet } from '../lib/formats/text/character-set.ts';
import { encodingName } from '../lib/formats/text/decode-text.ts';

const options = z
  .strictObject({
    ...fileFields,
    mode: z
      .enum(['create', 'append', 'replace'])
      .default('create')
      .describe('create: the file must not be there; append and replace make it where it is not'),
    lossy: z
      .array(z.string())
      .readonly()
      .default([])
      .describe('columns of JSON whose value null may be written as NULL, of NDJSON and JSON; the report counts them'),
  })
  .refine(checkEncoding);
type FileOptions = z.output<typeof options>;

export type FileSinkOptions<Row> = Omit<z.input<typeof options>, 'path' | 'lossy'> & { readonly lossy?: readonly (keyof Row & string)[] };

/**
 * Into a file, or to standard output (`-`). Format and compression by extension: csv, tsv, ndjson (jsonl), json, each with gz or br.
 * All or nothing: written beside its place, fsynced, put there as a whole when the run has ended well. `append` writes behind what is there and
 * cuts it back when the run fails; CSV goes under the header that is there. Standard output, pipes and devices can take nothing back.
 * NDJSON and JSON take records of any shape; CSV has the columns of the schema. JSON's own null is refused in NDJSON and JSON, which have one null
 * only; of the columns that `lossy` names it becomes NULL, and the report has a warning with the count.
 * Errors: EXISTS, NOT_FOUND (the folder), NOT_PERMITTED, DISK_FULL, IO_FAILED; SCHEMA_MISMATCH where other columns stand there; COLUMN_UNKNOWN,
 * OPTION_INVALID of `lossy`. A record with a value that has no text in the format is a reject: VALUE_INVALID, VALUE_NOT_CARRIED.
 */
export function file<Row = object>(path: string, more: FileSinkOptions<Row> = {}): Sink<Row> {
  checkArgument('file', 'more', more, 'object');
  return fileKind.create({ path, ...more }, undefined);
}

export const fileKind = defineSink<typeof options>({
  kind: 'file',
  keepsNothing: true,
  options,
  needsSchema: given => encodingOf(given.path, given).format.needsSchema,
  takes: given => (encodingName(given.encoding) === 'utf-8' ? codecsOf(given) : []),
  guarantee: 'all-or-nothing',
  plan: (given, context) => planFile(given, encodingOf(given.path, given), context),
  open,
  title: ({ path }) => path,
});

async function open(given: FileOptions, context: SinkContext): Promise<Writer> {
  const encoding = encodingOf(given.path, given);
  const { format } = encoding;
  const characters = characterSet(encoding.text);
  checkLossy(given.lossy, format, context.schema);
  const { target, existing } = await openTarget(given, encoding, context);
  const schema = existing?.columns === undefined ? context.schema : context.schema?.project(existing.columns);
  try {
    return new FileSinkWriter(target, {
      context,
      existing,
      columns: existing?.columns,
      encoder: format.encoder(schema, characters?.check),
      characters,
      mark: encoding.mark === true ? markOf(characters) : undefined,
      count: format.counter(),
      nulls: new LostNulls(given.lossy),
      compressor: compressor(encoding.compression),
    });
  } catch (error) {
    await target.abort();
    throw error;
  }
}

function markOf(characters: CharacterSet | undefined): Uint8Array {
  if (characters === undefined) return Buffer.from('\ufeff');
  if (characters.mark !== undefined) return characters.mark;
  throw new MillraceError('OPTION_INVALID', `file: option "bom": ${characters.name} has no byte order mark; leave it out`);
}

interface Target {
  readonly target: FileWriter;
  readonly existing: ExistingFile | undefined;
}

async function openTarget({ path, mode }: FileOptions, encoding: Encoding, { schema, signal }: SinkContext): Promise<Target> {
  if (path === '-') return { target: openStdout(signal), existing: undefined };
  if (await isSpecialFile(path)) return { target: await openSpecial(path), existing: undefined };
  if (mode !== 'append') return { target: await openAtomic(path, mode), existing: undefined };
  const existing = await existingFile(path, encoding, schema, signal);
  return { target: await openAppending(path), existing };
}

interface Writing {
  readonly context: SinkContext;
  readonly existing: ExistingFile | undefined;
  /** The order of columns where the target has one of its own. */
  readonly columns: readonly string[] | undefined;
  readonly encoder: Encoder;
  /** Undefined: UTF-8. */
  readonly characters: CharacterSet | undefined;
  /** What stands before everything, where that was asked for. */
  readonly mark: Uint8Array | undefined;
  readonly count: RecordCounter | undefined;
  readonly nulls: LostNulls;
  readonly compressor: Compressor;
}

class FileSinkWriter implements Writer {
  readonly #target: FileWriter;
  readonly #writing: Writing;
  #isStarted = false;
  #isFinished = false;
  #bytes = 0;

  constructor(target: FileWriter, writing: Writing) {
    this.#target = target;
    this.#writing = writing;
  }

  async write(batch: AnyBatch): Promise<void> {
    const { encoder, count, context, columns, nulls } = this.#writing;
    await this.#start();
    const { chunks, rejected } = encoder.encode(nulls.reduce(columns === undefined ? batch : batch.project<AnyRow>(columns)));
    nulls.written(rejected);
    await this.#put(chunks);
    context.counted({ written: count?.(chunks) ?? batch.length - rejected.length });
    context.settle(batch, rejected);
  }

  /** What was written was handed on; whether it is durable, commit says. */
  async flush(): Promise<void> {
    await this.#start();
  }

  async commit({ done }: Checkpoint): Promise<{ bytes: number }> {
    for (const told of this.#writing.nulls.take()) this.#writing.context.warn(told);
    if (done === true) await this.#finish();
    else await this.#hand(await this.#writing.compressor.commit());
    return { bytes: await this.#target.commit() };
  }

  async close(): Promise<void> {
    try {
      await this.#finish();
    } catch (error) {
      await this.abort();
      throw error;
    }
    await this.#target.close();
  }

  async abort(): Promise<void> {
    this.#writing.compressor.destroy();
    await this.#target.abort();
  }

  async #start(): Promise<void> {
    if (this.#isStarted) return;
    this.#isStarted = true;
    const { encoder, existing, mark } = this.#writing;
    if (mark !== undefined && existing === undefined) await this.#hand(await this.#writing.compressor.write([mark]));
    if (existing?.endsInLineEnd === false) await this.#put([Buffer.from('\n')]);
    await this.#put(encoder.start(existing === undefined));
  }

  async #put(chunks: readonly Uint8Array[]): Promise<void> {
    const { characters, compressor } = this.#writing;
    if (chunks.length === 0) return;
    await this.#hand(await compressor.write(characters === undefined ? chunks : chunks.map(chunk => characters.encode(chunk))));
  }

  /** What stands behind the last record, once. */
  async #finish(): Promise<void> {
    if (this.#isFinished) return;
    this.#isFinished = true;
    await this.#start();
    const { encoder, compressor } = this.#writing;
    await this.#put(encoder.end());
    // Nothing at all is no compressed file: an empty one has a head and a tail.
    if (this.#bytes === 0 && this.#target.isFresh) await compressor.write([]);
    await this.#hand(await compressor.end());
  }

  async #hand(chunks: readonly Uint8Array[]): Promise<void> {
    if (chunks.length === 0) return;
    await this.#target.write(chunks);
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#bytes += bytes;
    this.#writing.context.counted({ bytes });
  }
}

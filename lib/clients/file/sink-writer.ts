import type { AnyBatch, AnyRow, Checkpoint, SinkContext, Writer } from '../../core/define.ts';
import type { Json } from '../../core/batch/batch.ts';
import { MillraceError } from '../../errors.ts';
import { compressor, type Compressor } from '../../formats/compression.ts';
import type { RecordCounter } from '../../formats/count-records.ts';
import type { Encoder } from '../../formats/format.ts';
import { type CharacterSet, characterSet } from '../../formats/text/character-set.ts';
import { openAppending } from './appending-writer.ts';
import { openAtomic } from './atomic-writer.ts';
import { type ExistingFile, existingFile, ownFile } from './existing.ts';
import type { FileWriter } from './file-writer.ts';
import { type FileMode, type FileState, openKept } from './kept-file.ts';
import { checkLossy, LostNulls } from './lost-nulls.ts';
import { type Encoding, encodingOf, type FileOptions } from './options.ts';
import { isSpecialFile, openSpecial } from './special-file.ts';
import { openStdout } from './standard-io.ts';

export interface FileSinkSettings extends FileOptions {
  readonly mode: FileMode;
  readonly lossy: readonly string[];
}

/** Writes records into a file; nothing stands under its name before all of it is closed, unless it is appended to. */
export async function openFileSink(given: FileSinkSettings, context: SinkContext): Promise<Writer> {
  const encoding = encodingOf(given.path, given);
  const { format } = encoding;
  const characters = characterSet(encoding.text);
  checkLossy(given.lossy, format, context.schema);
  const { target, existing, state } = await openTarget(given, encoding, context);
  const schema = existing?.columns === undefined ? context.schema : context.schema?.project(existing.columns);
  try {
    return new FileSinkWriter(target, {
      context,
      existing,
      state,
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
  /** Of a file that the job goes on with. */
  readonly state?: FileState | undefined;
}

async function openTarget({ path, mode }: FileSinkSettings, encoding: Encoding, context: SinkContext): Promise<Target> {
  const { schema, signal } = context;
  if (path === '-') return { target: openStdout(signal), existing: undefined };
  if (await isSpecialFile(path)) return { target: await openSpecial(path), existing: undefined };
  if (context.keepsState === true) return openKeptTarget(path, mode, encoding, context);
  if (mode !== 'append') return { target: await openAtomic(path, mode), existing: undefined };
  const existing = await existingFile(path, encoding, schema, signal);
  return { target: await openAppending(path), existing };
}

async function openKeptTarget(path: string, mode: FileMode, encoding: Encoding, context: SinkContext): Promise<Target> {
  const { schema, signal, jobId, resume, warn } = context;
  const state = context.state as FileState | undefined;
  const isDone = resume?.done === true;
  const { writer: target, at, isOwn } = await openKept(path, mode, { jobId, state, isDone, warn });
  try {
    if (isDone) return { target, existing: { columns: undefined, endsInLineEnd: true }, state };
    return { target, existing: await (isOwn ? ownFile : existingFile)(at, encoding, schema, signal), state };
  } catch (error) {
    await target.abort();
    throw error;
  }
}

interface Writing {
  readonly context: SinkContext;
  readonly existing: ExistingFile | undefined;
  readonly state: FileState | undefined;
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
  #isFinished: boolean;
  #hasRecords: boolean;
  #bytes = 0;

  constructor(target: FileWriter, writing: Writing) {
    this.#target = target;
    this.#writing = writing;
    this.#isFinished = writing.context.resume?.done === true;
    this.#hasRecords = writing.state?.hasRecords === true;
  }

  async write(batch: AnyBatch): Promise<void> {
    const { encoder, count, context, columns, nulls } = this.#writing;
    await this.#start();
    const { chunks, rejected } = encoder.encode(nulls.reduce(columns === undefined ? batch : batch.project<AnyRow>(columns)));
    nulls.written(rejected);
    await this.#put(chunks);
    if (rejected.length < batch.length) this.#hasRecords = true;
    context.counted({ written: count?.(chunks) ?? batch.length - rejected.length });
    context.settle(batch, rejected);
  }

  /** What was written was handed on; whether it is durable, commit says. */
  async flush(): Promise<void> {
    await this.#start();
  }

  async commit({ done }: Checkpoint): Promise<Json> {
    for (const told of this.#writing.nulls.take()) this.#writing.context.warn(told);
    if (done === true) await this.#finish();
    else await this.#hand(await this.#writing.compressor.commit());
    const bytes = await this.#target.commit();
    const file = await this.#target.identity;
    return file === undefined ? null : { file, bytes, hasRecords: this.#hasRecords };
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
    await this.#put(encoder.start(existing === undefined, this.#hasRecords));
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

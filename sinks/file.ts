import { z } from 'zod';
import { type FileWriter, openAppending, openAtomic } from '../lib/clients/file/atomic-writer.ts';
import { filesOf, readFile } from '../lib/clients/file/read.ts';
import { openStdout } from '../lib/clients/file/standard-io.ts';
import { MillraceError } from '../lib/errors.ts';
import type { Sink } from '../lib/core/contracts.ts';
import { type AnyBatch, defineSink, type SinkContext, type Writer } from '../lib/core/define.ts';
import { compressMember } from '../lib/formats/compression.ts';
import { compressionOf, decoderOf, encoderOf, fileFields, formatOf } from '../lib/formats/index.ts';
import type { Schema } from '../lib/schema/schema.ts';

const options = z.strictObject({ ...fileFields, mode: z.enum(['create', 'append', 'replace']).default('create') });
type FileOptions = z.output<typeof options>;

/**
 * Into a file, or to standard output (`-`). Format and compression by extension. It is written beside its place, fsynced and put there as a whole
 * when the run has ended well; append (mode) writes behind what is there and cuts it back when the run fails.
 * Errors: EXISTS, NOT_FOUND (the folder), NOT_PERMITTED, DISK_FULL, SCHEMA_MISMATCH (other columns than the file has).
 */
export function file<Row = object>(path: string, more: Omit<z.input<typeof options>, 'path'> = {}): Sink<Row> {
  return fileKind.create({ path, ...more }, undefined);
}

export const fileKind = defineSink<typeof options>({
  kind: 'file',
  options,
  needsSchema: given => formatOf(given.path, given) !== 'ndjson',
  takes: given => (formatOf(given.path, given) === 'csv' ? ['csv'] : []),
  guarantee: 'all-or-nothing',
  open,
  title: ({ path }) => path,
});

async function open(given: FileOptions, context: SinkContext): Promise<Writer> {
  const encoder = encoderOf(given.path, given, context.schema);
  const target = await openTarget(given, context.schema, context.signal);
  const compression = compressionOf(given.path, given);
  const put = async (chunks: readonly Uint8Array[]): Promise<void> => {
    if (chunks.length === 0) return;
    const packed = compression === undefined ? chunks : [compressMember(chunks, compression)];
    await target.write(packed);
    context.counted({ bytes: packed.reduce((sum, chunk) => sum + chunk.length, 0) });
  };
  let isStarted = false;
  let isEnded = false;
  const start = async (): Promise<void> => {
    if (isStarted) return;
    isStarted = true;
    await put(encoder.start(target.isFresh));
  };
  return {
    write: async (batch: AnyBatch) => {
      await start();
      const { chunks, rejected } = encoder.encode(batch);
      await put(chunks);
      context.counted({ written: batch.length - rejected.length });
      context.settle(batch, rejected);
    },
    flush: () => start(),
    commit: async ({ done }) => {
      if (done === true && !isEnded) {
        isEnded = true;
        await put(encoder.end());
      }
      return { bytes: await target.commit() };
    },
    close: () => target.close(),
    abort: () => target.abort(),
  };
}

async function openTarget(given: FileOptions, schema: Schema | undefined, signal: AbortSignal): Promise<FileWriter> {
  if (given.path === '-') return openStdout(signal);
  if (given.mode !== 'append') return openAtomic(given.path, given.mode);
  const target = await openAppending(given.path);
  try {
    if (!target.isFresh && schema !== undefined) await checkHeader(given, schema, signal);
  } catch (error) {
    await target.abort();
    throw error;
  }
  return target;
}

/** What is appended has the columns that stand there, in their order. */
async function checkHeader(given: FileOptions, schema: Schema, signal: AbortSignal): Promise<void> {
  if (formatOf(given.path, given) === 'ndjson' || compressionOf(given.path, given) !== undefined) return;
  const [path] = await filesOf(given.path);
  if (path === undefined) return;
  const there = await decoderOf(path, given).describe(readFile(path, 0, signal));
  if (there === undefined || given.headers === false) return;
  if (JSON.stringify(there.names) !== JSON.stringify(schema.names)) {
    throw new MillraceError('SCHEMA_MISMATCH', `${path} has the columns ${there.names.join(', ')}, but ${schema.names.join(', ')} would be appended`);
  }
}

import { expect } from 'chai';
import { RecordBatch } from '../../lib/core/batch/batch.ts';
import type { AnyBatch, AnyRow, RejectedRow, SinkContext, Writer } from '../../lib/core/define.ts';
import { MillraceError } from '../../lib/errors.ts';
import type { Schema } from '../../lib/schema/schema.ts';
import { checkOptions } from '../../lib/core/run/stage.ts';
import { postgresKind } from '../../sinks/postgres.ts';
import { sql } from '../services/postgres.ts';

/** A writer of the sink, and all that it told the engine. */
export interface Opened {
  readonly writer: Writer;
  readonly settled: Map<AnyBatch, readonly RejectedRow[]>;
  readonly counted: { written: number; unchanged: number; superseded: number; bytes: number };
  readonly warnings: string[];
  readonly abort: AbortController;
}

export type Options = Parameters<typeof postgresKind.create>[0];

export interface OpenSettings {
  readonly hasDeadLetters?: boolean;
  readonly segmentBytes?: number;
}

export async function openWriter(
  options: Options,
  schema: Schema | undefined,
  { hasDeadLetters = false, segmentBytes = 8 << 20 }: OpenSettings = {},
): Promise<Opened> {
  const settled: Opened['settled'] = new Map();
  const counted = { written: 0, unchanged: 0, superseded: 0, bytes: 0 };
  const warnings: string[] = [];
  const abort = new AbortController();
  const context: SinkContext = {
    schema,
    signal: abort.signal,
    jobId: 'test',
    hasDeadLetters,
    segmentBytes,
    settle: (batch, rejected = []) => {
      if (settled.has(batch)) throw new Error('settled twice');
      settled.set(batch, rejected);
    },
    release: () => undefined,
    counted: ({ written = 0, unchanged = 0, superseded = 0, bytes = 0 }) => {
      counted.written += written;
      counted.unchanged += unchanged;
      counted.superseded += superseded;
      counted.bytes += bytes;
    },
    warn: message => void warnings.push(message),
  };
  const checked = checkOptions('postgres', postgresKind.definition.options, options);
  const writer = await postgresKind.definition.open(checked, context, undefined);
  return { writer, settled, counted, warnings, abort };
}

/** Writes all batches, flushes, commits and closes; aborts when that fails. */
export async function writeAll(opened: Opened, batches: readonly AnyBatch[]): Promise<void> {
  const { writer } = opened;
  try {
    for (const batch of batches) await writer.write(batch);
    await writer.flush();
    await writer.commit({ job: 'test', operators: {}, sinks: {}, done: true });
  } catch (error) {
    await writer.abort(error);
    throw error;
  }
  await writer.close();
}

/** Rows in batches of `size`. */
export function batchesOf(rows: readonly object[], schema: Schema, size = 1000): AnyBatch[] {
  const batches: AnyBatch[] = [];
  for (let i = 0; i < rows.length; i += size) {
    const first = i;
    batches.push(
      RecordBatch.of(rows.slice(i, i + size) as AnyRow[], schema, undefined, undefined, row => ({
        file: 'in.ndjson',
        line: first + row + 1,
      })),
    );
  }
  return batches;
}

/** What was rejected, in the order of the batches: the value of `key` in the record, the code and the reason. */
export function rejectsOf({ settled }: Opened, key: string): { key: unknown; code: string; reason: string }[] {
  return [...settled].flatMap(([batch, rejected]) =>
    rejected.map(({ index, code, reason }) => ({ key: (batch.rows[index] as AnyRow)[key], code, reason })),
  );
}

/** What the work fails with. */
export async function failure(work: Promise<unknown>): Promise<MillraceError> {
  try {
    await work;
  } catch (error) {
    expect(error).to.be.instanceOf(MillraceError);
    return error as MillraceError;
  }
  throw new Error('it did not fail');
}

/** Resolves when a session waits for a lock of another one while it writes to the table, or to rows of it. */
export async function waitingForLock(url: string, table: string): Promise<void> {
  const waiting = `SELECT 1 AS one FROM pg_stat_activity a WHERE a.wait_event_type = 'Lock' AND a.query LIKE '%' || $1 || '%'`;
  while ((await sql(url, waiting, [`"${table}"`])).length === 0) await new Promise(resolve => setTimeout(resolve, 10));
}

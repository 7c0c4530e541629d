import assert from 'node:assert/strict';
import { RecordBatch } from '../core/batch/batch.ts';
import type { Sink } from '../core/contracts.ts';
import type { AnyBatch, AnyRow, RejectedRow, Writer } from '../core/define.ts';
import { run } from '../core/run/run.ts';
import type { Schema } from '../schema/schema.ts';
import { type Case, CHUNKINGS, closing, cut, type LeftOpen, plain, stageIn, within } from './case.ts';
import { failingSource, listSource } from './probes.ts';

/** A sink under test. */
export interface SinkSubject<Row extends object> {
  /** A fresh face onto a fresh, empty target; called again for every case. */
  readonly open: () => Sink<Row> | Promise<Sink<Row>>;
  /** At least three records that it takes. */
  readonly records: readonly Row[];
  /** Of the records. */
  readonly schema: Schema;
  /** What stands at the target of the face opened last, in order; undefined when there is no target. */
  readonly read: () => Promise<readonly unknown[] | undefined> | readonly unknown[] | undefined;
  /** The records as they are read back; the records themselves by default. */
  readonly expected?: readonly unknown[];
  /** False for sinks that can't take back what they gave away (a function, standard output). */
  readonly isAtomic?: boolean;
  /** What is open now (connections, descriptors): the same before and after every case. */
  readonly leftOpen?: LeftOpen;
}

/** What every sink must do. Source: docs/writing-a-sink.md. */
export function sinkCases<Row extends object>(subject: SinkSubject<Row>): Case[] {
  const cases: [string, () => Promise<void>][] = [
    ['holds all records after the run, however they are cut', () => holdsAll(subject)],
    ['counts for itself what it writes', () => counts(subject)],
    ['settles every batch exactly once, and never after flush', () => settlesOnce(subject)],
    ['shows nothing of a run that failed, wherever it failed', () => showsNothing(subject)],
    ['shows nothing when its writer is aborted at each point', () => abortsClean(subject)],
    ['lets go when the run is aborted', () => isAborted(subject)],
    ['waits for its turn under an account of one batch', () => fitsAccount(subject)],
    ['is a Node stream of plain objects', () => isWritable(subject)],
    ['leaves nothing when its Node stream is destroyed', () => isDestroyed(subject)],
  ];
  return cases.map(([name, body]) => ({ name, run: closing(subject.leftOpen, body) }));
}

async function assertHolds<Row extends object>(subject: SinkSubject<Row>, message: string): Promise<void> {
  const rows = await subject.read();
  assert.ok(rows !== undefined, `${message}: there is no target`);
  assert.deepEqual(plain(rows), plain(subject.expected ?? subject.records), message);
}

async function assertNothing<Row extends object>(subject: SinkSubject<Row>, message: string): Promise<void> {
  if (subject.isAtomic === false) return;
  assert.deepEqual((await subject.read()) ?? [], [], message);
}

async function holdsAll<Row extends object>(subject: SinkSubject<Row>): Promise<void> {
  for (const sizes of CHUNKINGS) {
    const sink = await subject.open();
    const report = await within('the pipeline', run([listSource(cut(subject.records, sizes), subject.schema), stageIn(sink, 'sink')]));
    assert.equal(report.written, subject.records.length);
    await assertHolds(subject, `cut as ${sizes.join(',')}`);
  }
}

async function counts<Row extends object>(subject: SinkSubject<Row>): Promise<void> {
  const { writer, counted, settled } = await openWriter(subject);
  for (const batch of batchesOf(subject, 2)) await writer.write(batch);
  await writer.flush();
  await finish(writer);
  const through = [...settled.values()].reduce((sum, { through: rows }) => sum + rows, 0);
  if (counted.isCounted) assert.equal(counted.written, through);
}

interface Opened {
  readonly writer: Writer;
  readonly settled: Map<AnyBatch, { through: number; times: number }>;
  readonly counted: { written: number; isCounted: boolean };
}

async function openWriter<Row extends object>(subject: SinkSubject<Row>): Promise<Opened> {
  const { definition, options, given } = stageIn(await subject.open(), 'sink');
  const settled: Opened['settled'] = new Map();
  const counted = { written: 0, isCounted: false };
  const writer = await definition.open(
    options,
    {
      schema: subject.schema,
      signal: new AbortController().signal,
      jobId: 'conformance',
      hasDeadLetters: true,
      segmentBytes: 1 << 20,
      settle: (batch: AnyBatch, rejected: readonly RejectedRow[] = []) => {
        settled.set(batch, { through: batch.length - rejected.length, times: (settled.get(batch)?.times ?? 0) + 1 });
      },
      release: () => undefined,
      warn: () => undefined,
      counted: ({ written, unchanged = 0, superseded = 0 }) => {
        counted.isCounted ||= written !== undefined;
        counted.written += (written ?? 0) + unchanged + superseded;
      },
    },
    given,
  );
  return { writer, settled, counted };
}

function batchesOf<Row extends object>({ records, schema }: SinkSubject<Row>, size: number): AnyBatch[] {
  return cut(records, [size]).map(piece => RecordBatch.of(piece as unknown as AnyRow[], schema) as AnyBatch);
}

async function finish(writer: Writer): Promise<void> {
  await within('commit', writer.commit({ job: 'conformance', operators: {}, sinks: {}, done: true }));
  await within('close', writer.close());
}

async function settlesOnce<Row extends object>(subject: SinkSubject<Row>): Promise<void> {
  const { writer, settled } = await openWriter(subject);
  const batches = batchesOf(subject, 1);
  for (const [i, batch] of batches.entries()) {
    await within('write', writer.write(batch));
    if (i === 1) await within('flush', writer.flush());
  }
  await within('flush', writer.flush());
  assert.deepEqual(
    batches.map(batch => settled.get(batch)?.times),
    batches.map(() => 1),
    'times that each batch was settled by the end of flush',
  );
  await finish(writer);
  assert.deepEqual(
    batches.map(batch => settled.get(batch)?.times),
    batches.map(() => 1),
    'times that each batch was settled in the end',
  );
  await assertHolds(subject, 'after two flushes');
}

async function showsNothing<Row extends object>(subject: SinkSubject<Row>): Promise<void> {
  const pieces = cut(subject.records, [1]);
  for (const after of [0, 1, pieces.length]) {
    const sink = await subject.open();
    const failed = run([failingSource(pieces, after, subject.schema), stageIn(sink, 'sink')]);
    await assert.rejects(within('a failing pipeline', failed), { message: 'the source fails' });
    await assertNothing(subject, `the source failed after ${after} batches`);
  }
}

async function abortsClean<Row extends object>(subject: SinkSubject<Row>): Promise<void> {
  for (const point of ['opened', 'written', 'flushed'] as const) {
    const { writer } = await openWriter(subject);
    if (point !== 'opened') for (const batch of batchesOf(subject, 2)) await writer.write(batch);
    if (point === 'flushed') await writer.flush();
    await within('abort', writer.abort(new Error('the run failed')));
    await assertNothing(subject, `aborted when ${point}`);
  }
}

async function isAborted<Row extends object>(subject: SinkSubject<Row>): Promise<void> {
  for (const after of [0, 1, 2]) {
    const abort = new AbortController();
    const source = listSource(cut(subject.records, [1]), subject.schema, i => {
      if (i === after) abort.abort();
    });
    const sink = await subject.open();
    const ended = run([source, stageIn(sink, 'sink')], { signal: abort.signal });
    await assert.rejects(within('an aborted pipeline', ended), { code: 'CANCELLED' });
    await assertNothing(subject, `aborted after ${after} batches`);
  }
}

async function fitsAccount<Row extends object>(subject: SinkSubject<Row>): Promise<void> {
  const sink = await subject.open();
  await within('the pipeline', run([listSource(cut(subject.records, [1]), subject.schema), stageIn(sink, 'sink')], { memory: 1024 }));
  await assertHolds(subject, 'under an account of one batch');
}

async function isWritable<Row extends object>(subject: SinkSubject<Row>): Promise<void> {
  const sink = await subject.open();
  const finished = new Promise<void>((resolve, reject) => {
    sink.once('finish', resolve);
    sink.once('error', reject);
  });
  for (const record of subject.records) sink.write(record);
  sink.end();
  await within('the stream', finished);
  assert.equal((await subject.read())?.length, (subject.expected ?? subject.records).length);
  if (!sink.closed) await within('close', new Promise<void>(resolve => void sink.once('close', () => resolve())));
}

async function isDestroyed<Row extends object>(subject: SinkSubject<Row>): Promise<void> {
  const sink = await subject.open();
  sink.on('error', () => undefined);
  sink.write(subject.records[0]);
  await within('dispose', Promise.resolve(sink[Symbol.asyncDispose]()));
  await assertNothing(subject, 'destroyed');
}

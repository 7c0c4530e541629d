import assert from 'node:assert/strict';
import type { Position } from '../core/batch/batch.ts';
import type { Source } from '../core/contracts.ts';
import type { AnyBatch, SourceContext } from '../core/define.ts';
import { type Case, closing, type LeftOpen, plain, stageIn, within } from './case.ts';

/** A source under test: at least three records, so that there is a first, a middle and a last. */
export interface SourceSubject<Row> {
  /** A fresh face of the same source; called again for every case. */
  readonly open: () => Source<Row>;
  /** What it gives, in order; a function when it has to be asked. */
  readonly expected: readonly Row[] | (() => Promise<readonly Row[]>);
  /** Where the order is not promised, records are compared sorted by this. */
  readonly sortBy?: (row: Row) => string | number;
  /** What is open now (connections, descriptors): the same before and after every case. */
  readonly leftOpen?: LeftOpen;
}

/** What every source must do. Source: docs/writing-a-source.md. */
export function sourceCases<Row>(subject: SourceSubject<Row>): Case[] {
  const cases: [string, () => Promise<void>][] = [
    ['gives all its records, whatever the size of the batches', () => givesAll(subject)],
    ['gives the same when it is opened again', () => givesAgain(subject)],
    ['opens nothing before it is read', () => opensLate(subject)],
    ['describes the schema that its batches have', () => describes(subject)],
    ['gives no empty batch, and none far beyond the size asked for', () => keepsSize(subject)],
    ['counts for itself what it gives', () => counts(subject)],
    ['goes on exactly after each position that it gave', () => resumes(subject)],
    ['lets go when no more is needed, after each batch', () => stops(subject)],
    ['ends when it is aborted, before and after each batch', () => aborts(subject)],
    ['waits for a slow consumer', () => waits(subject)],
    ['is a Node stream of plain objects', () => isReadable(subject)],
    ['lets go when its Node stream is destroyed', () => isDestroyed(subject)],
    ['disposes of itself', () => disposes(subject)],
  ];
  return cases.map(([name, run]) => ({ name, run: closing(subject.leftOpen, run) }));
}

interface Reading {
  readonly batches: AsyncIterator<AnyBatch>;
  readonly counted: { rows: number; isCounted: boolean };
  readonly abort: AbortController;
}

function read<Row>({ open }: SourceSubject<Row>, context: Partial<SourceContext> = {}): Reading {
  const { definition, options, given } = stageIn(open(), 'source');
  const abort = new AbortController();
  const counted = { rows: 0, isCounted: false };
  const batches = definition.read(
    options,
    {
      signal: abort.signal,
      batchRows: 4096,
      batchBytes: 64 * 1024,
      expects: () => undefined,
      warn: () => undefined,
      counted: ({ rows }) => {
        counted.isCounted ||= rows !== undefined;
        counted.rows += rows ?? 0;
      },
      ...context,
    },
    given,
  );
  return { batches: batches[Symbol.asyncIterator](), counted, abort };
}

async function drain(iterator: AsyncIterator<AnyBatch>): Promise<AnyBatch[]> {
  const all: AnyBatch[] = [];
  for (;;) {
    const result = await within('reading', iterator.next());
    if (result.done === true) return all;
    all.push(result.value);
  }
}

async function expectedOf<Row>({ expected }: SourceSubject<Row>): Promise<readonly Row[]> {
  return typeof expected === 'function' ? expected() : expected;
}

async function assertRows<Row>(subject: SourceSubject<Row>, rows: readonly unknown[], message: string): Promise<void> {
  const expected = await expectedOf(subject);
  const { sortBy } = subject;
  const sorted = (list: readonly unknown[]): unknown[] =>
    sortBy === undefined ? [...list] : [...list].sort((a, b) => (sortBy(a as Row) < sortBy(b as Row) ? -1 : 1));
  assert.deepEqual(plain(sorted(rows)), plain(sorted(expected)), message);
}

const SIZES: readonly Partial<SourceContext>[] = [
  { batchRows: 1 },
  { batchRows: 2, batchBytes: 64 },
  { batchRows: 7 },
  { batchRows: 100_000, batchBytes: 1 << 24 },
];

async function givesAll<Row>(subject: SourceSubject<Row>): Promise<void> {
  for (const size of SIZES) {
    const batches = await drain(read(subject, size).batches);
    await assertRows(
      subject,
      batches.flatMap(batch => batch.rows),
      `records with ${JSON.stringify(size)}`,
    );
  }
}

async function givesAgain<Row>(subject: SourceSubject<Row>): Promise<void> {
  const first = await drain(read(subject).batches);
  const second = await drain(read(subject).batches);
  const rows = second.flatMap(batch => batch.rows) as unknown as readonly Row[];
  await assertRows(
    { ...subject, expected: rows },
    first.flatMap(batch => batch.rows),
    'records of another reading',
  );
}

async function opensLate<Row>(subject: SourceSubject<Row>): Promise<void> {
  const before = await subject.leftOpen?.();
  subject.open();
  await new Promise(resolve => setImmediate(resolve));
  assert.deepEqual(await subject.leftOpen?.(), before);
}

async function describes<Row>(subject: SourceSubject<Row>): Promise<void> {
  const { definition, options, given } = stageIn(subject.open(), 'source');
  const schema = await definition.describe?.(options, { signal: new AbortController().signal }, given);
  if (schema === undefined) return;
  for (const batch of await drain(read(subject).batches)) {
    assert.deepEqual(batch.schema.names, schema.names);
    assert.deepEqual(
      batch.schema.fields.map(({ type }) => type.kind),
      schema.fields.map(({ type }) => type.kind),
    );
  }
}

async function keepsSize<Row>(subject: SourceSubject<Row>): Promise<void> {
  for (const batch of await drain(read(subject, { batchRows: 2, batchBytes: 256 }).batches)) {
    assert.ok(batch.length > 0, 'an empty batch');
    assert.ok(batch.length <= 2, `${batch.length} records in a batch of at most 2`);
  }
}

async function counts<Row>(subject: SourceSubject<Row>): Promise<void> {
  const { batches, counted } = read(subject);
  const all = await drain(batches);
  if (counted.isCounted)
    assert.equal(
      counted.rows,
      all.reduce((sum, batch) => sum + batch.length, 0),
    );
}

async function resumes<Row>(subject: SourceSubject<Row>): Promise<void> {
  const all = await drain(read(subject, { batchRows: 2 }).batches);
  const positions = all.map(({ position }) => position);
  if (positions.every(position => position === undefined)) return;
  const rows = all.map(batch => plain(batch.rows));
  for (const [i, position] of positions.entries()) {
    if (position === undefined) continue;
    const after = JSON.parse(JSON.stringify(position)) as Position;
    const rest = await drain(read(subject, { batchRows: 2, after }).batches);
    assert.deepEqual(
      rest.flatMap(batch => plain(batch.rows)),
      rows.slice(i + 1).flat(),
      `after batch ${i}`,
    );
  }
}

async function stops<Row>(subject: SourceSubject<Row>): Promise<void> {
  for (const count of [0, 1, 2]) {
    const { batches } = read(subject, { batchRows: 1 });
    for (let i = 0; i < count; i++) await within('reading', batches.next());
    await within('the end of reading', Promise.resolve(batches.return?.()));
  }
}

async function aborts<Row>(subject: SourceSubject<Row>): Promise<void> {
  for (const count of [0, 1, 2]) {
    const { batches, abort } = read(subject, { batchRows: 1 });
    for (let i = 0; i < count; i++) await within('reading', batches.next());
    const pending = batches.next();
    pending.catch(() => undefined);
    abort.abort();
    const rest = (async () => {
      await pending;
      while ((await batches.next()).done !== true);
    })();
    await within(
      'an aborted source',
      rest.catch(() => undefined),
    );
    await within('the end of an aborted source', Promise.resolve(batches.return?.()));
  }
}

async function waits<Row>(subject: SourceSubject<Row>): Promise<void> {
  const { batches } = read(subject, { batchRows: 1 });
  const rows: unknown[] = [];
  for (let result = await batches.next(); result.done !== true; result = await batches.next()) {
    rows.push(...result.value.rows);
    await new Promise(resolve => setImmediate(resolve));
  }
  await assertRows(subject, rows, 'records read slowly');
}

async function isReadable<Row>(subject: SourceSubject<Row>): Promise<void> {
  const rows: Row[] = [];
  await within(
    'the stream',
    (async () => {
      for await (const row of subject.open()) rows.push(row);
    })(),
  );
  await assertRows(subject, rows, 'records of the stream');
}

async function isDestroyed<Row>(subject: SourceSubject<Row>): Promise<void> {
  const source = subject.open();
  const closed = new Promise(resolve => source.once('close', resolve));
  source.on('error', () => undefined);
  source.once('data', () => source.destroy());
  await within('a destroyed stream', closed);
}

async function disposes<Row>(subject: SourceSubject<Row>): Promise<void> {
  const source = subject.open();
  source.on('error', () => undefined);
  await within('the first record', new Promise(resolve => source.once('data', resolve)));
  await within('dispose', source[Symbol.asyncDispose]());
  assert.ok(source.destroyed);
}

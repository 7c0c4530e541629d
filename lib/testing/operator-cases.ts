import assert from 'node:assert/strict';
import { Readable, Writable } from 'node:stream';
import { pipeline as nodePipeline } from 'node:stream/promises';
import { RecordBatch } from '../core/batch/batch.ts';
import type { Operator } from '../core/contracts.ts';
import type { AnyBatch, AnyRow } from '../core/define.ts';
import { stagesOf } from '../core/run/face.ts';
import { run } from '../core/run/run.ts';
import type { OperatorStage } from '../core/run/stage.ts';
import type { Schema } from '../schema/schema.ts';
import { type Case, CHUNKINGS, closing, cut, type LeftOpen, plain, within } from './case.ts';
import { collector, failingSource, listSource } from './probes.ts';

/** An operator under test. */
export interface OperatorSubject<In extends object, Out> {
  /** A fresh face; called again for every case. */
  readonly open: () => Operator<In, Out>;
  /** Records that go in, in order. */
  readonly input: readonly In[];
  /** What an array through the same functions gives. */
  readonly expected: readonly Out[];
  /** Of the input; with it the cases run with and without a known schema. */
  readonly schema?: Schema;
  /** How many records it rejects of the input; 0 by default. */
  readonly rejected?: number;
  /** What is open now (connections, descriptors): the same before and after every case. */
  readonly leftOpen?: LeftOpen;
}

/** What every operator must do. Source: docs/writing-an-operator.md. */
export function operatorCases<In extends object, Out>(subject: OperatorSubject<In, Out>): Case[] {
  const cases: [string, () => Promise<void>][] = [
    ['gives what the same function gives over an array, however the records are cut', () => givesAll(subject)],
    ['gives nothing for nothing', () => givesNothing(subject)],
    ['never changes its input', () => neverMutates(subject)],
    ['counts so that in + made = out + dropped + rejected', () => conserves(subject)],
    ['passes on a failure of the source at each point', () => passesFailure(subject)],
    ['lets go when the sink fails at each point', () => letsGo(subject)],
    ['ends when the run is aborted at each point', () => aborts(subject)],
    ['waits for a slow sink under an account of one batch', () => waits(subject)],
    ['goes on from its saved state', () => restores(subject)],
    ['is a Node stream of plain objects', () => isDuplex(subject)],
  ];
  return cases.map(([name, body]) => ({ name, run: closing(subject.leftOpen, body) }));
}

/** A composed operator is several. */
function stagesIn<In extends object, Out>({ open }: OperatorSubject<In, Out>): OperatorStage[] {
  const stages = stagesOf(open()) ?? [];
  assert.ok(stages.length > 0 && stages.every(stage => stage.role === 'operator'), 'the subject is an operator');
  return stages as OperatorStage[];
}

interface Setting {
  readonly sizes: readonly number[];
  readonly schema?: Schema | undefined;
  readonly memory?: number;
  readonly delay?: boolean;
}

async function through<In extends object, Out>(
  subject: OperatorSubject<In, Out>,
  input: readonly object[],
  { sizes, schema, memory, delay = false }: Setting,
): Promise<{ rows: unknown[]; report: Awaited<ReturnType<typeof run>> }> {
  const target = collector({ delay });
  const letters = collector({});
  const report = await within(
    'the pipeline',
    run([listSource(cut(input, sizes), schema), ...stagesIn(subject), target.stage], {
      ...(memory === undefined ? {} : { memory }),
      deadLetter: letters.face,
    }),
  );
  return { rows: target.rows, report };
}

async function givesAll<In extends object, Out>(subject: OperatorSubject<In, Out>): Promise<void> {
  for (const schema of new Set([undefined, subject.schema])) {
    for (const sizes of CHUNKINGS) {
      const { rows, report } = await through(subject, subject.input, { sizes, schema });
      assert.deepEqual(plain(rows), plain(subject.expected), `cut as ${sizes.join(',')}${schema === undefined ? '' : ' with a schema'}`);
      assert.equal(report.rejected, subject.rejected ?? 0, 'rejected');
    }
  }
}

async function givesNothing<In extends object, Out>(subject: OperatorSubject<In, Out>): Promise<void> {
  const { rows } = await through(subject, [], { sizes: [1], schema: subject.schema });
  assert.deepEqual(rows, []);
}

async function neverMutates<In extends object, Out>(subject: OperatorSubject<In, Out>): Promise<void> {
  const frozen: object[] = subject.input.map(record => Object.freeze({ ...record }));
  const { rows } = await through(subject, frozen, { sizes: [3] });
  assert.deepEqual(plain(rows), plain(subject.expected));
}

async function conserves<In extends object, Out>(subject: OperatorSubject<In, Out>): Promise<void> {
  const { report } = await through(subject, subject.input, { sizes: [3] });
  const stages = report.stages.slice(1, -1);
  for (const stage of stages) assert.equal(stage.in + stage.made, stage.out + stage.dropped + stage.rejected, stage.kind);
  assert.equal(stages.at(-1)?.out, subject.expected.length);
}

async function passesFailure<In extends object, Out>(subject: OperatorSubject<In, Out>): Promise<void> {
  const pieces = cut(subject.input, [2]);
  for (const after of [0, 1, pieces.length]) {
    const failed = run([failingSource(pieces, after), ...stagesIn(subject), collector({}).stage], { deadLetter: collector({}).face });
    const error = await within(
      'a pipeline whose source fails',
      failed.then(
        () => undefined,
        (reason: unknown) => reason,
      ),
    );
    // An operator that had enough before the failure never saw it.
    if (error !== undefined) assert.equal((error as Error).message, 'the source fails');
  }
}

async function letsGo<In extends object, Out>(subject: OperatorSubject<In, Out>): Promise<void> {
  if (subject.expected.length === 0) return;
  for (const failAfter of [0, 1]) {
    const failed = run([listSource(cut(subject.input, [1])), ...stagesIn(subject), collector({ failAfter }).stage], {
      deadLetter: collector({}).face,
    });
    const error = await within(
      'a pipeline whose sink fails',
      failed.then(
        () => undefined,
        (reason: unknown) => reason,
      ),
    );
    if (error !== undefined) assert.equal((error as Error).message, 'the sink fails');
  }
}

async function aborts<In extends object, Out>(subject: OperatorSubject<In, Out>): Promise<void> {
  for (const after of [0, 1, 2]) {
    const abort = new AbortController();
    const pieces = cut(subject.input, [1]);
    const source = listSource(pieces, undefined, i => {
      if (i === after) abort.abort();
    });
    const ended = run([source, ...stagesIn(subject), collector({}).stage], { signal: abort.signal, deadLetter: collector({}).face });
    await within(
      'an aborted pipeline',
      ended.then(
        () => undefined,
        () => undefined,
      ),
    );
  }
}

async function waits<In extends object, Out>(subject: OperatorSubject<In, Out>): Promise<void> {
  const { rows } = await through(subject, subject.input, { sizes: [2], memory: 1024, delay: true });
  assert.deepEqual(plain(rows), plain(subject.expected));
}

/** Only of single operators of kinds row and batch: a stream operator's own state lies between its batches. */
async function restores<In extends object, Out>(subject: OperatorSubject<In, Out>): Promise<void> {
  const [stage, ...others] = stagesIn(subject);
  if (stage === undefined || others.length > 0 || stage.definition.stream !== undefined) return;
  const pieces = cut(subject.input, [2]);
  for (const at of [0, 1, Math.floor(pieces.length / 2)]) {
    const first = instance(stage);
    const before = await apply(first, pieces.slice(0, at) as object[][]);
    const second = instance(stage);
    if (first.saved !== undefined) second.saved?.load(JSON.parse(JSON.stringify(first.saved.save())) as never);
    const after = await apply(second, pieces.slice(at) as object[][]);
    assert.deepEqual(plain([...before, ...after]), plain(subject.expected), `saved after ${at} batches`);
  }
}

interface Instance {
  readonly change: (batch: AnyBatch) => AnyBatch | Promise<AnyBatch>;
  readonly saved: { save(): unknown; load(state: never): void } | undefined;
  readonly isStopped: () => boolean;
}

function instance({ definition, options, given }: OperatorStage): Instance {
  let saved: Instance['saved'];
  let isStopped = false;
  const refused = new Set<number>();
  const context = {
    signal: new AbortController().signal,
    batchRows: 4096,
    batchBytes: 1 << 18,
    schema: undefined,
    reject: (batchOrCode: unknown, index?: unknown) => void (typeof batchOrCode === 'string' ? undefined : refused.add(index as number)),
    dropped: () => undefined,
    made: () => undefined,
    charge: () => undefined,
    warn: () => undefined,
    stop: () => void (isStopped = true),
    keepState: (state: NonNullable<Instance['saved']>) => void (saved = state),
  };
  const row = definition.row?.(options, context as never, given);
  const batch = definition.batch?.(options, context as never, given);
  const change =
    batch ??
    ((whole: AnyBatch) =>
      RecordBatch.of(whole.rows.flatMap(record => (row?.(record) as AnyRow | undefined) ?? []) as AnyRow[]) as AnyBatch);
  return { change, saved, isStopped: () => isStopped };
}

async function apply({ change, isStopped }: Instance, pieces: readonly (readonly object[])[]): Promise<unknown[]> {
  const rows: unknown[] = [];
  for (const piece of pieces) if (!isStopped()) rows.push(...(await change(RecordBatch.of(piece as AnyRow[]))).rows);
  return rows;
}

async function isDuplex<In extends object, Out>(subject: OperatorSubject<In, Out>): Promise<void> {
  if ((subject.rejected ?? 0) > 0) return;
  const rows: unknown[] = [];
  const target = new Writable({
    objectMode: true,
    write(row, _encoding, callback) {
      rows.push(row);
      callback();
    },
  });
  await within('a Node pipeline', nodePipeline(Readable.from(subject.input), subject.open() as unknown as NodeJS.ReadWriteStream, target));
  assert.deepEqual(plain(rows), plain(subject.expected));
}

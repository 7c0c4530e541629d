import { expect } from 'chai';
import { z } from 'zod';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import { type AnyBatch, type AnyRow, defineOperator, defineSink, type Writer } from '../../../lib/core/define.ts';
import { stageOf } from '../../../lib/core/run/face.ts';
import { PipelineError } from '../../../lib/core/run/pipeline-error.ts';
import { run } from '../../../lib/core/run/run.ts';
import { type OperatorStage, type SinkStage, sourceStage } from '../../../lib/core/run/stage.ts';
import { Schema } from '../../../lib/schema/schema.ts';
import { cut } from '../../../lib/testing/case.ts';
import { collector, failingSource, listSource } from '../../../lib/testing/probes.ts';

const none = z.strictObject({});
const people = Array.from({ length: 50 }, (_, id) => ({ id, name: `n${id}` }));

const rowKind = defineOperator<typeof none, (row: AnyRow) => AnyRow | undefined>({
  kind: 'row',
  options: none,
  row: (_options, context, change) => row => (row.id === 13 ? context.reject('UNLUCKY', 'thirteen') : change(row)),
});
const rowStage = (change: (row: AnyRow) => AnyRow | undefined): OperatorStage => stageOf(rowKind.create({}, change)) as OperatorStage;

const takeKind = defineOperator<typeof none, number>({
  kind: 'firsts',
  options: none,
  batch: (_options, context, count) => {
    let left = count;
    return batch => {
      const kept = batch.slice(0, left);
      left -= kept.length;
      if (left === 0) context.stop();
      return kept;
    };
  },
});
const firsts = (count: number): OperatorStage => stageOf(takeKind.create({}, count)) as OperatorStage;

interface Probe {
  readonly calls: string[];
  readonly stage: SinkStage;
}

/** A sink that writes down how it is called. */
function probe(writer: Partial<Writer> = {}, settleAt: 'write' | 'flush' | 'never' = 'flush'): Probe {
  const calls: string[] = [];
  const kind = defineSink<typeof none>({
    kind: 'probe',
    options: none,
    needsSchema: false,
    open: (_options, context) => {
      let held: AnyBatch[] = [];
      const settle = (): void => {
        for (const batch of held) context.settle(batch);
        held = [];
      };
      const call = (name: string): Promise<void> => Promise.resolve(void calls.push(name));
      return Promise.resolve({
        write: async batch => {
          await call('write');
          held.push(batch);
          if (settleAt === 'write') settle();
        },
        flush: async () => {
          await call('flush');
          if (settleAt === 'flush') settle();
        },
        commit: async () => {
          await call('commit');
          return null;
        },
        close: () => call('close'),
        abort: () => call('abort'),
        ...writer,
      });
    },
  });
  return { calls, stage: stageOf(kind.create({}, undefined)) as SinkStage };
}

async function failureOf(running: Promise<unknown>): Promise<PipelineError> {
  try {
    await running;
  } catch (error) {
    expect(error).to.be.instanceOf(PipelineError);
    return error as PipelineError;
  }
  throw new Error('the run did not fail');
}

describe('a run', () => {
  it('carries every record from source to sink and says so', async () => {
    const target = collector({});
    const report = await run([listSource(cut(people, [7])), rowStage(row => row), target.stage].filter(Boolean), {
      deadLetter: collector({}).face,
    });
    expect(target.rows).to.deep.equal(people.filter(({ id }) => id !== 13));
    expect(report).to.include({ status: 'ok', read: 50, written: 49, rejected: 1, dropped: 0 });
  });

  it('flushes before it commits, and commits before it closes', async () => {
    const { calls, stage } = probe();
    await run([listSource(cut(people, [20])), stage]);
    expect(calls).to.deep.equal(['write', 'write', 'write', 'flush', 'commit', 'close']);
  });

  it('aborts the writer, and does not close it, when the source fails', async () => {
    const { calls, stage } = probe();
    const error = await failureOf(run([failingSource(cut(people, [20]), 2), stage]));
    expect(error.message).to.equal('the source fails');
    expect(error.stage).to.equal('list');
    expect(error.report.status).to.equal('failed');
    expect(calls.filter(call => call === 'abort' || call === 'close' || call === 'commit')).to.deep.equal(['abort']);
  });

  for (const point of ['write', 'flush', 'commit'] as const) {
    it(`aborts the writer once when its ${point} fails`, async () => {
      const { calls, stage } = probe({ [point]: () => Promise.reject(new Error(`no ${point}`)) });
      const error = await failureOf(run([listSource(cut(people, [20])), stage]));
      expect(error.message).to.equal(`no ${point}`);
      expect(calls.filter(call => call === 'abort' || call === 'close')).to.deep.equal(['abort']);
    });
  }

  it('never aborts while a write is running', async () => {
    const order: string[] = [];
    const abort = new AbortController();
    const { stage } = probe({
      write: async () => {
        order.push('write begins');
        abort.abort();
        await new Promise(resolve => setTimeout(resolve, 20));
        order.push('write ends');
      },
      abort: () => Promise.resolve(void order.push('abort')),
    });
    const error = await failureOf(run([listSource(cut(people, [20])), stage], { signal: abort.signal }));
    expect(error.code).to.equal('CANCELLED');
    expect(order).to.deep.equal(['write begins', 'write ends', 'abort']);
  });

  it('fails when a sink flushes without settling', async () => {
    const { stage } = probe({}, 'never');
    expect((await failureOf(run([listSource(cut(people, [20])), stage]))).message).to.match(/without settling 3 of its batches/);
  });

  it('gives up on a stage that does not let go', async () => {
    const { stage } = probe({ write: () => new Promise(() => undefined) });
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 10);
    const error = await failureOf(run([listSource(cut(people, [20])), stage], { signal: abort.signal, settleTimeoutMs: 50 }));
    expect(error.suppressed.map(({ message }) => message)).to.deep.equal(['the stages did not let go within 50 ms']);
  });

  it('stops with the reject where there is no place for dead letters', async () => {
    const target = collector({});
    const error = await failureOf(run([listSource(cut(people, [7])), rowStage(row => row), target.stage]));
    expect(error.code).to.equal('RECORD_REJECTED');
    expect(error.message).to.equal('row refused a record (piece 1): UNLUCKY: thirteen');
  });

  it('gives each reject to the dead letters with stage, code, reason, record and position', async () => {
    const letters = collector({});
    await run([listSource(cut(people, [7])), rowStage(row => row), collector({}).stage], { deadLetter: letters.face });
    expect(letters.rows).to.deep.equal([{ stage: 'row', code: 'UNLUCKY', reason: 'thirteen', record: people[13], position: { piece: 1 } }]);
  });

  it('rejects a record whose function throws', async () => {
    const letters = collector({});
    const fail = (row: AnyRow): AnyRow => {
      if (row.id === 5) throw new TypeError('no five');
      return row;
    };
    const report = await run([listSource(cut(people, [7])), rowStage(fail), collector({}).stage], { deadLetter: letters.face });
    expect(report).to.include({ read: 50, written: 48, rejected: 2 });
    expect(letters.rows[0]).to.include({ code: 'OPERATOR_THREW', reason: 'TypeError: no five' });
  });

  it('stops at one reject more than allowed and keeps the letters', async () => {
    const letters = collector({});
    const fail = (): AnyRow => {
      throw new Error('never');
    };
    const error = await failureOf(
      run([listSource(cut(people, [7])), rowStage(fail), collector({}).stage], { deadLetter: letters.face, maxRejected: 3 }),
    );
    expect(error.code).to.equal('TOO_MANY_REJECTED');
    expect(letters.rows).to.have.length(4);
  });

  it('judges a share of rejects at the end', async () => {
    const line = (): Parameters<typeof run>[0] => [listSource(cut(people, [7])), rowStage(row => row), collector({}).stage];
    expect((await run(line(), { deadLetter: collector({}).face, maxRejected: '2%' })).rejected).to.equal(1);
    expect((await failureOf(run(line(), { deadLetter: collector({}).face, maxRejected: '1%' }))).code).to.equal('TOO_MANY_REJECTED');
  });

  it('stops the source early when no more is needed', async () => {
    let pieces = 0;
    const target = collector({});
    const source = listSource(cut(people, [1]), undefined, () => pieces++);
    const report = await run([source, firsts(3), target.stage]);
    expect(target.rows).to.deep.equal(people.slice(0, 3));
    expect(pieces).to.be.lessThan(10);
    expect(report.read).to.equal(report.written + report.dropped);
  });

  it('drains: finishes what was read and says stopped', async () => {
    const drain = new AbortController();
    const target = collector({});
    const source = listSource(cut(people, [1]), undefined, i => {
      if (i === 4) drain.abort();
    });
    const report = await run([source, target.stage], { drain: drain.signal });
    expect(report.status).to.equal('stopped');
    expect(target.rows).to.have.length(report.read);
    expect(report.read).to.be.lessThan(10);
  });

  it('drained before anything is read: gives up what it waits for, makes nothing, and says stopped', async () => {
    for (const isEarly of [true, false]) {
      const drain = new AbortController();
      if (isEarly) drain.abort();
      const { calls, stage } = probe();
      const source = sourceStage(
        {
          kind: 'silent',
          options: z.strictObject({}),
          describe: (_options, { signal }) =>
            new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => reject(new Error('given up')), { once: true });
              setImmediate(() => drain.abort());
            }),
          read: () => {
            throw new Error('read all the same');
          },
        },
        {},
        undefined,
      );
      const report = await run([source, stage], { drain: drain.signal });
      expect([report.status, report.read, report.written]).to.deep.equal(['stopped', 0, 0]);
      expect(calls).to.deep.equal([]);
    }
  });

  it('finishes under an account of one batch', async () => {
    const { calls, stage } = probe();
    const report = await run([listSource(cut(people, [10])), stage], { memory: 1024 });
    expect(report.written).to.equal(50);
    expect(calls.filter(call => call === 'flush').length).to.be.greaterThan(1);
  });

  it('keeps rows that came through unchanged as a view of their batch', async () => {
    const seen: AnyBatch[] = [];
    const schema = new Schema([
      { name: 'id', type: { kind: 'int8' }, nullable: false },
      { name: 'name', type: { kind: 'text' }, nullable: true },
    ]);
    const { stage } = probe({ write: batch => Promise.resolve(void seen.push(batch)) }, 'never');
    await failureOf(
      run([listSource([people.slice(0, 4)], schema), rowStage(row => ((row.id as number) % 2 === 0 ? row : undefined)), stage]),
    );
    expect(seen[0]?.schema).to.equal(schema);
    expect(seen[0]?.rows).to.deep.equal([people[0], people[2]]);
  });

  it('infers a schema for a sink that needs one, and rejects what does not fit it', async () => {
    const letters = collector({});
    const rows = [...Array.from({ length: 1000 }, (_, n) => ({ n })), { n: 'x' }, { n: 7, more: 1 }, { n: 8 }];
    const seen: string[] = [];
    const kind = defineSink<typeof none>({
      kind: 'typed',
      options: none,
      open: (_options, { schema, settle }) => {
        seen.push(String(schema));
        return Promise.resolve({
          write: batch => Promise.resolve(settle(batch)),
          flush: () => Promise.resolve(),
          commit: () => Promise.resolve(null),
          close: () => Promise.resolve(),
          abort: () => Promise.resolve(),
        });
      },
    });
    const report = await run([listSource(cut(rows, [100])), stageOf(kind.create({}, undefined)) as SinkStage], {
      deadLetter: letters.face,
    });
    expect(seen).to.deep.equal(['n int8?']);
    expect(report).to.include({ written: 1001, rejected: 2 });
    expect(letters.rows.map(letter => (letter as { code: string }).code)).to.deep.equal(['SCHEMA_MISMATCH', 'SCHEMA_MISMATCH']);
  });

  it('refuses an operator whose counts do not add up', async () => {
    const kind = defineOperator<typeof none>({
      kind: 'leaky',
      options: none,
      stream: () =>
        async function* (batches) {
          for await (const batch of batches) yield batch.slice(1);
        },
    });
    const error = await failureOf(run([listSource([people]), stageOf(kind.create({}, undefined)) as OperatorStage, collector({}).stage]));
    expect(error.code).to.equal('COUNTS_DIFFER');
    expect(error.stage).to.equal('leaky');
  });

  it('tells progress, the last time as done, with the slowest stage', async () => {
    const seen: { read: number; done: boolean; slowestStage: string | undefined }[] = [];
    await run([listSource(cut(people, [1])), collector({ delay: true }).stage], {
      onProgress: progress => seen.push(progress),
      progressEveryMs: 1,
    });
    expect(seen.at(-1)).to.include({ read: 50, done: true });
    expect(seen.filter(({ done }) => done)).to.have.length(1);
    expect(seen.some(({ slowestStage }) => slowestStage !== undefined)).to.equal(true);
  });

  it('names the nearest option for one that it does not know', async () => {
    const running = run([listSource([people]), collector({}).stage], { deadletter: 1 } as never);
    await running.then(
      () => expect.fail('it ran'),
      (error: Error) => expect(error.message).to.equal('pipeline: no option "deadletter"; did you mean "deadLetter"?'),
    );
  });
});

describe('RecordBatch', () => {
  const schema = new Schema([
    { name: 'id', type: { kind: 'int8' }, nullable: false },
    { name: '__proto__', type: { kind: 'text' }, nullable: true },
    { name: '10', type: { kind: 'text' }, nullable: true },
  ]);
  const rows = [1, 2, 3].map(id =>
    Object.fromEntries([
      ['id', id],
      ['__proto__', `p${id}`],
      ['10', `t${id}`],
    ]),
  );
  const batch = RecordBatch.of(rows, schema);

  it('selects, projects and renames as views', () => {
    const view = batch.select(Uint32Array.of(0, 2)).project(['__proto__', 'id']).rename({ id: 'key' });
    expect(view.schema.names).to.deep.equal(['__proto__', 'key']);
    expect(view.rows.map(row => Object.entries(row))).to.deep.equal([
      [
        ['__proto__', 'p1'],
        ['key', 1],
      ],
      [
        ['__proto__', 'p3'],
        ['key', 3],
      ],
    ]);
  });

  it('lays a column over, and selects through it', () => {
    const over = batch.withColumn('id', { type: { kind: 'text' }, length: 3, get: row => `x${row}` }).select(Uint32Array.of(1));
    expect(over.column('id').get(0)).to.equal('x1');
    expect(over.rows[0]?.id).to.equal('x1');
    expect(over.schema.field('id').type.kind).to.equal('text');
  });

  it('names the nearest column for one that is not there', () => {
    expect(() => batch.column('idd')).to.throw('no column "idd"; did you mean "id"?');
  });
});

// The conformance suites find what they are there to find: each of these kinds breaks one rule, and the case of that rule fails.
import { expect } from 'chai';
import { z } from 'zod';
import { RecordBatch } from '../../lib/core/batch/batch.ts';
import {
  type AnyBatch,
  type AnyRow,
  defineOperator,
  defineSink,
  defineSource,
  type OperatorContext,
  type SinkContext,
  type SourceContext,
  type Writer,
} from '../../lib/core/define.ts';
import { Schema } from '../../lib/schema/schema.ts';
import { type Case, operatorCases, sinkCases, sourceCases } from '../../lib/testing/index.ts';

const none = z.strictObject({});
interface Row {
  readonly id: number;
}
const rows: Row[] = Array.from({ length: 7 }, (_, id) => ({ id }));
const schema = new Schema([{ name: 'id', type: { kind: 'int8' }, nullable: false }]);

/** Which of the cases fail; with a name only that one is run. */
async function failing(cases: readonly Case[], only?: string): Promise<string[]> {
  const failed: string[] = [];
  for (const { name, run } of cases.filter(each => only === undefined || each.name === only)) {
    try {
      await run();
    } catch {
      failed.push(name);
    }
  }
  return failed;
}

describe('the suite for sources finds one', () => {
  type Read = (context: SourceContext) => AsyncGenerator<AnyBatch>;
  let open = 0;

  async function* right({ batchRows, after, counted, signal }: SourceContext): AsyncGenerator<AnyBatch> {
    open++;
    try {
      for (let at = after === undefined ? 0 : Number(after['at']); at < rows.length && !signal.aborted; at += batchRows) {
        const piece = rows.slice(at, at + batchRows);
        await new Promise(resolve => setImmediate(resolve));
        counted({ rows: piece.length });
        yield RecordBatch.of(piece, schema, { at: at + piece.length }) as unknown as AnyBatch;
      }
    } finally {
      open--;
    }
  }
  const failed = (read: Read, only?: string): Promise<string[]> => {
    open = 0;
    const kind = defineSource<typeof none>({ kind: 'broken', options: none, read: (_options, context) => read(context) });
    return failing(sourceCases<Row>({ open: () => kind.create<Row>({}, undefined), expected: rows, leftOpen: () => open }), only);
  };

  it('that is right', async () => expect(await failed(right)).to.deep.equal([]));

  const broken: Record<string, readonly [string, Read]> = {
    'that loses its last batch': [
      'gives all its records, whatever the size of the batches',
      async function* (context) {
        let last: AnyBatch | undefined;
        for await (const batch of right(context)) {
          if (last !== undefined) yield last;
          last = batch;
        }
      },
    ],
    'that counts wrong': [
      'counts for itself what it gives',
      context => right({ ...context, counted: ({ rows: count = 0 }) => context.counted({ rows: count + 1 }) }),
    ],
    'that goes on at the wrong place': [
      'goes on exactly after each position that it gave',
      ({ after, ...context }) => right(after === undefined ? context : { ...context, after: { at: Number(after['at']) + 1 } }),
    ],
    'that gives empty batches': [
      'gives no empty batch, and none far beyond the size asked for',
      async function* (context) {
        for await (const batch of right(context)) {
          yield batch;
          yield batch.select(new Uint32Array(0));
        }
      },
    ],
    'that takes no heed of the size': [
      'gives no empty batch, and none far beyond the size asked for',
      context => right({ ...context, batchRows: 5 }),
    ],
  };
  for (const [what, [name, read]] of Object.entries(broken)) {
    it(what, async () => expect(await failed(read, name)).to.deep.equal([name]));
  }
});

describe('the suite for operators finds one', () => {
  type Stream = (batches: AsyncIterable<AnyBatch>, context: OperatorContext) => AsyncIterable<AnyBatch>;
  const failed = (stream: Stream, only?: string): Promise<string[]> => {
    const kind = defineOperator<typeof none>({
      kind: 'broken',
      options: none,
      stream: (_options, context) => batches => stream(batches, context),
    });
    return failing(
      operatorCases<Row, Row>({ open: () => kind.create<Row, Row>({}, undefined), input: rows, expected: rows, schema }),
      only,
    );
  };

  it('that is right', async () => expect(await failed(batches => batches)).to.deep.equal([]));

  const broken: Record<string, readonly [string, Stream]> = {
    'that loses what it holds at the end': [
      'gives what the same function gives over an array, however the records are cut',
      async function* (batches, context) {
        let held: AnyBatch | undefined;
        for await (const batch of batches) {
          if (held !== undefined) yield held;
          held = batch;
        }
        context.dropped(held?.length ?? 0);
      },
    ],
    'that does not say what it drops': [
      'counts so that in + made = out + dropped + rejected',
      async function* (batches) {
        for await (const batch of batches) yield batch.slice(1);
      },
    ],
    'that changes its input': [
      'never changes its input',
      async function* (batches) {
        for await (const batch of batches) {
          for (const row of batch.rows) row['id'] = Number(row['id']);
          yield batch;
        }
      },
    ],
  };
  for (const [what, [name, stream]] of Object.entries(broken)) {
    it(what, async () => expect(await failed(stream, name)).to.deep.equal([name]));
  }
});

describe('the suite for sinks finds one', () => {
  interface Held {
    context: SinkContext;
    batches: AnyBatch[];
    shown: AnyRow[];
  }
  let target: AnyRow[] = [];
  const right = (held: Held): Writer => ({
    write: batch => Promise.resolve(void held.batches.push(batch)),
    flush: () => {
      for (const batch of held.batches) {
        held.shown.push(...batch.rows);
        held.context.counted({ written: batch.length });
        held.context.settle(batch);
      }
      held.batches = [];
      return Promise.resolve();
    },
    commit: () => {
      target.push(...held.shown);
      held.shown = [];
      return Promise.resolve(null);
    },
    close: () => Promise.resolve(),
    abort: () => Promise.resolve(),
  });
  const failed = (change: (writer: Writer, held: Held) => Partial<Writer>, only?: string): Promise<string[]> => {
    const kind = defineSink<typeof none>({
      kind: 'broken',
      options: none,
      open: (_options, context) => {
        const held: Held = { context, batches: [], shown: [] };
        const writer = right(held);
        return Promise.resolve({ ...writer, ...change(writer, held) });
      },
    });
    const open = () => {
      target = [];
      return kind.create<Row>({}, undefined);
    };
    return failing(sinkCases<Row>({ open, records: rows, schema, read: () => target }), only);
  };

  it('that is right', async () => expect(await failed(() => ({}))).to.deep.equal([]));

  const broken: Record<string, readonly [string, (writer: Writer, held: Held) => Partial<Writer>]> = {
    'that settles after flush': [
      'settles every batch exactly once, and never after flush',
      (writer, held) => ({
        flush: () => {
          setImmediate(() => void writer.flush());
          return Promise.resolve(void held.shown.push(...held.batches.flatMap(batch => batch.rows)));
        },
      }),
    ],
    'that settles twice': [
      'settles every batch exactly once, and never after flush',
      (writer, held) => ({ write: batch => (held.context.settle(batch), writer.write(batch)) }),
    ],
    'that shows what is not committed': [
      'shows nothing of a run that failed, wherever it failed',
      () => ({ abort: () => Promise.resolve(void target.push({ id: -1 })) }),
    ],
    'that loses its last batch': [
      'holds all records after the run, however they are cut',
      (writer, held) => ({
        commit: checkpoint => {
          held.shown.pop();
          return writer.commit(checkpoint);
        },
      }),
    ],
    'that counts wrong': [
      'counts for itself what it writes',
      (writer, held) => ({ write: batch => (held.context.counted({ written: 1 }), writer.write(batch)) }),
    ],
    'that never ends': [
      'shows nothing when its writer is aborted at each point',
      () => ({ abort: () => Promise.reject(new Error('it cannot be aborted')) }),
    ],
  };
  for (const [what, [name, change]] of Object.entries(broken)) {
    it(what, async () => expect(await failed(change, name)).to.deep.equal([name]));
  }
});

import type { Duplex } from 'node:stream';
import { PassThrough, Transform } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { from, pipeline, through, to } from '../../lib/index.ts';
import type { Foreign } from '../../operators/through.ts';

interface Row {
  readonly id: number;
}
const rows = (count: number): Row[] => Array.from({ length: count }, (_, id) => ({ id }));
const object = { objectMode: true } as const;

async function* endless(): AsyncGenerator<Row> {
  for (let id = 0; ; id++) {
    await turn();
    yield { id };
  }
}
/** Gives some records and then neither another nor its end. */
async function* standing(count: number): AsyncGenerator<Row> {
  yield* rows(count);
  await new Promise(() => undefined);
}

async function failureOf(running: Promise<unknown>): Promise<Error & { code: string; suppressed: readonly Error[] }> {
  return running.then(
    () => expect.fail('it ended well'),
    (error: unknown) => error as Error & { code: string; suppressed: readonly Error[] },
  );
}

/** What fails at record 500, by each of the foreign kinds. */
const failing: Record<string, () => Foreign> = {
  'a Transform': () =>
    new Transform({
      ...object,
      transform: (row: Row, _encoding, callback) => (row.id === 500 ? callback(new Error('no 500')) : callback(null, row)),
    }),
  'a web TransformStream': () =>
    new TransformStream<Row, Row>({
      transform: (row, controller) => {
        if (row.id === 500) throw new Error('no 500');
        controller.enqueue(row);
      },
    }),
  'a generator function': () =>
    async function* (input) {
      for await (const row of input) {
        if (row['id'] === 500) throw new Error('no 500');
        yield row;
      }
    },
};

describe('through', () => {
  const unheard: unknown[] = [];
  const listen = (reason: unknown): void => void unheard.push(reason);
  before(() => process.on('unhandledRejection', listen));
  after(() => process.off('unhandledRejection', listen));
  afterEach(() => expect(unheard).to.deep.equal([]));

  for (const [name, open] of Object.entries(failing)) {
    it(`fails with the error of ${name}, its input at an end, going on, or standing still`, async () => {
      for (const input of [rows(1000), endless(), standing(501)]) {
        const target: Row[] = [];
        const error = await failureOf(pipeline(from.records<Row>(input), through<Row>(open()), to.memory(target), { batchRows: 100 }));
        expect(error).to.include({ code: 'OPERATOR_THREW', message: 'no 500', stage: 'through' });
        expect(target).to.deep.equal([]);
        await turn();
      }
    });
  }

  it('fails where a stream closes before its end', async () => {
    const closing = new PassThrough(object);
    closing.once('data', () => closing.destroy());
    const error = await failureOf(pipeline(from.records(endless()), through<Row>(closing), to.null()));
    expect(error).to.include({ code: 'ENDED_EARLY', stage: 'through' });
  });

  it('fails with what a stream says of a record that it can not take', async () => {
    const error = await failureOf(pipeline(from.memory(rows(10)), through<Row>(new PassThrough()), to.null()));
    expect(error.code).to.equal('OPERATOR_THREW');
  });

  it('throws the failure of its source into a generator, which does not take it for the end', async () => {
    const seen: string[] = [];
    async function* broken(): AsyncGenerator<Row> {
      yield { id: 1 };
      await turn();
      throw new Error('the source fails');
    }
    const error = await failureOf(
      pipeline(
        from.records(broken()),
        through<Row>(async function* (input) {
          try {
            for await (const row of input) yield row as unknown as Row;
            seen.push('ended');
          } catch (reason) {
            seen.push((reason as Error).message);
            throw reason;
          }
        }),
        to.null(),
      ),
    );
    expect(error.message).to.equal('the source fails');
    expect(seen).to.deep.equal(['the source fails']);
    expect(error.suppressed).to.deep.equal([]);
  });

  it('gives all that comes out, more or fewer than went in, whatever the sides do first', async () => {
    const late = (): Duplex => {
      const held: Row[] = [];
      return new Transform({
        ...object,
        transform: (row: Row, _encoding, callback) => {
          held.push(row);
          callback();
        },
        flush(callback) {
          for (const row of held) this.push(row);
          for (const row of held) this.push(row);
          callback();
        },
      });
    };
    const target: Row[] = [];
    const report = await pipeline(from.memory(rows(1000)), through<Row>(late()), to.memory(target));
    expect(target).to.deep.equal([...rows(1000), ...rows(1000)]);
    expect(report).to.include({ read: 1000, made: 1000, written: 2000 });
    const web = new TransformStream<Row, Row>({
      transform: (row, controller) => void (row.id % 2 === 0 && controller.enqueue(row)),
      flush: controller => controller.enqueue({ id: -1 }),
    });
    const evens: Row[] = [];
    expect(await pipeline(from.memory(rows(1000)), through<Row>(web), to.memory(evens))).to.include({ read: 1000, dropped: 499 });
    expect(evens.at(-1)).to.deep.equal({ id: -1 });
  });

  it('is not served by a stream that another run has used', async () => {
    for (const used of [new PassThrough(object), new TransformStream()]) {
      const target: Row[] = [];
      await pipeline(from.memory(rows(3)), through<Row>(used), to.memory(target));
      const error = await failureOf(pipeline(from.memory(rows(3)), through<Row>(used), to.memory(target)));
      expect(error).to.include({ stage: 'through' });
      expect(target).to.deep.equal(rows(3));
    }
  });

  it('ends with a web stream that has had enough', async () => {
    const three = new TransformStream<Row, Row>({
      transform: (row, controller) => {
        controller.enqueue(row);
        if (row.id === 2) controller.terminate();
      },
    });
    const target: Row[] = [];
    await pipeline(from.records(endless()), through<Row>(three), to.memory(target));
    expect(target).to.deep.equal(rows(3));
  });

  it('ends at once when the run is aborted, though the stream hangs', async () => {
    for (const hanging of [
      new Transform({ ...object, transform: () => undefined }),
      new TransformStream({ transform: () => new Promise(() => undefined) }),
    ]) {
      const abort = new AbortController();
      setImmediate(() => abort.abort());
      const error = await failureOf(pipeline(from.memory(rows(100)), through<Row>(hanging), to.null(), { signal: abort.signal }));
      expect(error.code).to.equal('CANCELLED');
    }
  });
});

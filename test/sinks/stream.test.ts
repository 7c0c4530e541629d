import { PassThrough, Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { from, pipeline, to } from '../../lib/index.ts';

interface Row {
  readonly id: number;
}
const rows: Row[] = Array.from({ length: 1000 }, (_, id) => ({ id }));
const object = { objectMode: true, highWaterMark: 2 } as const;

async function failureOf(running: Promise<unknown>): Promise<Error & { code: string }> {
  return running.then(
    () => expect.fail('it ended well'),
    (error: unknown) => error as Error & { code: string },
  );
}

describe('to.stream', () => {
  const unheard: unknown[] = [];
  const listen = (reason: unknown): void => void unheard.push(reason);
  before(() => process.on('unhandledRejection', listen));
  after(() => process.off('unhandledRejection', listen));
  afterEach(() => expect(unheard).to.deep.equal([]));

  it('writes all records, slowly where the stream is slow, and ends it', async () => {
    const seen: Row[] = [];
    const node = new Writable({
      ...object,
      write: (row: Row, _encoding, callback) => {
        seen.push(row);
        if (row.id % 10 === 0) setImmediate(callback);
        else callback();
      },
    });
    expect((await pipeline(from.memory(rows), to.stream(node))).written).to.equal(1000);
    expect(seen.splice(0)).to.deep.equal(rows);
    expect(node.writableFinished).to.equal(true);
    let isClosed = false;
    const web = new WritableStream<Row>({
      write: row => void seen.push(row),
      close: async () => {
        await turn();
        isClosed = true;
      },
    });
    expect((await pipeline(from.memory(rows), to.stream(web))).written).to.equal(1000);
    expect(seen).to.deep.equal(rows);
    expect(isClosed).to.equal(true);
  });

  it('fails with the error of the stream, at a record and at its end', async () => {
    const refuse = (row: Row): Error | undefined => (row.id === 500 ? new Error('no 500') : undefined);
    const streams: Record<string, Writable | WritableStream> = {
      'no 500': new Writable({ ...object, write: (row: Row, _encoding, callback) => callback(refuse(row)) }),
      'no end': new Writable({
        ...object,
        write: (_row, _encoding, callback) => callback(),
        final: callback => callback(new Error('no end')),
      }),
      'no 500 there': new WritableStream<Row>({
        write: row => {
          if (row.id === 500) throw new Error('no 500 there');
        },
      }),
      'no end there': new WritableStream<Row>({ close: () => Promise.reject(new Error('no end there')) }),
    };
    for (const [message, stream] of Object.entries(streams)) {
      const error = await failureOf(pipeline(from.memory(rows), to.stream(stream)));
      expect(error).to.include({ message, stage: 'stream' });
      await turn();
    }
  });

  it('fails where the stream was, or is, closed before its end', async () => {
    const closing = new Writable({
      ...object,
      write(row: Row, _encoding, callback) {
        if (row.id === 500) this.destroy();
        setImmediate(callback);
      },
    });
    const ended = new PassThrough(object).resume().end();
    const destroyed = new PassThrough(object).destroy();
    await turn();
    for (const stream of [closing, ended, destroyed]) {
      expect(await failureOf(pipeline(from.memory(rows), to.stream(stream)))).to.include({ code: 'ENDED_EARLY', stage: 'stream' });
    }
  });

  it('is aborted at once, though the stream takes nothing', async () => {
    const streams = [
      new Writable({ ...object, write: () => undefined }),
      new WritableStream({ write: () => new Promise(() => undefined) }),
      new Writable({ ...object, write: (_row, _encoding, callback) => callback(), final: () => undefined }),
    ];
    for (const stream of streams) {
      const abort = new AbortController();
      setTimeout(() => abort.abort(), 5);
      const error = await failureOf(pipeline(from.memory(rows), to.stream(stream), { signal: abort.signal }));
      expect(error.code).to.equal('CANCELLED');
      if (stream instanceof Writable) expect(stream.destroyed).to.equal(true);
    }
  });
});

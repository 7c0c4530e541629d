import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { type DeadLetter, filter, from, pipeline, type PipelineError, Schema, to } from 'millrace';
import { sinkCases, sourceCases } from 'millrace/testing';
import { httpPages } from '../../examples/http-pages.ts';
import { httpPost } from '../../examples/http-post.ts';

interface Order {
  id: number;
  total: number;
}
const orders: Order[] = Array.from({ length: 23 }, (_, id) => ({ id, total: id * 10 }));
const PAGE = 5;

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An API that gives orders in pages, takes them as NDJSON, and shows in `open` what is under way. */
class Api {
  readonly server: Server;
  readonly seen: IncomingMessage[] = [];
  open = 0;
  mostOpen = 0;
  taken: Order[] = [];
  answer: Answer | undefined;

  constructor() {
    this.server = createServer((request, response) => {
      this.seen.push(request);
      this.mostOpen = Math.max(this.mostOpen, ++this.open);
      response.once('close', () => this.open--);
      (this.answer ?? this.serve)(request, response);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/orders`;
  }

  readonly serve: Answer = (request, response) => {
    if (request.method === 'POST') void this.#take(request, response);
    else this.#page(request, response);
  };

  #page({ url = '' }: IncomingMessage, response: ServerResponse): void {
    const first = Number(new URL(url, 'http://x').searchParams.get('from') ?? 0);
    const next = first + PAGE < orders.length ? `?from=${first + PAGE}` : null;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ items: orders.slice(first, first + PAGE), next }));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const lines = (await text(request)).trimEnd().split('\n');
    const list = lines.map(line => JSON.parse(line) as Order);
    const refused = list.flatMap(({ total }, line) => (total < 0 ? [{ line, reason: 'total is below zero' }] : []));
    this.taken.push(...list.filter(({ total }) => total >= 0));
    response.statusCode = refused.length > 0 ? 422 : 204;
    response.end(refused.length > 0 ? JSON.stringify({ refused }) : undefined);
  }
}

const failureOf = (run: Promise<unknown>): Promise<PipelineError> =>
  run.then(
    () => expect.fail('the run went well'),
    (error: unknown) => error as PipelineError,
  );
const status =
  (code: number): Answer =>
  (_request, response) =>
    void response.writeHead(code).end();

describe('examples that talk HTTP', () => {
  const api = new Api();
  before(done => void api.server.listen(0, '127.0.0.1', done));
  after(() => {
    api.server.closeAllConnections();
    api.server.close();
  });
  afterEach(() => {
    api.answer = undefined;
    api.taken = [];
    api.mostOpen = 0;
  });

  describe('httpPages', () => {
    for (const { name, run } of sourceCases<Order>({ open: () => httpPages({ url: api.url }), expected: orders, leftOpen: () => api.open }))
      it(name, run);

    it('is the source of a pipeline, and sends the credentials with every page', async () => {
      const large: Order[] = [];
      const headers = { authorization: 'Bearer s3cret' };
      const before = api.seen.length;
      const report = await pipeline(
        httpPages<Order>({ url: api.url, headers }),
        filter(order => order.total >= 200),
        to.memory(large),
      );
      expect(large.map(({ id }) => id)).to.deep.equal([20, 21, 22]);
      expect(report).to.include({ read: 23, dropped: 20, written: 3 });
      expect(api.seen.slice(before).map(request => request.headers.authorization)).to.deep.equal(Array(5).fill('Bearer s3cret'));
    });

    it('tells what is wrong with an answer, and never a credential', async () => {
      const answers: [Answer, string][] = [
        [status(404), 'NOT_FOUND'],
        [status(401), 'NOT_PERMITTED'],
        [status(503), 'SERVER_REFUSED'],
        [(_request, response) => void response.end('<html>'), 'DATA_MALFORMED'],
        [(_request, response) => void response.end('{"items":[1]}'), 'DATA_MALFORMED'],
        [(request, _response) => void request.socket.destroy(), 'UNREACHABLE'],
        [() => undefined, 'TIMEOUT'],
      ];
      for (const [answer, code] of answers) {
        api.answer = answer;
        const error = await failureOf(
          pipeline(httpPages({ url: api.url, timeoutMs: 200, headers: { authorization: 'Bearer s3cret' } }), to.null()),
        );
        expect(error.code, error.message).to.equal(code);
        expect(error.message).to.contain('/orders').and.not.to.contain('s3cret');
      }
    });
  });

  describe('httpPost', () => {
    const schema = new Schema([
      { name: 'id', type: { kind: 'int8' }, nullable: false },
      { name: 'total', type: { kind: 'int8' }, nullable: false },
    ]);
    const open = () => {
      api.taken = [];
      return httpPost<Order>({ url: api.url, concurrency: 3 });
    };
    const read = () => [...api.taken].sort((a, b) => a.id - b.id);
    for (const { name, run } of sinkCases({ open, records: orders, schema, read, isAtomic: false, leftOpen: () => api.open }))
      it(name, run);

    it('is the sink of a pipeline, with no more requests at once than allowed', async () => {
      const even = orders.slice(0, 22);
      const waiting: (() => void)[] = [];
      // Nobody is answered before the second of two is there.
      api.answer = (...exchange) => {
        waiting.push(() => api.serve(...exchange));
        if (waiting.length === 2) for (const serve of waiting.splice(0)) serve();
      };
      const sink = httpPost<Order>({ url: api.url, concurrency: 2 });
      const report = await pipeline(from.records(even), sink, { batchRows: 1 });
      expect(report).to.include({ status: 'ok', written: 22, guarantee: 'at-least-once' });
      expect(read()).to.deep.equal(even);
      expect(api.mostOpen).to.equal(2);
    });

    it('takes refused lines for rejects, and all others for written', async () => {
      const dirty = [
        { id: 1, total: 1 },
        { id: 2, total: -1 },
        { id: 3, total: 3 },
      ];
      const letters: DeadLetter[] = [];
      const report = await pipeline(from.records(dirty), httpPost({ url: api.url }), { deadLetter: to.memory(letters) });
      expect(report).to.include({ written: 2, rejected: 1 });
      expect(letters).to.deep.equal([
        { stage: 'httpPost', code: 'ROW_REFUSED', reason: 'total is below zero', record: { id: 2, total: -1 }, position: { row: 1 } },
      ]);
      const error = await failureOf(pipeline(from.records(dirty), httpPost({ url: api.url })));
      expect(error).to.include({ code: 'ROW_REFUSED', stage: 'httpPost' });
    });

    it('says that a server which is busy may be tried again', async () => {
      api.answer = status(429);
      const error = await failureOf(pipeline(from.records(orders), httpPost({ url: api.url })));
      expect(error).to.include({ code: 'SERVER_REFUSED', retryable: true, stage: 'httpPost' });
    });

    it('ends its requests when the run is aborted', async () => {
      const abort = new AbortController();
      api.answer = () => abort.abort();
      const error = await failureOf(pipeline(from.records(orders), httpPost({ url: api.url }), { signal: abort.signal }));
      expect(error.code).to.equal('CANCELLED');
      while (api.open > 0) await new Promise(resolve => setImmediate(resolve));
    });
  });
});

/** A sink: batches as NDJSON by HTTP POST, some requests at once. */
import { type AnyBatch, defineSink, MillraceError, printJson, type RejectedRow, type Sink, type SinkContext, type Writer } from 'millrace';
import { z } from 'zod';

const options = z.strictObject({
  url: z.url(),
  /** Requests that are under way at the same time. */
  concurrency: z.int().min(1).default(4),
  /** For one request. */
  timeoutMs: z.int().min(1).default(30_000),
});
type Options = z.output<typeof options>;

/** What the server answers with status 422 when it has taken all lines but these; counted from 0. */
const Refusal = z.object({ refused: z.array(z.object({ line: z.int().min(0), reason: z.string() })) });

interface HttpOptions extends z.input<typeof options> {
  /** Sent with every request; the place for credentials. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Posts every batch once. What the server has taken can't be taken back: a run that failed leaves some of it there, and one that is started
 * again sends it again. Lines that the server refuses (422) are rejected: ROW_REFUSED, with its reason.
 * Errors: UNREACHABLE, NOT_PERMITTED, SERVER_REFUSED, TIMEOUT. Holds a batch for each request. Abort ends the requests.
 */
export function httpPost<Row>({ headers = {}, ...rest }: HttpOptions): Sink<Row> {
  return httpPostKind.create<Row>(rest, headers);
}

export const httpPostKind = defineSink<typeof options, Readonly<Record<string, string>>>({
  kind: 'httpPost',
  options,
  // Objects of any shape are JSON.
  needsSchema: false,
  guarantee: 'at-least-once',
  open: (given, context, headers) => Promise.resolve(new HttpWriter(given, context, headers)),
  title: ({ url }) => url,
});

class HttpWriter implements Writer {
  readonly #options: Options;
  readonly #context: SinkContext;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #abort = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(given: Options, context: SinkContext, headers: Readonly<Record<string, string>>) {
    this.#options = given;
    this.#context = context;
    this.#headers = { ...headers, 'content-type': 'application/x-ndjson' };
  }

  /** Returns when the next batch may come; the outcome of this one is told later. */
  async write(batch: AnyBatch): Promise<void> {
    while (this.#running.size >= this.#options.concurrency) await Promise.race(this.#running);
    this.#throwFailure();
    const request: Promise<void> = this.#post(batch)
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .finally(() => this.#running.delete(request));
    this.#running.add(request);
  }

  /** After it every batch has been settled. */
  async flush(): Promise<void> {
    await Promise.all(this.#running);
    this.#throwFailure();
  }

  /** What the server has answered for is durable there; nothing is needed to come back to it. */
  commit(): Promise<null> {
    return Promise.resolve(null);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async abort(reason: unknown): Promise<void> {
    this.#abort.abort(reason);
    await Promise.all(this.#running);
  }

  async #post(batch: AnyBatch): Promise<void> {
    const { settle, counted } = this.#context;
    const body = batch.rows.map(row => `${printJson(row)}\n`).join('');
    const rejected = await this.#send(body);
    counted({ written: batch.length - rejected.length, bytes: Buffer.byteLength(body) });
    settle(batch, rejected);
  }

  async #send(body: string): Promise<RejectedRow[]> {
    const { url, timeoutMs } = this.#options;
    const signal = AbortSignal.any([this.#abort.signal, this.#context.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const response = await fetch(url, { method: 'POST', headers: this.#headers, body, signal });
      const answer = await response.text();
      if (response.ok) return [];
      const refusal = response.status === 422 ? Refusal.safeParse(jsonOf(answer)) : undefined;
      if (refusal?.success !== true) throw failed(url, response.status);
      return refusal.data.refused.map(({ line, reason }) => ({ index: line, code: 'ROW_REFUSED', reason }));
    } catch (error) {
      if (error instanceof MillraceError) throw error;
      const isLate = error instanceof DOMException && error.name === 'TimeoutError';
      throw new MillraceError(isLate ? 'TIMEOUT' : 'UNREACHABLE', `httpPost: ${url} does not answer`, { cause: error, retryable: true });
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error as Error;
  }
}

function failed(url: string, status: number): MillraceError {
  const code = status === 401 || status === 403 ? 'NOT_PERMITTED' : 'SERVER_REFUSED';
  return new MillraceError(code, `httpPost: ${url} answers with status ${status}`, { retryable: status === 429 || status >= 500 });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

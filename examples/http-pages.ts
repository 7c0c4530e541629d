/** A source: the records of an HTTP API that gives them page by page. */
import { type AnyBatch, defineSource, MillraceError, RecordBatch, type Source, type SourceContext } from 'millrace';
import { z } from 'zod';

const options = z.strictObject({
  /** Of the first page; without secrets, for it stands in positions. */
  url: z.url(),
  /** For one page. */
  timeoutMs: z.int().min(1).default(30_000),
});

/** What the server answers. `next` is the URL of the next page, also relative; without it this page is the last. */
const Page = z.object({ items: z.array(z.record(z.string(), z.unknown())), next: z.string().nullish() });

/** A position: a row of a page. */
const Place = z.object({ page: z.string(), row: z.int() });

interface HttpOptions extends z.input<typeof options> {
  /** Sent with every request; the place for credentials. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The items of every page, in order. Holds one page; positions are `{ page, row }`, so that a run goes on in the middle of a page.
 * Errors: UNREACHABLE, NOT_FOUND, NOT_PERMITTED, SERVER_REFUSED, TIMEOUT; DATA_MALFORMED for an answer that is no page.
 */
export function httpPages<Row>({ headers = {}, ...rest }: HttpOptions): Source<Row> {
  return httpPagesKind.create<Row>(rest, headers);
}

export const httpPagesKind = defineSource<typeof options, Readonly<Record<string, string>>>({
  kind: 'httpPages',
  options,
  async *read({ url, timeoutMs }, context, headers): AsyncGenerator<AnyBatch> {
    const { after, to, signal } = context;
    const start = after === undefined ? { page: url, row: -1 } : Place.parse(after);
    let page: string | undefined = start.page;
    let row = start.row + 1;
    while (page !== undefined && !signal.aborted) {
      const fetched: FetchedPage = await fetchPage(page, headers, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
      const end = page === to?.page ? Number(to.row) + 1 : fetched.items.length;
      yield* batches(page, fetched, row, end, context);
      if (page === to?.page) return;
      page = fetched.next;
      row = 0;
    }
  },
  title: ({ url }) => url,
});

interface FetchedPage {
  readonly items: readonly Record<string, unknown>[];
  readonly next: string | undefined;
  readonly bytes: number;
}

/** Rows `start` to `end` of a page, in batches no larger than asked for, each with the position of its last row. */
function* batches(page: string, { items, bytes }: FetchedPage, start: number, end: number, context: SourceContext): Generator<AnyBatch> {
  const { batchRows, batchBytes, counted } = context;
  const size = Math.max(1, Math.min(batchRows, Math.floor((items.length * batchBytes) / bytes)));
  for (let first = start; first < end; first += size) {
    const rows = items.slice(first, Math.min(first + size, end));
    counted({ rows: rows.length });
    yield RecordBatch.of(rows, undefined, { page, row: first + rows.length - 1 }, undefined, row => ({ page, row: first + row }));
  }
}

async function fetchPage(page: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<FetchedPage> {
  const text = await answerOf(page, headers, signal);
  const parsed = Page.safeParse(jsonOf(text));
  if (!parsed.success) throw new MillraceError('DATA_MALFORMED', `httpPages: ${page} answers with something that is no page of items`);
  const { items, next } = parsed.data;
  return { items, next: next ? new URL(next, page).href : undefined, bytes: text.length };
}

async function answerOf(page: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<string> {
  try {
    const response = await fetch(page, { headers, signal });
    if (!response.ok) throw failed(page, response.status);
    return await response.text();
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    const isLate = error instanceof DOMException && error.name === 'TimeoutError';
    throw new MillraceError(isLate ? 'TIMEOUT' : 'UNREACHABLE', `httpPages: ${page} does not answer`, { cause: error, retryable: true });
  }
}

function failed(page: string, status: number): MillraceError {
  const code = status === 404 ? 'NOT_FOUND' : status === 401 || status === 403 ? 'NOT_PERMITTED' : 'SERVER_REFUSED';
  return new MillraceError(code, `httpPages: ${page} answers with status ${status}`, { retryable: status === 429 || status >= 500 });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

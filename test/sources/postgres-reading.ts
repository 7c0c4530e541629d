import type { RecordBatch } from '../../lib/core/batch/batch.ts';
import type { SourceContext } from '../../lib/core/define.ts';
import { MillraceError } from '../../lib/errors.ts';
import { postgresKind } from '../../sources/postgres.ts';
import { sql } from '../services/postgres.ts';

type Reading = AsyncIterator<RecordBatch> & AsyncIterable<RecordBatch>;

/** The source's own reading, as the engine asks for it, with what ends it and what it has counted. */
export function readingPostgres(
  options: Parameters<typeof postgresKind.definition.options.parse>[0],
  context: Partial<SourceContext> = {},
): { batches: Reading; abort: AbortController; seen: { rows: number; bytes: number; expected: number } } {
  const abort = new AbortController();
  const seen = { rows: 0, bytes: 0, expected: 0 };
  const own: SourceContext = {
    signal: abort.signal,
    batchRows: 4096,
    batchBytes: 128 * 1024,
    expects: ({ rows = 0 }) => void (seen.expected = rows),
    counted: ({ rows = 0, bytes = 0 }) => void ((seen.rows += rows), (seen.bytes += bytes)),
    warn: () => undefined,
    ...context,
  };
  const batches = postgresKind.definition.read(postgresKind.definition.options.parse(options), own, { schema: undefined });
  return { batches: batches[Symbol.asyncIterator]() as Reading, abort, seen };
}

export async function allBatches(batches: AsyncIterator<RecordBatch>): Promise<RecordBatch[]> {
  const found: RecordBatch[] = [];
  for (let next = await batches.next(); next.done !== true; next = await batches.next()) found.push(next.value);
  return found;
}

/** `CODE message` of what it fails with. */
export async function failureOf(run: () => unknown): Promise<string> {
  try {
    await run();
    return 'done';
  } catch (error) {
    return error instanceof MillraceError ? `${error.code} ${error.message}` : String(error);
  }
}

/** Sessions of an application; backends end a moment after their connections. */
export async function openSessions(url: string, application: string): Promise<number> {
  const count = async (): Promise<number> =>
    (await sql(url, 'SELECT 1 FROM pg_stat_activity WHERE application_name = $1', [application])).length;
  for (let left = 200; left > 0 && (await count()) > 0; left--);
  return count();
}

export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let left = 1000; left > 0; left--) if (await condition()) return;
  throw new Error('the condition never came true');
}

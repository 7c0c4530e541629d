import { advanceSequence } from '../catalogue/target-table.ts';
import { postgresError } from '../connection/errors.ts';
import type { PgSession } from '../connection/pool.ts';
import type { SinkTable } from './sink-table.ts';

/** Numbers that were written are not given out again. Without the right to it that is said, and the rows are kept. */
export async function advanceSequences(
  { client, target }: PgSession,
  { found, numbered }: SinkTable,
  warn: (message: string) => void,
): Promise<void> {
  for (const column of found === undefined ? [] : numbered) {
    try {
      await client.query('SAVEPOINT millrace_sequence');
      await client.query(advanceSequence(found as NonNullable<typeof found>, column));
    } catch (error) {
      await client.query('ROLLBACK TO SAVEPOINT millrace_sequence');
      const { message } = postgresError(error, `advance the sequence of column ${JSON.stringify(column.name)}`, target);
      warn(`${message}; the next number that it gives may be taken already`);
    }
  }
}

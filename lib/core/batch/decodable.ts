import { MillraceError } from '../../errors.ts';
import type { RecordBatch } from './batch.ts';

/** Takes a row that has a value which no record can have, by its number, with the error's code and message. */
export type Undecodable = (index: number, code: string, reason: string) => void;

/** What `get` of a column throws of a value that no record can have. Any other error is no fault of the record's: input that is malformed, above all. */
export function isUndecodable(error: unknown): error is MillraceError {
  return error instanceof MillraceError && (error.code === 'VALUE_NOT_CARRIED' || error.code === 'VALUE_INVALID');
}

/** The batch with its rows made; without those that cannot be, which are refused. */
export function withRows(batch: RecordBatch, refuse: Undecodable): RecordBatch {
  if (batch.hasRows) return batch;
  return reading(batch, undefined, refuse, decoded => {
    void decoded.rows;
    return decoded;
  });
}

/**
 * What `read` makes of a batch whose columns it decodes, these or all: of the rows that can be decoded, and the others are refused. They are looked for only
 * when `read` has failed; then it is called again, so it does nothing but read.
 */
export function reading<T>(
  batch: RecordBatch,
  columns: readonly string[] | undefined,
  refuse: Undecodable,
  read: (batch: RecordBatch) => T,
): T {
  try {
    return read(batch);
  } catch (error) {
    if (!isUndecodable(error) || !batch.schemaKnown) throw error;
    const rows = decodableRows(batch, columns ?? batch.schema.names, refuse);
    if (rows.length === batch.length) throw error;
    return read(batch.select(rows));
  }
}

/** Numbers of the rows whose values in these columns can all be decoded. */
export function decodableRows(batch: RecordBatch, names: readonly string[], refuse: Undecodable): Uint32Array {
  const columns = names.map(name => batch.column(name));
  const rows = new Uint32Array(batch.length);
  let count = 0;
  for (let row = 0; row < batch.length; row++) {
    try {
      for (const column of columns) column.get(row);
      rows[count++] = row;
    } catch (error) {
      if (!isUndecodable(error)) throw error;
      refuse(row, error.code, error.message);
    }
  }
  return rows.slice(0, count);
}

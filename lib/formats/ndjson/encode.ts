import type { Encoder } from '../format.ts';
import { printRecords } from './print-records.ts';

/**
 * One object a line, ended by LF. A batch that is NDJSON already, and was not changed, is written byte for byte; all others as
 * `printRecords` prints them.
 */
export function ndjsonEncoder(): Encoder {
  return {
    start: () => [],
    encode(batch) {
      const bytes = batch.encoded('ndjson');
      if (bytes !== undefined) return { chunks: bytes, rejected: [] };
      const { texts, rejected } = printRecords(batch);
      return { chunks: texts.length === 0 ? [] : [Buffer.from(`${texts.join('\n')}\n`)], rejected };
    },
    end: () => [],
  };
}

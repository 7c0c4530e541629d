import { ByteWriter } from '../byte-writer.ts';
import type { Encoder } from '../format.ts';
import { printRecords } from './print-records.ts';

const LINE_FEED = 0x0a;

/**
 * One object a line, ended by LF. A batch that is NDJSON already, and was not changed, is written byte for byte; all others as
 * `printRecords` prints them.
 */
export function ndjsonEncoder(): Encoder {
  let bytesARecord = 128;
  return {
    start: () => [],
    encode(batch) {
      const bytes = batch.encoded('ndjson');
      if (bytes !== undefined) return { chunks: bytes, rejected: [] };
      const out = new ByteWriter(batch.length * bytesARecord);
      // Record by record: a joined text would have two bytes a character as soon as one of them needs it.
      const rejected = printRecords(batch, text => {
        out.text(text);
        out.byte(LINE_FEED);
      });
      bytesARecord = Math.ceil((out.length / Math.max(1, batch.length)) * 1.1);
      return { chunks: out.length === 0 ? [] : [out.taken()], rejected };
    },
    end: () => [],
  };
}

import { ByteWriter } from '../byte-writer.ts';
import type { CheckText, Encoder } from '../format.ts';
import { writeRecords } from './write-records.ts';

const LINE_FEED = 0x0a;

/**
 * One object a line, ended by LF. A batch that is NDJSON already, and was not changed, is written byte for byte; all others as
 * `writeRecords` has it.
 */
export function ndjsonEncoder(check?: CheckText): Encoder {
  const out = new ByteWriter();
  return {
    start: () => [],
    encode(batch) {
      const bytes = check === undefined ? batch.encoded('ndjson') : undefined;
      if (bytes !== undefined) return { chunks: bytes, rejected: [] };
      out.restart();
      const rejected = writeRecords(out, batch, { end: lineEnd, check });
      return { chunks: out.length === 0 ? [] : [out.taken()], rejected };
    },
    end: () => [],
  };
}

const lineEnd = (out: ByteWriter): void => out.byte(LINE_FEED);

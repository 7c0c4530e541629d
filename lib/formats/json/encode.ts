import { ByteWriter } from '../byte-writer.ts';
import type { CheckText, Encoder } from '../format.ts';
import { writeRecords } from '../ndjson/write-records.ts';

/** One array, one record a line: `[`, records as NDJSON has them with `,` between them, `]`. */
export function jsonEncoder(check?: CheckText): Encoder {
  let isFirst = true;
  const out = new ByteWriter();
  return {
    start(fresh, hasRecords = false) {
      isFirst = !hasRecords;
      return fresh ? [Buffer.from('[')] : [];
    },
    encode(batch) {
      out.restart();
      const begin = (): void => out.text(isFirst && out.length === 0 ? '\n' : ',\n');
      const rejected = writeRecords(out, batch, { begin, check });
      if (out.length > 0) isFirst = false;
      return { chunks: out.length === 0 ? [] : [out.taken()], rejected };
    },
    end: () => [Buffer.from(isFirst ? ']\n' : '\n]\n')],
  };
}

import { ByteWriter } from '../byte-writer.ts';
import type { Encoder } from '../format.ts';
import { printRecords } from '../ndjson/print-records.ts';

/** One array, one record a line: `[`, records as NDJSON has them with `,` between them, `]`. */
export function jsonEncoder(): Encoder {
  let isFirst = true;
  let bytesARecord = 128;
  return {
    start: () => [Buffer.from('[')],
    encode(batch) {
      const out = new ByteWriter(batch.length * bytesARecord);
      const rejected = printRecords(batch, text => {
        out.text(isFirst ? '\n' : ',\n');
        isFirst = false;
        out.text(text);
      });
      bytesARecord = Math.ceil((out.length / Math.max(1, batch.length)) * 1.1);
      return { chunks: out.length === 0 ? [] : [out.taken()], rejected };
    },
    end: () => [Buffer.from(isFirst ? ']\n' : '\n]\n')],
  };
}

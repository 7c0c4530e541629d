import type { Encoder } from '../format.ts';
import { printRecords } from '../ndjson/print-records.ts';

/** One array, one record a line: `[`, records as NDJSON has them with `,` between them, `]`. */
export function jsonEncoder(): Encoder {
  let isFirst = true;
  return {
    start: () => [Buffer.from('[')],
    encode(batch) {
      const { texts, rejected } = printRecords(batch);
      if (texts.length === 0) return { chunks: [], rejected };
      const text = `${isFirst ? '\n' : ',\n'}${texts.join(',\n')}`;
      isFirst = false;
      return { chunks: [Buffer.from(text)], rejected };
    },
    end: () => [Buffer.from(isFirst ? ']\n' : '\n]\n')],
  };
}

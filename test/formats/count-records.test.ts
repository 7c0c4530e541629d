import { expect } from 'chai';
import fc from 'fast-check';
import { lineCounter } from '../../lib/formats/count-records.ts';
import { runs } from '../random.ts';

const signs = fc.constantFrom(0, 9, 10, 11, 33, 34, 35, 97, 128, 138, 162, 255);
/** Pieces of one text, each lying anywhere in its memory. */
const pieces = fc.array(fc.tuple(fc.array(signs, { maxLength: 40 }), fc.nat({ max: 5 })), { maxLength: 6 });

function laid(bytes: readonly number[], before: number): Uint8Array {
  return Uint8Array.from([...Array<number>(before).fill(10), ...bytes, 10]).subarray(before, before + bytes.length);
}

describe('counting records in bytes', () => {
  it('counts the line ends outside of quotes, byte by byte', () => {
    fc.assert(
      fc.property(pieces, given => {
        let isInQuotes = false;
        let expected = 0;
        for (const byte of given.flatMap(([bytes]) => bytes)) {
          if (byte === 34) isInQuotes = !isInQuotes;
          else if (byte === 10 && !isInQuotes) expected++;
        }
        const counter = lineCounter('"');
        const chunks = given.map(([bytes, before]) => laid(bytes, before));
        const half = chunks.length >> 1;
        expect(counter(chunks.slice(0, half)) + counter(chunks.slice(half))).to.equal(expected);
      }),
      { numRuns: runs(1000) },
    );
  });

  it('counts all of them without quotes', () => {
    expect(lineCounter()([Buffer.from('a\n"b\n'), Buffer.from('c"\n')])).to.equal(3);
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { ArrayColumn } from '../../lib/core/batch/column.ts';
import { ByteWriter } from '../../lib/formats/byte-writer.ts';
import { printOf } from '../../lib/formats/print-column.ts';
import { textPrinter } from '../../lib/schema/print.ts';
import type { TypeKind } from '../../lib/schema/types.ts';
import { runs } from '../random.ts';

const KINDS: readonly TypeKind[] = ['int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric'];
const values = fc.oneof(
  fc.double(),
  fc.float(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(null, undefined, '1.50', 7n, true, -0, 32768, 4294967296, 2 ** 53),
);

describe('numbers that a column prints', () => {
  for (const kind of KINDS) {
    it(`${kind}: are the text that its printer makes, or left to it`, () => {
      let printed = 0;
      fc.assert(
        fc.property(values, value => {
          const out = new ByteWriter(64);
          if (printOf(new ArrayColumn({ kind }, [value]))?.(out, 0) === true) {
            expect(Buffer.from(out.taken()).toString()).to.equal(textPrinter({ kind })(value));
            printed++;
          } else expect(out.length).to.equal(0);
        }),
        { numRuns: runs(1000) },
      );
      expect(printed).to.be.above(10);
    });
  }

  it('are nothing of columns that have no numbers', () => {
    expect(printOf(new ArrayColumn({ kind: 'text' }, ['a']))).to.equal(undefined);
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { getHeapSpaceStatistics } from 'node:v8';
import { writeFloat, writeWhole } from '../../lib/values/write-number.ts';
import { ByteWriter } from '../../lib/formats/byte-writer.ts';
import { collectGarbage } from '../held-bytes.ts';
import { runs } from '../random.ts';

type Write = typeof writeFloat;

/** What is written of a value; undefined where it is left to others, and then nothing is written. */
function written(write: Write, value: number): string | undefined {
  const out = new ByteWriter(64);
  out.byte(35);
  const isWritten = write(out, value);
  const text = Buffer.from(out.taken()).toString();
  expect(text[0]).to.equal('#');
  if (!isWritten) expect(text).to.equal('#');
  return isWritten ? text.slice(1) : undefined;
}

const bits = new DataView(new ArrayBuffer(8));
function neighbour(value: number, steps: number): number {
  bits.setFloat64(0, value);
  bits.setBigUint64(0, bits.getBigUint64(0) + BigInt(steps));
  return bits.getFloat64(0);
}

/** Doubles of all sizes that have a text without an exponent, and as many with few digits or few bits. */
const doubles = fc.oneof(
  fc.double({ noNaN: true, min: -(2 ** 53), max: 2 ** 53 }),
  fc.tuple(fc.integer({ min: -20, max: 53 }), fc.double({ noNaN: true, min: 1, max: 2 })).map(([e, mantissa]) => mantissa * 2 ** e),
  fc.tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 72 })).map(([whole, e]) => whole / 2 ** e),
  fc.tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 20 })).map(([whole, e]) => whole / 10 ** e),
  fc
    .tuple(fc.double({ noNaN: true, min: -1e15, max: 1e15 }), fc.integer({ min: 1, max: 17 }))
    .map(([value, digits]) => Number(value.toPrecision(digits))),
);

describe('numbers written as bytes', () => {
  it('are the text that JavaScript makes of a double', () => {
    fc.assert(
      fc.property(doubles, value => {
        const text = written(writeFloat, value);
        if (text !== undefined) expect(text).to.equal(String(value));
        else expect(Object.is(value, -0) || Math.abs(value) < 2 ** -19 || Math.abs(value) >= 2 ** 53).to.equal(true);
      }),
      { numRuns: runs(3000) },
    );
  });

  it('are that also beside powers of two and of ten, and half way between two texts', () => {
    const edges = [0.1, 0.3, 4503599627370497.5, 1125899906842624.25, 1125899906842624.75, 9007199254740991, 65536.00000000001];
    for (let e = -19; e < 53; e++) edges.push(2 ** e, 3 * 2 ** e);
    for (let e = -5; e < 16; e++) edges.push(10 ** e, 9.5 * 10 ** e);
    for (const edge of edges) {
      for (let steps = -300; steps <= 300; steps++) {
        const value = neighbour(edge, steps);
        if (value < 2 ** -19 || value >= 2 ** 53) continue;
        expect(written(writeFloat, value)).to.equal(String(value));
        expect(written(writeFloat, -value)).to.equal(String(-value));
      }
    }
  });

  it('are left to others where a double has another text, or a long one', () => {
    for (const value of [-0, NaN, Infinity, -Infinity, 2 ** 53, 1e21, 1e-7, 5e-324]) expect(written(writeFloat, value)).to.equal(undefined);
    expect(written(writeFloat, 0)).to.equal('0');
    for (const value of [2 ** 53, 0.5, NaN, Infinity]) expect(written(writeWhole, value)).to.equal(undefined);
  });

  it('are the digits of whole numbers', () => {
    const around = Array.from({ length: 17 }, (_, e) => [10 ** e - 1, 10 ** e, 10 ** e + 1]).flat();
    for (const value of [0, -0, 999_999_999, 1_000_000_000, Number.MAX_SAFE_INTEGER, ...around.filter(Number.isSafeInteger)]) {
      expect(written(writeWhole, value)).to.equal(String(value));
      expect(written(writeWhole, -value)).to.equal(String(-value));
    }
    fc.assert(fc.property(fc.maxSafeInteger(), value => written(writeWhole, value) === String(value)));
  });

  it('leave no strings behind, of which V8 keeps many', () => {
    const out = new ByteWriter();
    const write = (from: number, count: number): void => {
      for (let i = from; i < from + count; i++) {
        if (i % 1000 === 0) out.restart();
        expectWritten(writeFloat(out, Math.sin(i) * 1e6));
      }
    };
    write(0, 200_000);
    collectGarbage();
    const before = oldSpaceUsed();
    write(200_000, 600_000);
    expect(oldSpaceUsed() - before).to.be.below(2 * 1024 * 1024);
  });
});

function expectWritten(isWritten: boolean): void {
  if (!isWritten) throw new Error('not written');
}

function oldSpaceUsed(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space')?.space_used_size ?? 0;
}

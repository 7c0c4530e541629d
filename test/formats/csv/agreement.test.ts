import { expect } from 'chai';
import fc from 'fast-check';
import { decodeDialect } from '../../../lib/formats/csv/dialect-decode.ts';
import { cut, read, type ReadOptions } from './reading.ts';
import { runs } from '../../random.ts';

/** Bytes as they come: mostly signs of CSV, so that most files are about well-formed and many are not. */
const piece = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b1', ' ', 'é', '€', '😀', '\ufeff', '\\.', 'x'.repeat(30)) },
  { weight: 8, arbitrary: fc.constantFrom(',', '\n', '\r\n', ',\n', '\n\n') },
  { weight: 2, arbitrary: fc.constantFrom('"', '""', '\r', '"a""b"', '"x\ny,"', '"\r\n"', ',"') },
);
const soup = fc.array(piece, { maxLength: 40 }).map(parts => parts.join(''));
const field = fc.oneof(
  fc.constantFrom('', '""', '"a,b"', '"x""y"', '"l\r\nm"', '\r', 'é😀'),
  fc.string({ maxLength: 30 }).map(text => text.replace(/[",\r\n]/g, '')),
);
const wellFormed = fc
  .tuple(
    fc.integer({ min: 1, max: 4 }),
    fc.array(fc.tuple(fc.array(field, { minLength: 4, maxLength: 4 }), fc.constantFrom('\n', '\r\n')), { maxLength: 12 }),
    fc.boolean(),
  )
  .map(([width, lines, hasEnd]) => {
    const text = lines.map(([fields, end]) => fields.slice(0, width).join(',') + end).join('');
    return hasEnd ? text : text.replace(/\r?\n$/, '');
  });
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
const headers = fc.constantFrom(true, false, ['p', 'q']);

describe('CSV decoder, its two ways', () => {
  for (const [kind, text] of [
    ['signs in any order', soup],
    ['well-formed files', wellFormed],
  ] as const) {
    it(`agree on ${kind}, however the chunks are cut`, async () => {
      await fc.assert(
        fc.asyncProperty(
          text,
          sizes,
          headers,
          fc.integer({ min: 1, max: 5 }),
          fc.boolean(),
          async (input, chunkSizes, header, batchRows, hasBom) => {
            const bytes = Buffer.from((hasBom ? '\ufeff' : '') + input);
            const options: ReadOptions = { csv: { headers: header }, batchRows };
            const whole = await read(bytes, options);
            const pieces = await read(cut(bytes, chunkSizes), options);
            const dialect = await read(cut(bytes, chunkSizes), { ...options, decode: decodeDialect });
            for (const other of [pieces, dialect]) {
              expect(other.records).to.deep.equal(whole.records);
              expect(other.error?.code).to.equal(whole.error?.code);
              if (other.records.length > 0) expect(other.names).to.deep.equal(whole.names);
              expect(other.counted.rows).to.equal(whole.counted.rows).and.equal(whole.records.length);
            }
            expect(pieces.error?.message).to.equal(whole.error?.message);
            if (whole.error === undefined) expect(whole.counted.bytes).to.equal(bytes.length);
            const last = whole.batches.at(-1)?.position;
            const dialectLast = dialect.batches.at(-1)?.position;
            expect(dialectLast?.row).to.equal(last?.row);
          },
        ),
        { numRuns: runs(1500) },
      );
    });
  }

  it('go on from behind any batch and give exactly the rest', async () => {
    await fc.assert(
      fc.asyncProperty(
        wellFormed,
        sizes,
        fc.boolean(),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        async (text, chunkSizes, hasHeader, batchRows, hasBom) => {
          const bytes = Buffer.from((hasBom ? '\ufeff' : '') + text);
          for (const way of [{}, { decode: decodeDialect }]) {
            const options: ReadOptions = { csv: { headers: hasHeader }, batchRows, ...way };
            const all = await read(bytes, options);
            let seen = 0;
            for (const batch of all.batches) {
              seen += batch.length;
              const after = batch.position as unknown as { offset: number; line: number; row: number };
              expect(after.row).to.equal(seen);
              const rest = await read(cut(bytes.subarray(after.offset), chunkSizes), { ...options, after, schema: batch.schema });
              expect(rest.records).to.deep.equal(all.records.slice(seen));
              expect(rest.error?.message).to.equal(all.error?.message);
              expect(rest.batches.at(-1)?.position ?? after).to.deep.equal(all.batches.at(-1)?.position);
            }
          }
        },
      ),
      { numRuns: runs(300) },
    );
  });

  it('find bytes that are no UTF-8 at the same place', async () => {
    await fc.assert(
      fc.asyncProperty(
        wellFormed,
        fc.nat(),
        fc.oneof(fc.integer({ min: 0x80, max: 0xbf }), fc.constant(0xff)),
        sizes,
        async (text, at, byte, chunkSizes) => {
          const bytes = Buffer.from(text);
          if (bytes.length === 0) return;
          bytes[at % bytes.length] = byte;
          const plain = await read(cut(bytes, chunkSizes), { csv: { headers: false } });
          const dialect = await read(bytes, { csv: { headers: false }, decode: decodeDialect });
          expect(dialect.error?.code).to.equal(plain.error?.code);
          expect(plain.error?.message.replace(/;.*/, '')).to.equal(dialect.error?.message.replace(/;.*/, ''));
        },
      ),
      { numRuns: runs(600) },
    );
  });
});

import { expect } from 'chai';
import * as fc from 'fast-check';
import { jsonDecoder } from '../../../lib/formats/json/index.ts';
import { decodeAll, failure } from '../decoding.ts';
import { runs } from '../../random.ts';

const decode = (input: string | Uint8Array, size?: number, more = {}) => decodeAll(jsonDecoder(), input, size, more);

describe('JSON decoder', () => {
  it('gives the objects of an array, in any layout, in pieces and batches of any size', async () => {
    const record = fc
      .dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue(), { maxKeys: 3 })
      .map(row => JSON.parse(JSON.stringify(row)) as object);
    const layout = fc.constantFrom(undefined, 0, 1, 2, '\t');
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 8 }),
        layout,
        fc.nat(40),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 200 }),
        async (rows, indent, size, batchRows, batchBytes) => {
          const text = JSON.stringify(rows, undefined, indent);
          const seen = await decode(fc.sample(fc.boolean(), 1)[0] ? text.replaceAll('\n', '\r\n') : text, size + 1, {
            batchRows,
            batchBytes,
          });
          expect(seen.rows).to.deep.equal(rows);
          expect(seen.counted).to.equal(rows.length);
          for (const batch of seen.batches) {
            expect(batch.length).to.be.within(1, batchRows);
            const lines = Buffer.concat(batch.encoded('ndjson')!).toString().split('\n');
            expect(lines.pop()).to.equal('');
            expect(lines.map(line => JSON.parse(line) as object)).to.deep.equal(batch.rows);
          }
        },
      ),
      { numRuns: runs(200) },
    );
  });

  it('goes on after every position that it gave, also of the last', async () => {
    for (const text of ['\ufeff[{"a":1},\n {"a":"ø"}\n , {"a":[3,\n{}]}\n]\n', '{"a":1}\n{"a":"ø"} {"a":[3,{}]}', '[{"a":1}]']) {
      for (const size of [1, 3, 1000]) {
        const { batches, rows } = await decode(text, size, { batchRows: 1 });
        for (const [i, { position }] of batches.entries()) {
          const after = position as { offset: number; line: number; row: number };
          const rest = await decode(Buffer.from(text).subarray(after.offset), size, { after, batchRows: 1 });
          expect(rest.rows).to.deep.equal(rows.slice(i + 1));
          expect(rest.batches.map(batch => [batch.position, batch.locate(0)])).to.deep.equal(
            batches.slice(i + 1).map(batch => [batch.position, batch.locate(0)]),
          );
        }
      }
    }
  });

  it('takes one object, and several one behind the other, as records', async () => {
    expect((await decode('{"a":1}')).rows).to.deep.equal([{ a: 1 }]);
    expect((await decode(' {"a":\n1}{"a":2}\n\n{"a":3}\n', 2)).rows).to.deep.equal([{ a: 1 }, { a: 2 }, { a: 3 }]);
    expect((await decode('[]', 1)).rows).to.deep.equal([]);
    expect((await decode(' [ \n ] \n', 1)).rows).to.deep.equal([]);
  });

  it('says at which line each record begins', async () => {
    const { batches } = await decode('[\n  {\n    "a": 1\n  },\n  {\n    "a": 2\n  }\n]\n');
    expect([0, 1].map(row => batches[0]!.locate(row))).to.deep.equal([2, 5].map(line => ({ file: 'in.json', line })));
  });

  const broken: [string, string | Uint8Array, string, RegExp][] = [
    ['an empty file', '', 'DATA_MALFORMED', /:1: the file is empty/],
    ['blanks alone', ' \n\n ', 'DATA_MALFORMED', /:3: the file is empty/],
    ['a file that ends in a record', '[{"a":1},\n{"a":2', 'DATA_MALFORMED', /:2: .*cut off .*byte 10/],
    ['a file that ends in a string', '[{"a":"1},', 'DATA_MALFORMED', /:1: .*cut off/],
    ['a file that ends behind a record', '[{"a":1}', 'DATA_MALFORMED', /:1: .*cut off .*byte 8/],
    ['a file that ends behind a comma', '[{"a":1},\n', 'DATA_MALFORMED', /:2: .*cut off/],
    ['a file that ends behind its bracket', '[', 'DATA_MALFORMED', /:1: .*cut off/],
    ['something behind the end', '[{"a":1}]\n]', 'DATA_MALFORMED', /:2: something .*byte 10/],
    ['another array behind the end', '[{"a":1}][{"a":2}]', 'DATA_MALFORMED', /:1: something .*byte 9/],
    ['an object behind the end', '[{"a":1}] {"a":2}', 'DATA_MALFORMED', /:1: something /],
    ['a comma behind the last record', '[{"a":1},]', 'DATA_MALFORMED', /:1: an object is wanted .*byte 9/],
    ['no comma between records', '[{"a":1} {"a":2}]', 'DATA_MALFORMED', /:1: a comma or/],
    ['a comma behind an object', '{"a":1},', 'DATA_MALFORMED', /:1: the end of the file or another object/],
    ['a number among the records', '[{"a":1},\n2]', 'DATA_MALFORMED', /:2: an object is wanted .*byte 10/],
    ['null among the records', '[null]', 'DATA_MALFORMED', /:1: an object/],
    ['a list among the records', '[[{"a":1}]]', 'DATA_MALFORMED', /:1: an object/],
    ['a text', '"a"', 'DATA_MALFORMED', /:1: an array of objects/],
    ['a record that is no JSON', '[{"a":1},\n{"a":01}]', 'DATA_MALFORMED', /:2: not JSON .*byte 10/],
    ['brackets that do not match', '[{"a":[1}}]', 'DATA_MALFORMED', /:1: not JSON/],
    ['a line end in a string', '[{"a":"x\ny"}]', 'DATA_MALFORMED', /:1: a line end inside of a string.*byte 8/],
    ['bytes that are no UTF-8', Buffer.from('[{"a":1},{"a":"\xff"}]', 'latin1'), 'ENCODING_INVALID', /byte 15 /],
    ['a record that is too large', `[{"a":1},{"a":"${'x'.repeat(2 << 20)}"}]`, 'RECORD_TOO_LARGE', /:1: /],
  ];
  for (const [what, input, code, message] of broken) {
    it(`refuses ${what}`, async () => {
      for (const size of [1, 5, 1 << 20]) {
        if (size === 1 && input.length > 1000) continue;
        const error = await failure(decode(input, size));
        expect(error.code).to.equal(code);
        expect(error.message).to.match(message);
      }
    });
  }

  it('refuses every file that is cut off', async () => {
    const whole = '[{"a":"x\\"]}","b":[{}]},\n{"c":{"d":null}}]';
    for (let length = 0; length < whole.length; length++)
      expect((await failure(decode(whole.slice(0, length), 7))).code, whole.slice(0, length)).to.equal('DATA_MALFORMED');
    expect((await decode(whole, 7)).rows).to.have.length(2);
  });

  it('holds a batch, not the file', async () => {
    const text = `[${Array.from({ length: 2000 }, (_, i) => `{"id":${i},"text":"${'x'.repeat(100)}"}`).join(',')}]`;
    const { batches } = await decode(text, 1 << 20, { batchBytes: 8192 });
    for (const batch of batches) expect(batch.bytes).to.be.below(8192 * 6);
  });
});

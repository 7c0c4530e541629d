import { expect } from 'chai';
import * as fc from 'fast-check';
import { ndjsonDecoder } from '../../../lib/formats/ndjson/index.ts';
import { JsonNumber } from '../../../lib/values/json.ts';
import { Schema } from '../../../lib/schema/schema.ts';
import { decodeAll, failure } from '../decoding.ts';
import { runs } from '../../random.ts';

const decode = (input: string | Uint8Array, size?: number, more = {}) => decodeAll(ndjsonDecoder(), input, size, more);
const linesOf = (rows: readonly object[]): string => rows.map(row => `${JSON.stringify(row)}\n`).join('');

describe('NDJSON decoder', () => {
  it('gives what JSON.parse gives of each line, in pieces and batches of any size', async () => {
    const record = fc
      .dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue(), { maxKeys: 4 })
      .map(row => JSON.parse(JSON.stringify(row)) as object);
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 12 }),
        fc.nat(40),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 200 }),
        async (rows, size, batchRows, batchBytes) => {
          const seen = await decode(linesOf(rows), size + 1, { batchRows, batchBytes });
          expect(seen.rows).to.deep.equal(rows);
          expect(seen.counted).to.equal(rows.length);
          for (const batch of seen.batches) expect(batch.length).to.be.within(1, batchRows);
        },
      ),
      { numRuns: runs(200) },
    );
  });

  it('goes on after every position that it gave', async () => {
    const text = '\ufeff{"a":1}\n\n{"a":"ø"}\r\n  \n{"a":3}\n{"a":4}';
    for (const size of [1, 3, 1000]) {
      const { batches, rows } = await decode(text, size, { batchRows: 1 });
      expect(rows).to.deep.equal([{ a: 1 }, { a: 'ø' }, { a: 3 }, { a: 4 }]);
      for (const [i, { position }] of batches.entries()) {
        const after = position as { offset: number; line: number; row: number };
        expect(after.row).to.equal(i + 1);
        const rest = await decode(Buffer.from(text).subarray(after.offset), size, { after, batchRows: 1 });
        expect(rest.rows).to.deep.equal(rows.slice(i + 1));
        expect(rest.batches.map(batch => [batch.position, batch.locate(0)])).to.deep.equal(
          batches.slice(i + 1).map(batch => [batch.position, batch.locate(0)]),
        );
      }
    }
  });

  it('says where each record stood', async () => {
    const { batches } = await decode('{"a":1}\n\n\n{"a":2}\n{"a":3}\n');
    expect([0, 1, 2].map(row => batches[0]!.locate(row))).to.deep.equal([1, 4, 5].map(line => ({ file: 'in.json', line })));
    expect(batches[0]!.select(Uint32Array.of(2)).locate(0)).to.deep.equal({ file: 'in.json', line: 5 });
  });

  it('keeps numbers exactly, and keys that objects treat as special', async () => {
    const text =
      '{"id":9223372036854775807,"n":0.1,"d":1.10,"x":-98765432109876543210.0123456789,"e":1e400,"z":-0,"text":"12345678901234567890: 1e999"}\n' +
      '{"__proto__":1,"constructor":2,"":3,"10":4,"toString":5}\n' +
      '{"double":0.30000000000000004,"list":[123456789012345678901234567890]}\n';
    for (const size of [1, 1000]) {
      const [first, second, third] = (await decode(text, size)).rows as Record<string, unknown>[];
      expect(first!.id).to.deep.equal(new JsonNumber('9223372036854775807'));
      expect(first!.x).to.deep.equal(new JsonNumber('-98765432109876543210.0123456789'));
      expect(first!.e).to.deep.equal(new JsonNumber('1e400'));
      expect([first!.n, first!.d, Object.is(first!.z, -0)]).to.deep.equal([0.1, 1.1, true]);
      expect(first!.text).to.equal('12345678901234567890: 1e999');
      expect(Object.keys(second!)).to.have.members(['__proto__', 'constructor', '', '10', 'toString']);
      expect(Object.getPrototypeOf(second)).to.equal(Object.prototype);
      expect(third).to.deep.equal({ double: 0.30000000000000004, list: [new JsonNumber('123456789012345678901234567890')] });
    }
  });

  it('finds every number that a double does not carry, wherever it stands', async () => {
    const digits = fc.stringMatching(/^-?[1-9][0-9]{0,24}(\.[0-9]{1,22})?([eE][+-]?[0-9]{1,3})?$/);
    await fc.assert(
      fc.asyncProperty(fc.array(digits, { minLength: 1, maxLength: 6 }), fc.nat(20), async (numbers, blanks) => {
        const space = ' '.repeat(blanks);
        const { rows } = await decode(`{"k":${space}[${numbers.join(`,${space}`)}]}\n`);
        const { k } = rows[0] as { k: unknown[] };
        for (const [i, value] of k.entries()) {
          if (value instanceof JsonNumber) expect(value.text).to.equal(numbers[i]);
          else expect(isSame(numbers[i]!, value as number)).to.equal(true, numbers[i]);
        }
      }),
      { numRuns: runs(500) },
    );
  });

  const broken: [string, string | Uint8Array, string, RegExp][] = [
    ['a broken line', '{"a":1}\n{"a":\n{"a":3}\n', 'DATA_MALFORMED', /^in\.json:2: .*byte 8/],
    ['a broken line behind blank ones', '\n\n{"a":1}\n\n{"a"}\n', 'DATA_MALFORMED', /^in\.json:5: .*byte 11/],
    ['two objects in a line', '{"a":1}{"a":2}\n', 'DATA_MALFORMED', /^in\.json:1: /],
    ['lines that are JSON only together', '{"a":[1\n2]}\n', 'DATA_MALFORMED', /^in\.json:1: /],
    ['a list', '[1]\n', 'DATA_MALFORMED', /object/],
    ['a number', '{"a":1}\n17\n', 'DATA_MALFORMED', /^in\.json:2: .*object/],
    ['null', 'null\n', 'DATA_MALFORMED', /object/],
    ['a last line that is cut off', '{"a":1}\n{"a":2', 'DATA_MALFORMED', /^in\.json:2: /],
    ['a byte order mark in the middle', '{"a":1}\n\ufeff{"a":2}\n', 'DATA_MALFORMED', /^in\.json:2: /],
    ['bytes that are no UTF-8', Buffer.from('{"a":1}\n{"a":"\xff"}\n', 'latin1'), 'ENCODING_INVALID', /^in\.json:2: byte 14 /],
    ['a character that is cut off by the line end', Buffer.from('{"a":"\xc3"}\n', 'latin1'), 'ENCODING_INVALID', /byte 6 /],
    ['a record that is too large', `{"a":1}\n{"a":"${'x'.repeat(2 << 20)}"}\n`, 'RECORD_TOO_LARGE', /^in\.json:2: /],
  ];
  for (const [what, input, code, message] of broken) {
    it(`refuses ${what}, read or passed through`, async () => {
      for (const passesThrough of [false, true]) {
        for (const size of [1, 5, 1 << 20]) {
          if (size === 1 && input.length > 1000) continue;
          const error = await failure(decode(input, size, { passesThrough }));
          expect(error.code).to.equal(code);
          expect(error.message).to.match(message);
        }
      }
    });
  }

  it('never quotes a record in an error', async () => {
    for (const line of ['{"secret":"s3cr3t"', '{"secret":s3cr3t}', '["s3cr3t"]', '{"n":12345678901234567890,"s3cr3t"}']) {
      expect((await failure(decode(`${line}\n`))).message).to.not.contain('s3cr3t');
    }
  });

  it('hands on its bytes where nothing was changed: whole lines, those selected, without blank ones', async () => {
    const { batches } = await decode('\ufeff{"a": 1.10}\r\n\n{"a":2,"a":3}\n{"a":4}', 3);
    const [batch] = batches;
    const text = (chunks: Uint8Array[] | undefined) => (chunks === undefined ? undefined : Buffer.concat(chunks).toString());
    expect(text(batch!.encoded('ndjson'))).to.equal('{"a": 1.10}\r\n{"a":2,"a":3}\n{"a":4}\n');
    expect(text(batch!.select(Uint32Array.of(0, 2)).encoded('ndjson'))).to.equal('{"a": 1.10}\r\n{"a":4}\n');
    expect(text(batch!.select(Uint32Array.of(0, 2)).compact().encoded('ndjson'))).to.equal('{"a": 1.10}\r\n{"a":4}\n');
    expect(batch!.encoded('csv')).to.equal(undefined);
    expect(batch!.project(['a']).encoded('ndjson')).to.equal(undefined);
    expect(batch!.rename({ a: 'b' }).encoded('ndjson')).to.equal(undefined);
  });

  it('gives the very text of json columns once a schema is found', async () => {
    const line = '{ "b" : {"x" : 1.10 , "x":"}\\""} , "\\u0061":[1, 2.50], "n":null, "a2":"s", "b":{"y":1e2}}';
    const { batches } = await decode(`${line}\n{"a":null}\n`);
    const schema = new Schema(['a', 'b', 'n', 'a2', 'gone'].map(name => ({ name, type: { kind: 'jsonb' as const }, nullable: true })));
    const typed = batches[0]!.withSchema(schema);
    expect(schema.names.map(name => typed.column(name).text?.(0))).to.deep.equal(['[1, 2.50]', '{"y":1e2}', null, '"s"', null]);
    expect(schema.names.map(name => typed.column(name).text?.(1))).to.deep.equal([null, null, null, null, null]);
    expect(typed.column('a').get(0)).to.deep.equal([1, 2.5]);
    expect(typed.locate(1)).to.deep.equal({ file: 'in.json', line: 2 });
    expect(typed.project(['b', 'gone']).rows).to.deep.equal([
      { b: { y: 100 }, gone: null },
      { b: null, gone: null },
    ]);
  });

  it('gives nothing of nothing', async () => {
    for (const empty of ['', '\n', ' \r\n\n', '\ufeff']) expect((await decode(empty, 1)).batches).to.deep.equal([]);
  });

  it('keeps a record of its own size alive, not the chunk that it came in', async () => {
    const { batches } = await decode(`{"a":1}\n{"b":"${'x'.repeat(500_000)}"}\n`, 1 << 20);
    expect(batches.map(batch => batch.length)).to.deep.equal([1, 1]);
    expect(batches[0]!.bytes).to.be.below(10_000);
  });
});

/** Whether a double stands for the same decimal as the digits. */
function isSame(digits: string, value: number): boolean {
  return canonical(digits) === canonical(String(value));
}

function canonical(number: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  if (whole === undefined) return number;
  const all = (whole + fraction).replace(/^0+/, '');
  const significant = all.replace(/0+$/, '');
  return significant === '' ? '0' : `${sign!}${significant}e${Number(exponent) - fraction.length + all.length - significant.length}`;
}

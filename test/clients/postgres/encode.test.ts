import { expect } from 'chai';
import fc from 'fast-check';
import { MillraceError } from '../../../lib/errors.ts';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import { JsonNull, JsonNumber } from '../../../lib/values/json.ts';
import { textPrinter } from '../../../lib/schema/print.ts';
import { Schema } from '../../../lib/schema/schema.ts';
import { type DataType, typeName } from '../../../lib/schema/types.ts';
import { Timestamp } from '../../../lib/values/timestamp.ts';
import { resolveTarget } from '../../../lib/clients/postgres/connection/connection-options.ts';
import { BINARY_HEADER, BINARY_TRAILER, CopyIn } from '../../../lib/clients/postgres/write/copy-in.ts';
import { rowEncoder } from '../../../lib/clients/postgres/write/encode-rows.ts';
import { canEncode, fieldWriter } from '../../../lib/clients/postgres/values/encode.ts';
import { ByteWriter } from '../../../lib/clients/postgres/values/byte-writer.ts';
import { openPool } from '../../../lib/clients/postgres/connection/pool.ts';
import { freshDatabase, sql } from '../../services/postgres.ts';
import { serverKnows } from '../../services/server-features.ts';
import { runs } from '../../random.ts';

const type = (kind: DataType['kind'], rest: Partial<DataType> = {}): DataType => ({ kind, ...rest });
const arrayOf = (element: DataType): DataType => ({ kind: 'array', element });
const MOOD = type('enum', { name: 'mood', labels: ['sad', 'so so', 'happy "x"'] });

/** Each type with values beside the SQL that makes the same. */
const KNOWN: readonly [DataType, readonly (readonly [value: unknown, sql: string])[]][] = [
  [
    type('bool'),
    [
      [true, 'true'],
      [false, 'false'],
      ['true', 'true'],
    ],
  ],
  [
    type('int2'),
    [
      [-32768, "'-32768'"],
      [32767, "'32767'"],
      [12n, '12'],
      ['+7', '7'],
    ],
  ],
  [
    type('int4'),
    [
      [-2147483648, "'-2147483648'"],
      [2147483647, "'2147483647'"],
      ['15', '15'],
      [-0, '0'],
    ],
  ],
  [
    type('oid'),
    [
      [4294967295, "'4294967295'"],
      [0, "'0'"],
    ],
  ],
  [
    type('int8'),
    [
      [9007199254740991, "'9007199254740991'"],
      [-9007199254740991, "'-9007199254740991'"],
      [-1, '-1'],
      [2n ** 63n - 1n, "'9223372036854775807'"],
      ['-9223372036854775808', "'-9223372036854775808'"],
      [new JsonNumber('9007199254740993'), "'9007199254740993'"],
      [-4294967296, "'-4294967296'"],
    ],
  ],
  [
    type('float4'),
    [
      [9.99, "'9.99'"],
      [NaN, "'NaN'"],
      [-Infinity, "'-Infinity'"],
      [-0, "'-0'"],
      [3.4028235e38, "'3.4028235e38'"],
    ],
  ],
  [
    type('float8'),
    [
      [9.99, "'9.99'"],
      [NaN, "'NaN'"],
      [Infinity, "'Infinity'"],
      [-0, "'-0'"],
      [5e-324, "'5e-324'"],
      ['1.5', '1.5'],
      [3n, '3'],
    ],
  ],
  [
    type('numeric'),
    [
      ['0', '0'],
      ['0.00', '0.00'],
      ['-0.0001', "'-0.0001'"],
      ['12345678901234567890.123456789', "'12345678901234567890.123456789'"],
      ['10000', '10000'],
      ['100000000', '100000000'],
      ['1e20', "'1e20'"],
      ['1.50e1', "'1.50e1'"],
      ['1e-7', "'1e-7'"],
      ['.5', '.5'],
      ['5.', "'5.'"],
      ['+3', '3'],
      ['NaN', "'NaN'"],
      ['Infinity', "'Infinity'"],
      ['-Infinity', "'-Infinity'"],
      [1.25, '1.25'],
      [1e21, "'1e21'"],
      [7n, '7'],
      ['0012.3400', "'0012.3400'"],
      ['9999.9999', '9999.9999'],
      ['00001', '1'],
    ],
  ],
  [
    type('numeric', { precision: 10, scale: 2 }),
    [
      ['1.5', '1.5'],
      ['-99999999.99', "'-99999999.99'"],
      [9.99, '9.99'],
      ['1.500', '1.5'],
      ['0', '0'],
      ['NaN', "'NaN'"],
    ],
  ],
  [
    type('numeric', { precision: 2, scale: -3 }),
    [
      ['99000', '99000'],
      ['0', '0'],
    ],
  ],
  [type('numeric', { precision: 2, scale: 4 }), [['0.0099', '0.0099']]],
  [
    type('text'),
    [
      ['', "''"],
      ['a', "'a'"],
      ['ä€😀', "'ä€😀'"],
      ['x'.repeat(300), "repeat('x', 300)"],
      ['é'.repeat(300), "repeat('é', 300)"],
      ['tab\there', "E'tab\\there'"],
    ],
  ],
  [
    type('varchar', { length: 3 }),
    [
      ['abc', "'abc'"],
      ['😀😀😀', "'😀😀😀'"],
    ],
  ],
  [
    type('bpchar', { length: 4 }),
    [
      ['ab', "'ab  '"],
      ['abcd', "'abcd'"],
    ],
  ],
  [
    MOOD,
    [
      ['so so', "'so so'"],
      ['happy "x"', '\'happy "x"\''],
    ],
  ],
  [
    type('uuid'),
    [
      ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
      ['{A0EEBC999C0B4EF8BB6D6BB9BD380A11}', "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
    ],
  ],
  [
    type('bytea'),
    [
      [Buffer.from([0, 255, 92]), "'\\x00ff5c'"],
      [new Uint8Array(0), "''"],
      ['\\xDEad', "'\\xdead'"],
      ['3q0=', "'\\xdead'"],
    ],
  ],
  [
    type('json'),
    [
      [{ a: [1, null, 'x'] }, `'{"a":[1,null,"x"]}'`],
      [JsonNull, "'null'"],
      ['text', `'"text"'`],
      [new JsonNumber('1.10'), "'1.10'"],
    ],
  ],
  [
    type('jsonb'),
    [
      [{ b: 1, a: [true] }, `'{"a":[true],"b":1}'`],
      [JsonNull, "'null'"],
      [5, "'5'"],
      [[1, [2]], "'[1,[2]]'"],
      [{ n: new JsonNumber('12345678901234567890.5') }, `'{"n":12345678901234567890.5}'`],
    ],
  ],
  [
    type('timestamptz'),
    [
      [new Timestamp(Date.UTC(2024, 0, 1, 12), 1), "'2024-01-01 12:00:00.000001+00'"],
      [new Date(-1), "'1969-12-31 23:59:59.999+00'"],
      ['2024-01-01T12:00:00.5+02:00', "'2024-01-01 10:00:00.5+00'"],
      [Timestamp.INFINITY, "'infinity'"],
      ['-infinity', "'-infinity'"],
      ['4713-11-24T00:00:00Z BC', "'4713-11-24 00:00:00+00 BC'"],
      ['200000-06-01T00:00:00.000001Z', "'200000-06-01 00:00:00.000001+00'"],
    ],
  ],
  [type('timestamptz', { precision: 3 }), [[new Date(1), "'1970-01-01 00:00:00.001+00'"]]],
  [
    type('timestamp'),
    [
      ['2024-02-29T23:59:59.999999', "'2024-02-29 23:59:59.999999'"],
      ['infinity', "'infinity'"],
      ['0044-03-15T00:00:00 BC', "'0044-03-15 00:00:00 BC'"],
      ['1999-12-31T23:59:59.999999', "'1999-12-31 23:59:59.999999'"],
      ['294276-12-31T23:59:59.999999', "'294276-12-31 23:59:59.999999'"],
    ],
  ],
  [
    type('date'),
    [
      ['2024-02-29', "'2024-02-29'"],
      ['infinity', "'infinity'"],
      ['0001-01-01 BC', "'0001-01-01 BC'"],
      ['5874897-12-31', "'5874897-12-31'"],
      ['4713-11-24 BC', "'4713-11-24 BC'"],
    ],
  ],
  [
    type('time'),
    [
      ['00:00:00', "'00:00:00'"],
      ['24:00:00', "'24:00:00'"],
      ['23:59:59.999999', "'23:59:59.999999'"],
    ],
  ],
  [
    type('timetz'),
    [
      ['12:00:00+02', "'12:00:00+02'"],
      ['12:00:00.5-05:30', "'12:00:00.5-05:30'"],
      ['01:02:03Z', "'01:02:03+00'"],
    ],
  ],
  [
    type('interval'),
    [
      ['P1Y2M3DT4H5M6.789S', "'1 year 2 mons 3 days 04:05:06.789'"],
      ['P-1Y2M', "'-1 year 2 mons'"],
      ['PT-0.000001S', "'-0.000001 s'"],
      ['PT0S', "'0'"],
      ['1 year -2 mons +3 days -04:05:06.5', "'1 year -2 mons +3 days -04:05:06.5'"],
      ['00:00:00', "'0'"],
      ['P2W', "'14 days'"],
      ['infinity', "'infinity'"],
      ['-infinity', "'-infinity'"],
    ],
  ],
  [
    arrayOf(type('int4')),
    [
      [[], "'{}'"],
      [[1, null, 3], "'{1,NULL,3}'"],
      [
        [
          [1, 2],
          [3, 4],
        ],
        "'{{1,2},{3,4}}'",
      ],
    ],
  ],
  [
    arrayOf(type('text')),
    [
      [['a,b', '', 'NULL', null], `'{"a,b","","NULL",NULL}'`],
      [[['ä'], ['"']], `'{{ä},{"\\""}}'`],
    ],
  ],
  [arrayOf(type('numeric', { precision: 6, scale: 2 })), [[['1.5', 2], "'{1.50,2.00}'"]]],
  [arrayOf(type('jsonb')), [[[{ a: 1 }, [1, 2], JsonNull], `ARRAY['{"a":1}','[1,2]','null']::jsonb[]`]]],
  [arrayOf(type('timestamptz')), [[[new Date(0), null], "'{1970-01-01 00:00:00+00,NULL}'"]]],
];

/** Values that a type refuses, and how. */
const REFUSED: readonly [DataType, readonly (readonly [unknown, string])[]][] = [
  [
    type('bool'),
    [
      [1, 'VALUE_INVALID'],
      ['yes', 'VALUE_INVALID'],
    ],
  ],
  [
    type('int2'),
    [
      [40000, 'VALUE_INVALID'],
      [-32769, 'VALUE_INVALID'],
      [1.5, 'VALUE_INVALID'],
      ['x', 'VALUE_INVALID'],
      [true, 'VALUE_INVALID'],
      [{}, 'VALUE_INVALID'],
    ],
  ],
  [
    type('int4'),
    [
      [2147483648, 'VALUE_INVALID'],
      [NaN, 'VALUE_INVALID'],
      ['', 'VALUE_INVALID'],
      [0.1, 'VALUE_INVALID'],
      [2n ** 40n, 'VALUE_INVALID'],
    ],
  ],
  [
    type('oid'),
    [
      [-1, 'VALUE_INVALID'],
      [4294967296, 'VALUE_INVALID'],
    ],
  ],
  [
    type('int8'),
    [
      [2 ** 53, 'VALUE_INVALID'],
      [2n ** 63n, 'VALUE_INVALID'],
      ['9223372036854775808', 'VALUE_INVALID'],
      ['1.0', 'VALUE_INVALID'],
    ],
  ],
  [
    type('float4'),
    [
      [0.1234567890123, 'VALUE_NOT_CARRIED'],
      [1e39, 'VALUE_NOT_CARRIED'],
      ['abc', 'VALUE_INVALID'],
    ],
  ],
  [
    type('float8'),
    [
      ['0.12345678901234567890', 'VALUE_NOT_CARRIED'],
      [2n ** 53n + 1n, 'VALUE_NOT_CARRIED'],
      ['1,5', 'VALUE_INVALID'],
    ],
  ],
  [
    type('numeric'),
    [
      ['abc', 'VALUE_INVALID'],
      ['', 'VALUE_INVALID'],
      ['.', 'VALUE_INVALID'],
      ['1e', 'VALUE_INVALID'],
      ['1e200000', 'VALUE_INVALID'],
      ['1e-20000', 'VALUE_INVALID'],
      [true, 'VALUE_INVALID'],
      ['inf', 'VALUE_INVALID'],
    ],
  ],
  [
    type('numeric', { precision: 4, scale: 2 }),
    [
      ['1.005', 'VALUE_NOT_CARRIED'],
      ['100', 'VALUE_INVALID'],
      [0.001, 'VALUE_NOT_CARRIED'],
    ],
  ],
  [type('numeric', { precision: 2, scale: -3 }), [['1500', 'VALUE_NOT_CARRIED']]],
  [
    type('text'),
    [
      ['a\0b', 'VALUE_NOT_CARRIED'],
      [`${'x'.repeat(40)}\0`, 'VALUE_NOT_CARRIED'],
      ['\ud800', 'VALUE_NOT_CARRIED'],
      [`${'x'.repeat(40)}\udc00`, 'VALUE_NOT_CARRIED'],
      [5, 'VALUE_INVALID'],
    ],
  ],
  [
    type('varchar', { length: 3 }),
    [
      ['abc ', 'VALUE_NOT_CARRIED'],
      ['😀😀😀😀', 'VALUE_NOT_CARRIED'],
    ],
  ],
  [MOOD, [['angry', 'VALUE_INVALID']]],
  [
    type('uuid'),
    [
      ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1', 'VALUE_INVALID'],
      ['g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'VALUE_INVALID'],
      ['{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'VALUE_INVALID'],
    ],
  ],
  [
    type('bytea'),
    [
      ['abc', 'VALUE_INVALID'],
      ['ab=c', 'VALUE_INVALID'],
      ['\\xabc', 'VALUE_INVALID'],
    ],
  ],
  [
    type('timestamptz'),
    [
      ['2024-01-01T00:00:00', 'VALUE_INVALID'],
      ['2024-02-30T00:00:00Z', 'VALUE_INVALID'],
      [new Date(NaN), 'VALUE_INVALID'],
      [1700000000, 'VALUE_INVALID'],
      [new Date(-8.64e15), 'VALUE_INVALID'],
    ],
  ],
  [type('timestamptz', { precision: 3 }), [[new Timestamp(5, 1), 'VALUE_NOT_CARRIED']]],
  [type('timestamp', { precision: 0 }), [['1969-12-31T23:59:59.5', 'VALUE_NOT_CARRIED']]],
  [
    type('date'),
    [
      ['2023-02-29', 'VALUE_INVALID'],
      [new Date(1), 'VALUE_INVALID'],
      ['5874898-01-01', 'VALUE_INVALID'],
    ],
  ],
  [
    type('time'),
    [
      ['25:00:00', 'VALUE_INVALID'],
      ['12', 'VALUE_INVALID'],
    ],
  ],
  [
    type('timetz'),
    [
      ['12:00:00', 'VALUE_INVALID'],
      ['12:00:00+16', 'VALUE_INVALID'],
    ],
  ],
  [
    type('interval'),
    [
      ['P', 'VALUE_INVALID'],
      ['PT', 'VALUE_INVALID'],
      ['', 'VALUE_INVALID'],
      ['tomorrow', 'VALUE_INVALID'],
      ['P3000000000D', 'VALUE_INVALID'],
    ],
  ],
  [
    arrayOf(type('int4')),
    [
      [[1, [2]], 'VALUE_INVALID'],
      [[[1], [2, 3]], 'VALUE_INVALID'],
      [[[]], 'VALUE_NOT_CARRIED'],
      ['{1}', 'VALUE_INVALID'],
      [['x'], 'VALUE_INVALID'],
      [[[[[[[[1]]]]]]], 'VALUE_INVALID'],
    ],
  ],
];

async function copyIn(url: string, table: string, schema: Schema, rows: readonly object[]): Promise<number> {
  const pool = openPool(resolveTarget({ url }));
  const session = await pool.acquire();
  try {
    const encode = rowEncoder(schema.fields.map(field => ({ name: field.name, write: fieldWriter(field.type) })));
    const { chunk, rejected } = encode(RecordBatch.of(rows as Record<string, unknown>[], schema));
    expect(rejected).to.deep.equal([]);
    const copy = await CopyIn.start(
      session.client,
      `COPY ${table} (${schema.names.map(name => `"${name}"`).join(', ')}) FROM STDIN (FORMAT binary)`,
      10_000,
    );
    await copy.write([BINARY_HEADER, chunk, BINARY_TRAILER]);
    return await copy.end();
  } finally {
    session.release();
    void pool.close();
  }
}

describe('binary encoding of values', () => {
  let url: string;
  before(async () => {
    url = await freshDatabase('encode_test');
    await sql(url, `CREATE TYPE mood AS ENUM ('sad', 'so so', 'happy "x"')`);
  });

  for (const [known, all] of KNOWN) {
    const values = all.filter(([, text]) => serverKnows(`${typeName(known)} ${text}`));
    if (values.length === 0) continue;
    it(`writes ${typeName(known)} so that the server reads the same value`, async () => {
      expect(canEncode(known)).to.equal(true);
      await sql(url, `DROP TABLE IF EXISTS known; CREATE TABLE known (n int, v ${typeName(known)})`);
      const schema = new Schema([
        { name: 'n', type: type('int4'), nullable: false },
        { name: 'v', type: known, nullable: true },
      ]);
      const rows = [...values.map(([v], n) => ({ n, v })), { n: values.length, v: null }];
      expect(await copyIn(url, 'known', schema, rows)).to.equal(rows.length);
      const expected = values.map(([, text], n) => `(${n}, (${text})::${typeName(known)}::text)`).join(', ');
      const differing = await sql(
        url,
        `SET extra_float_digits = 3; SELECT n, v::text AS found, e.text AS expected FROM known JOIN (VALUES ${expected}, (${values.length}, NULL)) e (n, text) USING (n) WHERE v::text IS DISTINCT FROM e.text`,
      );
      expect(differing).to.deep.equal([]);
    });
  }

  for (const [refusing, values] of REFUSED) {
    it(`refuses what ${typeName(refusing)} cannot hold, naming only the type`, () => {
      const write = fieldWriter(refusing);
      for (const [value, code] of values) {
        let thrown: unknown;
        try {
          write(new ByteWriter(16), value);
        } catch (error) {
          thrown = error;
        }
        expect(thrown, JSON.stringify(String(value))).to.be.instanceOf(MillraceError);
        expect((thrown as MillraceError).code, (thrown as MillraceError).message).to.equal(code);
      }
    });
  }

  it('refuses to make a writer of a type without a binary form', () => {
    expect(canEncode(type('other', { name: 'inet' }))).to.equal(false);
    expect(canEncode(arrayOf(MOOD))).to.equal(false);
    expect(() => fieldWriter(type('other', { name: 'inet' }))).to.throw(TypeError);
  });

  it('writes random values of every type as textPrinter prints them', async () => {
    const columns: [DataType, fc.Arbitrary<unknown>][] = [
      [type('bool'), fc.boolean()],
      [type('int2'), fc.integer({ min: -32768, max: 32767 })],
      [type('int4'), fc.integer()],
      [type('int8'), fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))],
      [type('float4'), fc.float()],
      [type('float8'), fc.double()],
      [
        type('numeric'),
        fc
          .tuple(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.nat(60), fc.nat(30))
          .map(([digits, , scale]) => decimal(digits, scale)),
      ],
      [type('text'), text()],
      [type('bytea'), fc.uint8Array().map(bytes => Buffer.from(bytes))],
      [
        type('jsonb'),
        fc
          .jsonValue()
          .filter(value => value !== null && !JSON.stringify(value).includes('\\u0000') && !/\\ud[89a-f]/.test(JSON.stringify(value))),
      ],
      [
        type('timestamptz'),
        fc
          .tuple(fc.date({ min: new Date('-004000-01-01'), noInvalidDate: true }), fc.nat(999))
          .map(([date, micros]) => new Timestamp(date.getTime(), micros)),
      ],
      [
        type('timestamp'),
        fc
          .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
          .map(date => date.toISOString().slice(0, -1)),
      ],
      [
        type('date'),
        fc
          .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
          .map(date => date.toISOString().slice(0, 10)),
      ],
      [
        type('interval'),
        fc.tuple(fc.integer({ min: -1000, max: 1000 }), fc.integer(), fc.integer()).map(([m, d, s]) => `P${m}M${d}DT${s}S`),
      ],
      [type('uuid'), fc.uuid()],
      [arrayOf(type('text')), fc.array(fc.option(text()))],
      [arrayOf(type('float8')), fc.array(fc.option(fc.double()))],
    ];
    const schema = new Schema(columns.map(([columnType], i) => ({ name: `c${i}`, type: columnType, nullable: true })));
    const row = fc.tuple(...columns.map(([, values]) => fc.option(values, { freq: 8 })));
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 20, maxLength: 40 }), async rows => {
        const printers = columns.map(([columnType]) => textPrinter(columnType));
        const withTexts = new Schema([...schema.fields, ...columns.map((_, i) => ({ name: `t${i}`, type: type('text'), nullable: true }))]);
        const records = rows.map(values =>
          Object.fromEntries([
            ...values.map((value, i) => [`c${i}`, value]),
            ...values.map((value, i) => [`t${i}`, value === null ? null : printers[i]!(value)]),
          ]),
        );
        await sql(
          url,
          `DROP TABLE IF EXISTS random; CREATE TABLE random (${withTexts.fields.map(f => `${f.name} ${typeName(f.type)}`).join(', ')})`,
        );
        expect(await copyIn(url, 'random', withTexts, records)).to.equal(rows.length);
        for (const [i, [columnType]] of columns.entries()) {
          const differing = await sql(
            url,
            `SET TimeZone = 'UTC'; SELECT c${i}::text, t${i} FROM random WHERE c${i}::text IS DISTINCT FROM t${i}::${typeName(columnType)}::text`,
          );
          expect(differing, typeName(columnType)).to.deep.equal([]);
        }
      }),
      { numRuns: runs(12) },
    );
  });
});

function text(): fc.Arbitrary<string> {
  return fc.string({ unit: 'binary' }).filter(value => !value.includes('\0') && !/\p{Surrogate}/u.test(value));
}

function decimal(digits: bigint, scale: number): string {
  const all = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
  const text = scale === 0 ? all : `${all.slice(0, -scale)}.${all.slice(-scale)}`;
  return digits < 0n ? `-${text}` : text;
}

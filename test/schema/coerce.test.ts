import { expect } from 'chai';
import fc from 'fast-check';
import { type CoercionOptions, coercion, CoercionFailure, coercionType } from '../../lib/schema/coerce.ts';
import { JsonNull, JsonNumber } from '../../lib/values/json.ts';
import { Timestamp } from '../../lib/values/timestamp.ts';
import { runs } from '../random.ts';

const to = (name: string, options: CoercionOptions = {}) => coercion(coercionType(name), options);

/** What becomes of each value; FAILS where nothing can. */
const FAILS = Symbol('fails');
const TABLE: readonly (readonly [type: string, CoercionOptions, readonly (readonly [unknown, unknown])[]])[] = [
  [
    'string',
    {},
    [
      ['a', 'a'],
      ['', ''],
      [5, '5'],
      [-0, '-0'],
      [1.5, '1.5'],
      [Number.NaN, 'NaN'],
      [12345678901234567890n, '12345678901234567890'],
      [true, 'true'],
      [false, 'false'],
      [new Timestamp(0, 1), '1970-01-01T00:00:00.000001Z'],
      [new Date(0), '1970-01-01T00:00:00Z'],
      [Timestamp.INFINITY, 'infinity'],
      [new JsonNumber('1e400'), '1e400'],
      [JsonNull, null],
      [{}, FAILS],
      [[1], FAILS],
      [Buffer.from('x'), FAILS],
      [new Date(Number.NaN), FAILS],
    ],
  ],
  [
    'integer',
    {},
    [
      ['42', 42],
      [' -7 ', -7],
      ['+5', 5],
      ['007', 7],
      ['5.0', 5],
      ['5.', 5],
      ['1e3', 1000],
      ['0x1F', 31],
      ['0o17', 15],
      ['0b101', 5],
      ['-0', 0],
      ['9007199254740991', 9007199254740991],
      ['9007199254740993', 9007199254740993n],
      ['-9223372036854775808', -9223372036854775808n],
      [5, 5],
      [5.0, 5],
      [-0, 0],
      [2 ** 60, 2n ** 60n],
      [7n, 7],
      [2n ** 62n, 2n ** 62n],
      [new JsonNumber('12345678901234567'), 12345678901234567n],
      [JsonNull, null],
      ['5.5', FAILS],
      [5.5, FAILS],
      ['1e-3', FAILS],
      ['', FAILS],
      [' ', FAILS],
      ['1_000', FAILS],
      ['1,000', FAILS],
      ['abc', FAILS],
      ['0x', FAILS],
      ['-0x1', FAILS],
      ['9223372036854775808', FAILS],
      [2n ** 63n, FAILS],
      [1e300, FAILS],
      [true, FAILS],
      [false, FAILS],
      [Number.NaN, FAILS],
      [Infinity, FAILS],
      [new Date(), FAILS],
      [[1], FAILS],
    ],
  ],
  [
    'int2',
    {},
    [
      ['32767', 32_767],
      ['32768', FAILS],
      [5.5, FAILS],
    ],
  ],
  [
    'float',
    {},
    [
      ['1.5', 1.5],
      [' 1e3 ', 1000],
      ['.5', 0.5],
      ['-0', -0],
      ['NaN', Number.NaN],
      ['-Infinity', -Infinity],
      [5, 5],
      [7n, 7],
      [new JsonNumber('1.00000000000000000001'), 1],
      [JsonNull, null],
      ['', FAILS],
      ['1,5', FAILS],
      ['0x10', FAILS],
      ['1e400', FAILS],
      ['x', FAILS],
      [true, FAILS],
      [new Date(), FAILS],
    ],
  ],
  [
    'boolean',
    {},
    [
      ...['true', 'TRUE', ' Yes ', 'y', 'on', '1', 1, 1n, true].map(value => [value, true] as const),
      ...['false', 'False', 'no', 'N', 'off', '0', 0, 0n, false].map(value => [value, false] as const),
      ['', FAILS],
      ['t', FAILS],
      ['2', FAILS],
      [2, FAILS],
      [-0.5, FAILS],
      ['maybe', FAILS],
      [null, FAILS],
      [JsonNull, null],
    ],
  ],
  [
    'datetime',
    {},
    [
      ['2024-01-01T12:00:00+02:00', new Date(Date.UTC(2024, 0, 1, 10))],
      [' 2024-01-01 00:00:00.000001Z ', new Timestamp(Date.UTC(2024, 0, 1), 1)],
      ['infinity', Timestamp.INFINITY],
      [new Date(5), new Timestamp(5)],
      ['2024-01-01', FAILS],
      ['2024-01-01T00:00:00', FAILS],
      ['not a date', FAILS],
      ['2024-02-30T00:00:00Z', FAILS],
      [1_700_000_000, FAILS],
      ['1700000000', FAILS],
      [new Date(Number.NaN), FAILS],
      [true, FAILS],
      ['01/02/2024', FAILS],
    ],
  ],
  [
    'datetime',
    { epoch: 'seconds', zone: '+01:00', formats: ['DD/MM/YYYY', 'MMM D YYYY h:mm A', 'YYYYMMDD[T]HHmmssZ'] },
    [
      [1_700_000_000, new Timestamp(1_700_000_000_000)],
      ['1700000000.123456', new Timestamp(1_700_000_000_123, 456)],
      [-1.5, new Timestamp(-1500)],
      [1e300, FAILS],
      ['1.1234567', FAILS],
      ['2024-01-01', new Timestamp(Date.UTC(2023, 11, 31, 23))],
      ['2024-01-01T00:00:00Z', new Timestamp(Date.UTC(2024, 0, 1))],
      ['31/12/2024', new Timestamp(Date.UTC(2024, 11, 30, 23))],
      ['Jun 5 2024 12:30 am', new Timestamp(Date.UTC(2024, 5, 4, 23, 30))],
      ['20240101T000000Z', new Timestamp(Date.UTC(2024, 0, 1))],
      ['20240101T000000-0500', new Timestamp(Date.UTC(2024, 0, 1, 5))],
      ['31/02/2024', FAILS],
      ['12/31/2024', FAILS],
      ['Foo 5 2024 1:00 PM', FAILS],
      ['Jun 5 2024 13:00 PM', FAILS],
    ],
  ],
  [
    'datetime',
    { epoch: 'milliseconds' },
    [
      [1_700_000_000_000, new Timestamp(1_700_000_000_000)],
      [1700000000000n, new Timestamp(1_700_000_000_000)],
      ['0.5', new Timestamp(0, 500)],
    ],
  ],
  [
    'date',
    { formats: ['MMM DD YYYY'] },
    [
      ['2024-02-29', '2024-02-29'],
      ['2024-02-29T00:00:00', '2024-02-29'],
      ['Jun 12 1998', '1998-06-12'],
      ['2024-02-29T00:00:01', FAILS],
      ['2024-02-30', FAILS],
      ['2024-01-01T00:00:00Z', FAILS],
      [new Date(), FAILS],
      [5, FAILS],
    ],
  ],
  [
    'timestamp',
    {},
    [
      ['2024-01-01 10:00', '2024-01-01T10:00:00'],
      ['2024-01-01', '2024-01-01T00:00:00'],
      ['infinity', 'infinity'],
      ['2024-01-01T00:00:00Z', FAILS],
      ['x', FAILS],
    ],
  ],
  [
    'decimal',
    {},
    [
      ['1.50', '1.50'],
      [' 5 ', '5'],
      [0.1, '0.1'],
      [5n, '5'],
      ['NaN', 'NaN'],
      ['1,5', FAILS],
      [true, FAILS],
      ['', FAILS],
    ],
  ],
  [
    'json',
    {},
    [
      ['{"a":[1]}', { a: [1] }],
      ['null', JsonNull],
      ['5', 5],
      ['12345678901234567890', new JsonNumber('12345678901234567890')],
      [{ a: 1 }, { a: 1 }],
      [5, 5],
      [true, true],
      ['{a:1}', FAILS],
      ['', FAILS],
    ],
  ],
  [
    'binary',
    {},
    [
      ['hé', Buffer.from('hé')],
      [new Uint8Array([1]), Buffer.from([1])],
      ['', Buffer.alloc(0)],
      ['\ud800', FAILS],
      [5, FAILS],
    ],
  ],
  [
    'binary',
    { binary: 'base64' },
    [
      ['aGk=', Buffer.from('hi')],
      ['aGk', Buffer.from('hi')],
      ['a', FAILS],
      ['a=b', FAILS],
      ['h é', FAILS],
    ],
  ],
  [
    'binary',
    { binary: 'hex' },
    [
      ['6869', Buffer.from('hi')],
      ['\\x6869', Buffer.from('hi')],
      ['686', FAILS],
      ['zz', FAILS],
    ],
  ],
];

describe('coercion', () => {
  for (const [type, options, cases] of TABLE) {
    it(`to ${type}${Object.keys(options).length === 0 ? '' : ` with ${Object.keys(options).join(', ')}`} loses nothing and refuses what it would have to guess`, () => {
      const change = to(type, options);
      for (const [value, wanted] of cases) {
        const shown = `${typeof value} ${typeof value === 'bigint' ? String(value) : JSON.stringify(value)}`;
        const result = change(value);
        if (wanted === FAILS) expect(result, shown).to.be.instanceOf(CoercionFailure);
        else {
          expect(result, shown).to.deep.equal(wanted);
          if (wanted instanceof Timestamp) expect(String(result)).to.equal(String(wanted));
        }
      }
    });
  }

  it('never throws, and never tells the value', () => {
    for (const type of [
      'string',
      'integer',
      'float',
      'boolean',
      'datetime',
      'json',
      'binary',
      'date',
      'timestamp',
      'decimal',
      'int4',
      'float4',
    ]) {
      const change = to(type);
      fc.assert(
        fc.property(fc.anything({ withBigInt: true, withDate: true, withTypedArray: true, withNullPrototype: true }), value => {
          const result = change(value);
          if (result instanceof CoercionFailure && typeof value === 'string' && value.length > 8)
            expect(result.reason).not.to.contain(value);
        }),
        { numRuns: runs(300) },
      );
    }
  });

  it('brings every integer, float, boolean, instant and JSON value back from its text', () => {
    const kinds: [string, fc.Arbitrary<unknown>][] = [
      ['integer', fc.oneof(fc.maxSafeInteger(), fc.bigInt(2n ** 53n, 2n ** 63n - 1n))],
      ['float', fc.double()],
      ['boolean', fc.boolean()],
    ];
    for (const [type, values] of kinds)
      fc.assert(fc.property(values, value => void expect(to(type)(to('string')(value))).to.deep.equal(value)));
    fc.assert(
      fc.property(
        fc.date({ noInvalidDate: true }),
        value => void expect((to('datetime')(to('string')(value)) as Date).getTime()).to.equal(value.getTime()),
      ),
    );
  });

  it('refuses a type, a zone or a format that it does not know, with the nearest name', () => {
    expect(() => coercionType('intger'))
      .to.throw('did you mean "integer"?')
      .with.property('code', 'OPTION_INVALID');
    expect(() => coercionType('constructor'))
      .to.throw()
      .with.property('code', 'OPTION_INVALID');
    expect(() => to('datetime', { zone: 'CET' }))
      .to.throw('is not a zone')
      .with.property('code', 'OPTION_INVALID');
    for (const format of ['HH:mm', 'YYYY', 'DD/MM/YYYY DD'])
      expect(() => to('date', { formats: [format] }), format)
        .to.throw('does not name a date')
        .with.property('code', 'OPTION_INVALID');
  });
});

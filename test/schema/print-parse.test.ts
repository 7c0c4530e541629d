import { expect } from 'chai';
import fc from 'fast-check';
import { textParser } from '../../lib/schema/parse.ts';
import { jsonPrinter } from '../../lib/schema/print-json.ts';
import { textPrinter } from '../../lib/schema/print.ts';
import type { DataType, TypeKind } from '../../lib/schema/types.ts';
import { JsonNull, JsonNumber, parseJson } from '../../lib/values/json.ts';
import { printLocalDate, printLocalTimestamp, printTime } from '../../lib/values/local-time.ts';
import { Timestamp } from '../../lib/values/timestamp.ts';
import { runs } from '../random.ts';

const of = (kind: TypeKind): DataType => ({ kind });
const days = fc.integer({ min: -2_440_588, max: 104_000_000 });
const micros = fc.integer({ min: 0, max: 86_399_999_999 });
const text = fc.string({ unit: 'binary' });
const json = fc.jsonValue().filter(value => !JSON.stringify(value).includes('-0'));

/** Values of each type as records have them. */
const VALUES: readonly (readonly [DataType, fc.Arbitrary<unknown>])[] = [
  [of('bool'), fc.boolean()],
  [of('int2'), fc.integer({ min: -32_768, max: 32_767 })],
  [of('int4'), fc.integer()],
  [of('oid'), fc.integer({ min: 0, max: 4_294_967_295 })],
  [of('int8'), fc.maxSafeInteger()],
  [of('float4'), fc.float()],
  [of('float8'), fc.double()],
  [of('numeric'), fc.stringMatching(/^-?[1-9]\d{0,40}(\.\d{1,30})?$/)],
  [of('text'), text],
  [of('varchar'), text],
  [of('bytea'), fc.uint8Array().map(bytes => Buffer.from(bytes))],
  [of('jsonb'), json.map(value => value ?? JsonNull)],
  [
    of('timestamptz'),
    fc.oneof(
      fc.bigInt(-210_866_803_200_000_000n, 8_640_000_000_000_000_999n).map(Timestamp.fromEpochMicros),
      fc.constantFrom(Timestamp.INFINITY, Timestamp.NEGATIVE_INFINITY),
    ),
  ],
  [
    of('timestamp'),
    fc.oneof(
      fc.tuple(days, micros).map(([day, time]) => printLocalTimestamp({ days: day, micros: time })),
      fc.constant('-infinity'),
    ),
  ],
  [of('date'), fc.oneof(days.map(printLocalDate), fc.constant('infinity'))],
  [of('time'), micros.map(printTime)],
  [of('uuid'), fc.uuid()],
];
const SCALARS = VALUES.filter(([{ kind }]) => kind !== 'jsonb');

describe('textPrinter and textParser', () => {
  for (const [type, values] of VALUES) {
    it(`bring every ${type.kind} back as it was`, () => {
      const [print, parse] = [textPrinter(type), textParser(type)];
      fc.assert(
        fc.property(values, value => {
          const back = parse(print(value));
          expect(back).to.deep.equal(value);
          // Of dates deep equality sees only the milliseconds.
          if (value instanceof Timestamp) expect(String(back)).to.equal(String(value));
        }),
        { numRuns: runs(300) },
      );
    });
  }

  it('bring arrays of every type back, nested and with nulls', () => {
    for (const [element, values] of SCALARS) {
      const type: DataType = { kind: 'array', element };
      const [print, parse] = [textPrinter(type), textParser(type)];
      const list = fc.array(fc.option(values), { minLength: 1, maxLength: 5 });
      fc.assert(
        fc.property(
          fc.oneof(list, fc.array(list, { minLength: 1, maxLength: 3 }), fc.constant([])),
          value => void expect(parse(print(value))).to.deep.equal(value),
        ),
        { numRuns: runs(60) },
      );
    }
  });

  it('write array literals as PostgreSQL does', () => {
    const print = textPrinter({ kind: 'array', element: of('text') });
    expect(print(['a', null, 'NULL', '', 'a b', 'x,y', '{', '"', '\\', 'ä'])).to.equal('{a,NULL,"NULL","","a b","x,y","{","\\"","\\\\",ä}');
    expect(
      textPrinter({ kind: 'array', element: of('int4') })([
        [1, 2],
        [3, null],
      ]),
    ).to.equal('{{1,2},{3,NULL}}');
    expect(textPrinter({ kind: 'array', element: { kind: 'other', name: 'box' } })(['(1,1),(0,0)', '(2,2),(0,0)'])).to.equal(
      '{(1,1),(0,0);(2,2),(0,0)}',
    );
    expect(textParser({ kind: 'array', element: { kind: 'other', name: 'box' } })('{(1,1),(0,0);(2,2),(0,0)}')).to.deep.equal([
      '(1,1),(0,0)',
      '(2,2),(0,0)',
    ]);
  });

  it('keep a list inside an array of json one element', () => {
    const type: DataType = { kind: 'array', element: of('jsonb') };
    const value = [[1, 2], { a: null }, JsonNull, null];
    expect(textPrinter(type)(value)).to.equal('{"[1,2]","{\\"a\\":null}","null",NULL}');
    expect(textParser(type)(textPrinter(type)(value))).to.deep.equal(value);
    expect(() => textParser(type)('{{1,2},{3,4}}'))
      .to.throw()
      .with.property('code', 'VALUE_NOT_CARRIED');
  });

  it('read what PostgreSQL writes', () => {
    expect(textParser(of('bool'))('t')).to.equal(true);
    expect(textParser(of('timestamptz'))('2024-01-01 12:00:00.12+00')).to.deep.equal(new Timestamp(Date.UTC(2024, 0, 1, 12, 0, 0, 120)));
    expect(textParser(of('timestamp'))('2024-01-01 12:00:00.12')).to.equal('2024-01-01T12:00:00.120');
    expect(textParser(of('time'))('12:00:00.5')).to.equal('12:00:00.500');
    expect(textParser(of('date'))('0044-03-15 BC')).to.equal('0044-03-15 BC');
    expect(textParser(of('interval'))('1 year 2 mons -3 days 04:05:06.5')).to.equal('1 year 2 mons -3 days 04:05:06.5');
    expect(textParser(of('numeric'))('NaN')).to.equal('NaN');
    expect(textParser(of('float8'))('-Infinity')).to.equal(-Infinity);
    expect(textParser(of('jsonb'))('null')).to.equal(JsonNull);
    expect(textParser({ kind: 'array', element: of('text') })('{ a b , NULL,null ,"\\"",\u00a0}')).to.deep.equal([
      'a b',
      null,
      null,
      '"',
      '\u00a0',
    ]);
  });

  it('give int8 past 2^53 as bigints when asked, and else name the option', () => {
    expect(() => textParser(of('int8'))('9007199254740993'))
      .to.throw("int8: 'bigint'")
      .with.property('code', 'VALUE_INVALID');
    expect(textParser(of('int8'), { int8: 'bigint' })('9007199254740993')).to.equal(9007199254740993n);
    expect(textParser(of('int8'), { int8: 'bigint' })('1')).to.equal(1n);
    expect(textParser({ kind: 'array', element: of('int8') }, { int8: 'bigint' })('{1}')).to.deep.equal([1n]);
    expect(textParser(of('numeric'), { numeric: 'number' })('1.50')).to.equal(1.5);
  });

  it('print the near forms that functions make', () => {
    expect(textPrinter(of('int8'))(9223372036854775807n)).to.equal('9223372036854775807');
    expect(textPrinter(of('int8'))('-0042')).to.equal('-42');
    expect(textPrinter(of('int4'))(5n)).to.equal('5');
    expect(textPrinter(of('numeric'))(0.1)).to.equal('0.1');
    expect(textPrinter(of('numeric'))(10n ** 30n)).to.equal(`1${'0'.repeat(30)}`);
    expect(textPrinter(of('numeric'))(new JsonNumber('1.0000000000000000001'))).to.equal('1.0000000000000000001');
    expect(textPrinter(of('float8'))('1e3')).to.equal('1000');
    expect(textPrinter(of('float8'))(-0)).to.equal('-0');
    expect(textPrinter(of('float4'))(Math.fround(0.1))).to.equal('0.1');
    expect(textPrinter(of('float4'))(Math.fround(3.4e38))).to.equal('3.4e+38');
    expect(textPrinter(of('timestamptz'))('2024-01-01 00:00+01')).to.equal('2023-12-31T23:00:00Z');
    expect(textPrinter(of('timestamptz'))(new Date(1))).to.equal('1970-01-01T00:00:00.001Z');
    expect(textPrinter(of('timestamp'))(new Timestamp(0, 5))).to.equal('1970-01-01T00:00:00.000005');
    expect(textPrinter(of('date'))(new Date(86_400_000))).to.equal('1970-01-02');
    expect(textPrinter(of('bytea'))(new Uint8Array([0, 255]))).to.equal('\\x00ff');
    expect(textPrinter(of('jsonb'))({ a: [1n, 'x'] })).to.equal('{"a":[1,"x"]}');
  });

  it('refuse what cannot be of the type, and tell only the type', () => {
    const refused: [DataType, unknown[]][] = [
      [of('bool'), [1, 'maybe', {}]],
      [of('int2'), [32_768, 1.5, '1.5', Number.NaN, true, 'secret', new Date()]],
      [of('int8'), [2 ** 53, 9223372036854775808n, '9223372036854775808', 1.5, '']],
      [of('float8'), ['', 'secret', true, 9007199254740993n]],
      [of('numeric'), ['1,5', '', 'secret', true, {}]],
      [of('text'), [1, {}, true]],
      [of('bytea'), ['secret', 'x', '\\x0', 1]],
      [of('timestamptz'), ['2024-01-01', 'secret', new Date(Number.NaN), 5]],
      [of('timestamp'), ['2024-01-01T00:00:00Z', new Date(Number.NaN), 5]],
      [of('date'), [new Date(1), 'secret']],
      [of('time'), [new Date(0), '25:00']],
      [{ kind: 'array', element: of('int4') }, ['{1}', ['secret'], {}]],
    ];
    for (const [type, values] of refused) {
      for (const value of values) {
        for (const print of [textPrinter(type), jsonPrinter(type)]) {
          const error = thrownBy(() => print(value));
          expect(error, `${type.kind} ${String(value)}`).to.have.property('code', 'VALUE_INVALID');
          expect(error?.message).not.to.contain('secret');
        }
      }
    }
  });

  it('refuse texts that are none of the type, and tell only the type', () => {
    const refused: [DataType, string[]][] = [
      [of('bool'), ['', 'maybe', '2']],
      [of('int2'), ['32768', '1.0', '', '0x1']],
      [of('int8'), ['', '1e3', 'x']],
      [of('float8'), ['1e400', '1e-400', '', '0x10', 'x']],
      [of('numeric'), ['', '1_000', 'x']],
      [of('bytea'), ['abc', '\\xabc', '\\xzz']],
      [of('timestamptz'), ['2024-01-01 00:00:00', '']],
      [of('timestamp'), ['2024-02-30 00:00:00']],
      [of('date'), ['2024-02-30', 'today']],
      [of('time'), ['12:00:00+01']],
    ];
    for (const [type, texts] of refused)
      for (const bad of texts)
        expect(() => textParser(type)(bad), `${type.kind} ${bad}`)
          .to.throw()
          .with.property('code', 'VALUE_INVALID');
    for (const bad of ['', '{', '{1', '1', '{1,}', '{,1}', '{1}x', '{"1}', '{1 "2"}', '{{{{{{{1}}}}}}}']) {
      expect(() => textParser({ kind: 'array', element: of('int4') })(bad), bad)
        .to.throw()
        .with.property('code')
        .that.is.oneOf(['DATA_MALFORMED', 'VALUE_INVALID']);
    }
    expect(() => textParser({ kind: 'array', element: of('int4') })('[0:1]={1,2}'))
      .to.throw()
      .with.property('code', 'VALUE_NOT_CARRIED');
  });
});

describe('jsonPrinter', () => {
  it('writes valid JSON that keeps every digit', () => {
    for (const [type, values] of VALUES) {
      const [print, printText] = [jsonPrinter(type), textPrinter(type)];
      fc.assert(
        fc.property(values, value => {
          const parsed = parseJson(print(value));
          if (type.kind === 'jsonb') expect(parsed ?? JsonNull).to.deep.equal(value);
          else if (type.kind === 'bytea') expect(Buffer.from(parsed as string, 'base64')).to.deep.equal(value);
          else if (type.kind === 'bool') expect(parsed).to.equal(value);
          else if (typeof value === 'number')
            expect(typeof parsed === 'number' ? parsed : Number(String(parsed))).to.deep.equal(Number(printText(value)));
          else expect(type.kind === 'numeric' ? print(value) : parsed).to.equal(printText(value));
        }),
      );
    }
  });

  it('writes the forms of the value table', () => {
    expect(jsonPrinter(of('int8'))(9223372036854775807n)).to.equal('9223372036854775807');
    expect(jsonPrinter(of('numeric'))('1.10')).to.equal('1.10');
    expect(['NaN', '+01.', '.5', '-00.50e3', '-Infinity'].map(jsonPrinter(of('numeric')))).to.deep.equal([
      '"NaN"',
      '1',
      '0.5',
      '-0.50e3',
      '"-Infinity"',
    ]);
    expect(jsonPrinter(of('float8'))(Number.NaN)).to.equal('"NaN"');
    expect(jsonPrinter(of('timestamptz'))(Timestamp.INFINITY)).to.equal('"infinity"');
    expect(jsonPrinter(of('bytea'))(Buffer.from('hi'))).to.equal('"aGk="');
    expect(
      jsonPrinter({ kind: 'array', element: of('numeric') })([
        ['1.50', null],
        ['2', 'NaN'],
      ]),
    ).to.equal('[[1.50,null],[2,"NaN"]]');
    expect(jsonPrinter(of('text'))('"\n\u2028')).to.equal('"\\"\\n\u2028"');
  });
});

function thrownBy(call: () => unknown): Error | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

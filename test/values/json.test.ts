import { expect } from 'chai';
import fc from 'fast-check';
import { isExactNumber, JsonNull, JsonNumber, parseJson, printJson } from '../../lib/values/json.ts';
import { JsonParser } from '../../lib/values/json-parser.ts';
import { Timestamp } from '../../lib/values/timestamp.ts';
import { runs } from '../random.ts';

describe('parseJson', () => {
  it('gives what JSON.parse gives wherever no number is long', () => {
    fc.assert(
      fc.property(fc.json(), text => {
        expect(asDoubles(new JsonParser(text).parse())).to.deep.equal(JSON.parse(text));
      }),
      { numRuns: runs(500) },
    );
  });

  it('refuses what JSON.parse refuses', () => {
    const mutated = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom('', '"', ',', '}', ']', '{', '[', '\\', ' ', '0', '-', 'e', '.', 'null', '\u0001', ':'))
      .map(([text, at, piece]) => {
        const i = at % (text.length + 1);
        return text.slice(0, i) + piece + text.slice(i + (piece === '' ? 1 : 0));
      });
    fc.assert(
      fc.property(mutated, text => {
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(() => new JsonParser(text).parse(), text)
            .to.throw()
            .with.property('code', 'DATA_MALFORMED');
          return;
        }
        expect(asDoubles(new JsonParser(text).parse())).to.deep.equal(expected);
      }),
      { numRuns: runs(2000) },
    );
  });

  it('keeps every digit of numbers that a double does not carry', () => {
    for (const text of [
      '123456789012345678901234567890',
      '9007199254740993',
      '-9007199254740993',
      '1e400',
      '-1.5E-400',
      '0.1234567890123456789',
      '1234567890.1234567890123',
      '0.30000000000000001',
    ]) {
      const value = parseJson(`{"a":[${text}]}`) as { a: unknown[] };
      expect(value.a[0], text).to.be.instanceOf(JsonNumber);
      expect(printJson(value)).to.equal(`{"a":[${text}]}`);
    }
  });

  it('gives doubles for numbers that they carry, however they are written', () => {
    for (const text of [
      '0.1',
      '1.10',
      '1e5',
      '9007199254740992',
      '100000000000000000000000',
      '1e308',
      '5e-324',
      '0.10000000000000000000',
      '0e999',
      '-0',
      '1.0000000000000000',
    ]) {
      expect(parseJson(`[ ${text} ]`), text).to.deep.equal([Number(text)]);
    }
    expect(isExactNumber('1.7976931348623157e308')).to.equal(true);
    expect(isExactNumber('1.7976931348623158e308')).to.equal(false);
  });

  it('prints every decimal back as the same decimal', () => {
    const decimal = fc
      .tuple(
        fc.bigInt(-(10n ** 30n), 10n ** 30n),
        fc.option(fc.stringMatching(/^\d{1,25}$/)),
        fc.option(fc.integer({ min: -400, max: 400 })),
      )
      .map(([whole, fraction, exponent]) => `${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`);
    fc.assert(
      fc.property(decimal, text => {
        const value = parseJson(text);
        if (value instanceof JsonNumber) expect(printJson(value)).to.equal(text);
        else expect(sameDecimal(text, printJson(value)), text).to.equal(true);
      }),
      { numRuns: runs(1000) },
    );
  });

  it('takes __proto__ for a key like any other, in both parsers', () => {
    for (const text of ['{"__proto__":{"a":1},"b":2}', '{"__proto__":{"a":12345678901234567890},"b":2}']) {
      const value = parseJson(text) as object;
      expect(Object.keys(value)).to.deep.equal(['__proto__', 'b']);
      expect(Object.getPrototypeOf(value)).to.equal(Object.prototype);
      expect(printJson(value)).to.equal(text);
    }
  });

  it('reads a deep text without exhausting the stack', () => {
    const deep = `${'['.repeat(100_000)}12345678901234567890${']'.repeat(100_000)}`;
    let value: unknown = parseJson(deep);
    for (let i = 0; i < 100_000; i++) value = (value as unknown[])[0];
    expect(String(value)).to.equal('12345678901234567890');
  });

  it('tells nothing of the text in its error', () => {
    for (const text of [
      '{"secret": }',
      '{"secret": 12345678901234567890 ',
      '[1,]',
      '',
      '{"a":1}x',
      '"12345678901234567890',
      '[01234567890123456]',
    ]) {
      expect(() => parseJson(text))
        .to.throw('a JSON text is malformed')
        .with.property('code', 'DATA_MALFORMED');
    }
  });
});

describe('printJson', () => {
  it('prints what JSON.stringify prints where nothing is special', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ noUnicodeString: false }),
        value =>
          value === undefined ||
          Object.is(value, -0) ||
          printJson(value).replaceAll('-0', '0') === JSON.stringify(value).replaceAll('-0', '0'),
      ),
    );
  });

  it('prints values that JSON has no word for, as valid JSON', () => {
    const value = {
      big: 12345678901234567890n,
      number: new JsonNumber('1e400'),
      nothing: JsonNull,
      time: new Timestamp(0, 1),
      date: new Date(0),
      never: new Date(Number.NaN),
      forever: Timestamp.INFINITY,
      bytes: Buffer.from('hi'),
      nan: Number.NaN,
      zero: -0,
      map: new Map([['k', 1n]]),
      set: new Set([1n]),
      gone: undefined,
      url: new URL('http://x.y/'),
      boxed: Object('text') as unknown,
      list: [undefined, () => 1, null],
    };
    const text = printJson(value);
    expect(text).to.equal(
      '{"big":12345678901234567890,"number":1e400,"nothing":null,"time":"1970-01-01T00:00:00.000001Z","date":"1970-01-01T00:00:00Z","never":"Invalid Date",' +
        '"forever":"infinity","bytes":"aGk=","nan":"NaN","zero":-0,"map":{"k":1},"set":[1],"url":"http://x.y/","boxed":"text","list":[null,null,null]}',
    );
    expect(() => JSON.parse(text) as unknown).not.to.throw();
    expect(printJson([1n, , 2])).to.equal('[1,null,2]');
  });

  it('refuses a value that contains itself', () => {
    const self: Record<string, unknown> = {};
    self['self'] = self;
    expect(() => printJson(self))
      .to.throw()
      .with.property('code', 'VALUE_INVALID');
    expect(() => new JsonNumber('1;'))
      .to.throw()
      .with.property('code', 'VALUE_INVALID');
  });
});

function sameDecimal(a: string, b: string): boolean {
  const scaled = (text: string): [bigint, number] => {
    const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
    const [whole = '', fraction = ''] = mantissa.split('.');
    return [
      BigInt(whole + fraction) * (mantissa.startsWith('-0') && BigInt(whole + fraction) > 0n ? -1n : 1n),
      Number(exponent) - fraction.length,
    ];
  };
  const [x, xScale] = scaled(a);
  const [y, yScale] = scaled(b);
  const least = Math.min(xScale, yScale);
  return x * 10n ** BigInt(xScale - least) === y * 10n ** BigInt(yScale - least);
}

function asDoubles(value: unknown): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(asDoubles);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asDoubles(item)]));
}

import { expect } from 'chai';
import fc from 'fast-check';
import { compilePredicate } from '../../lib/query/compile.ts';
import { compareText } from '../../lib/query/compare.ts';
import { compileLike } from '../../lib/query/like.ts';
import { parseExpression } from '../../lib/query/parse-expression.ts';
import { predicateOf } from '../../lib/query/predicate.ts';
import { Schema } from '../../lib/schema/schema.ts';
import { Timestamp } from '../../lib/values/timestamp.ts';

const matches = (where: object, record: object, schema?: Schema): boolean => compilePredicate(predicateOf(where), schema).row(record as Record<string, unknown>);
const one = (type: string, untyped = false): Schema => new Schema([{ name: 'x', type: { kind: type as 'text' }, nullable: true, ...(untyped ? { untyped: true as const } : {}) }]);

describe('a predicate', () => {
  it('is true of null and missing only where notExists asks', () => {
    for (const test of [{ eq: 1 }, { ne: 1 }, { gt: 1 }, { notIn: [1] }, { notLike: 'a' }, { notBetween: [1, 2] }, { exists: true }]) {
      expect(matches({ x: test }, { x: null }), JSON.stringify(test)).to.equal(false);
      expect(matches({ x: test }, {}), JSON.stringify(test)).to.equal(false);
    }
    expect(matches({ x: { notExists: true } }, {})).to.equal(true);
    expect(matches({ x: { exists: false } }, { x: null })).to.equal(true);
    expect(matches({ not: { x: 1 } }, { x: null })).to.equal(true);
  });

  it('compares numbers and bigints exactly, and never numbers with text', () => {
    expect(matches({ x: 5 }, { x: 5.0 })).to.equal(true);
    expect(matches({ x: 5n }, { x: 5 })).to.equal(true);
    expect(matches({ x: { gt: 9007199254740992 } }, { x: 9007199254740993n })).to.equal(true);
    expect(matches({ x: 5 }, { x: '5' })).to.equal(false);
    expect(matches({ x: { ne: 5 } }, { x: '5' })).to.equal(true);
    expect(matches({ x: { lt: 5 } }, { x: '1' })).to.equal(false);
  });

  it('compares digits of any length in a numeric column', () => {
    const schema = one('numeric');
    expect(matches({ x: { gt: '98765432109876543210.01' } }, { x: '98765432109876543210.0123' }, schema)).to.equal(true);
    expect(matches({ x: 1.1 }, { x: '1.10' }, schema)).to.equal(true);
    expect(matches({ x: { lt: 0 } }, { x: '-0.5' }, schema)).to.equal(true);
    expect(matches({ x: { gt: 10n } }, { x: '9.99' }, schema)).to.equal(false);
    expect(matches({ x: { gt: 10n } }, { x: 'NaN' }, schema)).to.equal(true);
  });

  it('compares instants with ISO text and dates, microseconds too', () => {
    const schema = one('timestamptz');
    const x = Timestamp.fromText('2024-01-01T00:00:00.000001Z');
    expect(matches({ x: { gt: '2024-01-01T00:00:00Z' } }, { x }, schema)).to.equal(true);
    expect(matches({ x: { gt: new Date('2024-01-01T00:00:00Z') } }, { x }, schema)).to.equal(true);
    expect(matches({ x: '2024-01-01T01:00:00.000001+01:00' }, { x }, schema)).to.equal(true);
    expect(matches({ x: { gte: '2024-01-01' } }, { x: Timestamp.INFINITY }, schema)).to.equal(true);
  });

  it("reads a file's text as the literal's type", () => {
    const schema = one('text', true);
    expect(matches({ x: { gt: 9 } }, { x: '10' }, schema)).to.equal(true);
    expect(matches({ x: { gt: '9' } }, { x: '10' }, schema)).to.equal(false);
    expect(matches({ x: { gt: 9 } }, { x: 'ten' }, schema)).to.equal(false);
    expect(matches({ x: true }, { x: 'true' }, schema)).to.equal(true);
  });

  it('walks paths by own properties, and prefers a column of the whole name', () => {
    expect(matches({ 'a.b[1].c': 5 }, { a: { b: [0, { c: 5 }] } })).to.equal(true);
    expect(matches({ 'a.constructor': { exists: true } }, { a: {} })).to.equal(false);
    const schema = new Schema([{ name: 'a.b', type: { kind: 'int4' }, nullable: true }]);
    expect(matches({ 'a.b': 1 }, { 'a.b': 1 }, schema)).to.equal(true);
  });

  it('refuses what it does not know, by name', () => {
    expect(() => predicateOf({ x: { gtt: 1 } })).to.throw('"x" has no operator "gtt"; did you mean "gt"?');
    expect(() => predicateOf({ x: { between: [1] } })).to.throw('between takes a pair');
    expect(() => predicateOf({ x: null })).to.throw('ask with exists');
    expect(() => matches({ nmae: 1 }, {}, new Schema([{ name: 'name', type: { kind: 'text' }, nullable: true }]))).to.throw('no column "nmae"; did you mean "name"?');
    expect(() => matches({ x: { regex: '(a)\\1' } }, { x: '' })).to.throw('not understood');
  });

  it('orders text by code point', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        const bytes = Buffer.compare(Buffer.from(a), Buffer.from(b));
        expect(Math.sign(compareText(a, b))).to.equal(bytes);
      }),
    );
    expect(compareText('\u{1F6F6}', '\uFFFD')).to.be.greaterThan(0);
  });
});

describe('like', () => {
  /** By dynamic programming, from the definition. */
  const reference = (pattern: string[], text: string[]): boolean => {
    let reach = new Set([0]);
    for (const char of text.concat([''])) {
      for (const at of reach) if (pattern[at] === '%') reach.add(at + 1);
      if (char === '') break;
      reach = new Set([...reach].flatMap(at => (pattern[at] === '%' ? [at] : pattern[at] === '_' || pattern[at] === char ? [at + 1] : [])));
    }
    return reach.has(pattern.length);
  };

  it('matches as its definition says', () => {
    const symbol = fc.constantFrom('a', 'b', '%', '_');
    fc.assert(
      fc.property(fc.array(symbol, { maxLength: 8 }), fc.array(fc.constantFrom('a', 'b', '🛶'), { maxLength: 8 }), (pattern, text) => {
        expect(compileLike(pattern.join(''))(text.join(''))).to.equal(reference(pattern, text));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes what follows a backslash as it is', () => {
    expect(compileLike('100\\%')('100%')).to.equal(true);
    expect(compileLike('100\\%')('1000')).to.equal(false);
  });

  it('stays linear where a backtracking regex would not end', () => {
    expect(compileLike('%a%a%a%a%a%a%a%b')('a'.repeat(5000))).to.equal(false);
  });
});

describe('an expression', () => {
  it('is read with not before and before or', () => {
    expect(parseExpression("not a = 1 and b like 'x%' OR c is not null")).to.deep.equal({
      or: [
        { and: [{ not: { path: ['a'], op: '=', operands: [1] } }, { path: ['b'], op: 'like', operands: ['x%'] }] },
        { path: ['c'], op: 'exists', operands: [] },
      ],
    });
  });

  it('has every comparison of the documentation', () => {
    expect(parseExpression("age >= 30 and city in (NY, 'Los Angeles') and not name like 'A%' and email is not null")).to.deep.equal({
      and: [
        { path: ['age'], op: '>=', operands: [30] },
        { path: ['city'], op: 'in', operands: ['NY', 'Los Angeles'] },
        { not: { path: ['name'], op: 'like', operands: ['A%'] } },
        { path: ['email'], op: 'exists', operands: [] },
      ],
    });
    expect(parseExpression(`a.b[0]."odd ""name""" not between -1 and 2.5`)).to.deep.equal({ path: ['a', 'b', 0, 'odd "name"'], op: 'notBetween', operands: [-1, 2.5] });
    expect(parseExpression("x starts with 'it''s' and y ~ '^a' and z <> 9007199254740993 and t >= 2024-01-01T00:00:00.5Z")).to.deep.equal({
      and: [
        { path: ['x'], op: 'startsWith', operands: ["it's"] },
        { path: ['y'], op: 'regex', operands: ['^a'] },
        { path: ['z'], op: '!=', operands: [9007199254740993n] },
        { path: ['t'], op: '>=', operands: ['2024-01-01T00:00:00.5Z'] },
      ],
    });
  });

  const wrong: [string, RegExp][] = [
    ['id >> and', /column 4: found >>, wanted/],
    ['id = ', /column 6: found the end/],
    ['= 5', /column 1: found =, wanted a column/],
    ["name = 'x", /a quote ' that is not closed/],
    ['a = 1 b = 2', /column 7: found b, wanted "and", "or" or the end/],
    ['a in (1, 2', /found the end, wanted "\)"/],
    ['a = null', /write "is null"/],
    ['a is 5', /wanted "null"/],
  ];
  for (const [expression, message] of wrong) {
    it(`points at what is wrong in ${expression}`, () => {
      expect(() => parseExpression(expression)).to.throw(message);
    });
  }
});

import { expect } from 'chai';
import fc from 'fast-check';
import { parsePath, printPath } from '../../lib/query/path.ts';
import { predicateOf } from '../../lib/query/predicate.ts';
import { JsonNumber } from '../../lib/values/json.ts';
import { Timestamp } from '../../lib/values/timestamp.ts';
import { predicate } from './arbitrary.ts';

const names = fc.oneof(fc.constantFrom('a', 'or', 'a.b', 'odd "name"', '', '0', '[0]', '__proto__', 'é'), fc.string());
const paths = fc.tuple(names, fc.array(fc.oneof(names, fc.nat(99)), { maxLength: 3 })).map(([first, rest]) => [first, ...rest] as const);

describe('the object form of a predicate', () => {
  it('stands for what it says', () => {
    expect(predicateOf({ age: { gte: 30 }, 'meta.a': { lt: 3 }, or: [{ city: 'NY' }, { not: { city: { like: 'L%' } } }] })).to.deep.equal({
      op: 'and',
      of: [
        { op: '>=', path: ['age'], value: 30 },
        { op: '<', path: ['meta', 'a'], value: 3 },
        {
          op: 'or',
          of: [
            { op: '=', path: ['city'], value: 'NY' },
            { op: 'not', of: [{ op: 'like', path: ['city'], value: 'L%' }] },
          ],
        },
      ],
    });
    expect(predicateOf({ x: { between: [1, 2], notIn: ['a'], exists: false } })).to.deep.equal({
      op: 'and',
      of: [
        { op: 'between', path: ['x'], low: 1, high: 2 },
        { op: 'notIn', path: ['x'], values: ['a'] },
        { op: 'notExists', path: ['x'] },
      ],
    });
    expect(predicateOf({})).to.deep.equal({ op: 'and', of: [] });
  });

  it('takes quoted names for columns that are called as a word of its own, and what is no path for a name', () => {
    expect(predicateOf({ '"or"': 1 })).to.deep.equal({ op: '=', path: ['or'], value: 1 });
    expect(predicateOf({ 'a..b': 1 })).to.deep.equal({ op: '=', path: ['a..b'], value: 1 });
    expect(predicateOf({ '': 1 })).to.deep.equal({ op: '=', path: [''], value: 1 });
  });

  it('keeps bigints, long decimals and dates in JSON', () => {
    const value = (operand: unknown): unknown => (predicateOf({ x: { eq: operand } }) as { value: unknown }).value;
    expect(value(5n)).to.equal(5);
    expect(value(9007199254740993n)).to.deep.equal({ numeric: '9007199254740993' });
    expect(value(new JsonNumber('0.12345678901234567890'))).to.deep.equal({ numeric: '0.12345678901234567890' });
    expect(value(new JsonNumber('1.50'))).to.equal(1.5);
    expect(value(Number.NaN)).to.deep.equal({ numeric: 'NaN' });
    expect(value(-Infinity)).to.deep.equal({ numeric: '-Infinity' });
    expect(Object.is(value(-0), 0)).to.equal(true);
    expect(value(new Date(1))).to.deep.equal({ timestamp: '1970-01-01T00:00:00.001Z' });
    expect(value(Timestamp.fromEpochMicros(1))).to.deep.equal({ timestamp: '1970-01-01T00:00:00.000001Z' });
    expect(value(Timestamp.INFINITY)).to.deep.equal({ timestamp: 'infinity' });
    expect(value({ numeric: '5.0' })).to.equal(5);
  });

  it('goes to JSON and back', () => {
    fc.assert(
      fc.property(predicate(paths), whole => {
        expect(JSON.parse(JSON.stringify(whole))).to.deep.equal(whole);
        expect(predicateOf(JSON.parse(JSON.stringify(whole)))).to.deep.equal(whole);
      }),
    );
  });

  const refused: [string, unknown, string][] = [
    ['an unknown operator', { age: { gtt: 1 } }, 'where.age.gtt: no operator "gtt"; did you mean "gt"?'],
    ['an operator by its sign', { age: { '>=': 1 } }, 'where.age.>=: no operator ">="'],
    [
      'a malformed pair',
      { or: [{ a: 1 }, { age: { between: [1] } }] },
      'where.or[1].age.between: expected a pair [low, high], not a list of 1',
    ],
    [
      'a null operand',
      { age: { gt: null } },
      'where.age.gt: expected a text, number, boolean or date, not null; null is asked for by { exists: false }',
    ],
    ['null by itself', { age: null }, 'where.age: expected a value or an object of operators, not null'],
    ['an operand that is not there', { age: { gte: undefined } }, 'where.age.gte: expected a text, number, boolean or date, not undefined'],
    ['a condition that is not there', { age: undefined }, 'where.age: expected a value or an object of operators, not undefined'],
    ['a list without in', { age: [1, 2] }, 'where.age: expected a value or an object of operators, not a list; a list stands under "in"'],
    ['no operator at all', { age: {} }, 'where.age: an object without an operator'],
    ['in without a list', { age: { in: 5 } }, 'where.age.in: expected a list, not a number'],
    ['null in a list', { age: { in: [1, null] } }, 'where.age.in[1]: expected a text'],
    [
      'an invalid date',
      { made: { gt: new Date(Number.NaN) } },
      'where.made.gt: expected a text, number, boolean or date, not an invalid date',
    ],
    ['a date that is none', { made: { gt: { timestamp: '2024-13-01' } } }, 'where.made.gt: expected'],
    ['exists of anything', { a: { exists: 1 } }, 'where.a.exists: expected true or false, not a number'],
    ['a pattern that is no text', { a: { like: 5 } }, 'where.a.like: expected a text, not a number'],
    ['a regex that can not be', { a: { regex: '(a)\\1' } }, 'where.a.regex: regex: invalid escape sequence'],
    ['or without a list', { or: { a: 1 } }, 'where.or: expected a list, not an object'],
    ['not of a list', { not: [] }, 'where.not: expected an object of conditions, not a list'],
    ['no object', 'age > 5', 'where: expected an object of conditions, not a string'],
    ['JSON with an unknown operator', { op: 'xor', of: [] }, 'where: no operator "xor"'],
    ['JSON with a wrong path', { op: '=', path: [0], value: 1 }, 'where.path: expected names and indexes'],
    ['JSON with a wrong negation', { op: 'not', of: [] }, 'where: "not" is of one predicate'],
    ['JSON with a wrong operand', { op: 'and', of: [{ op: '>', path: ['a'], value: null }] }, 'where.of[0]: expected a text'],
  ];
  for (const [what, where, message] of refused) {
    it(`refuses ${what}, naming the place`, () => {
      expect(() => predicateOf(where))
        .to.throw(message)
        .with.property('code', 'PREDICATE_INVALID');
    });
  }

  it('refuses what is nested without end', () => {
    const endless: { not?: unknown } = {};
    endless.not = endless;
    expect(() => predicateOf(endless)).to.throw('nested more than 200 deep');
  });
});

describe('a path', () => {
  it('is read as it is printed', () => {
    fc.assert(
      fc.property(paths, path => {
        expect(parsePath(printPath(path))).to.deep.equal(path);
      }),
    );
  });

  it('has names, indexes and quoted names', () => {
    expect(parsePath('a.b[0][12]."odd ""name"".x".c')).to.deep.equal(['a', 'b', 0, 12, 'odd "name".x', 'c']);
    expect(printPath(['a', 'b', 0, 'odd "name"', 'or', '1'])).to.equal('a.b[0]."odd ""name"""."or"."1"');
  });

  for (const [text, column] of [
    ['a.', 3],
    ['a[x]', 2],
    ['a]', 2],
    ['', 1],
    ['a"b"', 2],
    ['"a', 1],
    ['a..b', 3],
    ['[0]', 1],
    ['a[0', 2],
  ] as const) {
    it(`is refused at the column where ${JSON.stringify(text)} goes wrong`, () => {
      expect(() => parsePath(text))
        .to.throw(`at column ${column}\n`)
        .with.property('code', 'EXPRESSION_INVALID');
    });
  }
});

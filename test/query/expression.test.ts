import { expect } from 'chai';
import fc from 'fast-check';
import type { Path } from '../../lib/query/path.ts';
import { parseExpression } from '../../lib/query/parse-expression.ts';
import type { Predicate } from '../../lib/query/predicate.ts';
import { printExpression } from '../../lib/query/print-expression.ts';
import { predicate } from './arbitrary.ts';
import { runs } from '../random.ts';

const names = fc.oneof(
  fc.constantFrom('a', 'like', 'NOT', 'Or', 'in', 'a.b', 'odd "name"', '', '0', '1a', 'é', 'a b', 'null'),
  fc.string(),
);
const paths = fc.tuple(names, fc.array(fc.oneof(names, fc.nat(99)), { maxLength: 2 })).map(([first, rest]): Path => [first, ...rest]);

describe('an expression', () => {
  it('is read as it is printed, whatever the predicate', () => {
    fc.assert(
      fc.property(predicate(paths), whole => {
        expect(parseExpression(printExpression(whole))).to.deep.equal(whole);
      }),
      { numRuns: runs(2000) },
    );
  });

  it('binds not closer than and, and closer than or', () => {
    const is = (name: string): Predicate => ({ op: '=', path: [name], value: 1 });
    expect(parseExpression('not a = 1 and b = 1 OR c = 1')).to.deep.equal({
      op: 'or',
      of: [{ op: 'and', of: [{ op: 'not', of: [is('a')] }, is('b')] }, is('c')],
    });
    expect(parseExpression('not (a=1 and (b=1 or c=1))')).to.deep.equal({
      op: 'not',
      of: [{ op: 'and', of: [is('a'), { op: 'or', of: [is('b'), is('c')] }] }],
    });
    expect(parseExpression('a = 1 and b = 1 and c = 1')).to.deep.equal({ op: 'and', of: [is('a'), is('b'), is('c')] });
    expect(parseExpression('not not a = 1')).to.deep.equal({ op: 'not', of: [{ op: 'not', of: [is('a')] }] });
  });

  const read: [string, Predicate][] = [
    ["email like 'u%7@%'", { op: 'like', path: ['email'], value: 'u%7@%' }],
    ['name not like A%', { op: 'notLike', path: ['name'], value: 'A%' }],
    ['zip like 10__5', { op: 'like', path: ['zip'], value: '10__5' }],
    ["city in (NY, 'Los Angeles', 5, true)", { op: 'in', path: ['city'], values: ['NY', 'Los Angeles', 5, true] }],
    ['state NOT IN (IN,OR,not)', { op: 'notIn', path: ['state'], values: ['IN', 'OR', 'not'] }],
    ['state = IN', { op: '=', path: ['state'], value: 'IN' }],
    ['age between -1 and 2.5', { op: 'between', path: ['age'], low: -1, high: 2.5 }],
    ['age not between 1 and 2', { op: 'notBetween', path: ['age'], low: 1, high: 2 }],
    ["name starts with 'it''s'", { op: 'startsWith', path: ['name'], value: "it's" }],
    ["name ~ '^a|b$'", { op: 'regex', path: ['name'], value: '^a|b$' }],
    ['email is null', { op: 'notExists', path: ['email'] }],
    ['email Is Not Null', { op: 'exists', path: ['email'] }],
    ['a.b[0]."odd ""name""" != x', { op: '!=', path: ['a', 'b', 0, 'odd "name"'], value: 'x' }],
    ['"a.b"=1', { op: '=', path: ['a.b'], value: 1 }],
    ['"and" <> 1', { op: '!=', path: ['and'], value: 1 }],
    ['like like like', { op: 'like', path: ['like'], value: 'like' }],
    ['a>=30', { op: '>=', path: ['a'], value: 30 }],
    ['a<-5', { op: '<', path: ['a'], value: -5 }],
    ['a = +1.50e1', { op: '=', path: ['a'], value: 15 }],
    ['a = .5', { op: '=', path: ['a'], value: 0.5 }],
    ['a = 9007199254740993', { op: '=', path: ['a'], value: { numeric: '9007199254740993' } }],
    ['a = 9007199254740992', { op: '=', path: ['a'], value: 9007199254740992 }],
    ['a = 0.12345678901234567890', { op: '=', path: ['a'], value: { numeric: '0.12345678901234567890' } }],
    ["a = '5'", { op: '=', path: ['a'], value: '5' }],
    ['a = TRUE', { op: '=', path: ['a'], value: true }],
    ['a = 2024-01-01T00:00:00.5Z', { op: '=', path: ['a'], value: '2024-01-01T00:00:00.5Z' }],
    ['a = 10.0.0.1', { op: '=', path: ['a'], value: '10.0.0.1' }],
    ['a = me@b.example', { op: '=', path: ['a'], value: 'me@b.example' }],
    ["a = ''", { op: '=', path: ['a'], value: '' }],
    ["a >= timestamp '2024-01-01T00:00:00Z'", { op: '>=', path: ['a'], value: { timestamp: '2024-01-01T00:00:00Z' } }],
    ["a = numeric 'NaN'", { op: '=', path: ['a'], value: { numeric: 'NaN' } }],
  ];
  for (const [expression, expected] of read) {
    it(`says what it means: ${expression}`, () => {
      expect(parseExpression(expression)).to.deep.equal(expected);
    });
  }

  const wrong: [string, number, string][] = [
    ['id >> and', 4, 'unexpected >>, expected =, !=, <, <=, >, >=, ~, like, in, between, starts with, is null'],
    ['id = ', 5, 'the expression ends, expected a number, a text in single quotes'],
    ['id = and', 6, 'unexpected and, expected a number'],
    ['= 5', 1, 'unexpected =, expected a column, not, ('],
    ['', 1, 'the expression ends, expected a column'],
    ["name = 'x", 8, "the quote ' is not closed"],
    ['"na = 1', 1, 'the quote " is not closed'],
    ['a = 1 b = 2', 7, 'unexpected b, expected and, or, the end'],
    ['a = 1 && b = 2', 7, 'unexpected &&, expected and, or, the end'],
    ['a in (1, 2', 11, 'the expression ends, expected ",", )'],
    ['a in 1', 6, 'unexpected 1, expected ('],
    ['a in ()', 7, 'unexpected ), expected a number'],
    ['(a = 1', 7, 'the expression ends, expected and, or, )'],
    ['a = null', 5, 'nothing equals null; write is null, or is not null'],
    ['a = "b"', 5, "text stands in single quotes, not in double ones: 'b'"],
    ['a is 5', 6, 'unexpected 5, expected null, not null'],
    ['a not = 5', 7, 'unexpected =, expected like, in, between'],
    ['a starts x', 10, 'unexpected x, expected with'],
    ['a between 1', 12, 'the expression ends, expected and'],
    ["a ~ '(b'", 5, 'missing closing )'],
    ["a like 'b\\'", 8, 'ends in \\'],
    ['a..b = 1', 1, 'malformed path'],
    ["\u{1F6F6} = 'x' y", 9, 'unexpected y'],
  ];
  for (const [expression, column, message] of wrong) {
    it(`points at what is wrong in ${JSON.stringify(expression)}`, () => {
      let error: unknown;
      try {
        parseExpression(expression);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).to.have.property('code', 'EXPRESSION_INVALID');
      const [line = '', shown = '', marks = ''] = (error as Error).message.split('\n');
      expect(line)
        .to.include(message)
        .and.to.match(new RegExp(`at column ${column}$`));
      expect(shown).to.equal(`  ${expression}`);
      expect(marks).to.match(new RegExp(`^ {${column + 1}}\\^+$`));
    });
  }

  it('refuses what is nested without end, and reads what is long', () => {
    expect(() => parseExpression(`${'('.repeat(100_000)}a = 1`)).to.throw('nested more than 200 deep');
    expect(() => parseExpression(`${'not '.repeat(100_000)}a = 1`)).to.throw('nested more than 200 deep');
    const long = parseExpression(Array.from({ length: 20_000 }, (_, i) => `a = ${i}`).join(' or '));
    expect(long).to.have.property('of').with.lengthOf(20_000);
  });

  it('shows of a long expression the part around the place', () => {
    expect(() => parseExpression(`${"a = 'x' and ".repeat(50)}b >> 1 ${"and a = 'x'".repeat(50)}`)).to.throw(
      /…[^\n]{1,60}b >> 1[^\n]{1,60}…\n +\^\^$/,
    );
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { compareDecimals, decimalOfNumber, parseDecimal, shortDecimal } from '../../lib/query/decimal.ts';
import { compileLike } from '../../lib/query/like.ts';
import { compileRegex } from '../../lib/query/regex.ts';
import { compareText, textComparator } from '../../lib/query/text-order.ts';
import { likeByTable } from './reference.ts';
import { runs } from '../random.ts';

describe('like', () => {
  it('matches as its definition says', () => {
    const pattern = fc.array(fc.constantFrom('a', 'b', '%', '_', '\\_', '\\%', '\u{1F6F6}'), { maxLength: 8 });
    const text = fc.array(fc.constantFrom('a', 'b', '%', '_', '\u{1F6F6}'), { maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (parts, characters) => {
        expect(compileLike(parts.join(''))(characters.join(''))).to.equal(likeByTable([...parts.join('')], characters));
      }),
      { numRuns: runs(5000) },
    );
  });

  it('takes what follows a backslash as it is, and everything else but % and _ too', () => {
    expect(compileLike('100\\%')('100%')).to.equal(true);
    expect(compileLike('100\\%')('1000')).to.equal(false);
    expect(compileLike('a.*[b]')('a.*[b]')).to.equal(true);
    expect(compileLike('a.*')('abc')).to.equal(false);
    expect(compileLike('\\a\\\\')('a\\')).to.equal(true);
    expect(() => compileLike('a\\'))
      .to.throw('escapes nothing')
      .with.property('code', 'PREDICATE_INVALID');
  });

  it('takes a character beyond U+FFFF for one, and never half of it', () => {
    expect(compileLike('_')('\u{1F6F6}')).to.equal(true);
    expect(compileLike('__')('\u{1F6F6}')).to.equal(false);
    expect(compileLike('%\uDEF6')('\u{1F6F6}')).to.equal(false);
    expect(compileLike('%_b')('\u{1F6F6}b')).to.equal(true);
  });

  it('lets no part be counted twice', () => {
    expect(compileLike('ab%ba')('aba')).to.equal(false);
    expect(compileLike('a%b%b')('ab')).to.equal(false);
    expect(compileLike('u%7@%')('u7@x')).to.equal(true);
  });

  it('ends at once where a backtracking regex takes minutes', () => {
    const started = performance.now();
    expect(compileLike('%a%a%a%a%a%a%a%b')('a'.repeat(20_000))).to.equal(false);
    expect(compileLike('%_a%_a%_a%_a%_b%c')('a'.repeat(20_000))).to.equal(false);
    expect(performance.now() - started).to.be.below(1000);
  });
});

describe('regex', () => {
  it('finds a pattern anywhere, as the engine of JavaScript does where both know it', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '.',
      '[ab]',
      '(ab)',
      '(a)',
      'a*',
      'b?',
      '(ab)?',
      '(a(b)c)+',
      'a+',
      'a+?',
      '[^a]',
      '^',
      '$',
      '\\.',
      'a|b',
      'b{2}',
      '(?:a)',
      'ab',
      '.*?',
    );
    const text = fc.array(fc.constantFrom('a', 'b', 'c', '.', ']', '}'), { maxLength: 8 }).map(parts => parts.join(''));
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 5 }), text, (pieces, found) => {
        const pattern = pieces.join('');
        expect(compileRegex(pattern)(found), pattern).to.equal(new RegExp(pattern, 'su').test(found));
      }),
      { numRuns: runs(3000) },
    );
    expect(compileRegex('[]a]x')('ax')).to.equal(true);
    expect(compileRegex('[]a]x')(']x')).to.equal(true);
    expect(compileRegex('[[:digit:]]b')('1b')).to.equal(true);
    expect(compileRegex('(?i)ABC')('xabcx')).to.equal(true);
  });

  it('refuses what does not run in linear time, and says so', () => {
    const refused: [string, string][] = [
      ['(a)\\1', 'backreferences are not supported'],
      ['(?=a)', 'lookahead and lookbehind are not supported'],
      ['(?<!a)b', 'lookahead and lookbehind are not supported'],
      ['[a', 'missing closing ]'],
    ];
    for (const [pattern, message] of refused)
      expect(() => compileRegex(pattern), pattern)
        .to.throw(message)
        .with.property('code', 'PREDICATE_INVALID');
  });

  it('ends at once on patterns that make a backtracking engine hang', () => {
    const started = performance.now();
    expect(compileRegex('^(a+)+$')(`${'a'.repeat(20_000)}b`)).to.equal(false);
    expect(compileRegex('(x+x+)+y')('x'.repeat(20_000))).to.equal(false);
    expect(performance.now() - started).to.be.below(2000);
  });
});

describe('the order of texts', () => {
  it('is that of their code points, which is that of their bytes', () => {
    const any = fc
      .array(fc.constantFrom('a', 'b', '\uD7FF', '\uE000', '\uFFFD', '\uFFFF', '\u{10000}', '\u{10001}', '\u{1F6F6}', '\u{20000}'), {
        maxLength: 4,
      })
      .map(parts => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(any, fc.string({ unit: 'grapheme' })), any, (a, b) => {
        const bytes = Buffer.compare(Buffer.from(a), Buffer.from(b));
        expect(Math.sign(compareText(a, b))).to.equal(bytes);
        expect(Math.sign(textComparator(b)(a))).to.equal(bytes);
      }),
      { numRuns: runs(3000) },
    );
  });

  it('puts half of a character where its own number stands', () => {
    expect(compareText('\uD83D', '\uE000')).to.be.below(0);
    expect(compareText('\uD83D', '\u{1F6F6}')).to.be.below(0);
    expect(compareText('\u{1F6F6}', '\uD83D\uE000')).to.be.above(0);
  });
});

describe('decimals', () => {
  const decimal = fc.tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: -25, max: 25 }));

  it('compare as the numbers they are', () => {
    fc.assert(
      fc.property(decimal, decimal, ([a, e], [b, f]) => {
        const difference = a * 10n ** BigInt(e + 25) - b * 10n ** BigInt(f + 25);
        const got = compareDecimals(parseDecimal(`${a}e${e}`)!, parseDecimal(`${b}e${f}`)!);
        expect(Math.sign(got)).to.equal(difference < 0n ? -1 : difference > 0n ? 1 : 0);
      }),
      { numRuns: runs(2000) },
    );
  });

  it('have a double of their own while they are short', () => {
    const short = fc
      .tuple(fc.integer({ min: 0, max: 999_999_999 }), fc.integer({ min: 0, max: 999_999 }), fc.constantFrom('', '-', '+'))
      .map(([a, b, sign]) => `${sign}${a}.${b}`);
    fc.assert(
      fc.property(fc.oneof(short, fc.integer().map(String)), text => {
        expect(text.length > 15 ? (shortDecimal(text) ?? Number(text)) : shortDecimal(text)).to.equal(Number(text));
      }),
    );
    for (const text of ['', '-', '.', '1e5', '0x10', ' 1', '1.2.3', '１', '1234567890123456'])
      expect(shortDecimal(text), text).to.equal(undefined);
    expect(shortDecimal('5.')).to.equal(5);
    expect(shortDecimal('-.5')).to.equal(-0.5);
  });

  it('put doubles in their own order, the whole ones at their exact value', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (a, b) => {
        expect(Math.sign(compareDecimals(decimalOfNumber(a), decimalOfNumber(b)))).to.equal(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
    expect(compareDecimals(decimalOfNumber(2 ** 64), parseDecimal('18446744073709551616')!)).to.equal(0);
  });

  it('are refused where they are no digits, in no time', () => {
    for (const text of ['', '.', '-', 'e5', '1e', '1 ', 'nan', '0x1', '1_0']) expect(parseDecimal(text), text).to.equal(undefined);
    const started = performance.now();
    expect(parseDecimal(`${'0'.repeat(200_000)}1${'0'.repeat(200_000)}x`)).to.equal(undefined);
    expect(parseDecimal(`1${'0'.repeat(200_000)}1${'0'.repeat(200_000)}`)?.digits.length).to.equal(200_002);
    expect(performance.now() - started).to.be.below(1000);
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { parseNames, parsePairs } from '../../lib/query/parse-names.ts';

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

describe('a list of names', () => {
  it('has bare and quoted names', () => {
    expect(parseNames('id, first name ,"odd, ""name""",a.b,é,__proto__,""', '--select')).to.deep.equal([
      'id',
      'first name',
      'odd, "name"',
      'a.b',
      'é',
      '__proto__',
      '',
    ]);
  });

  it('carries any name in quotes', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), names => {
        expect(parseNames(names.map(quoted).join(' ,'), '--select')).to.deep.equal(names);
      }),
    );
  });

  const wrong: [string, number, string][] = [
    ['', 1, 'expected a name'],
    ['id,', 4, 'expected a name'],
    ['id,,name', 4, 'expected a name'],
    ['id,"na', 4, 'a double quote is not closed'],
    ['"id"x', 5, 'expected a comma'],
    ['i"d', 2, 'a double quote inside of a bare name'],
  ];
  for (const [text, column, message] of wrong) {
    it(`is refused at the column: ${JSON.stringify(text)}`, () => {
      expect(() => parseNames(text, '--select'))
        .to.throw(new RegExp(`^--select: ${message}.* at column ${column}\n`))
        .with.property('code', 'OPTION_INVALID');
    });
  }
});

describe('pairs of names', () => {
  it('have a name on each side', () => {
    expect(parsePairs('old=new, "a=b" = "c, d",x=a:b', '--rename', '=')).to.deep.equal({ old: 'new', 'a=b': 'c, d', x: 'a:b' });
    expect(parsePairs('price:float,"a:b":integer', '--coerce', ':')).to.deep.equal({ price: 'float', 'a:b': 'integer' });
    const made = parsePairs('__proto__=a', '--rename', '=');
    expect(Object.entries(made)).to.deep.equal([['__proto__', 'a']]);
  });

  const wrong: [string, number, string][] = [
    ['old', 4, 'expected "=", as in old=new,'],
    ['old,b=c', 4, 'expected "=", as in old=new,'],
    ['old=', 5, 'expected a name'],
    ['=new', 1, 'expected a name'],
    ['a=b=c', 4, 'expected a comma'],
    ['a=b,', 5, 'expected a name'],
    ['a=b,a=c', 5, '"a" stands there twice'],
  ];
  for (const [text, column, message] of wrong) {
    it(`are refused at the column: ${JSON.stringify(text)}`, () => {
      expect(() => parsePairs(text, '--rename', '='))
        .to.throw(new RegExp(`^--rename: ${message}.* at column ${column}\n`))
        .with.property('code', 'OPTION_INVALID');
    });
  }
});

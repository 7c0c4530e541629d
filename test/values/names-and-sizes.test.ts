import { expect } from 'chai';
import fc from 'fast-check';
import { parseQualifiedName, quoteIdentifier, quoteLiteral, quoteQualifiedName } from '../../lib/values/identifiers.ts';
import { parseSize, printSize } from '../../lib/values/sizes.ts';

describe('identifiers', () => {
  it('are always quoted, and come back from their quoted form', () => {
    expect(quoteIdentifier('users')).to.equal('"users"');
    expect(quoteIdentifier('a"; drop table x --')).to.equal('"a""; drop table x --"');
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .filter(text => !text.includes('\0') && Buffer.byteLength(text) <= 63);
    fc.assert(
      fc.property(name, name, (schema, table) => {
        expect(parseQualifiedName(quoteQualifiedName({ schema, name: table }))).to.deep.equal({ schema, name: table });
        expect(parseQualifiedName(quoteIdentifier(table))).to.deep.equal({ schema: undefined, name: table });
      }),
    );
  });

  it('are read bare or quoted, with their case', () => {
    expect(parseQualifiedName('Users')).to.deep.equal({ schema: undefined, name: 'Users' });
    expect(parseQualifiedName('public.users')).to.deep.equal({ schema: 'public', name: 'users' });
    expect(parseQualifiedName(' "Odd.Schema" . "T ""x""" ')).to.deep.equal({ schema: 'Odd.Schema', name: 'T "x"' });
  });

  it('are refused where SQL would change them', () => {
    for (const name of ['', 'a\0b', 'x'.repeat(64), 'ü'.repeat(32), '\ud800'])
      expect(() => quoteIdentifier(name))
        .to.throw()
        .with.property('code', 'VALUE_NOT_CARRIED');
    expect(quoteIdentifier('x'.repeat(63))).to.have.length(65);
    for (const text of ['', '.', 'a.', '.a', 'a.b.c', '"a', '"a"b', 'a"b"', '""', 'a b"'])
      expect(() => parseQualifiedName(text), text)
        .to.throw()
        .with.property('code', 'OPTION_INVALID');
  });

  it('stay apart from literals', () => {
    expect(quoteLiteral("it's")).to.equal("'it''s'");
    expect(quoteLiteral("a\\'b")).to.equal("E'a\\\\''b'");
  });
});

describe('sizes', () => {
  it('are read in binary and decimal units', () => {
    expect(['16MiB', '64kB', '1.5 GiB', '4096', ' 10 mb ', '1KiB'].map(parseSize)).to.deep.equal([
      16_777_216, 64_000, 1_610_612_736, 4096, 10_000_000, 1024,
    ]);
  });

  it('are refused with an example', () => {
    for (const text of ['', 'MiB', '-1', '5 parsecs', '5constructor', '1e3', '1,5MiB'])
      expect(() => parseSize(text), text)
        .to.throw(/16MiB/)
        .with.property('code', 'OPTION_INVALID');
  });

  it('are printed for people', () => {
    expect([0, 312, 1024, 1536, 16_777_216, 2 ** 41].map(printSize)).to.deep.equal(['0 B', '312 B', '1 KiB', '1.5 KiB', '16 MiB', '2 TiB']);
  });
});

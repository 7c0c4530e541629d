import { expect } from 'chai';
import fc from 'fast-check';
import { tableLines } from '../../lib/cli/table.ts';
import { cutToWidth, textWidth, visible } from '../../lib/values/text-width.ts';
import { Schema } from '../../lib/schema/schema.ts';

const schema = new Schema([
  { name: 'id', type: { kind: 'int4' }, nullable: false },
  { name: 'name', type: { kind: 'text' }, nullable: true },
]);

describe('tables on a terminal', () => {
  it('align columns under names and types, numbers to the right, and tell null from empty text', () => {
    expect(
      tableLines(
        schema,
        [
          ['1', 'Ada'],
          ['20', null],
          ['3', ''],
        ],
        80,
      ),
    ).to.deep.equal([
      '  id  name', //
      'int4  text',
      '────  ────',
      '   1  Ada',
      '  20  ∅',
      '   3',
    ]);
  });

  it('count the cells of wide characters', () => {
    expect(['東京', '🛶', 'e\u0301', 'å', '👩‍👩‍👧', 'a'].map(textWidth)).to.deep.equal([4, 2, 1, 1, 2, 1]);
    expect(
      tableLines(
        schema,
        [
          ['1', '東京'],
          ['2', 'abcdef'],
        ],
        80,
      )[2],
    ).to.equal('────  ──────');
  });

  it('show control characters instead of obeying them', () => {
    const line = tableLines(schema, [['1', 'a\u001b[2Jb\n\u0007\u202e\u009b1']], 80)[3];
    expect(line).to.equal('   1  a␛[2Jb␊␇\\u202e\\u009b1');
  });

  it('cut the widest columns first, and name those that do not fit at all', () => {
    const wide = new Schema(Array.from({ length: 6 }, (_, i) => ({ name: `column${i}`, type: { kind: 'text' as const }, nullable: true })));
    const lines = tableLines(wide, [['x', 'a long text that does not fit', 'y', 'z', 'u', 'v']], 30);
    expect(lines).to.deep.equal([
      'colum…  colum…  colum…  colum…', //
      'text    text    text    text',
      '──────  ──────  ──────  ──────',
      'x       a lon…  y       z',
      '… and 2 more columns: column4…',
    ]);
  });

  it('never are wider than the terminal, whatever the records hold', () => {
    const cell = fc.option(fc.string({ unit: 'grapheme', maxLength: 40 }), { nil: null });
    const arbitrary = fc
      .integer({ min: 1, max: 9 })
      .chain(columns =>
        fc.tuple(
          fc.constant(columns),
          fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { maxLength: 5 }),
          fc.integer({ min: 10, max: 90 }),
        ),
      );
    fc.assert(
      fc.property(arbitrary, ([columns, rows, width]) => {
        const names = new Schema(
          Array.from({ length: columns }, (_, i) => ({ name: `${'n'.repeat(i)}${i}`, type: { kind: 'text' as const }, nullable: true })),
        );
        const lines = tableLines(names, rows, width);
        return lines.every(line => textWidth(line) <= width && !/[\u0000-\u001f]/.test(line)) && lines.length >= rows.length + 3;
      }),
    );
  });

  it('cut no character in two', () => {
    expect(cutToWidth('ab👩‍👩‍👧cd', 4)).to.equal('ab…');
    expect(cutToWidth('東京', 3)).to.equal('東…');
    expect(cutToWidth('abc', 3)).to.equal('abc');
    expect(visible('\ud800')).to.equal('\\ud800');
  });
});

import { expect } from 'chai';
import { directionHint, orderOf, parseOrder, printOrder } from '../../lib/query/order.ts';

describe('an order as text', () => {
  it('has names and paths, quoted where they need it, and - for the greatest first', () => {
    const order = parseOrder('a,-b , -"odd, ""name""", x.y[0]', '--order');
    expect(order).to.deep.equal([
      { path: ['a'], direction: 'asc' },
      { path: ['b'], direction: 'desc' },
      { path: ['odd, "name"'], direction: 'desc' },
      { path: ['x', 'y', 0], direction: 'asc' },
    ]);
    expect(printOrder(order)).to.equal('a, -b, -"odd, ""name""", x.y[0]');
    expect(orderOf(JSON.parse(JSON.stringify(order)) as unknown[])).to.deep.equal(order);
  });

  it('knows a direction that is written as in SQL, where the column is there', () => {
    const hint = (text: string): string | undefined => directionHint(text, ['amount', 'odd name', 'nulls']);
    expect(hint('amount desc')).to.equal('; its direction is written before it: -amount, with the greatest first');
    expect(hint('amount ASC')).to.equal('; its direction is written before it: amount, with the least first');
    expect(hint('amount DESC NULLS LAST')).to.include('-amount, with the greatest first; null comes last either way');
    expect(hint('amount nulls first')).to.include(': amount, with the least first; null comes last either way');
    expect(hint('odd name  descending')).to.include('-"odd name"');
    expect(['amount', 'amout desc', 'desc', 'nulls last', ''].map(hint)).to.deep.equal([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('points at what is none', () => {
    for (const [text, column] of [
      ['', 1],
      ['a,,b', 3],
      ['a,', 3],
      ['a,"b', 3],
      ['-', 1],
    ] as const) {
      expect(() => parseOrder(text, '--order'), text).to.throw(`--order: expected a column, as in country,-age, at column ${column}`);
    }
  });
});

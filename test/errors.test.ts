import { expect } from 'chai';
import { nearestName, suggestion } from '../lib/errors.ts';

describe('the nearest name', () => {
  it('is the one with the fewest letters wrong, swapped, missing or too many', () => {
    const names = ['id', 'name', 'email', 'created_at'];
    for (const [wrong, right] of [
      ['nmae', 'name'],
      ['Name', 'name'],
      ['mail', 'email'],
      ['createdAt', 'created_at'],
      ['di', 'id'],
    ] as const)
      expect(nearestName(wrong, names)).to.equal(right);
  });

  it('is none where every letter would have to change', () => {
    expect(nearestName('x', ['id', 'v'])).to.equal(undefined);
    expect(suggestion('x', ['id', 'v'])).to.equal('; there is id, v');
    expect(suggestion('x', [])).to.equal('');
  });
});

import { expect } from 'chai';
import { parseDuration, printMs } from '../../lib/values/durations.ts';

describe('lengths of time', () => {
  it('are read with their unit, as milliseconds without', () => {
    const read = ['250', '250ms', '90s', '5m', '5 min', '1.5h', '2D', '0'].map(parseDuration);
    expect(read).to.deep.equal([250, 250, 90_000, 300_000, 300_000, 5_400_000, 172_800_000, 0]);
    for (const text of ['', 's', '-1s', '5 weeks', '1e3', '5m30s', 'constructor'])
      expect(() => parseDuration(text), text)
        .to.throw()
        .with.property('code', 'OPTION_INVALID');
  });

  it('are printed in the unit that fits', () => {
    expect([0, 250, 1000, 1500, 90_000, 300_000, 5_400_000, 7_200_000].map(printMs)).to.deep.equal([
      '0 ms',
      '250 ms',
      '1 s',
      '1.5 s',
      '90 s',
      '5 min',
      '90 min',
      '2 h',
    ]);
  });
});

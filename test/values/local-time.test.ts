import { expect } from 'chai';
import fc from 'fast-check';
import { dateOf, daysOf } from '../../lib/values/calendar.ts';
import { parseDate, parseLocalTimestamp, parseTime, printLocalDate, printLocalTimestamp, printTime } from '../../lib/values/local-time.ts';
import { runs } from '../random.ts';

const days = fc.integer({ min: -2_440_588, max: 104_000_000 });
const micros = fc.integer({ min: 0, max: 86_399_999_999 });

describe('local times', () => {
  it('counts days as Date does', () => {
    fc.assert(
      fc.property(fc.integer({ min: -99_999_999, max: 99_999_999 }), count => {
        const date = new Date(count * 86_400_000);
        expect(dateOf(count)).to.deep.equal({ year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() });
        expect(daysOf(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate())).to.equal(count);
      }),
      { numRuns: runs(2000) },
    );
  });

  it('reads back every date, time and timestamp that it prints', () => {
    fc.assert(
      fc.property(days, micros, (day, time) => {
        expect(parseDate(printLocalDate(day))).to.equal(day);
        expect(parseTime(printTime(time))).to.equal(time);
        expect(parseLocalTimestamp(printLocalTimestamp({ days: day, micros: time }))).to.deep.equal({ days: day, micros: time });
      }),
    );
  });

  it('prints the forms of the value table', () => {
    expect(printLocalTimestamp({ days: 0, micros: 0 })).to.equal('1970-01-01T00:00:00');
    expect(printLocalTimestamp({ days: daysOf(-43, 3, 15) as number, micros: 1 })).to.equal('0044-03-15T00:00:00.000001 BC');
    expect(printLocalTimestamp({ days: Infinity, micros: 0 })).to.equal('infinity');
    expect(printLocalDate(-Infinity)).to.equal('-infinity');
    expect(printTime(86_400_000_000)).to.equal('24:00:00');
    expect(printTime(1500)).to.equal('00:00:00.001500');
  });

  it('refuses days and hours that there are not', () => {
    for (const text of ['2023-02-29', '2024-1-1', '1900-02-29', '2024-01-01T00:00:00', 'x'])
      expect(parseDate(text), text).to.equal(undefined);
    for (const text of ['24:00:01', '12:60', '1:00', '12:00:00.1234567']) expect(parseTime(text), text).to.equal(undefined);
    for (const text of ['2023-02-29 00:00', '2024-01-01 25:00', '2024-01-01T00:00:00Z'])
      expect(parseLocalTimestamp(text), text).to.equal(undefined);
    expect(parseLocalTimestamp('2024-02-29 24:00')).to.deep.equal({ days: daysOf(2024, 3, 1), micros: 0 });
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { Timestamp } from '../../lib/values/timestamp.ts';
import { runs } from '../random.ts';

const LEAST_MICROS = -210_866_803_200_000_000n; // 4713 BC, where PostgreSQL begins
const MOST_MICROS = 8_640_000_000_000_000_999n; // 275760, where Date ends

describe('Timestamp', () => {
  it('keeps the microseconds of every instant through its text and its count since 1970', () => {
    fc.assert(
      fc.property(fc.bigInt(LEAST_MICROS, MOST_MICROS), epochMicros => {
        const timestamp = Timestamp.fromEpochMicros(epochMicros);
        expect(timestamp.epochMicros).to.equal(epochMicros);
        expect(timestamp.micros).to.be.within(0, 999);
        expect(Timestamp.fromText(timestamp.toISOString())?.epochMicros).to.equal(epochMicros);
      }),
      { numRuns: runs(2000) },
    );
  });

  it('prints the same instant as Date does', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
        date => {
          expect(Timestamp.from(date).toISOString()).to.equal(date.toISOString().replace('.000Z', 'Z'));
        },
      ),
      { numRuns: runs(2000) },
    );
  });

  it('prints no fraction, three digits or six', () => {
    expect(new Timestamp(1_700_000_000_000).toISOString()).to.equal('2023-11-14T22:13:20Z');
    expect(new Timestamp(1_700_000_000_120).toISOString()).to.equal('2023-11-14T22:13:20.120Z');
    expect(new Timestamp(1_700_000_000_000, 7).toISOString()).to.equal('2023-11-14T22:13:20.000007Z');
    expect(new Timestamp(-1, 999).toISOString()).to.equal('1969-12-31T23:59:59.999999Z');
    expect(JSON.stringify([new Timestamp(0, 1)])).to.equal('["1970-01-01T00:00:00.000001Z"]');
  });

  it('writes years before 1 and past 9999 as PostgreSQL reads them', () => {
    for (const text of [
      '0044-03-15T00:00:00Z BC',
      '4714-11-24T00:00:00Z BC',
      '0001-12-31T23:59:59.999999Z BC',
      '10000-01-01T00:00:00Z',
      '275760-09-13T00:00:00Z',
    ]) {
      expect(Timestamp.fromText(text)?.toISOString()).to.equal(text);
    }
    expect(Timestamp.fromText('0001-12-31T23:59:59Z BC')?.getTime()).to.equal(Date.parse('0001-01-01T00:00:00Z') - 1000);
  });

  it('has infinities that print, compare and come back', () => {
    expect(Timestamp.fromText('infinity')).to.equal(Timestamp.INFINITY);
    expect(Timestamp.fromText('-infinity')).to.equal(Timestamp.NEGATIVE_INFINITY);
    expect(`${String(Timestamp.INFINITY)} ${String(Timestamp.NEGATIVE_INFINITY)}`).to.equal('infinity -infinity');
    expect(JSON.stringify([Timestamp.NEGATIVE_INFINITY])).to.equal('["-infinity"]');
    expect(Timestamp.INFINITY > new Date()).to.equal(true);
    expect(Timestamp.INFINITY.isInfinite).to.equal(true);
    expect(new Timestamp(0).isInfinite).to.equal(false);
    expect(() => Timestamp.INFINITY.epochMicros)
      .to.throw()
      .with.property('code', 'VALUE_NOT_CARRIED');
    expect(
      [Timestamp.INFINITY, new Timestamp(0, 2), Timestamp.NEGATIVE_INFINITY, new Timestamp(0, 1)].sort((a, b) => a.compare(b)).map(String),
    ).to.deep.equal(['-infinity', '1970-01-01T00:00:00.000001Z', '1970-01-01T00:00:00.000002Z', 'infinity']);
  });

  it('reads zones, a blank for the T, a missing second, midnight at the end of the day', () => {
    const iso = (text: string): string | undefined => Timestamp.fromText(text)?.toISOString();
    expect(iso('2024-01-01 12:00:00.5+02')).to.equal('2024-01-01T10:00:00.500Z');
    expect(iso('2024-01-01T12:00-03:30')).to.equal('2024-01-01T15:30:00Z');
    expect(iso('2024-02-29T23:59:60Z')).to.equal('2024-03-01T00:00:00Z');
    expect(iso('2024-12-31T24:00:00Z')).to.equal('2025-01-01T00:00:00Z');
    expect(iso('2024-01-01T00:00:00.123456000Z')).to.equal('2024-01-01T00:00:00.123456Z');
  });

  it('refuses what is no instant, or would lose digits', () => {
    for (const text of [
      '',
      'now',
      '2024-01-01',
      '2024-01-01T00:00:00',
      '2023-02-29T00:00:00Z',
      '2024-13-01T00:00:00Z',
      '2024-00-10T00:00:00Z',
      '2024-04-31T00:00:00Z',
      '2024-01-01T24:00:01Z',
      '2024-01-01T12:60:00Z',
      '2024-01-01T00:00:61Z',
      '2024-01-01T00:00:00.1234567Z',
      '2024-01-01T00:00:00+16',
      '999999-01-01T00:00:00Z',
      ' 2024-01-01T00:00:00Z',
    ]) {
      expect(Timestamp.fromText(text), text).to.equal(undefined);
    }
    expect(() => Timestamp.fromEpochMicros(9_000_000_000_000_000_000n))
      .to.throw()
      .with.property('code', 'VALUE_NOT_CARRIED');
  });

  it('behaves as an invalid Date does when it is one', () => {
    const broken = new Timestamp(Number.NaN);
    expect(JSON.stringify([broken])).to.equal('[null]');
    expect(String(broken)).to.equal('Invalid Date');
    expect(() => broken.toISOString()).to.throw(RangeError);
  });
});

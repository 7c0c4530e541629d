import { expect } from 'chai';
import fc from 'fast-check';
import { compilePredicate } from '../../lib/query/compile.ts';
import type { Path } from '../../lib/query/path.ts';
import { predicateOf } from '../../lib/query/predicate.ts';
import { Schema } from '../../lib/schema/schema.ts';
import type { TypeKind } from '../../lib/schema/types.ts';
import { JsonNull, JsonNumber } from '../../lib/values/json.ts';
import { Timestamp } from '../../lib/values/timestamp.ts';
import { instant, predicate, value, digits, number, text } from './arbitrary.ts';
import { holds, type Kind } from './reference.ts';
import { runs } from '../random.ts';

const matches = (where: unknown, record: object, schema?: Schema): boolean =>
  compilePredicate(predicateOf(where), schema).row(record as Record<string, unknown>);
const column = (kind: TypeKind, untyped = false): Schema =>
  new Schema([{ name: 'x', type: { kind }, nullable: true, ...(untyped ? { untyped: true as const } : {}) }]);
const finds = (test: unknown, found: unknown, kind?: TypeKind, untyped = false): boolean =>
  matches({ x: test }, { x: found }, kind === undefined ? undefined : column(kind, untyped));

describe('a compiled predicate', () => {
  const kinds: Record<string, Kind> = { t: 'text', n: 'numeric', u: 'untyped', d: 'timestamp' };
  const schema = new Schema([
    { name: 't', type: { kind: 'text' }, nullable: true },
    { name: 'n', type: { kind: 'numeric' }, nullable: true },
    { name: 'u', type: { kind: 'text' }, nullable: true, untyped: true },
    { name: 'd', type: { kind: 'timestamp' }, nullable: true },
  ]);
  const path = fc.constantFrom<Path>(['t'], ['n'], ['u'], ['d']);
  const nothing = fc.constant(null);
  // Instants as operands meet only columns whose texts the reference knows how to read.
  const record = fc.record({
    t: fc.oneof(
      fc.string({ maxLength: 2 }),
      fc.constantFrom('a', 'b', 'ab', '0', '\uFFFD', '\u{1F6F6}', '5', '5.0'),
      number,
      fc.boolean(),
      nothing,
    ),
    n: fc.oneof(digits, number, nothing),
    u: fc.oneof(digits, fc.constantFrom('true', 'false', 'a', 'ab', '', '10', 'NaN', ' 5'), nothing),
    d: fc.oneof(instant, nothing),
  });

  it('says of each record what the definition says, over rows, values, single values and conjuncts', () => {
    fc.assert(
      fc.property(predicate(path), record, (condition, found) => {
        const expected = holds(condition, found, kinds);
        const compiled = compilePredicate(condition, schema);
        const given = found as Record<string, unknown>;
        expect(compiled.row(given), 'row').to.equal(expected);
        expect(compiled.values(compiled.columns.map(name => given[name])), 'values').to.equal(expected);
        if (compiled.columns.length === 1) expect(compiled.value!(given[compiled.columns[0]!]), 'value').to.equal(expected);
        else expect(compiled.value).to.equal(undefined);
        const parts = compiled.conjuncts.map(({ columns, values }) => values(columns.map(name => given[name])));
        expect(parts.every(Boolean), 'conjuncts').to.equal(expected);
      }),
      { numRuns: runs(5000) },
    );
  });

  it('never fails on a value of another type, typed columns or none', () => {
    const odd = fc.oneof(
      value,
      text,
      fc.constantFrom<unknown>(
        undefined,
        Number.NaN,
        Infinity,
        [1],
        { a: 1 },
        new Date(Number.NaN),
        Timestamp.INFINITY,
        Buffer.from('a'),
        JsonNull,
        new JsonNumber('1e999999999'),
      ),
    );
    fc.assert(
      fc.property(predicate(path), odd, (condition, found) => {
        for (const known of [schema, undefined])
          expect(compilePredicate(condition, known).row({ t: found, n: found, u: found, d: found })).to.be.a('boolean');
      }),
      { numRuns: runs(1000) },
    );
  });

  it('is true of null and missing only where notExists asks, and where the complement is asked for', () => {
    for (const test of [
      { eq: 1 },
      { ne: 1 },
      { gt: 1 },
      { in: [1] },
      { notIn: [1] },
      { notIn: [] },
      { notLike: 'a' },
      { notBetween: [1, 2] },
      { exists: true },
    ]) {
      for (const record of [{ x: null }, {}, { x: undefined }, { x: JsonNull }]) {
        expect(matches({ x: test }, record), JSON.stringify(test)).to.equal(false);
        expect(matches({ not: { x: test } }, record), JSON.stringify(test)).to.equal(true);
      }
    }
    expect(matches({ x: { exists: false } }, {})).to.equal(true);
    expect(matches({ x: { notExists: true } }, { x: JsonNull })).to.equal(true);
  });

  it('compares numbers and bigints exactly, and never numbers with text', () => {
    expect(finds(5, 5.0)).to.equal(true);
    expect(finds(5n, 5)).to.equal(true);
    expect(finds({ gt: 9007199254740992 }, 9007199254740993n)).to.equal(true);
    expect(finds({ eq: 9007199254740993n }, 9007199254740992)).to.equal(false);
    expect(finds({ lt: 18446744073709551617n }, 2 ** 64)).to.equal(true);
    expect(finds({ gt: 3.5 }, 4n)).to.equal(true);
    expect(finds(5, '5')).to.equal(false);
    expect(finds({ ne: 5 }, '5')).to.equal(true);
    expect(finds('5', 5)).to.equal(false);
    expect(finds({ gt: 1 }, new JsonNumber('9007199254740993.5'))).to.equal(true);
  });

  it('puts NaN above every number, and makes it equal itself', () => {
    expect(finds({ gt: 1e308 }, Number.NaN)).to.equal(true);
    expect(finds({ gte: Infinity }, Number.NaN)).to.equal(true);
    expect(finds({ lte: 1e308 }, Number.NaN)).to.equal(false);
    expect(finds(Number.NaN, Number.NaN)).to.equal(true);
    expect(finds({ gte: 0 }, Number.NaN)).to.equal(true);
    expect(finds({ gt: 5 }, 'NaN', 'numeric')).to.equal(true);
    expect(finds({ gt: 5 }, 'NaN', 'text', true)).to.equal(false);
    expect(finds({ lt: -5 }, '-Infinity', 'numeric')).to.equal(true);
    expect(finds({ in: [Number.NaN, 1] }, Number.NaN)).to.equal(true);
  });

  it('compares digits of any length, without floats', () => {
    expect(finds({ gt: '98765432109876543210.01' }, '98765432109876543210.0123', 'numeric')).to.equal(true);
    expect(finds(1.1, '1.10', 'numeric')).to.equal(true);
    expect(finds(0.1, '0.1000000000000000055511151231257827', 'numeric')).to.equal(false);
    expect(finds({ lt: 0 }, '-0.5', 'numeric')).to.equal(true);
    expect(finds({ gt: 10n }, '9.99', 'numeric')).to.equal(false);
    expect(finds({ eq: 100 }, '1E+2', 'numeric')).to.equal(true);
    expect(finds({ lt: 1 }, '1e-999999999', 'numeric')).to.equal(true);
    expect(finds({ in: [1, 2.5, 12345678901234567890n] }, '12345678901234567890.0', 'numeric')).to.equal(true);
    expect(finds({ gt: 5 }, 'five', 'numeric')).to.equal(false);
    expect(finds({ gt: 5 }, '', 'numeric')).to.equal(false);
    expect(finds({ gte: '12.5' }, 12.5, 'numeric')).to.equal(true);
    expect(finds({ like: '12.%' }, '12.50', 'numeric')).to.equal(true);
  });

  it('compares instants by their microseconds, with ISO text, dates and Dates', () => {
    const x = Timestamp.fromText('2024-01-01T00:00:00.000001Z');
    expect(finds({ gt: '2024-01-01T00:00:00Z' }, x, 'timestamptz')).to.equal(true);
    expect(finds({ gt: new Date('2024-01-01T00:00:00Z') }, x, 'timestamptz')).to.equal(true);
    expect(finds({ eq: '2024-01-01T01:00:00.000001+01:00' }, x, 'timestamptz')).to.equal(true);
    expect(finds({ eq: '2024-01-01' }, new Date('2024-01-01T00:00:00Z'), 'timestamptz')).to.equal(true);
    expect(finds({ gte: '2024-01-01' }, Timestamp.INFINITY, 'timestamptz')).to.equal(true);
    expect(finds({ eq: 'infinity' }, Timestamp.INFINITY, 'timestamptz')).to.equal(true);
    expect(finds({ lt: Timestamp.INFINITY }, Timestamp.INFINITY, 'timestamptz')).to.equal(false);
    expect(finds({ gt: 'yesterday' }, x, 'timestamptz')).to.equal(false);
    expect(finds({ gt: 0 }, x, 'timestamptz')).to.equal(false);
    expect(finds({ gt: new Date('2023-01-01') }, '2024-01-01')).to.equal(true);
    expect(finds({ gt: '2023-01-01' }, new Date('2024-01-01'))).to.equal(true);
  });

  it('compares dates, times and timestamps without zone by what their text stands for', () => {
    expect(finds({ gt: '2024-01-01 12:30' }, '2024-01-01T12:30:00.500', 'timestamp')).to.equal(true);
    expect(finds({ eq: '2024-01-01' }, '2024-01-01T00:00:00', 'timestamp')).to.equal(true);
    expect(finds({ eq: new Date('2024-01-01T12:30:00Z') }, '2024-01-01T12:30:00', 'timestamp')).to.equal(true);
    expect(finds({ lt: '0001-01-01' }, '0044-03-15 BC', 'date')).to.equal(true);
    expect(finds({ gt: '9999-12-31' }, '12024-01-01', 'date')).to.equal(true);
    expect(finds({ gt: '9999-12-31' }, 'infinity', 'date')).to.equal(true);
    expect(finds({ lt: '2024-01-01T00:00:01' }, '2024-01-01', 'date')).to.equal(true);
    expect(finds({ between: ['2024-01-01', '2024-01-31'] }, '2024-01-31', 'date')).to.equal(true);
    expect(finds({ eq: '12:30' }, '12:30:00', 'time')).to.equal(true);
    expect(finds({ lt: '12:30:00.5' }, '12:30:00.499999', 'time')).to.equal(true);
  });

  it("reads a file's text as the literal's type", () => {
    expect(finds({ gt: 9 }, '10', 'text', true)).to.equal(true);
    expect(finds({ gt: '9' }, '10', 'text', true)).to.equal(false);
    expect(finds({ gt: 9 }, 'ten', 'text', true)).to.equal(false);
    expect(finds({ eq: 5 }, '5.0', 'text', true)).to.equal(true);
    expect(finds({ eq: 5 }, ' 5', 'text', true)).to.equal(false);
    expect(finds({ in: [5, 7] }, '7.00', 'text', true)).to.equal(true);
    expect(finds({ in: ['5', 7] }, '5', 'text', true)).to.equal(true);
    expect(finds(true, 'TRUE', 'text', true)).to.equal(true);
    expect(finds({ gte: '2024-01-01' }, '2024-03-01', 'text', true)).to.equal(true);
    expect(finds(5, '5', 'text')).to.equal(false);
  });

  it('takes the blanks that fill char(n) for nothing', () => {
    expect(finds('ab', 'ab   ', 'bpchar')).to.equal(true);
    expect(finds({ in: ['xy', 'ab '] }, 'ab   ', 'bpchar')).to.equal(true);
    expect(finds('ab', 'ab   ', 'text')).to.equal(false);
  });

  it('walks paths by own fields of plain objects and items of lists', () => {
    expect(matches({ 'a.b[1].c': 5 }, { a: { b: [0, { c: 5 }] } })).to.equal(true);
    expect(matches({ 'a.constructor': { exists: true } }, { a: {} })).to.equal(false);
    expect(matches({ 'a.length': { exists: true } }, { a: [1] })).to.equal(false);
    expect(matches({ 'a.micros': { exists: true } }, { a: Timestamp.fromEpochMicros(1) })).to.equal(false);
    expect(matches({ constructor: { exists: true }, toString: { exists: true } }, {})).to.equal(false);
    expect(matches({ ['__proto__']: { exists: true } }, {})).to.equal(false);
    expect(matches({ ['__proto__']: 5 }, JSON.parse('{"__proto__":5}') as object)).to.equal(true);
  });

  it('prefers a column of the whole name, however long its beginning', () => {
    const names = (...all: string[]): Schema => new Schema(all.map(name => ({ name, type: { kind: 'jsonb' as const }, nullable: true })));
    expect(matches({ 'a.b': 1 }, { 'a.b': 1, a: { b: 2 } }, names('a.b', 'a'))).to.equal(true);
    expect(matches({ 'a.b': 1 }, { 'a.b': 1, a: { b: 2 } })).to.equal(true);
    expect(matches({ 'a.b.c': 1 }, { 'a.b': { c: 1 } }, names('a', 'a.b'))).to.equal(true);
    expect(matches({ 'a.b': 2 }, { a: { b: 2 } }, names('a'))).to.equal(true);
    expect(compilePredicate(predicateOf({ 'a.b': 1 }), names('a', 'a.b')).columns).to.deep.equal(['a.b']);
    expect(compilePredicate(predicateOf({ 'a.b': 1 })).columns).to.deep.equal(['a.b', 'a']);
  });

  it('names the nearest column where the schema has none of that name', () => {
    const schema = new Schema([{ name: 'name', type: { kind: 'text' }, nullable: true }]);
    expect(() => compilePredicate(predicateOf({ nmae: 1 }), schema))
      .to.throw('no column "nmae"; did you mean "name"?')
      .with.property('code', 'COLUMN_UNKNOWN');
  });

  it('keeps what reads other columns apart, so that it need not be decoded', () => {
    const { columns, conjuncts } = compilePredicate(
      predicateOf({ a: { gt: 1 }, b: 'x', and: [{ a: { lt: 9 } }, { or: [{ b: 'y' }, { c: 1 }] }] }),
    );
    expect(columns).to.deep.equal(['a', 'b', 'c']);
    expect(conjuncts.map(part => part.columns)).to.deep.equal([['a'], ['b'], ['a', 'b', 'c']]);
    const merged = compilePredicate(predicateOf({ and: [{ a: { gt: 1 } }, { b: 2 }, { a: { lt: 9 } }] }));
    expect(merged.conjuncts.map(part => part.columns)).to.deep.equal([['a'], ['b']]);
  });
});

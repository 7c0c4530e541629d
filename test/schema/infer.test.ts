import { expect } from 'chai';
import fc from 'fast-check';
import { accepts, inferSchema, inferTextType, inferType } from '../../lib/schema/infer.ts';
import { textParser } from '../../lib/schema/parse.ts';
import { textPrinter } from '../../lib/schema/print.ts';
import { Schema } from '../../lib/schema/schema.ts';
import { type DataType, sameType, type TypeKind } from '../../lib/schema/types.ts';
import { JsonNull, JsonNumber } from '../../lib/values/json.ts';
import { Timestamp } from '../../lib/values/timestamp.ts';
import { runs } from '../random.ts';

describe('inferType', () => {
  const cases: [unknown[], TypeKind][] = [
    [[1, null, -5, undefined], 'int8'],
    [[1, 1.5], 'float8'],
    [[Number.NaN], 'float8'],
    [[-0], 'float8'],
    [[2 ** 53], 'float8'],
    [[1n, 2], 'int8'],
    [[2n ** 63n], 'numeric'],
    [[1n, 1.5], 'numeric'],
    [[new JsonNumber('1.00000000000000000001'), 5], 'numeric'],
    [[true, false, null], 'bool'],
    [[new Date(), new Timestamp(0)], 'timestamptz'],
    [[Buffer.from('x'), new Uint8Array(1)], 'bytea'],
    [['a', ''], 'text'],
    [[{ a: 1 }, [1]], 'jsonb'],
    [[JsonNull], 'jsonb'],
    [['a', 1], 'jsonb'],
    [[true, 1], 'jsonb'],
    [[null, undefined], 'text'],
    [[], 'text'],
  ];
  for (const [values, kind] of cases) {
    it(`takes [${values.map(value => (typeof value === 'bigint' ? `${value}n` : typeof value === 'object' && value !== null ? value.constructor.name : String(value))).join(', ')}] for ${kind}`, () => {
      expect(inferType(values).kind).to.equal(kind);
    });
  }

  it('gives a type that accepts and prints every value it was inferred from', () => {
    const value = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.bigInt(),
      fc.boolean(),
      fc.string(),
      fc.constant(null),
      fc.date({ noInvalidDate: true }),
      fc.jsonValue(),
      fc.uint8Array(),
      fc.constant(JsonNull),
    );
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), values => {
        const type = inferType(values);
        for (const each of values) {
          if (each === null || each === undefined) continue;
          expect(accepts(type)(each), type.kind).to.equal(true);
          expect(textPrinter(type)(each)).to.be.a('string');
        }
      }),
      { numRuns: runs(1000) },
    );
  });
});

describe('inferSchema', () => {
  it('takes columns in the order in which they appear, all nullable', () => {
    expect(inferSchema([{ b: 1 }, { a: 'x', b: null }, { c: true, ['__proto__x']: 1 }]).toString()).to.equal(
      'b int8?, a text?, c bool?, __proto__x int8?',
    );
  });

  it('keeps exactly the types of a hint that all values fit', () => {
    const hint = new Schema([
      { name: 'amount', type: { kind: 'numeric', precision: 14, scale: 4 }, nullable: false },
      { name: 'key', type: { kind: 'uuid' }, nullable: false },
      { name: 'mood', type: { kind: 'enum', name: 'public.mood', labels: ['sad', 'ok'] }, nullable: false },
      { name: 'small', type: { kind: 'int2' }, nullable: false },
      { name: 'tags', type: { kind: 'array', element: { kind: 'text' } }, nullable: false },
    ]);
    const row = { amount: '1.5000', key: '5f0c7d7e-0000-4000-8000-000000000000', mood: 'ok', small: 7, tags: ['a', null] };
    const kept = inferSchema([row], hint);
    for (const { name, type } of hint.fields) expect(sameType(kept.field(name).type, type), name).to.equal(true);
    expect(inferSchema([{ ...row, amount: 'much', key: 'x', mood: 'glad', small: 70_000, tags: [1] }], hint).toString()).to.equal(
      'amount text?, key text?, mood text?, small int8?, tags jsonb?',
    );
  });
});

describe('accepts', () => {
  const cases: [DataType, unknown[], unknown[]][] = [
    [{ kind: 'int2' }, [0, -32_768, 5n], [32_768, 1.5, '1', true, Number.NaN, null]],
    [{ kind: 'int8' }, [2 ** 53 - 1, 2n ** 63n - 1n], [2 ** 53, 2n ** 63n, '1']],
    [{ kind: 'float8' }, [1, Number.NaN, -0], ['1', 1n]],
    [{ kind: 'numeric' }, ['1.50', 'NaN', '-Infinity', 1, 1n, new JsonNumber('1e400')], ['', 'x', '1,5', true]],
    [{ kind: 'varchar', length: 2 }, ['ab', '🙂🙂', ''], ['abc', 1]],
    [{ kind: 'timestamptz' }, [new Date(), Timestamp.INFINITY, '2024-01-01T00:00:00Z'], ['2024-01-01', 5, new Date(Number.NaN)]],
    [{ kind: 'timestamp' }, ['2024-01-01T00:00:00', 'infinity'], ['2024-02-30T00:00:00', new Date()]],
    [{ kind: 'date' }, ['2024-02-29'], ['2023-02-29', new Date()]],
    [{ kind: 'time' }, ['24:00:00'], ['24:00:01']],
    [{ kind: 'array', element: { kind: 'int4' } }, [[1, null], [[1], [2]], []], [['1'], 1, [1.5]]],
    [{ kind: 'array', element: { kind: 'jsonb' } }, [[[1], 'x', { a: 1 }]], ['x']],
  ];
  for (const [type, yes, no] of cases) {
    it(`takes for ${type.kind} only what records hold`, () => {
      for (const value of yes) expect(accepts(type)(value)).to.equal(true);
      for (const value of no) if (value !== null) expect(accepts(type)(value)).to.equal(false);
    });
  }
});

describe('inferTextType', () => {
  const cases: [(string | null)[], TypeKind][] = [
    [['1', '-20', null], 'int8'],
    [['0', '999999999999999'], 'int8'],
    [['1', '1.50'], 'numeric'],
    [['true', 'false'], 'bool'],
    [['2024-01-01', '2024-02-29'], 'date'],
    [['2024-01-01T00:00:00Z', '2024-01-01 00:00:00.5+02:00'], 'timestamptz'],
    [['2024-01-01T00:00:00', '2024-01-01 10:00'], 'timestamp'],
    [['5f0c7d7e-0000-4000-8000-000000000000'], 'uuid'],
    [['007'], 'text'],
    [['1234567890123456'], 'text'],
    [['+1'], 'text'],
    [['1e3'], 'text'],
    [['-0'], 'text'],
    [['True'], 'text'],
    [['2024-02-30'], 'text'],
    [['2024-01-01', '1'], 'text'],
    [['5F0C7D7E-0000-4000-8000-000000000000'], 'text'],
    [['1', 'x'], 'text'],
    [['NaN'], 'text'],
    [[' 1'], 'text'],
    [[null], 'text'],
    [[], 'text'],
  ];
  for (const [texts, kind] of cases) {
    it(`takes ${texts.join(', ') || 'nothing'} for ${kind}`, () => {
      expect(inferTextType(texts).kind).to.equal(kind);
    });
  }

  it('never takes a type that would change a number or a word', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[-+]?[0-9a-f.e:-]{1,20}$/), text => {
        const type = inferTextType([text]);
        if (type.kind.startsWith('timestamp')) return;
        expect(textPrinter(type)(textParser(type)(text))).to.equal(text);
      }),
      { numRuns: runs(2000) },
    );
  });
});

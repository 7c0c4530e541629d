import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import { RecordBatch } from '../../lib/core/batch/batch.ts';
import type { AnyBatch } from '../../lib/core/define.ts';
import type { PipelineError } from '../../lib/core/run/pipeline-error.ts';
import { run } from '../../lib/core/run/run.ts';
import { stagesOf } from '../../lib/core/run/face.ts';
import type { Stage } from '../../lib/core/run/stage.ts';
import { compareSortValues, sortReadingOf, sortValueOf } from '../../lib/query/sort-value.ts';
import { Schema } from '../../lib/schema/schema.ts';
import type { DataType } from '../../lib/schema/types.ts';
import { cut } from '../../lib/testing/case.ts';
import { collector, listSource } from '../../lib/testing/probes.ts';
import { JsonNull, JsonNumber } from '../../lib/values/json.ts';
import { Timestamp } from '../../lib/values/timestamp.ts';
import { dedupe, dedupeKind } from '../../operators/dedupe.ts';
import { fakeContext } from './fake-context.ts';

type Row = Record<string, unknown>;
const stage = (face: unknown): Stage => stagesOf(face)?.[0] as Stage;
const only = (values: readonly unknown[]): Row[] => values.map((v, i) => ({ v, i }));
const column = (type: DataType, more: object = {}): Schema =>
  new Schema([
    { name: 'v', type, nullable: true, ...more },
    { name: 'i', type: { kind: 'int8' }, nullable: false },
  ]);

/** Which of the records remain, by their number. */
async function kept(values: readonly unknown[], schema?: Schema, last?: number): Promise<number[]> {
  const target = collector({});
  await run([listSource(cut(only(values), [3, 1, 5]), schema), stage(dedupe<Row>('v', { last })), target.stage], {});
  return (target.rows as Row[]).map(row => Number(row['i']));
}

/** The first of each, by comparing each with all before it. */
function firstOfEach(values: readonly unknown[], isSame: (a: unknown, b: unknown) => boolean): number[] {
  return values.flatMap((value, i) => (values.slice(0, i).some(other => isSame(value, other)) ? [] : [i]));
}

const moments = fc
  .tuple(fc.constantFrom(0, 1, -1, 1e12), fc.constantFrom(0, 1, 999))
  .map(([ms, micros]) => (micros === 0 ? new Date(ms) : new Timestamp(ms, micros)));
const scalars = fc.oneof(
  fc.constantFrom(
    null,
    true,
    false,
    0,
    -0,
    1,
    1.5,
    NaN,
    Infinity,
    '',
    '0',
    '1',
    'null',
    'true',
    '\0',
    '\0s',
    '\0j',
    '_',
    's1:1',
    'a',
    JsonNull,
  ),
  fc.constantFrom(1n, 2n ** 60n, 2 ** 60, new JsonNumber('1'), new JsonNumber('1.0'), new JsonNumber('12345678901234567890.1')),
  moments,
  fc.constantFrom(Timestamp.INFINITY, Timestamp.NEGATIVE_INFINITY, Buffer.from('1'), Buffer.from('a'), Buffer.from([0, 255])),
);
const nested = fc.oneof(
  scalars,
  fc.array(scalars, { maxLength: 2 }),
  fc.dictionary(fc.constantFrom('a', 'b'), fc.oneof(scalars, fc.array(scalars, { maxLength: 1 }))),
);

/** Another form of the same, for which Node's own comparison is right. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return BigInt(Number(value)) === value ? Number(value) : value;
  if (value === undefined) return null;
  if (value === 0) return 0;
  if (value instanceof Timestamp && value.isInfinite) return { infinite: value.valueOf() > 0 };
  if (value instanceof Date) return { at: value.getTime(), micros: value instanceof Timestamp ? value.micros : 0 };
  if (value instanceof JsonNumber) return Number.isSafeInteger(Number(value.text)) ? Number(value.text) : { number: value.text };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || value === JsonNull || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}

describe('operator dedupe', () => {
  it('keeps the first record of each value, whatever the values are', () =>
    fc.assert(
      fc.asyncProperty(fc.array(nested, { maxLength: 30 }), async values => {
        const expected = firstOfEach(values, (a, b) => isDeepStrictEqual(plain(a), plain(b)));
        expect(await kept(values)).to.deep.equal(expected);
      }),
    ));

  for (const [type, texts] of [
    [
      { kind: 'numeric' },
      [
        '1',
        '1.0',
        '01',
        '1.00000000000000000000000',
        '-0',
        '0',
        '0.1',
        '.1',
        '1e-1',
        'NaN',
        '12345678901234567890',
        '12345678901234567890.0',
        'Infinity',
      ],
    ],
    [{ kind: 'bpchar' }, ['a', 'a  ', 'b', '', ' ', ' a']],
    [{ kind: 'date' }, ['2024-01-01', '2024-01-02', 'infinity', '-infinity']],
    [{ kind: 'timestamp' }, ['2024-01-01T00:00:00', '2024-01-01 00:00:00', '2024-01-01T00:00:00.000001']],
    [{ kind: 'timestamptz' }, [new Date(0), new Timestamp(0, 0), new Timestamp(0, 1), '1970-01-01T00:00:00Z', '1970-01-01T01:00:00+01:00']],
    [{ kind: 'text' }, ['1', '1.0', '01', 'a', 'a ', 'A', 'é', 'e\u0301']],
    [{ kind: 'array', element: { kind: 'numeric' } }, [['1'], ['1.0'], [], [null], ['1', '2'], [['1']]]],
  ] as [DataType, unknown[]][]) {
    it(`tells values of ${type.kind} apart as sort does`, async () => {
      const reading = sortReadingOf({ type });
      const order = (a: unknown, b: unknown): boolean => compareSortValues(sortValueOf(a, reading), sortValueOf(b, reading)) === 0;
      const values = [...texts, null, ...texts.toReversed(), undefined];
      expect(await kept(values, column(type))).to.deep.equal(firstOfEach(values, order));
    });
  }

  it('takes text of a file for text', async () => {
    expect(await kept(['1', '1.0', '01', '1'], column({ kind: 'text' }, { untyped: true }))).to.deep.equal([0, 1, 2]);
  });

  it('tells keys of several columns apart where their parts would run into one another', async () => {
    const parts = fc.constantFrom<unknown>('', 'a', ';', 's1:a', 1, '1', null, '_;', '1;');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(parts, parts), { maxLength: 40 }), async pairs => {
        const target = collector({});
        const rows = pairs.map(([a, b], i) => ({ a, b, i }));
        await run([listSource(cut(rows, [4])), stage(dedupe<Row>(['a', 'b'])), target.stage], {});
        const expected = firstOfEach(pairs, (a, b) => isDeepStrictEqual(a, b));
        expect((target.rows as Row[]).map(row => row['i'])).to.deep.equal(expected);
      }),
    );
  });

  it('takes whole records for the same in whatever order their fields are', async () => {
    const target = collector({});
    const rows = [{ a: 1, b: 2 }, { b: 2, a: 1 }, { a: 1 }, { a: 1, b: undefined }, { a: 1, b: 3 }];
    await run([listSource([rows]), stage(dedupe<Row>()), target.stage], {});
    expect(target.rows).to.deep.equal([rows[0], rows[2], rows[4]]);
  });

  it('forgets the oldest of the last keys, and only then', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.nat(12), { maxLength: 200 }), fc.integer({ min: 1, max: 8 }), async (values, last) => {
        let window: number[] = [];
        const expected = values.flatMap((value, i) => {
          if (window.includes(value)) return [];
          window = [...window, value].slice(-last);
          return [i];
        });
        expect(await kept(values, undefined, last)).to.deep.equal(expected);
      }),
    ));

  it('gives the memory of forgotten keys back', () => {
    const context = fakeContext();
    const change = dedupeKind.definition.batch!({ key: ['v'], last: 10 }, context, undefined);
    const after = [10, 10_000].map(count => {
      void change(RecordBatch.of(only(Array.from({ length: count }, (_, i) => `key ${String(i).padStart(6, '0')}`))) as AnyBatch);
      return context.counts.charged;
    });
    expect(after[1]).to.equal(after[0]).and.to.be.greaterThan(0);
  });

  it('ends the run where its keys are more than operators may keep', async () => {
    const rows = only(Array.from({ length: 2000 }, (_, i) => i));
    const ended = run([listSource(cut(rows, [100])), stage(dedupe<Row>('v')), collector({}).stage], { stateMemory: '64KiB' });
    const error = await ended.then(
      () => undefined,
      (thrown: unknown) => thrown as PipelineError,
    );
    expect(error?.code).to.equal('STATE_TOO_LARGE');
    expect(error?.message).to.contain('stateMemory');
    expect(
      await run([listSource(cut(rows, [100])), stage(dedupe<Row>('v', { last: 100 })), collector({}).stage], { stateMemory: '64KiB' }),
    ).to.include({ written: 2000 });
  });

  it('goes on from saved keys of any value, through JSON; and saves none where they are too many', () => {
    fc.assert(
      fc.property(fc.array(nested, { maxLength: 20 }), values => {
        const first = fakeContext();
        void dedupeKind.definition.batch!({ key: ['v'] }, first, undefined)(RecordBatch.of(only(values)) as AnyBatch);
        const second = fakeContext();
        const change = dedupeKind.definition.batch!({ key: ['v'] }, second, undefined);
        second.kept.state!.load(JSON.parse(JSON.stringify(first.kept.state!.save())) as never);
        expect((change(RecordBatch.of(only(values)) as AnyBatch) as AnyBatch).length).to.equal(0);
      }),
    );
    const context = fakeContext();
    const change = dedupeKind.definition.batch!({ key: ['v'] }, context, undefined);
    void change(RecordBatch.of(only(Array.from({ length: 5000 }, (_, i) => `${i}`.padEnd(1000)))) as AnyBatch);
    expect(context.kept.state!.save()).to.equal(undefined);
  });

  it('refuses a record whose key cannot be read, and no other', async () => {
    const loop: Row = {};
    loop['v'] = loop;
    const letters = collector({});
    const target = collector({});
    await run([listSource([[{ v: 1 }, loop, { v: 2 }]]), stage(dedupe<Row>('v')), target.stage], { deadLetter: letters.face as never });
    expect(target.rows).to.deep.equal([{ v: 1 }, { v: 2 }]);
    expect(letters.rows.map(row => (row as Row)['code'])).to.deep.equal(['VALUE_INVALID']);
  });

  it('says of a column that is not there which one is near, before the first record', async () => {
    const ended = run([listSource([[{ v: 1, i: 1 }]], column({ kind: 'int4' })), stage(dedupe<Row>('w')), collector({}).stage], {});
    const error = await ended.catch((thrown: unknown) => thrown as PipelineError);
    expect(error).to.include({ code: 'COLUMN_UNKNOWN' });
  });
});

import { readdirSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect } from 'chai';
import fc from 'fast-check';
import { openSpill } from '../../lib/clients/file/spill.ts';
import type { RunOptions } from '../../lib/core/contracts.ts';
import { stagesOf } from '../../lib/core/run/face.ts';
import type { PipelineError } from '../../lib/core/run/pipeline-error.ts';
import type { Report } from '../../lib/core/run/report.ts';
import { run } from '../../lib/core/run/run.ts';
import type { Stage } from '../../lib/core/run/stage.ts';
import type { Services } from '../../lib/core/spill.ts';
import { MillraceError } from '../../lib/errors.ts';
import { type Field, Schema } from '../../lib/schema/schema.ts';
import type { DataType } from '../../lib/schema/types.ts';
import { cut } from '../../lib/testing/case.ts';
import { collector, failingSource, listSource } from '../../lib/testing/probes.ts';
import { JsonNull, JsonNumber } from '../../lib/values/json.ts';
import { Timestamp } from '../../lib/values/timestamp.ts';
import { map } from '../../operators/map.ts';
import { project } from '../../operators/project.ts';
import { skip } from '../../operators/skip.ts';
import { sort, sortKind } from '../../operators/sort.ts';
import { take } from '../../operators/take.ts';
import { tap } from '../../operators/tap.ts';
import { compareSortValues, sortReadingOf, type SortValue, sortValueOf } from '../../lib/query/sort-value.ts';
import { runs } from '../random.ts';

type Row = Record<string, unknown>;
const staged = (...faces: readonly unknown[]): Stage[] => faces.flatMap(face => [...(stagesOf(face) ?? [])]);
/** How often something was put aside. */
let spilled = 0;
const services: Services = {
  openSpill: folder => {
    spilled++;
    return openSpill(folder);
  },
};

interface Sorted {
  readonly rows: Row[];
  readonly report: Report;
}

async function sorted(
  input: readonly Row[],
  faces: readonly unknown[],
  { schema, sizes = [7, 1, 30], ...options }: RunOptions & { schema?: Schema | undefined; sizes?: readonly number[] } = {},
): Promise<Sorted> {
  const target = collector({});
  const report = await run([listSource(cut(input, sizes), schema), ...staged(...faces), target.stage], options, services);
  return { rows: target.rows as Row[], report };
}

const only = (values: readonly unknown[]): Row[] => values.map((v, i) => ({ v, i }));
const schemaOf = (type: DataType, more: Partial<Field> = {}): Schema =>
  new Schema([
    { name: 'v', type, nullable: true, ...more },
    { name: 'i', type: { kind: 'int8' }, nullable: false },
  ]);

async function inOrder(values: readonly unknown[], schema?: Schema, key: 'v' | '-v' = 'v'): Promise<unknown[]> {
  return (await sorted(only(values), [sort<Row>(key)], { schema })).rows.map(row => row['v']);
}

/** Open descriptors of files that have no name any more. */
function spillsOpen(): number {
  return readdirSync('/proc/self/fd').filter(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('.millrace.');
    } catch {
      return false;
    }
  }).length;
}
const namedSpills = (): string[] => readdirSync(tmpdir()).filter(name => name.startsWith('.millrace.'));

describe('sort', () => {
  it('puts null and missing last in either direction, and equal records as they came', async () => {
    const input: Row[] = [{ a: 2, i: 0 }, { a: null, i: 1 }, { i: 2 }, { a: 1, i: 3 }, { a: 2, i: 4 }, { a: JsonNull, i: 5 }];
    const ids = async (key: 'a' | '-a'): Promise<unknown[]> => (await sorted(input, [sort<Row>(key)])).rows.map(row => row['i']);
    expect(await ids('a')).to.deep.equal([3, 0, 4, 1, 2, 5]);
    expect(await ids('-a')).to.deep.equal([0, 4, 3, 1, 2, 5]);
  });

  it('compares numbers exactly whatever their form, NaN the greatest', async () => {
    const big = 9007199254740993n;
    expect(await inOrder([NaN, Infinity, 1, 0.5, big, 2 ** 53, -Infinity, new JsonNumber('9007199254740992.5'), -1n])).to.deep.equal([
      -Infinity,
      -1n,
      0.5,
      1,
      2 ** 53,
      new JsonNumber('9007199254740992.5'),
      big,
      Infinity,
      NaN,
    ]);
    const digits = ['0.1', '10', '9', 'NaN', '-Infinity', '0.10000000000000000000000001', '-1e400', '0.1000', 'Infinity', '-0.5'];
    expect(await inOrder(digits, schemaOf({ kind: 'numeric' }))).to.deep.equal([
      '-Infinity',
      '-1e400',
      '-0.5',
      '0.1',
      '0.1000',
      '0.10000000000000000000000001',
      '9',
      '10',
      'Infinity',
      'NaN',
    ]);
    expect((await inOrder(digits, schemaOf({ kind: 'numeric' }), '-v')).slice(0, 4)).to.deep.equal(['NaN', 'Infinity', '10', '9']);
  });

  it('compares texts by code point, however alike they begin', async () => {
    const texts = ['\u{1F6F6}', '\uE000', 'aaaaaaab', 'aaaaaaa', 'aaaaaaaa', '', 'é', 'Z', 'a', 'aaaaaa', 'aaaaaa\0', '\uD83D', 'z'];
    const byCodePoint = texts.toSorted((a, b) => {
      const [x, y] = [Array.from(a, c => c.codePointAt(0)!), Array.from(b, c => c.codePointAt(0)!)];
      const at = x.findIndex((point, i) => point !== y[i]);
      return at < 0 ? x.length - y.length : x[at]! - (y[at] ?? -1);
    });
    expect(await inOrder(texts)).to.deep.equal(byCodePoint);
    expect(await inOrder(texts, undefined, '-v')).to.deep.equal(byCodePoint.toReversed());
  });

  it('reads texts as their column says: dates, times, the blanks of char(n), digits of a file', async () => {
    expect(
      await inOrder(['2024-01-01', 'infinity', '0044-03-15 BC', '12024-01-01', '-infinity'], schemaOf({ kind: 'date' })),
    ).to.deep.equal(['-infinity', '0044-03-15 BC', '2024-01-01', '12024-01-01', 'infinity']);
    expect(await inOrder(['a ', 'a', 'a  b', 'a\t'], schemaOf({ kind: 'bpchar', length: 4 }))).to.deep.equal(['a ', 'a', 'a\t', 'a  b']);
    expect(await inOrder(['10', '9', 'x', '1e1', null, '-3.5', '010'], schemaOf({ kind: 'text' }, { untyped: true }))).to.deep.equal([
      '-3.5',
      '9',
      '10',
      '1e1',
      '010',
      'x',
      null,
    ]);
    const instants = ['2024-01-01T00:00:00.000001Z', '2024-01-01T00:00:00Z', '-infinity', 'infinity', '9999-12-31T00:00:00.000002Z'].map(
      text => Timestamp.fromText(text)!,
    );
    const order = (await inOrder([...instants, new Date(NaN), new Date(0)], schemaOf({ kind: 'timestamptz' }))) as Date[];
    expect(order.map(date => (Number.isNaN(date.getTime()) ? String(date) : date.toISOString()))).to.deep.equal([
      '-infinity',
      '1970-01-01T00:00:00.000Z',
      '2024-01-01T00:00:00Z',
      '2024-01-01T00:00:00.000001Z',
      '9999-12-31T00:00:00.000002Z',
      'infinity',
      'Invalid Date',
    ]);
  });

  it('never throws on any mix of values, and gives each of them once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true })), async values => {
        const rows = (await sorted(only(values), [sort<Row>('v')])).rows.map(row => row['i'] as number);
        expect(rows.toSorted((a, b) => a - b)).to.deep.equal(values.map((_, i) => i));
      }),
      { numRuns: runs(60) },
    );
  });

  it('takes paths, columns in an object, and the order as JSON', async () => {
    const input: Row[] = [{ m: { a: [2] } }, { m: { a: [1] } }, { 'm.a': [0] }, { m: 5 }];
    const { rows } = await sorted(input, [sortKind.create<Row, Row>({ by: ['m.a[0]'] }, undefined)]);
    expect(rows).to.deep.equal([input[2], input[1], input[0], input[3]]);
    const odd: Row[] = [{ '-x': 1 }, { '-x': 2 }];
    expect((await sorted(odd, [sort<Row>({ '-x': 'desc' })])).rows).to.deep.equal(odd.toReversed());
    expect((await sorted(odd, [sortKind.create<Row, Row>({ by: [{ path: ['-x'], direction: 'desc' }] }, undefined)])).rows).to.deep.equal(
      odd.toReversed(),
    );
    expect(() => sort()).to.throw(MillraceError, 'it is empty');
    expect(() => sortKind.create({ by: [{ a: 'up' }] }, undefined)).to.throw('the direction of "a"');
    const unknown = await sorted(only([1]), [sort<Row>('w')], { schema: schemaOf({ kind: 'int4' }) }).catch((error: unknown) => error);
    expect(unknown).to.include({ code: 'COLUMN_UNKNOWN', stage: 'sort' });
    const asSql = await sorted(only([1]), [sort<Row>('v desc' as never)], { schema: schemaOf({ kind: 'int4' }) }).catch(
      (error: unknown) => error,
    );
    expect(asSql).to.include({
      code: 'COLUMN_UNKNOWN',
      message: 'no column "v desc"; its direction is written before it: -v, with the greatest first',
    });
  });

  it('keeps no more than the records that a take behind it needs', async () => {
    const input = only(Array.from({ length: 20_000 }, (_, i) => (i * 7919) % 20_000));
    const { rows, report } = await sorted(input, [sort<Row>('-v'), project<Row, string>('v'), skip(2), take(3)], {
      stateMemory: 300_000,
      sizes: [500],
    });
    expect(rows).to.deep.equal([{ v: 19_997 }, { v: 19_996 }, { v: 19_995 }]);
    expect(report.stages[1]).to.include({ in: 20_000, out: 5, dropped: 19_995 });
    expect(spillsOpen()).to.equal(0);
  });

  it('says how much it may keep where it has no disk', async () => {
    const target = collector({});
    const input = only(Array.from({ length: 5000 }, (_, i) => i));
    const failed = await run([listSource(cut(input, [100])), ...staged(sort<Row>('v')), target.stage], { stateMemory: 10_000 }).catch(
      (error: unknown) => error as PipelineError,
    );
    expect(failed).to.include({ code: 'STATE_TOO_LARGE', stage: 'sort' });
  });
});

const value: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -5, max: 5 }) },
  fc.double(),
  fc.string({ maxLength: 9, unit: fc.constantFrom('a', 'b', '\u{1F6F6}', '\uE000', 'é') }),
  fc.constantFrom(null, undefined, NaN, -0, 2n ** 70n, -(2n ** 53n), JsonNull, new JsonNumber('1.00000000000000000001'), true, false, ''),
  fc.constantFrom(
    Timestamp.INFINITY,
    Timestamp.NEGATIVE_INFINITY,
    new Timestamp(5, 1),
    new Date(5),
    Buffer.from('ab'),
    new Uint8Array([97]),
  ),
  fc.constantFrom([1, null, 'x'], { a: { b: [1n] } }, [], {}, new Map([[1, 'x']]), new Set(['\uD800']), 'ÿ'.repeat(100), 'Ā'.repeat(100)),
);
const record = fc.oneof(
  fc.record({ a: value, b: value, c: value }),
  fc.record({ a: value, b: value, c: value }, { requiredKeys: [] }),
  fc.record({ b: value, ['__proto__']: value, a: value }),
);
/** The order by the values themselves, key by key. */
function byKeys(keys: readonly string[], a: Row, b: Row): number {
  for (const one of keys) {
    const [sign, name] = one.startsWith('-') ? [-1, one.slice(1)] : [1, one];
    const [left, right] = [a, b].map(row => sortValueOf(row[name], sortReadingOf(undefined))) as [SortValue, SortValue];
    const difference =
      left === null || right === null ? Number(left === null) - Number(right === null) : sign * compareSortValues(left, right);
    if (difference !== 0) return difference;
  }
  return 0;
}

const key = fc.constantFrom<'a' | '-a' | 'b' | '-b' | 'c'>('a', '-a', 'b', '-b', 'c');

describe('sort that puts records aside', () => {
  it('gives what it gives in memory, whatever the records, the keys and the memory, and leaves nothing open', async function () {
    this.timeout(60_000);
    spilled = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 150 }),
        fc.array(key, { minLength: 1, maxLength: 3 }),
        fc.option(fc.nat({ max: 40 }), { nil: undefined }),
        fc.integer({ min: 1, max: 20_000 }),
        async (records, keys, limit, stateMemory) => {
          const input = records.map((one, i) => ({ ...one, i })) as Row[];
          const faces = (): unknown[] => [sort<Row>(...keys), ...(limit === undefined ? [] : [take(limit)])];
          const here = await sorted(input, faces());
          const there = await sorted(input, faces(), { stateMemory, batchRows: 16 });
          expect(here.rows.map(row => row['i'])).to.deep.equal(
            input
              .toSorted((a, b) => byKeys(keys, a, b))
              .slice(0, limit)
              .map(row => row['i']),
          );
          expect(there.rows.map(row => row['i'])).to.deep.equal(here.rows.map(row => row['i']));
          for (const [at, row] of there.rows.entries()) {
            const own = input[row['i'] as number]!;
            expect(Object.keys(row), `keys of ${at}`).to.deep.equal(Object.keys(own));
            expect(row).to.deep.equal(own);
            for (const name of Object.keys(own)) {
              expect(Object.getPrototypeOf(row[name] ?? 0)).to.equal(Object.getPrototypeOf(own[name] ?? 0));
              expect(Object.is(row[name], own[name]) || typeof own[name] === 'object').to.equal(true);
            }
          }
        },
      ),
      { numRuns: runs(150) },
    );
    expect(spilled).to.be.greaterThan(runs(20));
    expect(spillsOpen()).to.equal(0);
    expect(namedSpills()).to.deep.equal([]);
  });

  it('equals a stable Array.sort over many runs, merged in more than one pass', async () => {
    const input = Array.from({ length: 30_000 }, (_, i): Row => ({ n: (i * 7919) % 997, t: `k${(i * 31) % 613}`, i }));
    const expected = input.toSorted(
      (a, b) => (b['n'] as number) - (a['n'] as number) || ((a['t'] as string) < (b['t'] as string) ? -1 : a['t'] === b['t'] ? 0 : 1),
    );
    const { rows, report } = await sorted(input, [sort<Row>('-n', 't')], { stateMemory: 20_000, sizes: [100] });
    expect(rows).to.deep.equal(expected);
    expect(report.stages[1]).to.include({ in: 30_000, out: 30_000, dropped: 0 });
  });

  it('leaves nothing behind when the source fails, the sink fails, no more is needed or the run is aborted, at any point', async () => {
    const input = only(Array.from({ length: 4000 }, (_, i) => -i));
    const pieces = cut(input, [100]);
    const small = { stateMemory: 20_000 };
    const messageOf = (error: unknown): string => (error as Error).message;
    const fails = async (stages: Stage[], options: RunOptions = {}): Promise<string> =>
      run(stages, { ...small, ...options }, services).then(() => 'ended well', messageOf);
    for (const after of [0, 1, 20, 40]) {
      expect(await fails([failingSource(pieces, after), ...staged(sort<Row>('v')), collector({}).stage])).to.equal('the source fails');
      const abort = new AbortController();
      const source = listSource(pieces, undefined, i => i === after && abort.abort());
      const target = collector({ delay: true });
      // All has come in by then: it is aborted while it is merged.
      const behind = after === 40 ? [tap(() => abort.abort())] : [];
      expect(await fails([source, ...staged(sort<Row>('v'), ...behind), target.stage], { signal: abort.signal, batchRows: 8 })).to.equal(
        'the run was cancelled',
      );
      expect(
        await fails([listSource(pieces), ...staged(sort<Row>('v')), collector({ failAfter: after % 2 }).stage], { batchRows: 8 }),
      ).to.equal('the sink fails');
      expect(spillsOpen()).to.equal(0);
    }
    const enough = await sorted(input, [sort<Row>('v'), map((row: Row) => row), take(5)], { ...small, batchRows: 8 });
    expect(enough.rows.map(row => row['v'])).to.deep.equal([-3999, -3998, -3997, -3996, -3995]);
    expect(spillsOpen()).to.equal(0);
    expect(namedSpills()).to.deep.equal([]);
  });

  it('is an error with a code when the disk is full, the folder is not there, or a value has no form on disk', async () => {
    const input = only(Array.from({ length: 3000 }, (_, i) => i));
    const outcome = async (rows: readonly Row[], openHere: Services['openSpill'], options: RunOptions = {}): Promise<unknown> =>
      run(
        [listSource(cut(rows, [50])), ...staged(sort<Row>('v')), collector({}).stage],
        { stateMemory: 5000, ...options },
        { openSpill: openHere! },
      ).catch((error: unknown) => error);
    let closed = 0;
    const full: Services['openSpill'] = () =>
      Promise.resolve({
        write: () => Promise.reject(new MillraceError('DISK_FULL', 'no space is left')),
        read: () => Promise.reject(new Error('nothing to read')),
        close: () => Promise.resolve(void closed++),
      });
    expect(await outcome(input, full)).to.include({ code: 'DISK_FULL', stage: 'sort' });
    expect(closed).to.equal(1);
    expect(await outcome(input, openSpill, { spillFolder: '/nowhere/at/all' })).to.include({ code: 'NOT_FOUND', stage: 'sort' });
    const odd = input.map((row, i) => (i === 100 ? { ...row, f: () => 1 } : row));
    expect(await outcome(odd, openSpill)).to.include({ code: 'VALUE_NOT_CARRIED', stage: 'sort' });
    expect(spillsOpen()).to.equal(0);
  });
});

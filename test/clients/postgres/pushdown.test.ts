import { expect } from 'chai';
import fc from 'fast-check';
import { filterBy, filterKind } from '../../../operators/filter.ts';
import { projectKind } from '../../../operators/project.ts';
import { sortKind } from '../../../operators/sort.ts';
import { map, plan, skip, type Source, take } from '../../../lib/index.ts';
import { operandOf, type Operand } from '../../../lib/query/operand.ts';
import type { Path } from '../../../lib/query/path.ts';
import { pathsOf, type Predicate } from '../../../lib/query/predicate.ts';
import { planStages, runStages } from '../../../lib/core/run/pipeline.ts';
import type { Operator } from '../../../lib/core/contracts.ts';
import type { Report } from '../../../lib/core/run/report.ts';
import { memory } from '../../../sinks/memory.ts';
import { postgres } from '../../../sources/postgres.ts';
import { digits, number, predicate, text } from '../../query/arbitrary.ts';
import { runs } from '../../random.ts';
import { freshDatabase, sql } from '../../services/postgres.ts';
import { serverKnows } from '../../services/server-features.ts';

type Row = Record<string, unknown>;

/** By column: its type, and values that are apt to be confused, as SQL literals (NULL comes by itself). */
const COLUMNS: Readonly<Record<string, readonly [type: string, values: readonly string[]]>> = {
  i2: ['int2', ['-32768', '0', '5', '20']],
  i4: ['int4', ['-5', '0', '1', '20', '2147483647']],
  i8: ['int8', ['-1', '5', '9007199254740992', '9007199254740993', '-9007199254740993', '9223372036854775807', '-9223372036854775808']],
  o: ['oid', ['0', '5', '4294967295']],
  f4: ['float4', ['0', '-0', '0.1', '5', 'NaN', 'Infinity']],
  f8: ['float8', ['0', '-0', '0.1', '0.30000000000000004', '5', '-2.25', 'NaN', 'Infinity', '-Infinity', '9007199254740992', '5e-324']],
  n: [
    'numeric',
    [
      '0',
      '0.1',
      '0.10',
      '5.0',
      '-1',
      '1.50',
      '0.30000000000000004',
      '9007199254740993',
      'NaN',
      'Infinity',
      '-Infinity',
      '2.00000000000000000001',
    ],
  ],
  ns: ['numeric(6,2)', ['0.10', '5.00', '-2.25', '20']],
  b: ['bool', ['true', 'false']],
  t: [
    'text',
    [
      '',
      'a',
      'A',
      'b',
      'ab',
      'a%b',
      'a_',
      "a'",
      'a\\',
      '"',
      ' ',
      '\uFFFD',
      '\u{1F6F6}',
      '\uE000',
      '\uE000a',
      '5',
      '10',
      '2024-01-01',
      'true',
    ],
  ],
  v: ['varchar(5)', ['', 'a', 'aB', '\u{1F6F6}a', 'b ', '\uFFFD\uE000']],
  c: ['char(3)', ['', 'a', 'a a', 'A', '\u{1F6F6}', 'b']],
  nd: ['text COLLATE ignoring_case', ['a', 'A', 'ab', 'AB', 'b']],
  u: ['uuid', ['00000000-0000-0000-0000-000000000005', 'a0000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff']],
  m: ['mood', ['sad', 'b', 'a', 'A', '\u{1F6F6}']],
  tz: ['timestamptz', ['2024-01-01', '2024-01-01 12:30:00.500001Z', '2024-01-02 12:30:00.5Z', 'infinity', '-infinity', '0044-03-15 BC']],
  ts: [
    'timestamp',
    ['2024-01-01', '2024-01-01 12:30:00.5', '2024-01-02 12:30:00.499999', 'infinity', '-infinity', '0044-03-15 BC', '200000-01-01'],
  ],
  ts3: ['timestamp(3)', ['2024-01-01 12:30:00.5', '2024-01-02']],
  d: ['date', ['2024-01-01', '2024-01-02', '2024-01-03', 'infinity', '-infinity', '0044-03-15 BC', '5000000-01-01']],
  tm: ['time', ['00:00:00', '12:30:00', '12:30:00.5', '24:00:00']],
  tmz: ['timetz', ['12:30:00+02', '00:00:00Z']],
  iv: ['interval', ['1 day', '24 hours', '0']],
  j: ['json', ['null', '5', '"a"', '{"a": 5}', '[1]']],
  jb: ['jsonb', ['null', '5', '"a"', '{"a": 5}', '[1]', 'true']],
  ba: ['bytea', ['\\x', '\\x61']],
  a: ['int4[]', ['{}', '{NULL}', '{5}']],
  r: ['int4range', ['empty', '[1,5)']],
  net: ['inet', ['10.0.0.1', '10.0.0.0/8']],
  co: ['pair', ['(,)', '(1,a)', '(,a)']],
  dt: ['short', ['a', '\u{1F6F6}', 'b']],
  di: ['positive', ['1', '5']],
  'odd "name".x': ['int4', ['1', '5']],
};
const NAMES = Object.keys(COLUMNS);
const ROWS = 60;

const path: fc.Arbitrary<Path> = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...NAMES).map((name): Path => [name]) },
  { weight: 1, arbitrary: fc.constantFrom<Path>(['jb', 'a'], ['j', 'a'], ['a', 0], ['odd "name"', 'x']) },
);

/** A literal that a column of the kind can meet, besides those that it can't. */
const literals = fc.oneof(
  number,
  text,
  digits,
  fc.boolean(),
  ...Object.values(COLUMNS).map(([, values]) => fc.constantFrom(...values)),
  fc.constantFrom(
    'A0000000-0000-0000-0000-000000000000',
    '2024-01-01T12:30:00.500001+02:00',
    '0044-03-15 BC',
    '12:30',
    'a\0',
    '\uD800',
    '\uD800a',
  ),
  fc.constantFrom(Number.NaN, Infinity, -Infinity, 1e21, 5e-324, 2 ** 63, -(2 ** 63), 1e300),
  fc.constantFrom(new Date('2024-01-01T00:00:00Z'), new Date('2024-01-01T12:30:00.500Z'), new Date(-1e14)),
  fc.constantFrom('99999999999999999999', '-9223372036854775808', '1e400', '-1e-400', '0.1e1').map(numeric => ({ numeric })),
);
const operand: fc.Arbitrary<Operand> = literals.map(value => operandOf(value)!);

/** A comparison of a column with values that its own rows have: those are where an edge may be on the wrong side. */
const near: fc.Arbitrary<Predicate> = fc.constantFrom(...NAMES).chain(name => {
  const values = (COLUMNS[name] as readonly [string, readonly string[]])[1];
  const own = fc.constantFrom(...values);
  const numerals = values.filter(text => text.trim() !== '' && (text === 'NaN' || !Number.isNaN(Number(text))));
  const value: fc.Arbitrary<Operand> = fc.oneof(
    own,
    ...(numerals.length === 0 ? [] : [fc.constantFrom(...numerals).map(text => operandOf({ numeric: text })!)]),
    operand,
  );
  return fc.oneof<fc.Arbitrary<Predicate>[]>(
    fc.record({
      op: fc.constantFrom('=' as const, '!=' as const, '<' as const, '<=' as const, '>' as const, '>=' as const),
      path: fc.constant<Path>([name]),
      value,
    }),
    fc.record({
      op: fc.constantFrom('in' as const, 'notIn' as const),
      path: fc.constant<Path>([name]),
      values: fc.array(value, { maxLength: 4 }),
    }),
    fc.record({ op: fc.constantFrom('between' as const, 'notBetween' as const), path: fc.constant<Path>([name]), low: value, high: value }),
    fc.record({ op: fc.constantFrom('startsWith' as const), path: fc.constant<Path>([name]), value: own }),
    fc.record({ op: fc.constantFrom('exists' as const, 'notExists' as const), path: fc.constant<Path>([name]) }),
  );
});

const leaf = fc.oneof({ weight: 3, arbitrary: near }, { weight: 1, arbitrary: predicate(path) });
const tree: fc.Arbitrary<Predicate> = fc.oneof(
  { weight: 3, arbitrary: leaf },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constantFrom('and' as const, 'or' as const), of: fc.array(leaf, { maxLength: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('not' as const), of: fc.tuple(leaf) }) },
);

describe('pushdown into PostgreSQL', () => {
  let url = '';
  const from = (options: object = {}): Source<Row> => postgres<Row>({ url, table: 'all types', int8: 'bigint', ...options });

  before(async () => {
    url = await freshDatabase('pushdown');
    await createRows(url);
  });

  it('keeps the rows that the predicate keeps in memory, whatever the types, values and operators', async function () {
    this.timeout(120_000);
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(tree, async where => {
        const there = await idsOf(from(), filterBy<Row>(where));
        const here = await idsOf(from(), skip(0), filterBy<Row>(where));
        if (there.report.stages[1]?.pushed === true) taken++;
        expect(there.ids).to.deep.equal(here.ids);
      }),
      { numRuns: runs(150), endOnFailure: true, examples: EXAMPLES.map(where => [where]) },
    );
    expect(taken, 'predicates that were pushed whole').to.be.greaterThan(runs(30));
  });

  it('does the same of a query, and with any stages in a row', async function () {
    this.timeout(60_000);
    const query = 'SELECT * FROM "all types" WHERE id % 2 = 0 -- every other';
    await fc.assert(
      fc.asyncProperty(leaf, leaf, fc.subarray(NAMES), async (first, second, chosen) => {
        const kept = ['id', ...chosen, ...NAMES.filter(name => usesColumn(second, name))].toReversed();
        const stages = (): Operator<Row, Row>[] => [filterBy(first), columns(...new Set(kept)), filterBy(second)];
        const there = await outcome(from({ table: undefined, query }), ...stages());
        const here = await outcome(from({ table: undefined, query }), skip(0), ...stages());
        expect(there.rows.map(Object.keys)).to.deep.equal(here.rows.map(Object.keys));
        expect(there.rows).to.deep.equal(here.rows);
      }),
      { numRuns: runs(30), endOnFailure: true },
    );
  });

  it('gives the records in the same order, whatever is ordered by and counted off', async function () {
    this.timeout(120_000);
    const key = fc.record({
      path: fc.constantFrom(...NAMES).map((name): Path => [name]),
      direction: fc.constantFrom('asc' as const, 'desc' as const),
    });
    const small = fc.option(fc.nat({ max: ROWS }), { nil: undefined });
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.option(leaf, { nil: undefined }),
        fc.array(key, { maxLength: 3 }),
        small,
        small,
        async (where, keys, offset, limit) => {
          const stages = (): unknown[] => [
            ...(where === undefined ? [] : [filterBy<Row>(where)]),
            // Equal records are in the order of their table: only a key makes that the same.
            sortKind.create<Row, Row>({ by: [...keys, 'id'] }, undefined),
            ...(offset === undefined ? [] : [skip<Row>(offset)]),
            ...(limit === undefined ? [] : [take<Row>(limit)]),
          ];
          const there = await outcome(from(), ...stages(), columns('id'));
          const here = await outcome(from(), skip(0), ...stages(), columns('id'));
          const at = where === undefined ? 1 : 2;
          if (there.report.stages[at]?.pushed === true) taken++;
          expect(here.report.stages.some(stage => stage.pushed)).to.equal(false);
          expect(there.rows).to.deep.equal(here.rows);
        },
      ),
      {
        numRuns: runs(100),
        endOnFailure: true,
        examples: NAMES.flatMap(name =>
          (['asc', 'desc'] as const).map((direction): [undefined, { path: Path; direction: 'asc' | 'desc' }[], undefined, undefined] => [
            undefined,
            [{ path: [name], direction }],
            undefined,
            undefined,
          ]),
        ),
      },
    );
    expect(taken, 'orders that were pushed').to.be.greaterThan(runs(40));
  });

  it('breaks ties by the primary key, and asks so that an index of the column can serve', async () => {
    await sql(
      url,
      `CREATE TABLE keyed (g int, t text COLLATE "C" NOT NULL, d text COLLATE "und-x-icu", v varchar(9), a int, b int, c char(9) COLLATE "und-x-icu", cc char(9) COLLATE "C" NOT NULL, m mood,
         PRIMARY KEY (b, a));
       INSERT INTO keyed SELECT i % 3, 't' || i % 5, 'd' || i, 'v' || i, i % 7, -i, 'c' || i, 'c' || i, CASE i WHEN 7 THEN 'sad' ELSE 'b' END::mood FROM generate_series(1, 1000) i;
       CREATE INDEX by_t ON keyed (t); CREATE INDEX by_d ON keyed (d); CREATE INDEX by_v ON keyed (v); CREATE INDEX by_c ON keyed (c);
       CREATE INDEX by_cc ON keyed (cc); CREATE INDEX by_m ON keyed (m); ANALYZE keyed`,
    );
    const keyed = (): Source<Row> => from({ table: 'keyed' });
    const statement = async (...stages: readonly unknown[]): Promise<string> =>
      (await planStages([keyed(), ...stages, memory<Row>([])])).stages[0]?.statements?.[0] ?? '';
    const order = (...by: readonly string[]): Operator<Row, Row> => sortKind.create<Row, Row>({ by: [...by] }, undefined);
    expect(await statement(order('-g', 't', '-t'), skip<Row>(1), take<Row>(5), skip<Row>(2))).to.include(
      'ORDER BY "g" DESC NULLS LAST, "t"::text, "b", "a" LIMIT 3 OFFSET 3',
    );
    expect(await statement(order('-t'))).to.include('ORDER BY "t"::text DESC, "b", "a"');
    expect(await statement(order('d'))).to.include('ORDER BY "d"::text COLLATE "C", "b", "a"');
    for (const [where, index] of [
      [{ t: { gt: 't4' } }, 'by_t'],
      [{ d: 'd7' }, 'by_d'],
      [{ v: { in: ['v1', 'v2'] } }, 'by_v'],
      [{ c: 'c7 ' }, 'by_c'],
      [{ c: { in: ['c7', 'c9'] } }, 'by_c'],
      [{ cc: { between: ['c7', 'c70'] } }, 'by_cc'],
      [{ m: 'sad' }, 'by_m'],
      [{ m: { in: ['sad', 'a'] } }, 'by_m'],
    ] as const) {
      const text = (await statement(keep(where))).replace(/^COPY \((.*)\) TO STDOUT.*$/s, '$1');
      const rows = (await sql(url, `SET enable_seqscan = off; EXPLAIN ${text}`)) as unknown;
      expect(JSON.stringify(rows), text).to.include('Index Cond: ').and.include(index);
    }
    expect(await statement(order('cc'))).to.include('ORDER BY "cc", "b", "a"');
    expect(await statement(order('c'))).to.include('ORDER BY "c"::text COLLATE "C", "b", "a"');
    // What is no label of the enum is compared with what the labels say.
    for (const where of [{ m: 'none' }, { m: { ne: 'none' } }, { m: { in: ['none', 'sad'] } }, { c: { ne: 'c7   ' } }]) {
      const there = await outcome(keyed(), keep(where));
      const here = await outcome(keyed(), skip<Row>(0), keep(where));
      expect([there.report.stages[1]?.pushed, there.rows.length], JSON.stringify(where)).to.deep.equal([true, here.rows.length]);
    }
    const { rows, report } = await outcome(keyed(), order('g'), take<Row>(400));
    expect(report.stages.slice(1, 3).map(stage => stage.pushed)).to.deep.equal([true, true]);
    expect(rows.map(row => [row['g'], row['b'], row['a']])).to.deep.equal(
      Array.from({ length: 1000 }, (_, i) => [(i + 1) % 3, -i - 1, (i + 1) % 7])
        .sort((x, y) => x[0]! - y[0]! || x[1]! - y[1]!)
        .slice(0, 400),
    );
  });

  it('sorts here what the server orders otherwise, what is inside a value, and what has an order already', async () => {
    const isPushed = async (source: Source<Row>, by: string, ...more: readonly unknown[]): Promise<boolean> =>
      (await outcome(source, sortKind.create<Row, Row>({ by: [by] }, undefined), ...more)).report.stages[1]?.pushed === true;
    for (const name of ['iv', 'j', 'jb', 'a', 'r', 'net', 'co', 'tmz', 'jb.a']) expect(await isPushed(from(), name), name).to.equal(false);
    expect(await isPushed(from({ numeric: 'number' }), 'n')).to.equal(false);
    const query = 'SELECT id, i4 % 2 AS parity FROM "all types" ORDER BY id DESC';
    expect(await isPushed(from({ table: undefined, query }), 'parity')).to.equal(false);
    expect(await isPushed(from({ table: undefined, query: query.replace(/ORDER.*/, '') }), 'parity')).to.equal(true);
    const { rows } = await outcome(from({ table: undefined, query }), sortKind.create<Row, Row>({ by: ['parity'] }, undefined));
    const ids = rows.filter(row => row['parity'] === 0).map(row => row['id'] as number);
    expect(ids).to.deep.equal(ids.toSorted((a, b) => b - a));
    const limited = await outcome(from(), take<Row>(5), sortKind.create<Row, Row>({ by: ['-id'] }, undefined));
    expect(limited.report.stages.map(stage => stage.pushed)).to.deep.equal([undefined, true, undefined, undefined]);
  });

  it('takes a conjunction in part, and runs all of it here on what comes', async () => {
    const where = keep({ i4: { gte: 0 }, t: { regex: 'a' } });
    const { report, rows } = await outcome(from(), where);
    const all = (await outcome(from())).rows;
    expect(rows).to.deep.equal(
      all.filter(row => (row['i4'] as number) >= 0 && row['i4'] !== null && /a/.test(row['t'] === null ? '' : (row['t'] as string))),
    );
    expect(rows.length).to.be.greaterThan(0);
    expect(report.read).to.equal(all.filter(row => row['i4'] !== null && (row['i4'] as number) >= 0).length);
    expect(report.stages[1]).to.include({ in: report.read, out: rows.length }).and.not.to.have.property('pushed');
  });

  it('stops at the first stage that is a function, and at a filter behind a limit', async () => {
    const behindMap = await outcome(
      from(),
      map((row: Row) => ({ ...row })),
      keep({ i4: { gte: 0 } }),
    );
    expect(behindMap.report).to.include({ read: ROWS });
    const limited = await outcome(from(), keep({ i4: { gte: 0 } }), take<Row>(7), keep({ i4: 20 }), take<Row>(1000));
    expect(limited.report.stages.map(stage => stage.pushed)).to.deep.equal([undefined, true, true, undefined, undefined, undefined]);
    expect(limited.report.read).to.equal(7);
    expect(limited.rows.length).to.equal(limited.report.written);
  });

  it('never lets a limit pass a filter that was not taken whole', async () => {
    const { report, rows } = await outcome(from(), keep({ id: { gte: 10 }, t: { regex: 'b' } }), take<Row>(2));
    expect(report.stages.some(stage => stage.pushed)).to.equal(false);
    expect(rows).to.have.length(2);
    expect(rows.every(row => String(row['t']).includes('b'))).to.equal(true);
  });

  it('says in report and plan what the source does, with the SQL', async () => {
    const stages = () => [keep({ t: { startsWith: "a'%" }, id: { in: [1, 2] } }), columns('t', 'id'), take<Row>(3)] as const;
    const { report } = await outcome(from(), ...stages());
    expect(report.stages.slice(1, 4).map(({ kind, in: taken, out, pushed }) => ({ kind, taken, out, pushed }))).to.deep.equal(
      ['filter', 'project', 'take'].map(kind => ({ kind, taken: 0, out: 0, pushed: true })),
    );
    const made = await plan(from(), ...stages(), memory<Row>([]));
    expect(made.stages.map(stage => stage.pushed)).to.deep.equal([undefined, true, true, true, undefined]);
    expect(made.stages[0]?.statements).to.deep.equal([
      `COPY (SELECT "t", "id" FROM "all types" WHERE ("t"::text LIKE E'a''\\\\%%') AND ("id" IN ('1'::int8, '2'::int8)) LIMIT 3) TO STDOUT (FORMAT binary)`,
    ]);
    expect(made.explain())
      .to.match(/0\. {2}take +3 +done by the source/)
      .and.include('WHERE');
    const inPart = await plan(from(), keep({ t: { regex: 'a' }, id: 1 }), memory<Row>([]));
    expect(inPart.explain()).to.include('the source does a part of it before').and.include(`WHERE "id" = '1'::int8`);
  });

  it('names a column that is not there before anything is read, in plan too', async () => {
    const wrong = keep({ i44: 1 });
    expect(await outcome(from(), wrong).catch((error: unknown) => error as Error)).to.include({ code: 'COLUMN_UNKNOWN' });
    expect((await plan(from(), wrong, memory<Row>([]))).problems.map(({ code }) => code)).to.deep.equal(['COLUMN_UNKNOWN']);
  });

  it('runs a query that changes rows as it stands', async () => {
    await sql(url, 'CREATE TABLE counted (n int)');
    const query = 'WITH x AS (INSERT INTO counted SELECT generate_series(1, 5) RETURNING n) SELECT n FROM x';
    const { rows, report } = await outcome(from({ table: undefined, query }), keep({ n: { gt: 3 } }));
    expect(rows).to.deep.equal([{ n: 4 }, { n: 5 }]);
    expect(report.read).to.equal(5);
  });

  it('compares by code point where the server has another encoding', async () => {
    await sql(url, `DROP DATABASE IF EXISTS pushdown_jp`);
    await sql(url, `CREATE DATABASE pushdown_jp ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
    const other = url.replace(/pushdown$/, 'pushdown_jp');
    await sql(
      other,
      `CREATE TABLE words (id int, w text); INSERT INTO words VALUES (1, 'z'), (2, 'ア'), (3, 'α'), (4, '一'), (5, '、'), (6, 'Я')`,
    );
    const words = (): Source<Row> => postgres<Row>({ url: other, table: 'words' });
    const inOrder = await outcome(words(), sortKind.create<Row, Row>({ by: ['-w'] }, undefined));
    expect(inOrder.report.stages[1]?.pushed).to.equal(true);
    expect(inOrder.rows.map(row => row['w'])).to.deep.equal(['一', 'ア', '、', 'Я', 'α', 'z']);
    for (const test of [
      { lt: '一' },
      { gte: 'Я' },
      { in: ['α', '\u{1F6F6}'] },
      { ne: '\u{1F6F6}' },
      { startsWith: 'ア' },
      { like: '%α' },
      { like: '_' },
      { notLike: '_' },
    ]) {
      const there = await idsOf(words(), keep({ w: test }));
      const here = await idsOf(words(), skip(0), keep({ w: test }));
      expect(there.ids, JSON.stringify(test)).to.deep.equal(here.ids);
      expect(there.report.stages[1]?.pushed, JSON.stringify(test)).to.equal(true);
    }
  });
});

/** What random tests may miss. */
const EXAMPLES: readonly Predicate[] = [
  { op: '<', path: ['f8'], value: { numeric: 'NaN' } },
  { op: '>', path: ['f8'], value: 5 },
  { op: '=', path: ['f8'], value: { numeric: 'NaN' } },
  { op: '!=', path: ['f8'], value: 0 },
  { op: '>', path: ['n'], value: 0.1 },
  { op: '=', path: ['n'], value: '0.30000000000000004' },
  { op: '=', path: ['i8'], value: { numeric: '9007199254740993' } },
  { op: '>', path: ['i8'], value: 2 ** 63 },
  { op: '<', path: ['o'], value: -1 },
  { op: '>', path: ['t'], value: '\uFFFD' },
  { op: '=', path: ['nd'], value: 'a' },
  { op: 'like', path: ['nd'], value: 'a%' },
  { op: 'like', path: ['t'], value: '_' },
  { op: 'notLike', path: ['t'], value: 'a\\%%' },
  { op: '=', path: ['c'], value: 'a' },
  { op: '!=', path: ['c'], value: 'a  ' },
  { op: 'notIn', path: ['c'], values: ['a', '\uD800', ''] },
  { op: '<', path: ['m'], value: 'b' },
  { op: '=', path: ['m'], value: 'b' },
  { op: '!=', path: ['m'], value: 'none' },
  { op: 'notIn', path: ['m'], values: ['b', 'none'] },
  { op: 'between', path: ['m'], low: 'a', high: 'sad' },
  { op: 'exists', path: ['co'] },
  { op: 'exists', path: ['j'] },
  { op: 'notExists', path: ['jb'] },
  { op: '>', path: ['d'], value: '2024-01-02T12:00:00' },
  { op: 'in', path: ['d'], values: ['2024-01-02', '2024-01-02T12:00:00', 'infinity'] },
  { op: '<=', path: ['ts'], value: '2024-01-01T12:30:00.500Z' },
  { op: '=', path: ['tm'], value: '24:00:00' },
  { op: 'not', of: [{ op: '=', path: ['t'], value: 'a' }] },
  { op: 'not', of: [{ op: 'or', of: [] }] },
];

async function createRows(url: string): Promise<void> {
  const columns = Object.entries(COLUMNS).map(([name, [type]]) => `"${name.replaceAll('"', '""')}" ${type}`);
  const rows = Array.from({ length: ROWS }, (_, row) => {
    const values = Object.values(COLUMNS).map(([type, each], column) => {
      const all = each.filter(value => serverKnows(`${type} ${value}`));
      const value = all[(row * 7 + column * 3 + Math.floor(row / (all.length + 1))) % (all.length + 1)];
      return value === undefined ? 'NULL' : `'${value.replaceAll("'", "''")}'`;
    });
    return `(${row}, ${values.join(', ')})`;
  });
  await sql(
    url,
    `CREATE COLLATION ignoring_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
     CREATE TYPE mood AS ENUM ('sad', 'b', 'a', 'A', '\u{1F6F6}'); CREATE TYPE pair AS (x int, y text); CREATE DOMAIN short AS varchar(3);
     CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE TABLE "all types" (id int, ${columns.join(', ')});
     INSERT INTO "all types" VALUES ${rows.join(', ')}`,
  );
}

function keep(where: object): Operator<Row, Row> {
  return filterKind.create<Row, Row>({ where }, undefined);
}

function columns(...names: readonly string[]): Operator<Row, Row> {
  return projectKind.create<Row, Row>({ columns: [...names] }, undefined);
}

async function outcome(source: Source<Row>, ...operators: readonly unknown[]): Promise<{ report: Report; rows: readonly Row[] }> {
  const rows: Row[] = [];
  const report = await runStages([source, ...operators, memory(rows)]);
  return { report, rows };
}

async function idsOf(source: Source<Row>, ...operators: readonly unknown[]): Promise<{ report: Report; ids: readonly unknown[] }> {
  const { report, rows } = await outcome(source, ...operators, columns('id'));
  return { report, ids: rows.map(row => row['id']).sort() };
}

function usesColumn(predicate: Predicate, name: string): boolean {
  return pathsOf(predicate).some(path => path[0] === name || path.join('.') === name || name.startsWith(path[0]));
}

import { expect } from 'chai';
import type { RecordBatch } from '../../lib/core/batch/batch.ts';
import { filter, MillraceError, pipeline, project, take } from '../../lib/index.ts';
import { JsonNull, JsonNumber } from '../../lib/values/json.ts';
import { Timestamp } from '../../lib/values/timestamp.ts';
import { memory } from '../../sinks/memory.ts';
import { postgres as toPostgres } from '../../sinks/postgres.ts';
import { postgres } from '../../sources/postgres.ts';
import { heldBytes } from '../held-bytes.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { allBatches, failureOf, openSessions, readingPostgres, until } from './postgres-reading.ts';

const APP = 'parameters-test';

describe('source postgres: a query with values', () => {
  let url = '';
  before(async () => {
    url = await freshDatabase('parameters_test');
    await sql(
      url,
      `CREATE TYPE mood AS ENUM ('low', 'B b'); CREATE TYPE pair AS (x int, y text); CREATE DOMAIN price AS numeric(12,4);
       CREATE TABLE many AS SELECT i AS id, repeat(md5(i::text), 8) AS filler FROM generate_series(1, 100000) i; CREATE TABLE log (id int, note text)`,
    );
  });

  const EXPRESSIONS = [
    "timestamptz '2024-02-29 12:34:56.789012+02'",
    "timestamptz '-infinity'",
    "timestamp '0044-03-15 12:00:00.000001 BC'",
    "date 'infinity'",
    "time '24:00'",
    "timetz '01:02:03.5+05:30'",
    "interval '1 mon -2 days 03:04:05.000006'",
    "'-98765432109876543210.0123456789'::numeric",
    "'NaN'::float8",
    "'-0'::float4",
    '9007199254740993::int8',
    "'7.25'::price",
    "'low'::mood",
    "'{low,null}'::mood[]",
    "'{1.10,NaN,null}'::numeric[]",
    "'{{1,2},{3,4}}'::int4[]",
    "ARRAY[ROW(7,'x,y')::pair, null]",
    "ROW(1,'a')::pair",
    "'[123456789012345678901234567890, 0.1]'::jsonb",
    "'null'::json",
    "'\\x00ff'::bytea",
    "'10.0.0.1'::inet",
    "'[1,9)'::int4range",
    "B'101'",
    "'(1,2)'::point",
    "'a & b'::tsquery",
    "'<a/>'::xml",
    "'ab'::char(5)",
    "''::text",
    'NULL::int4',
  ];

  it('gives the very bytes and values that it gives by COPY, whatever the type', async () => {
    const list = EXPRESSIONS.map((expression, i) => `${expression} AS c${i}`).join(', ');
    const [copied] = await read({ query: `SELECT ${list} FROM generate_series(1, 3)`, int8: 'bigint' });
    const [asked] = await read({ query: `SELECT ${list} FROM generate_series(1, $1)`, values: [3], int8: 'bigint' });
    expect(String(asked?.schema)).to.equal(String(copied?.schema));
    expect(asked?.rows).to.have.length(3);
    expect(asked?.rows).to.deep.equal(copied?.rows);
    const portable = copied?.schema.names.filter(name => copied.project([name]).encoded('pg-copy') !== undefined) ?? [];
    expect(portable.length).to.be.above(18);
    expect(bytesOf(asked?.project(portable))).to.deep.equal(bytesOf(copied?.project(portable)));
  });

  const VALUES: readonly (readonly [type: string, value: unknown, given?: unknown])[] = [
    ['int2', -5],
    ['int4', 7],
    ['int8', 9007199254740993n],
    ['numeric', '1234567890123456789012345678901234567890.0123456789'],
    ['numeric', '0.1', 0.1],
    ['numeric', '9007199254740993', 9007199254740993n],
    ['float8', Number.NaN],
    ['float8', -0],
    ['float8', 5e-324],
    ['bool', true],
    ['text', 'ü 🛶 \\ \' "'],
    ['text', '42', 42],
    ['text', '', ''],
    ['text', null, undefined],
    ['uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12'],
    ['mood', 'B b'],
    ['inet', '10.0.0.0/8'],
    ['pair', '(1,"x,y")'],
    ['bytea', Buffer.from([0, 255, 10])],
    ['timestamptz', Timestamp.fromText('2024-02-29T10:34:56.789012Z')],
    ['timestamptz', Timestamp.INFINITY],
    ['timestamptz', Timestamp.fromText('2024-02-29T10:34:56.789Z'), new Date('2024-02-29T10:34:56.789Z')],
    ['timestamp', '2024-02-29T12:34:56.789012'],
    ['date', '2024-02-29'],
    ['date', '2024-02-29', new Date('2024-02-29T00:00:00Z')],
    ['time', '01:02:03.000004'],
    ['interval', 'P1M-2DT3H4M5.000006S'],
    ['int4[]', [1, null, 3]],
    ['int8[]', [9223372036854775807n]],
    ['text[]', ['a,b', '', null, 'NULL', '{"}', '\\']],
    ['text[]', ['x', 'y'], '{x,y}'],
    ['timestamptz[]', [Timestamp.fromText('2020-01-01T00:00:00.000001Z')]],
    ['bytea[]', [Buffer.from([1])]],
    [
      'int4[]',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ['jsonb', { a: [1, { b: null }], n: new JsonNumber('1.00000000000000000000000000001') }],
    ['jsonb', [1, 'two']],
    ['jsonb', JsonNull],
    ['jsonb', { a: 1 }, '{"a":1}'],
    ['json', null],
  ];

  it('takes every value of a record as a parameter, of the type that the query uses it as', async () => {
    for (const [type, expected, ...given] of VALUES) {
      const value = given.length > 0 ? given[0] : expected;
      const [row] = await postgres({ url, query: `SELECT $1::${type} AS v`, values: [value], int8: 'bigint' }).toArray();
      expect(row, type).to.deep.equal({ v: expected });
    }
    const query = 'SELECT id FROM many WHERE id = ANY($1) AND filler LIKE $2 AND id > $3 ORDER BY id';
    expect(await postgres({ url, query, values: [[3, 99, 5], '%', 4] }).toArray()).to.deep.equal([{ id: 5 }, { id: 99 }]);
  });

  it('says which value is wrong, and never what stands in it', async () => {
    const cases: [query: string, values: unknown[] | undefined, reason: RegExp][] = [
      ['SELECT $1::int4 AS a', ['secret'], /^ROW_REFUSED read the query: invalid input syntax for type integer: … /],
      ['SELECT $1::int4 AS a', [{ secret: 1 }], /^OPTION_INVALID postgres: option "values": \$1: a value cannot be of type int/],
      ['SELECT $2::date + $1::int AS a', [1, true], /^OPTION_INVALID .*"values": \$2: .*date$/],
      ['SELECT $1::text AS a', ['secret\0'], /^OPTION_INVALID .*\$1 holds a NUL/],
      ['SELECT $1::text AS a', ['\ud800secret'], /^OPTION_INVALID .*\$1 holds .*half of a character/],
      ['SELECT $1::text AS a', undefined, /^OPTION_INVALID .*the query has 1 parameter \(\$1\), and 0 values are given/],
      ['SELECT $1::text || $2 AS a', ['a'], /^OPTION_INVALID .*the query has 2 parameters \(\$1 to \$2\), and 1 values are given/],
      ['SELECT 1 AS a', ['a'], /^OPTION_INVALID .*the query has no parameters, and 1 values are given/],
      ['SELECT 1 / (id - $1) AS a FROM many', [50_000], /^ROW_REFUSED read the query: division by zero/],
      ['SELECT nmae FROM many WHERE id = $1', [1], /^COLUMN_UNKNOWN .*"nmae"/],
      ['DELETE FROM log WHERE id = $1', [1], /^OPTION_INVALID .*gives no rows/],
      ['SELECT pg_sleep($1)::text AS a', [5], /^TIMEOUT .*statement timeout/],
    ];
    for (const [query, values, reason] of cases) {
      const statementTimeoutMs = query.includes('sleep') ? 20 : 0;
      const message = await failureOf(() =>
        pipeline(postgres({ url, applicationName: APP, query, values, statementTimeoutMs }), memory<object>([])),
      );
      expect(message, query).to.match(reason);
      expect(message).to.not.match(/secret/);
    }
    expect(() => postgres({ url, table: 'many', values: [1] })).to.throw(MillraceError, /"values": only a query has parameters/);
    expect(await openSessions(url, APP)).to.equal(0);
  });

  it('reads statements that change rows, and those that are no SELECT', async () => {
    const insert = "INSERT INTO log SELECT i, 'n' FROM generate_series(1, $1) i RETURNING id, '::1'::inet AS net";
    expect(await postgres({ url, query: insert, values: [2] }).toArray()).to.deep.equal([
      { id: 1, net: '::1' },
      { id: 2, net: '::1' },
    ]);
    expect(
      await postgres({ url, query: 'UPDATE log SET note = $1 WHERE id = $2 RETURNING note', values: ['x', 2] }).toArray(),
    ).to.deep.equal([{ note: 'x' }]);
    expect(await postgres({ url, query: 'DELETE FROM log WHERE id > $1 RETURNING id;', values: [0] }).toArray()).to.have.length(2);
    expect(await postgres({ url, query: 'VALUES ($1::int), (2)', values: [1] }).toArray()).to.deep.equal([{ column1: 1 }, { column1: 2 }]);
    const [explained] = await postgres({ url, query: 'EXPLAIN SELECT $1::int', values: [1] }).toArray();
    expect(explained?.['QUERY PLAN']).to.match(/^Result/);
    expect(await postgres({ url, query: 'SELECT 1 AS a', values: [] }).toArray()).to.deep.equal([{ a: 1 }]);
  });

  it('leaves filters, columns and limits to the server, as without values', async () => {
    const kept: object[] = [];
    const report = await pipeline(
      postgres<{ id: number; filler: string }>({ url, query: 'SELECT * FROM many WHERE id > $1', values: [10] }),
      filter({ id: { lt: 14 } }),
      project('id'),
      take(2),
      memory(kept),
    );
    expect(kept).to.deep.equal([{ id: 11 }, { id: 12 }]);
    expect(report.stages.map(({ pushed }) => pushed)).to.deep.equal([undefined, true, true, true, undefined]);
  });

  it('fills a table with the bytes that it got', async () => {
    const source = postgres({ url, query: 'SELECT id, filler FROM many WHERE id <= $1', values: [5000] });
    const report = await pipeline(source, toPostgres({ url, table: 'some_of_many' }));
    expect([report.read, report.written]).to.deep.equal([5000, 5000]);
    const difference = 'SELECT id, filler FROM many WHERE id <= 5000 EXCEPT ALL SELECT id, filler FROM some_of_many';
    expect(await sql(url, difference)).to.deep.equal([]);
  });

  it('counts what the server counted', async () => {
    const { batches, seen } = reading({ query: 'SELECT * FROM many WHERE id <= $1', values: [70_000] });
    const read = await allBatches(batches);
    expect(read.reduce((sum, batch) => sum + batch.length, 0)).to.equal(70_000);
    expect(seen.rows).to.equal(70_000);
  });

  it('holds two batches at most while its consumer sleeps', async () => {
    const held = heldBytes();
    const { batches, abort } = reading({ query: 'SELECT i, repeat(md5(i::text), 300) FROM generate_series(1, $1) i', values: [1_000_000] });
    await batches.next();
    const waits = "SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND wait_event = 'ClientWrite'";
    await until(async () => (await sql(url, waits, [APP])).length === 1);
    expect(heldBytes() - held).to.be.below(8 * 1024 * 1024);
    abort.abort();
    expect(await failureOf(() => batches.next())).to.match(/^CANCELLED /);
    expect(await openSessions(url, APP)).to.equal(0);
  });

  it('cancels its statement when it is aborted, and when no more is needed', async () => {
    for (const after of [0, 1, 5]) {
      const { batches, abort } = reading({ query: 'SELECT a.id FROM many a, many b WHERE a.id > $1', values: [0] });
      for (let i = 0; i < after; i++) expect((await batches.next()).done).to.equal(false);
      abort.abort();
      expect(await failureOf(() => batches.next())).to.match(/^CANCELLED /);
      expect(await openSessions(url, APP), `after ${after}`).to.equal(0);
    }
    const { batches } = reading({ query: 'SELECT a.id FROM many a, many b WHERE a.id > $1', values: [0] });
    await batches.next();
    await batches.return?.();
    expect(await openSessions(url, APP)).to.equal(0);
  });

  it('rejects, and never ends short, when its backend is terminated', async () => {
    const { batches } = reading({ query: 'SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, $1) i', values: [2_000_000] });
    await batches.next();
    await sql(url, 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [APP]);
    expect(await failureOf(() => allBatches(batches))).to.match(/^CONNECTION_LOST read the query: /);
    expect(await openSessions(url, APP)).to.equal(0);
  });

  const reading = (options: object) => readingPostgres({ url, applicationName: APP, ...options });
  const read = (options: object): Promise<RecordBatch[]> => allBatches(reading(options).batches);
});

function bytesOf(batch: RecordBatch | undefined): Buffer {
  return Buffer.concat(batch?.encoded('pg-copy') ?? []);
}

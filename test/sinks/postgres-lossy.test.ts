import { expect } from 'chai';
import { from, pipeline, plan, to } from '../../lib/index.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { serverKnows } from '../services/server-features.ts';
import { millrace } from '../cli/millrace.ts';

interface Row {
  id: number;
}

/** Types on both sides, and values that the server's own cast is asked about too. */
const PAIRS: readonly [source: string, target: string, values: readonly string[]][] = [
  [
    'numeric',
    'numeric(12,2)',
    ['1.005', '-1.005', '1.004', '0.995', '99.995', '0.001', '-0.004', '0.005', '1e-20', '123456789.125', '7', '7.10', 'NaN', '-7.2500'],
  ],
  ['numeric(12,4)', 'numeric(8,0)', ['0.5', '-0.5', '0.4999', '1.5', '9999999.4', '2']],
  ['numeric', 'numeric(6,-2)', ['149', '150', '-150', '49.9', '50', '0']],
  ['float8', 'numeric(8,3)', ['0.0005', '1.2345', '-3.1415926', '2.5', 'NaN']],
  ['float4', 'numeric(8,1)', ['9.99', '0.25', '-0.05', '3']],
  ['float8', 'float4', ['0.1', '3.141592653589793', '16777217', '1e300', '-1.5', 'NaN', 'Infinity', '9.99']],
  ['numeric', 'float4', ['0.1', '3.141592653589793238', '16777217', '2.5']],
  ['numeric', 'float8', ['0.1', '3.14159265358979323846264338', '9007199254740993', '-1e-5', '2']],
  ['int8', 'float8', ['9007199254740993', '-9223372036854775807', '5']],
  ['int4', 'float4', ['16777217', '-16777219', '16777216']],
  [
    'timestamptz',
    'timestamptz(3)',
    [
      '2024-01-01 00:00:00.0005+00',
      '1999-12-31 23:59:59.9995+00',
      '1969-12-31 23:59:59.9996+00',
      '2024-05-05 10:00:00.123+02',
      'infinity',
      '0044-03-15 01:02:03.4567 BC',
    ],
  ],
  [
    'timestamp',
    'timestamp(0)',
    ['2024-12-31 23:59:59.5', '1999-12-31 23:59:58.5', '2024-01-01 00:00:00.499999', '-infinity', '2024-02-28 01:02:03'],
  ],
  ['time', 'time(1)', ['23:59:59.95', '12:00:00.05', '12:00:00.04', '01:02:03.1']],
  [
    'timestamptz',
    'date',
    ['2024-03-01 00:30:00+02', '2024-03-01 00:00:00+00', '2024-03-01 23:59:59.999999+00', 'infinity', '0044-03-15 12:00:00+00 BC'],
  ],
  ['timestamp', 'date', ['2024-03-01 23:59:59.999999', '2024-03-01 00:00:00', '-infinity', '0044-03-15 12:00:00 BC']],
];

describe('sink postgres, columns that may lose something', () => {
  let url: string;
  before(async () => {
    url = await freshDatabase('sink_lossy_test');
  });
  beforeEach(() => sql(url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public'));

  for (const [source, target, values] of PAIRS.filter(pair => serverKnows(pair[1]))) {
    for (const also of ['', ', x xml DEFAULT NULL']) {
      it(`${source} into ${target} as the server casts it${also === '' ? '' : ', in text'}`, async () => {
        const isIn = (value: string): boolean => !(target === 'float4' && value === '1e300');
        await sql(url, `CREATE TABLE s (id int, v ${source}${also}); CREATE TABLE t (id int, v ${target}${also})`);
        const kept = [...values.filter(isIn), null];
        await sql(url, `INSERT INTO s (id, v) SELECT i, x::${source} FROM unnest($1::text[]) WITH ORDINALITY AS u (x, i)`, [kept]);
        const refused = pipeline(
          from.postgres<Row>({ url, table: 's', int8: 'bigint' }),
          to.postgres<Row>({ url, table: 't', mode: 'append' }),
        );
        expect(['TYPE_NOT_CARRIED', 'ROW_REFUSED']).to.include(((await refused.catch((error: unknown) => error)) as { code: string }).code);
        const report = await pipeline(
          from.postgres<Row & { v: unknown }>({ url, table: 's', int8: 'bigint' }),
          to.postgres<Row & { v: unknown }>({ url, table: 't', mode: 'append', lossy: ['v'] }),
        );
        expect(report.written).to.equal(kept.length);
        const cast = await sql<{ v: string; changed: boolean }>(
          url,
          `SET TimeZone = 'UTC'; SELECT v::${target}::text AS v, ${changedBy(source, target)} AS changed FROM s ORDER BY id`,
        );
        const found = await sql<{ v: string }>(url, `SET TimeZone = 'UTC'; SELECT v::text AS v FROM t ORDER BY id`);
        expect(found.map(({ v }) => v)).to.deep.equal(cast.map(({ v }) => v));
        const count = cast.filter(({ changed }) => changed).length;
        expect(report.warnings).to.have.length(1);
        expect(report.warnings[0]).to.match(new RegExp(`^column "v" of table "t": ${count} values? changed on the way into `));
      });
    }
  }

  it('counts only values of records that were written, once each, and leaves the record in the dead letters as it came', async () => {
    await sql(url, 'CREATE TABLE t (id int PRIMARY KEY, v numeric(4,1))');
    const letters: unknown[] = [];
    const report = await pipeline(
      from.records([
        { id: 1, v: 1.25 },
        { id: 2, v: 2.5 },
        { id: 1, v: 3.75 },
        { id: 4, v: 1000.25 },
        { id: 5, v: 5.55 },
      ]),
      to.postgres<{ id: number; v: number }>({ url, table: 't', mode: 'append', lossy: ['v'] }),
      { deadLetter: to.function(letter => void letters.push((letter as { record: unknown }).record)) },
    );
    expect([report.written, report.rejected, report.warnings]).to.deep.equal([
      3,
      2,
      ['column "v" of table "t": 2 values changed on the way into numeric(4,1) (lossy)'],
    ]);
    expect(letters).to.deep.equal([
      { id: 1, v: 3.75 },
      { id: 4, v: 1000.25 },
    ]);
    expect(await sql(url, 'SELECT id, v::text AS v FROM t ORDER BY id')).to.deep.equal([
      { id: 1, v: '1.3' },
      { id: 2, v: '2.5' },
      { id: 5, v: '5.6' },
    ]);
  });

  it('never cuts a text, and lets only the named columns lose anything', async () => {
    await sql(
      url,
      `CREATE TABLE s (id int, name text, a numeric(8,4), b numeric(8,4)); INSERT INTO s VALUES (1, 'long', 1.2345, 1.2345); CREATE TABLE t (id int, name varchar(3), a numeric(8,2), b numeric(8,2))`,
    );
    type Wide = Row & { name: string; a: string; b: string };
    const run = (lossy: (keyof Wide)[], columns = '*') =>
      pipeline(
        from.postgres<Wide>({ url, query: `SELECT ${columns} FROM s` }),
        to.postgres<Wide>({ url, table: 't', mode: 'append', lossy }),
      ).catch((error: unknown) => error as Error);
    expect(await run(['a', 'name']))
      .to.include({ code: 'TYPE_NOT_CARRIED' })
      .and.to.have.property('message')
      .that.includes('"b"')
      .and.includes('(lossy)');
    expect(await run(['a', 'b', 'name'])).to.include({ code: 'ROW_REFUSED' });
    expect(await run(['a', 'nam' as 'name', 'b']))
      .to.include({ code: 'COLUMN_UNKNOWN' })
      .and.to.have.property('message')
      .that.includes('did you mean "name"');
    expect(await run(['a', 'b'], 'id, a, b')).to.have.property('written', 1);
  });

  it('is in the plan, on the command line and in an address', async () => {
    await sql(
      url,
      'CREATE TABLE s (id int, v numeric(8,4)); INSERT INTO s VALUES (1, 1.2345), (2, 1.23); CREATE TABLE t (id int PRIMARY KEY, v numeric(8,2))',
    );
    const planned = await plan(
      from.postgres<Row & { v: string }>({ url, table: 's' }),
      to.postgres<Row & { v: string }>({ url, table: 't', mode: 'upsert', lossy: ['v'] }),
    );
    expect([planned.problems, planned.stages.at(-1)?.types?.[1]?.change]).to.deep.equal([[], 'lossy']);
    expect(planned.explain()).to.include('may lose something');
    const at = (table: string, more = ''): string => `${url}?table=${table}${more}`;
    const refused = await millrace(['copy', at('s'), at('t'), '--mode', 'upsert']);
    expect([refused.status, refused.err.includes('(lossy)')]).to.deep.equal([65, true]);
    const copied = await millrace(['copy', at('s'), at('t'), '--mode', 'upsert', '--lossy', 'v', '--json']);
    expect((JSON.parse(copied.out) as { warnings: string[] }).warnings).to.deep.equal([
      'column "v" of table "t": 1 value changed on the way into numeric(8,2) (lossy)',
    ]);
    const again = await millrace(['copy', at('s'), at('t', '&mode=append&lossy=v&before=TRUNCATE t')]);
    expect([again.status, await sql(url, 'SELECT v::text AS v FROM t ORDER BY id')]).to.deep.equal([0, [{ v: '1.23' }, { v: '1.23' }]]);
  });
});

/** Whether the cast changes the value, by the server. */
function changedBy(source: string, target: string): string {
  if (source === 'float8' && target === 'float4') return 'v::text IS DISTINCT FROM v::float4::text AND v = v';
  if (target.startsWith('float')) return `v::numeric IS DISTINCT FROM v::${target}::text::numeric`;
  if (source.startsWith('float')) return `v::text::numeric IS DISTINCT FROM v::text::${target}`;
  return `v IS DISTINCT FROM v::${target}::${source}`;
}

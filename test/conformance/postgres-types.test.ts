import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { filter, from, map, pipeline, project, rename, to } from '../../lib/index.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { serverKnows } from '../services/server-features.ts';

const TYPES = `
  CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree; CREATE SCHEMA "Odd S";
  CREATE TYPE mood AS ENUM ('low', 'B b', 'it''s,"{}"'); CREATE TYPE "Odd S"."En um" AS ENUM ('x');
  CREATE DOMAIN price AS numeric(12,4) CHECK (value > -1e9); CREATE DOMAIN tags AS text[];
  CREATE TYPE pair AS (x int, y text); CREATE TYPE span AS RANGE (subtype = float8);
  CREATE DOMAIN moods AS mood[]; CREATE DOMAIN feeling AS mood; CREATE DOMAIN twin AS pair; CREATE DOMAIN reach AS int4range; CREATE TYPE nested AS (n int, list pair[])`;

/** Values that a record keeps exactly, whatever is done with it. */
const KEPT: Readonly<Record<string, readonly string[]>> = onlyKnown({
  bool: ['true', 'false'],
  int2: ['-32768', '32767'],
  int4: ['-2147483648', '2147483647'],
  int8: ['-9223372036854775808', '9223372036854775807', '9007199254740993'],
  float4: ['NaN', 'Infinity', '-Infinity', '-0', '3.4028235e38', '1e-45', '0.1', '16777217', '9.99'],
  float8: ['NaN', 'Infinity', '-Infinity', '-0', '1.7976931348623157e308', '5e-324', '0.1', '123456789012345680000'],
  numeric: ['1234567890123456789012345678901234567890.0123456789', 'NaN', 'Infinity', '-Infinity', '0', '0.000', '-0.00001', '1e30'],
  'numeric(12,4)': ['-12345678.9012', '0', '99999999.9999'],
  'numeric(5,-2)': ['1234500', '-1200'],
  'numeric(2,4)': ['0.0012', '-0.0099'],
  text: ['', 'tab\tnl\ncr\rq"\'b\\s,;', '\\N', '\\.', '🛶 e\u0301', '\u0001\u007f', ' blanks ', '\ufeffbom', 'x'.repeat(100_000)],
  'varchar(5)': ['', 'abcde', '🛶🛶🛶🛶🛶', 'ab   '],
  'char(5)': ['ab', '', 'ü'],
  char: ['x', ''],
  bpchar: ['x  '],
  name: ['a name', 'n'.repeat(63)],
  '"char"': ['x', '', '\\351'],
  bytea: ['\\x', '\\x00ff0a0d5c22'],
  uuid: ['00000000-0000-0000-0000-000000000000'],
  json: ['[123456789012345678901234567890123456789012,0.1]', 'null', '{"__proto__":1}'],
  jsonb: ['[123456789012345678901234567890123456789012, 0.1]', 'null', '"x"', '{"__proto__":1,"1":2}', '9007199254740993'],
  date: ['infinity', '-infinity', '0044-03-15 BC', '4713-01-01 BC', '5874897-12-31', '2000-02-29', '0001-12-31 BC'],
  timestamp: ['infinity', '-infinity', '0044-03-15 09:00:00.000001 BC', '294276-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999'],
  'timestamp(0)': ['2020-01-01 00:00:01'],
  'timestamptz(3)': ['2020-01-01 00:00:01.123Z'],
  timestamptz: [
    'infinity',
    '-infinity',
    '0044-03-15 09:00:00.000001Z BC',
    '1969-12-31 23:59:59.999999Z',
    '2020-06-01 00:00:00.000001+05:45',
  ],
  time: ['24:00:00', '00:00', '23:59:59.999999'],
  'time(2)': ['12:00:00.12'],
  timetz: ['24:00:00+15:59:59', '12:34:56.789012+05:45'],
  interval: ['0', '-3 years', '-1 mon +2 days -03:04:05.000006', '178000000 years', 'infinity', '-0.000001 s'],
  'interval(2)': ['1.12 s'],
  'interval year to month': ['1 year 2 mons'],
  'interval day to second(3)': ['1 day 2.123 s'],
  'int4[]': ['{}', '{1,null,-3}', '{{1,2},{3,4}}', '{{{1},{2}},{{3},{4}}}'],
  'int8[]': ['{9223372036854775807,null}'],
  'numeric(6,2)[]': ['{1.10,NaN,null}'],
  'text[]': ['{}', '{null,"NULL","","a\\"b","c,d","{}"," x ","a\\\\b"}', '{{x,y},{z,w}}'],
  'varchar(3)[]': ['{abc,null}'],
  'timestamptz[]': ['{2020-01-01 00:00:00.000001Z,infinity,null}'],
  'jsonb[]': ['{"{\\"a\\": 1}","null",null}'],
  'bytea[]': ['{"\\\\x00","\\\\x",null}'],
  'inet[]': ['{10.0.0.1,null}'],
  'mood[]': ['{low,"B b",null}'],
  'pair[]': ['{"(1,a)",null,"(,)"}'],
  'price[]': ['{1.5,null}'],
  mood: ['low', 'it\'s,"{}"'],
  '"Odd S"."En um"': ['x'],
  price: ['1.5'],
  tags: ['{a,b}'],
  pair: ['(0,)', '(7,"x,y")', '(,"")'],
  int4range: ['empty', '[1,9)', '(,3]', '(,)'],
  int8range: ['[1,9223372036854775806]'],
  numrange: ['(1.10,2.200]'],
  tsrange: ['[2020-01-01,infinity]'],
  tstzrange: ['[2020-01-01 00:00:00.000001Z,)'],
  daterange: ['[2020-01-01,2020-01-05)'],
  span: ['[1.5,NaN]'],
  int4multirange: ['{}', '{[1,3),[5,9)}'],
  'int4range[]': ['{"[1,3)",null}'],
  inet: ['10.0.0.1', '10.0.0.1/24', 'fe80::2/64'],
  cidr: ['10.0.0.0/8', '::1/128'],
  macaddr: ['08:00:2b:01:02:03'],
  macaddr8: ['08:00:2b:01:02:03:04:05'],
  'bit(5)': ['10101'],
  bit: ['1'],
  varbit: ['', '101'],
  'varbit(7)': ['101'],
  lseg: ['[(1,2),(3,4.5)]'],
  line: ['{1,-1,0}'],
  xid: ['4294967295'],
  tid: ['(7,3)'],
  datemultirange: ['{[2020-01-01,2020-01-05),[2021-01-01,)}'],
  'span[]': ['{"[1,2]",NULL}'],
  moods: ['{low,"B b",NULL}'],
  feeling: ['B b'],
  twin: ['(7,"x,""y""")'],
  nested: ['(1,"{""(2,a)"",NULL}")'],
  reach: ['[1,5)'],
  money: ['12.34', '-92233720368547758.08'],
  xml: ['<a b="1">x&amp;y</a>'],
  tsvector: ['a:1A,2 b:3', ''],
  tsquery: ['a & (b | !c:*)'],
  point: ['(1.1,-0)', '(NaN,Infinity)'],
  box: ['(3,4),(1,2)'],
  path: ['[(1,2),(3,4)]', '((1,2),(3,4))'],
  polygon: ['((1,2),(3,4),(5,6))'],
  circle: ['<(1,2),3.3>'],
  'box[]': ['{(3,4),(1,2);(30,40),(10,20)}'],
  hstore: ['a=>1,b=>NULL,"c d"=>"x,\\"y"', ''],
  citext: ['AbC'],
  ltree: ['a.b.c'],
  oid: ['4294967295', '0'],
  oidvector: ['1 2'],
  regclass: ['pg_class'],
  pg_lsn: ['16/B374D848'],
  xid8: ['12345678901234'],
  pg_snapshot: ['10:20:10,14'],
  jsonpath: ['$.a[*]?(@ > 1)'],
});

/** Whatever a role is set to: what is read and written is the same. */
const ODD_SETTINGS: Readonly<Record<string, string>> = {
  DateStyle: 'German, DMY',
  IntervalStyle: 'iso_8601',
  TimeZone: 'Asia/Tokyo',
  extra_float_digits: '-15',
  bytea_output: 'escape',
  client_encoding: 'LATIN1',
  standard_conforming_strings: 'off',
  array_nulls: 'off',
  xmloption: 'document',
  search_path: 'public, pg_catalog',
  default_transaction_isolation: 'serializable',
  quote_all_identifiers: 'on',
};

/** Of these all travel in binary form; one column of another type sends all others as text. */
const BINARY = Object.fromEntries(
  Object.entries(KEPT).filter(([type]) =>
    /^(?:bool|int[248]|float|numeric|text|varchar|char|bpchar|bytea|uuid|json|date|time|interval|mood$|"Odd|price$|tags|oid$)/.test(type),
  ),
);

/** Values that only bytes keep: a record has a list, a parsed value, a Date. */
const PASSED: Readonly<Record<string, readonly string[]>> = {
  'int4[]': ['[0:2]={1,2,3}', '[-1:0][5:6]={{1,2},{3,4}}'],
  json: ['{"a":1.10,"a":2}', '"\\ud83d\\ude00"', '  { "x" :\n 1 } '],
  jsonb: ['{"a": 1.10}'],
  'jsonb[]': ['{{1,2},{"[3]","null"}}'],
  timestamptz: ['294276-12-31 23:59:59.999999Z'],
};

/** A record has the value, not the text; the pair is not read in binary form, so that text is what passes. */
const LOOKED_AT = { json: PASSED['json'] as string[], jsonb: PASSED['jsonb'] as string[], pair: ['(1,x)'] };

interface Row {
  readonly id: number;
  readonly c0: unknown;
}
const ROUTES: Readonly<Record<string, () => object[]>> = {
  'no operator': () => [],
  'a filter and other columns': () => [
    filter<Row>({ id: { notIn: [-1] } }),
    rename<Row, { c0: 'x' }>({ c0: 'x' }),
    rename<{ x: unknown }, { x: 'c0' }>({ x: 'c0' }),
  ],
  'a function of a named column': () => [map<Row, 'id', object>(['id'], ({ id }) => ({ id }))],
  'a function of every named column': () => [map<Record<string, unknown>, string, object>(KEPT_COLUMNS, values => ({ ...values }))],
  'a function of whole rows': () => [map((row: object) => ({ ...row }))],
  'a filter by whole rows': () => [filter((row: Row) => row.id >= 0)],
};
/** As many as both tables have. */
const KEPT_COLUMNS = Object.keys(BINARY).map((_, i) => `c${i}`);

function onlyKnown(values: Readonly<Record<string, readonly string[]>>): Readonly<Record<string, readonly string[]>> {
  const known = Object.entries(values).map(([type, texts]): [string, string[]] => [
    type,
    texts.filter(text => serverKnows(`${type} ${text}`)),
  ]);
  return Object.fromEntries(known.filter(([, texts]) => texts.length > 0));
}

describe('PostgreSQL to PostgreSQL: every type, equal to the last digit', () => {
  let source = '';
  let target = '';
  let reading = '';
  let writing = '';
  const zone = process.env['TZ'];
  after(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });
  before(async () => {
    process.env['TZ'] = 'Asia/Kathmandu';
    source = await freshDatabase('types_source');
    target = await freshDatabase('types_target');
    await sql(source, TYPES);
    await sql(target, `CREATE TYPE shifts_the_oids AS (a int); ${TYPES}`);
    reading = await asRole(source, 'reads oddly', ODD_SETTINGS);
    writing = await asRole(target, 'writes oddly', {
      ...ODD_SETTINGS,
      DateStyle: 'SQL, DMY',
      IntervalStyle: 'sql_standard',
      TimeZone: 'America/St_Johns',
    });
    await fill('kept', KEPT);
    await fill('in_binary', BINARY);
    await fill('passed', PASSED);
    await fill('looked_at', LOOKED_AT);
  });

  for (const [route, operators] of Object.entries(ROUTES)) {
    for (const mode of ['create', 'append'] as const) {
      it(`through ${route}, ${mode === 'create' ? 'into a table made with the same types' : 'into a table that is there'}`, async () => {
        await carries('kept', operators(), mode);
        await carries('in_binary', operators(), mode);
      });
    }
  }

  for (const route of ['no operator', 'a filter and other columns', 'a function of a named column']) {
    it(`values that a record cannot have, through ${route}`, async () => {
      await carries('passed', (ROUTES[route] as () => object[])(), 'create');
      await carries('passed', (ROUTES[route] as () => object[])(), 'append');
    });
  }

  it('JSON that a function of whole rows saw, and left as it was', async () => {
    await carries('looked_at', [filter((row: Row) => row.id >= 0)], 'create');
  });

  it('each column alone, where its bytes pass and where its text does', async () => {
    for (const [i, type] of Object.keys(KEPT).entries()) {
      await sql(target, 'DROP TABLE IF EXISTS alone');
      const report = await run([
        from.postgres({ url: reading, table: 'kept', int8: 'bigint' }),
        project<Record<string, unknown>, string>('id', `c${i}`),
        to.postgres({ url: writing, table: 'alone' }),
      ]);
      expect(report.written, type).to.equal(await count('kept'));
      const select = `SELECT id, format('%s', c${i}) AS v, c${i} IS NULL AS n FROM`;
      expect(await sql(target, `${select} alone ORDER BY id`), type).to.deep.equal(await sql(source, `${select} kept ORDER BY id`));
    }
  });

  /** A JSON number has no scale of its own, JSON's null is NULL there, and text into an interval of some fields is refused beforehand. */
  const NOT_IN_JSON = ['numeric', 'json', 'jsonb', 'jsonb[]', 'interval year to month', 'interval day to second(3)'];
  for (const [format, left] of [
    ['csv', []],
    ['ndjson', NOT_IN_JSON],
    ['json.gz', NOT_IN_JSON],
  ] as const) {
    it(`out to a file and back (${format})`, async () => {
      const types = Object.keys(KEPT);
      const names = types.map((_, i) => `c${i}`).filter((_, i) => !(left as readonly string[]).includes(types[i]!));
      const folder = await mkdtemp(join(tmpdir(), 'types-'));
      const file = join(folder, `all.${format}`);
      await sql(target, 'TRUNCATE kept_there');
      await run([
        from.postgres({ url: reading, table: 'kept', int8: 'bigint' }),
        project<Record<string, unknown>, string>('id', ...names),
        to.file(file),
      ]);
      await run([from.file(file), to.postgres({ url: writing, table: 'kept_there', mode: 'append' })]);
      await rm(folder, { recursive: true });
      const [came, went] = [await rows(target, 'kept_there'), await rows(source, 'kept')];
      for (const name of names)
        expect(
          came.map(row => row[name]),
          types[Number(name.slice(1))],
        ).to.deep.equal(went.map(row => row[name]));
    });
  }

  it('takes what JSON has, of any type, into a jsonb column as the same JSON', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'types-'));
    const values = [
      '"a text"',
      '"1"',
      '"null"',
      '"{\\"a\\": 1}"',
      '""',
      '1',
      '1.5',
      '123456789012345678901234567890',
      'true',
      '{"a": [1]}',
      '[]',
    ];
    for (const [i, list] of [values, ...values.map(value => [value, value])].entries()) {
      const file = join(folder, `${i}.ndjson`);
      await writeFile(file, list.map((value, id) => `{"id":${id},"v":${value}}\n`).join(''));
      await sql(target, 'DROP TABLE IF EXISTS jsons; CREATE TABLE jsons (id int, v jsonb)');
      await run([from.file(file), to.postgres({ url: writing, table: 'jsons', mode: 'append' })]);
      expect((await sql(target, 'SELECT v::text AS v FROM jsons ORDER BY id')).map(({ v }) => v)).to.deep.equal(list);
    }
    await rm(folder, { recursive: true });
  });

  it('names the column of a value that no record can have, and shows its text in a dead letter', async () => {
    const stages = [from.postgres({ url: reading, table: 'passed' }), project<Record<string, unknown>, string>('id', 'c0')];
    await run([...stages, map((row: object) => row), to.memory([])]).then(
      () => expect.fail('it resolved'),
      (error: unknown) =>
        expect(error).to.include({
          code: 'VALUE_NOT_CARRIED',
          message: 'map refused a record: column "c0": a value of type int4[] has bounds of its own, which a list cannot keep',
        }),
    );
    const letters: { record: unknown }[] = [];
    const folder = await mkdtemp(join(tmpdir(), 'types-'));
    const report = await (pipeline as (...all: object[]) => ReturnType<typeof pipeline>)(...stages, to.file(join(folder, 'x.ndjson')), {
      deadLetter: to.memory(letters),
    });
    await rm(folder, { recursive: true });
    expect(report).to.include({ read: 4, written: 2, rejected: 2 });
    expect(letters.map(letter => letter.record)).to.deep.equal([
      { id: 1, c0: '[0:2]={1,2,3}' },
      { id: 2, c0: '[-1:0][5:6]={{1,2},{3,4}}' },
    ]);
  });

  /** Row `id` has the id-th value of each column, and NULL beyond; so has row 0. */
  async function fill(table: string, values: Readonly<Record<string, readonly string[]>>): Promise<void> {
    const columns = Object.keys(values).map((type, i) => `c${i} ${type}`);
    await sql(source, `CREATE TABLE ${table} (id int4 NOT NULL, ${columns.join(', ')})`);
    const most = Math.max(...Object.values(values).map(list => list.length));
    for (let id = 0; id <= most; id++) {
      const row = Object.entries(values).map(([type, list]) => (list[id - 1] === undefined ? 'NULL' : `$$${list[id - 1]!}$$::${type}`));
      await sql(source, `SET TimeZone = 'UTC'; INSERT INTO ${table} VALUES (${[id, ...row].join(', ')})`);
    }
    await sql(target, `CREATE TABLE ${table}_there (id int4 NOT NULL, ${columns.join(', ')})`);
  }

  async function carries(table: string, operators: readonly object[], mode: 'create' | 'append'): Promise<void> {
    const into = mode === 'create' ? 'made' : `${table}_there`;
    await sql(target, mode === 'create' ? 'DROP TABLE IF EXISTS made' : `TRUNCATE ${into}`);
    const report = await run([
      from.postgres({ url: reading, table, int8: 'bigint' }),
      ...operators,
      to.postgres({ url: writing, table: into, mode }),
    ]);
    expect(report).to.include({ read: await count(table), written: await count(table) });
    expect(report.warnings).to.deep.equal([]);
    const types = await typesOf(source, table);
    expect(await typesOf(target, into)).to.deep.equal(types);
    const [came, went] = [await rows(target, into), await rows(source, table)];
    for (const { name, type } of types)
      expect(
        came.map(row => row[name]),
        type,
      ).to.deep.equal(went.map(row => row[name]));
  }

  async function count(table: string): Promise<number> {
    const [row] = await sql<{ n: number }>(source, `SELECT count(*)::int AS n FROM ${table}`);
    return (row as { n: number }).n;
  }
});

function run(stages: readonly object[]): ReturnType<typeof pipeline> {
  return (pipeline as (...all: object[]) => ReturnType<typeof pipeline>)(...stages);
}

/** The same database as a role of its own, with settings. */
async function asRole(url: string, role: string, settings: Readonly<Record<string, string>>): Promise<string> {
  const changes = Object.entries(settings).map(
    ([name, value]) => `ALTER ROLE "${role}" SET ${name} = ${name === 'search_path' ? value : `'${value}'`}`,
  );
  await sql(url, `DROP ROLE IF EXISTS "${role}"; CREATE ROLE "${role}" LOGIN SUPERUSER; ${changes.join('; ')}`);
  const as = Object.assign(new URL(url), { username: encodeURIComponent(role) }).href;
  expect(await sql(as, 'SHOW extra_float_digits')).to.deep.equal([{ extra_float_digits: '-15' }]);
  return as;
}

/** Each column as the server prints it. */
async function rows(url: string, table: string): Promise<Record<string, unknown>[]> {
  const texts = (await typesOf(url, table)).map(
    ({ name }) => `CASE WHEN num_nonnulls(${name}) > 0 THEN format('%s', ${name}) END AS ${name}`,
  );
  return sql(url, `SET TimeZone = 'UTC'; SELECT ${texts.join(', ')} FROM ${table} ORDER BY id`);
}

function typesOf(url: string, table: string): Promise<{ name: string; type: string }[]> {
  return sql(
    url,
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = '${table}'::regclass AND attnum > 0 ORDER BY attnum`,
  );
}

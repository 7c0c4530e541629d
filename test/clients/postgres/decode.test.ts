import { expect } from 'chai';
import { CopyLayout } from '../../../lib/clients/postgres/read/copy-layout.ts';
import { PgCopyOrigin } from '../../../lib/clients/postgres/read/copy-origin.ts';
import { copyOut } from '../../../lib/clients/postgres/read/copy-out.ts';
import { resolveTarget } from '../../../lib/clients/postgres/connection/connection-options.ts';
import type { DecodeOptions } from '../../../lib/clients/postgres/values/field.ts';
import { readPlan } from '../../../lib/clients/postgres/read/read-plan.ts';
import { withSession } from '../../../lib/clients/postgres/connection/session.ts';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import { MillraceError } from '../../../lib/errors.ts';
import { textPrinter } from '../../../lib/schema/print.ts';
import { Schema } from '../../../lib/schema/schema.ts';
import { JsonNull, JsonNumber, parseJson } from '../../../lib/values/json.ts';
import { Timestamp } from '../../../lib/values/timestamp.ts';
import { freshDatabase, sql } from '../../services/postgres.ts';
import { serverHas, serverKnows } from '../../services/server-features.ts';

const DEFAULTS: DecodeOptions = { int8: 'number', numeric: 'text' };

describe('values of PostgreSQL, decoded', () => {
  let url = '';
  before(async () => {
    url = await freshDatabase('decode_test');
    await sql(
      url,
      `CREATE TYPE mood AS ENUM ('a', 'B b', 'it''s,"{}"'); CREATE TYPE pair AS (x int, y text);
      CREATE DOMAIN price AS numeric(12,4) CHECK (value >= 0); CREATE DOMAIN prices AS price[]; CREATE SCHEMA "Odd.One"; CREATE TYPE "Odd.One"."T" AS ENUM ('x')`,
    );
  });

  const cases: [sql: string, value: unknown][] = [
    ["int2 '-32768'", -32768],
    ['2147483647::int4', 2147483647],
    ['4294967295::oid', 4294967295],
    ['(-9007199254740991)::int8', -9007199254740991],
    ["'0.1'::float4", 0.1],
    ["'3.4028235e38'::float4", 3.4028235e38],
    ["'1e-45'::float4", 1e-45],
    ["'16777216'::float4", 16777216],
    ["'1.17549435e-38'::float4", 1.1754944e-38],
    ["'NaN'::float4", Number.NaN],
    ["'-0'::float4", -0],
    ["'-Infinity'::float8", -Infinity],
    ["'-1.7976931348623157e308'::float8", -1.7976931348623157e308],
    ["'-0'::float8", -0],
    ["'0'::numeric", '0'],
    ["'0.00'::numeric", '0.00'],
    ["'-98765432109876543210.0123456789'::numeric", '-98765432109876543210.0123456789'],
    ["'10000'::numeric", '10000'],
    ["'100000000.10'::numeric", '100000000.10'],
    ["'0.00000001'::numeric", '0.00000001'],
    ["'1e10'::numeric", '10000000000'],
    ["'1.5'::numeric(12,4)", '1.5000'],
    ["'1234567'::numeric(7,-2)", '1234600'],
    ["'NaN'::numeric", 'NaN'],
    ["'-Infinity'::numeric", '-Infinity'],
    ["'7.25'::price", '7.2500'],
    ['true', true],
    ['false', false],
    ["''::text", ''],
    ["E'tab\\tnl\\n\"\\\\ €🛶 e\\u0301'", 'tab\tnl\n"\\ €🛶 e\u0301'],
    ["'short'", 'short'],
    ["'shört'", 'shört'],
    ["repeat('long ', 100)", 'long '.repeat(100)],
    ["'ab'::char(5)", 'ab   '],
    ["'v'::varchar(7)", 'v'],
    ["'n'::name", 'n'],
    ['\'c\'::"char"', 'c'],
    ["'<a>1</a>'::xml", '<a>1</a>'],
    ["'\\x00ff0a'::bytea", Buffer.from([0, 255, 10])],
    ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12'::uuid", 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12'],
    ["'it''s,\"{}\"'::mood", 'it\'s,"{}"'],
    ['\'x\'::"Odd.One"."T"', 'x'],
    ['\'{"a": 1.10, "a": 2}\'::json', { a: 2 }],
    ["'[123456789012345678901234567890, 0.1]'::jsonb", [new JsonNumber('123456789012345678901234567890'), 0.1]],
    ["'null'::jsonb", JsonNull],
    ['\'"text"\'::json', 'text'],
    ["timestamptz '2024-02-29 12:34:56.789012+02'", Timestamp.fromText('2024-02-29T10:34:56.789012Z')],
    ["timestamptz '1066-10-14 09:00:00.000001Z'", Timestamp.fromText('1066-10-14T09:00:00.000001Z')],
    ["timestamptz '4713-01-01 00:00:00Z BC'", Timestamp.fromText('4713-01-01T00:00:00Z BC')],
    ["timestamptz 'infinity'", Timestamp.INFINITY],
    ["timestamptz '-infinity'", Timestamp.NEGATIVE_INFINITY],
    ["timestamp '2024-02-29 12:34:56.789012'", '2024-02-29T12:34:56.789012'],
    ["timestamp '2024-02-29 12:34:56.7'", '2024-02-29T12:34:56.700'],
    ["timestamp '1999-12-31 23:59:59'", '1999-12-31T23:59:59'],
    ["timestamp '294276-12-31 23:59:59.999999'", '294276-12-31T23:59:59.999999'],
    ["timestamp '0044-03-15 12:00:00 BC'", '0044-03-15T12:00:00 BC'],
    ["timestamp 'infinity'", 'infinity'],
    ["date '2024-02-29'", '2024-02-29'],
    ["date '5874897-12-31'", '5874897-12-31'],
    ["date '4713-01-01 BC'", '4713-01-01 BC'],
    ["date '-infinity'", '-infinity'],
    ["time '24:00:00'", '24:00:00'],
    ["time '01:02:03.000004'", '01:02:03.000004'],
    ["timetz '01:02:03.5+05:30'", '01:02:03.500+05:30'],
    ["timetz '01:02:03-15:59:59'", '01:02:03-15:59:59'],
    ["timetz '01:02:03Z'", '01:02:03+00'],
    ["interval '0'", 'PT0S'],
    ["interval '1 mon -2 days 03:04:05.000006'", 'P1M-2DT3H4M5.000006S'],
    ["interval '-3 years -1 mon'", 'P-3Y-1M'],
    ["interval '-00:00:00.5'", 'PT-0.5S'],
    ["interval '2562047788 hours'", 'PT2562047788H'],
    ["interval 'infinity'", 'infinity'],
    ["'{1,null,-3}'::int4[]", [1, null, -3]],
    ["'{}'::int4[]", []],
    [
      "'{{x,y},{z,null}}'::text[]",
      [
        ['x', 'y'],
        ['z', null],
      ],
    ],
    ["'{1.10,NaN}'::numeric[]", ['1.10', 'NaN']],
    ["ARRAY[timestamptz '2024-01-01Z', null]", [Timestamp.fromText('2024-01-01T00:00:00Z'), null]],
    ["ARRAY['{\"a\":[1]}'::jsonb, 'null']", [{ a: [1] }, JsonNull]],
    ['\'{a,"B b"}\'::mood[]', ['a', 'B b']],
    ["'{1.5,2}'::prices", ['1.5000', '2.0000']],
    ["'{10.0.0.1,fe80::2/64}'::inet[]", ['10.0.0.1', 'fe80::2/64']],
    ["ARRAY[ROW(7,'x,y')::pair, null]", ['(7,"x,y")', null]],
    ["'fe80::2/64'::inet", 'fe80::2/64'],
    ["'[1,9)'::int4range", '[1,9)'],
    ["ROW(7,'x,y')::pair", '(7,"x,y")'],
    ["'(1,2)'::point", '(1,2)'],
    ["B'1010'", '1010'],
    ["'a & b'::tsquery", "'a' & 'b'"],
    ["'pg_class'::regclass", 'pg_class'],
    ["'12.34'::money", '$12.34'],
    ["'postgres=r/postgres'::aclitem", 'postgres=r/postgres'],
    ['null::int4', null],
    ['null::pair', null],
  ];

  const known = cases.filter(([expression]) => serverKnows(expression));

  it('gives the value of the value table for each type, and NULL beside it', async () => {
    const select = `SELECT ${known.map(([expression], i) => `${expression} AS c${i}`).join(', ')} UNION ALL SELECT ${known.map(() => 'NULL').join(', ')}`;
    const [batch] = await read(select);
    const [row, nulls] = batch?.rows as [Record<string, unknown>, Record<string, unknown>];
    for (const [i, [expression, value]] of known.entries()) {
      expect(row[`c${i}`], expression).to.deep.equal(value);
      expect(batch?.column(`c${i}`).get(0), expression).to.deep.equal(value);
      expect(batch?.column(`c${i}`).get(1), expression).to.equal(null);
      expect(nulls[`c${i}`], expression).to.equal(null);
    }
  });

  const printed: Readonly<Record<string, readonly string[]>> = {
    inet: [
      '0.0.0.0',
      '10.0.0.1/24',
      '::',
      '::1',
      '::/0',
      '::1.2.3.4',
      '::ffff:1.2.3.4/100',
      '1:0:0:2::3',
      '0:0:1::',
      '::2:0:0:0:1',
      '1::',
      '::5:0:0:7',
    ],
    cidr: ['10.0.0.0/8', '10.0.0.1/32', '::1/128', '2001:db8::/32', '::/0'],
    macaddr: ['08:00:2b:01:02:03'],
    macaddr8: ['08:00:2b:01:02:03:04:ff'],
    'bit(9)': ['101010101'],
    varbit: ['', '1', '10101010', '0000000011'],
    '"char"': ['x', '', '\\351', '\\'],
    int4range: ['empty', '[1,9)', '(,3]', '(,)', '[-5,)'],
    int8range: ['[1,9223372036854775806]'],
    numrange: ['(1.10,2.200]', '[-Infinity,NaN]'],
    daterange: ['[2020-01-01,2020-01-05)', '[0044-03-15 BC,infinity]'],
    tsrange: ['[2020-01-01,infinity]', '[2020-01-01 00:00:00.000010,2020-01-01 00:00:00.5)', '(0044-03-15 12:00:00 BC,)'],
    tstzrange: ['[2020-01-01 00:00:00.000001Z,)', '[2020-01-01 00:00:00.25+05:45,2021-01-01Z)'],
    int4multirange: ['{}', '{[1,3),[5,9)}', '{(,)}'],
    tsmultirange: ['{[2020-01-01,2020-01-02),[2021-01-01,)}'],
    point: [
      '(1.1,-0)',
      '(NaN,Infinity)',
      '(1e15,123456789012345)',
      '(1e-4,0.00001)',
      '(-1.5e-300,1.7976931348623157e308)',
      '(0.001234,-0.00012)',
    ],
    line: ['{1,2,3}'],
    lseg: ['[(1,2),(3,4)]'],
    box: ['(3,4),(1,2)'],
    path: ['[(1,2),(3,4)]', '((1,2),(3,4.5))'],
    polygon: ['((1,2),(3,4),(5,6))'],
    circle: ['<(1,2),3.3>'],
    'box[]': ['{(3,4),(1,2);(30,40),(10,20)}'],
    'inet[]': ['{10.0.0.1,NULL,::1}'],
  };

  it('prints built-in types without a value of their own as the server does', async () => {
    for (const [type, values] of Object.entries(printed)) {
      const texts = values.map(value => `'${value}'::${type}`).filter(serverKnows);
      if (texts.length === 0) continue;
      const [batch] = await read(texts.map(text => `SELECT ${text} AS value`).join(' UNION ALL '));
      const [server] = await sql<{ texts: string[] }>(
        url,
        `SET TimeZone = 'UTC'; SELECT ARRAY[${texts.map(text => `format('%s', ${text})`).join(',')}] AS texts`,
      );
      const column = (batch as RecordBatch).column('value');
      const mine = texts.map((_, row) => (column.text ?? (at => textPrinter(column.type)(column.get(at))))(row));
      expect(mine, type).to.deep.equal(server?.texts);
    }
  });

  it('gives the digits of any numeric as the server prints them', async () => {
    const scales = Array.from(
      { length: 8 },
      (_, scale) => `round((random() - 0.5)::numeric * 10::numeric ^ (n % 19), ${scale - 1}) AS s${scale}`,
    );
    const names = scales.map((_, scale) => `s${scale}, s${scale}::text AS t${scale}`);
    const batches = await read(
      `SELECT ${names.join(', ')} FROM (SELECT ${scales.join(', ')} FROM generate_series(1, 2000) n UNION ALL SELECT ${scales.map((_, i) => `round(0, ${i})`).join(', ')}) x`,
    );
    for (const row of batches.flatMap(batch => batch.rows))
      for (let scale = 0; scale < scales.length; scale++) expect(row[`s${scale}`]).to.equal(row[`t${scale}`]);
  });

  it('gives numbers in jsonb exactly, wherever in the text they stand and however long they are', async () => {
    const batches = await read(
      `SELECT jsonb_build_object(repeat('k', n % 40), (repeat('7', 1 + n % 23) || CASE n % 3 WHEN 0 THEN '.5' ELSE '' END)::numeric, 'e', 5 * 10::numeric ^ (n % 60 - 30)) AS value
        FROM generate_series(1, 1500) n`,
    );
    for (const batch of batches) {
      const column = batch.column('value');
      for (let row = 0; row < batch.length; row++) expect(column.get(row)).to.deep.equal(parseJson(column.text?.(row) ?? ''));
    }
  });

  it('gives texts that PostgreSQL reads as the very same values', async () => {
    // char without its length is char(1), bit likewise, money depends on the locale
    const kept = known.map(([expression]) => expression).filter(expression => !/^null|money|char\(5\)|^B'/.test(expression));
    const [batch] = await read(`SELECT ${kept.map((expression, i) => `${expression} AS c${i}`).join(', ')}`);
    const columns = kept.map((_, i) => (batch as RecordBatch).column(`c${i}`));
    const texts = columns.map(column => column.text?.(0) ?? textPrinter(column.type)(column.get(0)));
    const [types] = await sql<Record<string, string>>(
      url,
      `SELECT ${kept.map((expression, i) => `pg_typeof(${expression})::text AS c${i}`).join(', ')}`,
    );
    const pairs = kept.map(
      (expression, i) => `($${i + 1}::text)::${types?.[`c${i}`] ?? ''}::text AS mine${i}, (${expression})::text AS theirs${i}`,
    );
    const [answer] = await sql<Record<string, string>>(url, `SELECT ${pairs.join(', ')}`, texts);
    for (const [i, expression] of kept.entries())
      expect(answer?.[`mine${i}`], `${expression} as ${texts[i] ?? ''}`).to.equal(answer?.[`theirs${i}`]);
  });

  it('prints the same text by a column’s text and by its value', async () => {
    const [batch] = await read(`SELECT ${known.map(([expression], i) => `${expression} AS c${i}`).join(', ')}`);
    for (const [i, [expression, value]] of known.entries()) {
      const column = (batch as RecordBatch).column(`c${i}`);
      if (column.text === undefined || ['json', 'array'].includes(column.type.kind)) continue;
      expect(column.text(0), expression).to.equal(
        value === null ? null : column.type.kind === 'jsonb' ? column.text(0) : textPrinter(column.type)(value),
      );
    }
  });

  it('knows each type with its modifiers, labels, elements and nullability', async () => {
    const negative = serverHas('scales beyond the precision') ? 'numeric(5,-2)' : 'numeric(5,2)';
    await sql(
      url,
      `CREATE TABLE typed (a numeric(14,4) NOT NULL, b varchar(20), c char(3), d timestamptz(3), e mood, f mood[], g price, h pair, i bit(8), j ${negative}[],
      k interval(2), l interval year to month, m text GENERATED ALWAYS AS (b) STORED, "o ""d" "Odd.One"."T", n int4range, q varbit(3))`,
    );
    await withSession(resolveTarget({ url }), { doing: 'test' }, async ({ client, target }) => {
      const plan = await readPlan(client, { table: 'typed' }, target, {});
      expect(String(new Schema(plan.columns))).to.equal(
        'a numeric(14,4), b varchar(20)?, c char(3)?, d timestamp(3) with time zone?, e public.mood?, f public.mood[]?, g numeric(12,4)?, h public.pair?, i bit(8)?, ' +
          `j ${negative}[]?, ` +
          'k interval(2)?, l interval year to month?, m text?, o "d "Odd.One"."T"?, n int4range?, q bit varying(3)?',
      );
      expect(plan.columns[4]?.type.labels).to.deep.equal(['a', 'B b', 'it\'s,"{}"']);
      expect(plan.columns.filter(column => column.isPortable).map(column => column.name)).to.deep.equal([
        'a',
        'b',
        'c',
        'd',
        'e',
        'g',
        'i',
        'j',
        'k',
        'l',
        'm',
        'o "d',
        'n',
        'q',
      ]);
      expect(plan.columns.filter(column => column.wire === 'text').map(column => column.name)).to.deep.equal(['h']);
    });
  });

  it('refuses an int8 past 2^53 as a number, by name, and reads it as a bigint or as text', async () => {
    const [batch] = await read('SELECT 9007199254740993::int8 AS "the id", 5::int8 AS small');
    expect(thrown(() => batch?.rows)).to.match(/^VALUE_INVALID column "the id": .*int8: 'bigint'/);
    expect(batch?.column('the id').text?.(0)).to.equal('9007199254740993');
    expect(batch?.column('small').get(0)).to.equal(5);
    const [exact] = await read("SELECT (-9223372036854775808)::int8 AS id, '{9223372036854775807}'::int8[] AS ids, 1.5::numeric AS n", {
      int8: 'bigint',
      numeric: 'number',
    });
    expect(exact?.rows).to.deep.equal([{ id: -9223372036854775808n, ids: [9223372036854775807n], n: 1.5 }]);
  });

  it('refuses arrays that a nested list cannot say', async () => {
    const [batch] = await read("SELECT '[0:1]={1,2}'::int4[] AS bounds, ARRAY[['1'::json]] AS docs, '[2:2]={10.0.0.1}'::inet[] AS nets");
    for (const name of ['bounds', 'docs', 'nets']) expect(thrown(() => batch?.column(name).get(0))).to.match(/^VALUE_NOT_CARRIED /);
  });

  it('keeps names that objects treat in a way of their own', async () => {
    const [batch] = await read('SELECT 1 AS "__proto__", 2 AS "constructor", 3 AS "10", 4 AS "a.b", 5 AS "say ""hi"" \\ ${x}"');
    const [row] = batch?.rows as [object];
    expect(Object.entries(row)).to.have.deep.members([
      ['__proto__', 1],
      ['constructor', 2],
      ['10', 3],
      ['a.b', 4],
      ['say "hi" \\ ${x}', 5],
    ]);
    expect(Object.getPrototypeOf(row)).to.equal(Object.prototype);
  });

  async function read(query: string, options = DEFAULTS): Promise<RecordBatch[]> {
    return withSession(resolveTarget({ url }), { doing: 'test' }, async session => {
      const plan = await readPlan(session.client, { query }, session.target, {});
      const layout = new CopyLayout(plan.columns, options);
      const schema = new Schema(plan.columns.map(({ name, type, nullable }) => ({ name, type, nullable })));
      const batches: RecordBatch[] = [];
      for await (const rows of copyOut(session, plan.statement, { batchRows: 100, batchBytes: 65_536, doing: 'test' }))
        batches.push(new RecordBatch(new PgCopyOrigin(rows, layout), schema));
      return batches;
    });
  }
});

function thrown(run: () => unknown): string {
  try {
    run();
    return 'nothing thrown';
  } catch (error) {
    return error instanceof MillraceError ? `${error.code} ${error.message}` : String(error);
  }
}

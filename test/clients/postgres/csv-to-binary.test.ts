import { expect } from 'chai';
import fc from 'fast-check';
import pg from 'pg';
import { BINARY_HEADER, BINARY_TRAILER, CopyIn } from '../../../lib/clients/postgres/write/copy-in.ts';
import { dataHeader } from '../../../lib/clients/postgres/write/copy-text.ts';
import { csvToBinary } from '../../../lib/clients/postgres/write/csv-to-binary.ts';
import type { DataType } from '../../../lib/schema/types.ts';
import { freshDatabase } from '../../services/postgres.ts';

const digits = (most: number): fc.Arbitrary<string> => fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: most });
const sign = fc.constantFrom('', '', '', '-', '+', ' ', '- ');
const joined = (...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> => fc.tuple(...parts).map(texts => texts.join(''));
const number = (most: number): fc.Arbitrary<string> =>
  joined(
    sign,
    digits(most),
    fc.constantFrom('', '', '.', '.'),
    digits(most),
    fc.constantFrom('', '', '', 'e5', 'E-3', 'e400', 'e-320', ' ', 'x', '_0'),
  );
const two = fc.integer({ min: 0, max: 70 }).map(n => String(n).padStart(2, '0'));
const date = joined(
  fc.constantFrom('2024', '1999', '1900', '2000', '0001', '0000', '9999', '12024', '24', '01'),
  fc.constantFrom('-', '-', '-', '/'),
  fc.integer({ min: 0, max: 13 }).map(n => String(n).padStart(2, '0')),
  fc.constantFrom('-', '-', '-', '/'),
  fc.integer({ min: 0, max: 32 }).map(n => String(n).padStart(2, '0')),
  fc.constantFrom('', '', '', ' BC', ' '),
);
const hours = fc.integer({ min: 0, max: 25 }).map(n => String(n).padStart(2, '0'));
const time = joined(
  hours,
  fc.constant(':'),
  two,
  fc.constantFrom(':', ''),
  two,
  fc.constantFrom('', '.', '.5', '.123456', '.1234567', '.000001', ' PM'),
);
const stamp = joined(
  date,
  fc.constantFrom(' ', 'T', '  ', 't'),
  time,
  fc.constantFrom('', 'Z', '+02', '-03:30', '+05:45', '+16', ' UTC', 'z', '+0530', '-00:30', '+02:00:30'),
);
const odd = fc.constantFrom(
  '',
  'NULL',
  'NaN',
  'infinity',
  '-infinity',
  'Infinity',
  'now',
  'today',
  '0x1F',
  '1_000',
  '1e5',
  'true',
  'yes',
  '-0',
  '-0.0',
  '00012.3400',
);
const words = fc.string({ unit: fc.constantFrom('a', 'Æ', '東', '🛶', ' ', ',', '"', '\n', '\\', '.', "'", '\t'), maxLength: 12 });

const zone = fc.constantFrom('', 'Z', '+02', '-03:30', '+05:45', '+16', ' UTC', 'z', '+0530', '-00:30', '+02:00:30');
/** In the middle between two floats, beside it, at the ends, and what both forms of floats print. */
const float4Text = fc.oneof(
  fc.float().map(String),
  fc.double().map(String),
  fc
    .tuple(fc.float({ min: 2 ** -120, max: 2 ** 120, noNaN: true }), fc.constantFrom('', '0', '1', '000000000001', '5'))
    .map(([value, tail]) => {
      const next = new Float32Array([value]);
      new Uint32Array(next.buffer)[0]! += 1;
      const middle = (value + (next[0] as number)) / 2;
      const [digits, exponent = '0'] = middle.toExponential(40).split('e') as [string, string?];
      return `${digits}${tail}e${exponent}`;
    }),
);
const small = fc.integer({ min: -99, max: 99 });
const INTERVALS = [
  '00:00:00',
  '1 year 2 mons 3 days 04:05:06.789',
  '-1 years -2 mons +3 days -04:05:06.5',
  '-00:00:00.000001',
  '100:00:00',
  '1 mon',
  '-3 days',
  'PT0S',
  'P1Y2M3DT4H5M6.789S',
  'P-1Y-2M3DT-4H-5M-6.5S',
  'PT-0.000001S',
  'P1D',
];
/** In the styles of the server, whole and with parts of their order, their signs or their digits changed. */
const interval = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('', '+', '-'),
      small,
      fc.constantFrom(' year', ' years', ' yrs', ' y', '.5 years'),
      fc.constantFrom('', '+', '-'),
      fc.nat(99),
    )
    .chain(([s, years, year, t, n]) =>
      fc.constantFrom(
        `${years}${year} ${t}${n} mons`,
        `${years} mons ${t}${n} days ${s}0${n % 10}:05:06.${n}`,
        `${years} days ${t}${n}:05:06`,
        `${years} days ${t}0${n % 10}:05`,
        `${s}${n}:59:${n % 70}.000${n}`,
        `${n} days ${n} mons`,
        `${years} days ago`,
        `${t}${n} days`,
        `${n} 1:00:00`,
      ),
    ),
  fc
    .tuple(small, small, small, small, small, fc.constantFrom('', '.5', '.123456', '.1234567', ',5'))
    .chain(([a, b, c, d, e, f]) =>
      fc.constantFrom(
        `P${a}Y${b}M${c}DT${d}H${e}M${a}${f}S`,
        `P${a}M`,
        `P${a}W`,
        `PT${a}M${b}${f}S`,
        `P${a}DT${b}H`,
        `P${a}.5D`,
        `P${a}YT`,
        `PT-0${f}S`,
        `P${a}-${b}-${c}`,
      ),
    ),
);

/** Arrays of such elements, as the server prints them and in other forms. */
function list(
  element: DataType,
  texts: fc.Arbitrary<string>,
  sure: readonly string[],
): { type: DataType; texts: fc.Arbitrary<string>; sure: readonly string[] } {
  const item = fc.oneof(
    texts,
    texts.map(text => `"${text.replaceAll(/["\\\\]/g, String.raw`\\$&`)}"`),
    fc.constantFrom('NULL', 'null', ' 1', '{1}', '""'),
  );
  const items = fc.array(
    fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...sure).map(text => text.slice(1, -1)) }, { weight: 5, arbitrary: item }),
    { maxLength: 3 },
  );
  const braced = items.chain(all =>
    fc.constantFrom(`{${all.join(',')}}`, `{${all.join(',')}}`, `{${all.join(', ')}}`, `{{${all.join(',')}}}`, `[0:1]={${all.join(',')}}`),
  );
  return { type: { kind: 'array', element }, texts: braced, sure };
}

const TYPES: Readonly<Record<string, { type: DataType; texts: fc.Arbitrary<string>; sure: readonly string[] }>> = {
  int2: { type: { kind: 'int2' }, texts: number(5), sure: ['1', '-32', '007'] },
  int4: { type: { kind: 'int4' }, texts: number(11), sure: ['2147483647', '-2147483647', '0', '-0'] },
  int8: { type: { kind: 'int8' }, texts: number(20), sure: ['999999999999999', '-999999999999999', '-4294967296', '4294967295'] },
  float8: {
    type: { kind: 'float8' },
    texts: number(20),
    sure: ['NaN', 'Infinity', '-Infinity', '1.5', '-0', '0.1', '841470.9848078965', '1e5', '-1.7976931348623157e308', '123456789012345.6'],
  },
  float4: {
    type: { kind: 'float4' },
    texts: fc.oneof(number(12), float4Text),
    sure: ['NaN', '-Infinity', '1.5', '-0', '0.1', '16777217.5', '3.4028235e38', '1.1754944e-38', '9.99'],
  },
  oid: { type: { kind: 'oid' }, texts: number(11), sure: ['0', '4294967295', '16384'] },
  numeric: {
    type: { kind: 'numeric' },
    texts: number(34),
    sure: ['0', '-0.00', '0.0001', '1.50', '-12345678.9', '10000', '0.00010000', '100000000.00000001'],
  },
  'numeric(12,3)': { type: { kind: 'numeric', precision: 12, scale: 3 }, texts: number(8), sure: ['1.0005', '-99.9995', '12'] },
  bool: {
    type: { kind: 'bool' },
    texts: fc.constantFrom('true', 'false', 't', 'f', 'TRUE', 'tr', 'yes', '1', 'on', ' true'),
    sure: ['true', 'f'],
  },
  uuid: {
    type: { kind: 'uuid' },
    texts: fc.uuid().chain(id => fc.constantFrom(id, id.toUpperCase(), id.replaceAll('-', ''), `{${id}}`, id.slice(1), `${id}0`)),
    sure: ['0123abcd-4567-89ef-ABCD-0123456789ab'],
  },
  bytea: {
    type: { kind: 'bytea' },
    texts: joined(
      fc.constantFrom('\\x', '\\x', '\\x', '\\X', 'x', ''),
      fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF'), maxLength: 40 }),
      fc.constantFrom('', '', '', ' ', ' 00', 'g', '\\000'),
    ),
    sure: ['\\x', '\\x00ffABcd'],
  },
  date: { type: { kind: 'date' }, texts: date, sure: ['2024-02-29', '0001-01-01', '9999-12-31', '1999-12-31', '1900-02-28'] },
  time: { type: { kind: 'time' }, texts: time, sure: ['00:00:00', '23:59:59.999999'] },
  'time(3)': { type: { kind: 'time', precision: 3 }, texts: time, sure: ['12:00:00.0005'] },
  timetz: {
    type: { kind: 'timetz' },
    texts: joined(time, zone),
    sure: ['12:34:56.789012+05:45', '00:00:00-12', '23:59:59Z'],
  },
  'timetz(2)': { type: { kind: 'timetz', precision: 2 }, texts: joined(time, zone), sure: ['12:34:56.785+02'] },
  interval: { type: { kind: 'interval' }, texts: interval, sure: INTERVALS },
  'interval(3)': { type: { kind: 'interval', precision: 3 }, texts: interval, sure: INTERVALS },
  'int4[]': list({ kind: 'int4' }, number(11), ['{}', '{1,NULL,-3}', '{"7"}', '{null}']),
  'int8[]': list({ kind: 'int8' }, number(16), ['{1,2,3,4,5,6,7,8,9,0}']),
  'float8[]': list({ kind: 'float8' }, number(16), ['{1.5,NaN,-Infinity}']),
  'float4[]': list({ kind: 'float4' }, float4Text, ['{0.1,1e10}']),
  'numeric[]': list({ kind: 'numeric' }, number(9), ['{1,2,3,4,5,6,7,8,9}', '{0.10,NULL,12345678.9}']),
  'numeric(6,2)[]': list({ kind: 'numeric', precision: 6, scale: 2 }, number(3), ['{1.005,2}']),
  'bool[]': list({ kind: 'bool' }, fc.constantFrom('t', 'f', 'true', 'yes'), ['{t,f,NULL}']),
  'text[]': list({ kind: 'text' }, words, ['{a,"b c",NULL,"NULL","\\\\ \\"x\\",",Æ,""}']),
  'varchar(5)[]': list(
    { kind: 'varchar', length: 5 },
    words.map(text => [...text].slice(0, 5).join('')),
    ['{a,"b c"}'],
  ),
  'date[]': list({ kind: 'date' }, date, ['{2024-02-29,NULL}']),
  'timestamptz[]': list({ kind: 'timestamptz' }, stamp, ['{"2024-02-29 12:34:56+00",NULL}']),
  'uuid[]': list({ kind: 'uuid' }, fc.uuid(), ['{0123abcd-4567-89ef-ABCD-0123456789ab}']),
  'interval[]': list({ kind: 'interval' }, interval, ['{"1 day",PT0S,P1D}']),
  'jsonb[]': list(
    { kind: 'jsonb' },
    fc.jsonValue({ noUnicodeString: true }).map(value => JSON.stringify(value)),
    ['{1,"{\\"a\\": \\"x y\\"}",NULL,"null"}'],
  ),
  timestamp: { type: { kind: 'timestamp' }, texts: stamp, sure: ['2024-02-29 12:34:56', '1969-12-31T23:59:59.000001'] },
  'timestamp(0)': { type: { kind: 'timestamp', precision: 0 }, texts: stamp, sure: ['2024-02-29 12:34:56.5'] },
  timestamptz: {
    type: { kind: 'timestamptz' },
    texts: stamp,
    sure: ['2024-02-29 12:34:56Z', '1969-12-31T23:59:59.000001+05:45', '2001-01-01 00:00:00-12'],
  },
  text: { type: { kind: 'text' }, texts: words, sure: ['x', 'a,"b"\n'] },
  'varchar(5)': { type: { kind: 'varchar', length: 5 }, texts: words.map(text => [...text].slice(0, 5).join('')), sure: ['x'] },
  'char(3)': { type: { kind: 'bpchar', length: 3 }, texts: words.map(text => [...text].slice(0, 3).join('')), sure: ['x'] },
  json: { type: { kind: 'json' }, texts: fc.jsonValue().map(value => JSON.stringify(value)), sure: ['{"a": 1.10, "a":2}'] },
  jsonb: {
    type: { kind: 'jsonb' },
    texts: fc.jsonValue({ noUnicodeString: true }).map(value => JSON.stringify(value)),
    sure: ['{"a": 1.10, "a":2}'],
  },
};

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
/** In quotes where it has to be, and sometimes where not. */
const field = (text: string, inQuotes: boolean): string => (inQuotes || /[",\n\r]|^\\\./.test(text) ? quoted(text) : text);

describe('fields of CSV made binary', () => {
  let client: pg.Client;
  before(async () => {
    client = new pg.Client({ connectionString: await freshDatabase('csv_to_binary') });
    await client.connect();
    // What the server's own reading may depend on: none of the forms that are read here does.
    await client.query("SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kathmandu'; SET IntervalStyle = 'sql_standard'");
  });
  after(() => client.end());

  async function load(table: string, format: string, chunks: readonly Uint8Array[]): Promise<void> {
    const copy = await CopyIn.start(client, `COPY ${table} FROM STDIN (FORMAT ${format})`, 10_000);
    await copy.write(chunks.flatMap(chunk => [dataHeader(chunk.length), chunk]));
    await copy.end();
  }

  for (const [name, { type, texts, sure }] of Object.entries(TYPES)) {
    it(`${name}: what is read here is what the server reads, and the plain forms are read here`, async () => {
      const read = csvToBinary([{ kind: 'int4' }, type, { kind: 'text' }]);
      const lineOf = (row: number, csv: string): Buffer => Buffer.from(`${row},${csv},"x"\n`);
      for (const text of sure) expect(read?.([lineOf(0, field(text, false))], 1), text).to.be.instanceOf(Uint8Array);
      const some = fc.sample(fc.tuple(fc.oneof({ weight: 8, arbitrary: texts }, odd), fc.boolean()), 1500);
      const lines = [...sure.map((text): [string, boolean] => [text, false]), ...some]
        .map(([text, inQuotes], row) => lineOf(row, field(text, inQuotes)))
        .filter(line => read?.([line], 1) !== undefined);
      await client.query(`DROP TABLE IF EXISTS a, b; CREATE TABLE a (row int4, value ${name}, x text); CREATE TABLE b (LIKE a)`);
      const isOdd = /^(?:jsonb?|varchar|char|numeric\()/.test(name);
      // Words that are no JSON, and what is too long, are the server's to refuse in either form: line by line.
      const whole = isOdd ? await accepted(lines) : lines;
      await load('b', 'csv', whole);
      const binary = read?.(whole, whole.length) as Uint8Array;
      await load('a', 'binary', [BINARY_HEADER.subarray(5), binary, BINARY_TRAILER.subarray(5)]);
      const { rows } = await client.query(
        'SELECT row, a.value::text AS ours, b.value::text AS theirs FROM a FULL JOIN b USING (row) WHERE a.value::text IS DISTINCT FROM b.value::text OR a.x IS DISTINCT FROM b.x',
      );
      expect(rows).to.deep.equal([]);
      const counts = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM a');
      expect(counts.rows[0]?.n).to.equal(whole.length).and.to.be.at.least(sure.length);
    }).timeout(60_000);
  }

  async function accepted(lines: readonly Buffer[]): Promise<Buffer[]> {
    const taken: Buffer[] = [];
    for (const line of lines.slice(0, 250)) {
      await load('b', 'csv', [line]).then(
        () => taken.push(line),
        () => undefined,
      );
    }
    await client.query('TRUNCATE b');
    return taken;
  }

  it('is left to the server for types that have no form of their own here', () => {
    const enums: DataType = { kind: 'array', element: { kind: 'enum', name: 'public.mood', labels: ['a'] } };
    for (const type of [{ kind: 'other', name: 'inet' }, { kind: 'interval', name: 'interval year to month' }, enums] as const)
      expect(csvToBinary([{ kind: 'text' }, type]), type.kind).to.equal(undefined);
    expect(csvToBinary([])).to.equal(undefined);
  });
});

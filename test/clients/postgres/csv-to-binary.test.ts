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

const TYPES: Readonly<Record<string, { type: DataType; texts: fc.Arbitrary<string>; sure: readonly string[] }>> = {
  int2: { type: { kind: 'int2' }, texts: number(5), sure: ['1', '-32', '007'] },
  int4: { type: { kind: 'int4' }, texts: number(11), sure: ['2147483647', '-2147483647', '0', '-0'] },
  int8: { type: { kind: 'int8' }, texts: number(20), sure: ['999999999999999', '-999999999999999', '-4294967296', '4294967295'] },
  float8: {
    type: { kind: 'float8' },
    texts: number(20),
    sure: ['NaN', 'Infinity', '-Infinity', '1.5', '-0', '0.1', '841470.9848078965', '1e5', '-1.7976931348623157e308', '123456789012345.6'],
  },
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
      const isOdd =
        name === 'json' || name === 'jsonb' || name.startsWith('varchar') || name.startsWith('char') || name.startsWith('numeric(');
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
    for (const kind of ['interval', 'array', 'other', 'float4', 'timetz', 'oid'] as const)
      expect(csvToBinary([{ kind: 'text' }, { kind }]), kind).to.equal(undefined);
    expect(csvToBinary([])).to.equal(undefined);
  });
});

import { expect } from 'chai';
import pg from 'pg';
import { loadTarget, type TargetTable } from '../../../lib/clients/postgres/catalogue/target-table.ts';
import { BINARY_HEADER, BINARY_TRAILER, CopyIn } from '../../../lib/clients/postgres/write/copy-in.ts';
import { type CopyPiece, CopyPlan } from '../../../lib/clients/postgres/write/copy-plan.ts';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import type { AnyBatch } from '../../../lib/core/define.ts';
import { Schema } from '../../../lib/schema/schema.ts';
import { freshDatabase } from '../../services/postgres.ts';
import { serverHas } from '../../services/server-features.ts';

/** Texts that go in binary, and texts that the server takes too. */
const TYPES: Readonly<Record<string, { plain: readonly string[]; odd: readonly string[] }>> = {
  int2: { plain: ['0', '-32', '007'], odd: [' 5', '+5', '32767'] },
  int4: { plain: ['2147483647', '-1'], odd: ['+12', '-2147483648'] },
  int8: { plain: ['999999999999999', '-4294967296'], odd: ['9223372036854775807', ' 1 '] },
  float8: { plain: ['1.5', '-0', '841470.9848078965', '1e5'], odd: ['nan', '-infinity', '.5', `0.${'1'.repeat(90)}`] },
  float4: { plain: ['1.5', '-0', '9.99', '1e5', 'NaN'], odd: ['nan', '.5', '1e-45', '1.000000059604644775390625'] },
  oid: { plain: ['0', '4294967295'], odd: ['+5', '007'] },
  timetz: { plain: ['12:34:56.5+05:45', '00:00:00Z'], odd: ['04:05 PM', '12:00:00 UTC'] },
  // Before 17 they go as text: an infinite one would be taken for a long one.
  interval: serverHas('infinite intervals')
    ? { plain: ['1 day', 'P1D', '-1 mons +2 days 03:04:05', 'PT0.5S'], odd: ['1 week', '3 hours ago', 'P1W', '-1 day 02:00:00'] }
    : { plain: [], odd: ['1 day', 'P1D'] },
  'int4[]': { plain: ['{}', '{1,NULL,-3}', `{${'7,'.repeat(300)}8}`], odd: ['{ 1, 2 }', '{{1},{2}}', '[0:1]={1,2}'] },
  'text[]': { plain: ['{}', '{a,"b \\"c",NULL}'], odd: ['{Æ}', '{ a}', '{{a}}'] },
  'numeric(6,2)[]': { plain: [], odd: ['{1.50}'] },
  numeric: { plain: ['0', '-12345678.9', '0.00010000'], odd: ['1e5', 'NaN', '.5', ' 1.50 ', '9'.repeat(100)] },
  'numeric(12,2)': { plain: ['276444.37', '-1.5', '1.500', '3'], odd: ['1e3', '-1.50e1', ' 7 '] },
  bool: { plain: ['true', 'f'], odd: ['yes', 'TRUE', '1'] },
  date: { plain: ['1950-01-02', '9999-12-31'], odd: ['Jan 8, 1999', 'infinity', '0044-03-15 BC', '20240131'] },
  time: { plain: ['23:59:59.999999'], odd: ['04:05 PM', '24:00:00'] },
  'time(3)': { plain: ['12:00:00.123', '12:00:00.123000'], odd: ['04:05:06.5 AM'] },
  timestamp: { plain: ['2024-02-29 12:34:56', '2024-02-29T12:34:56.5'], odd: ['2024-02-29', 'epoch'] },
  'timestamp(0)': { plain: ['2024-02-29 12:34:56'], odd: ['2024-02-29'] },
  timestamptz: {
    plain: ['2024-02-29 12:34:56Z', '1969-12-31T23:59:59.000001+05:45'],
    odd: ['2024-02-29 12:34:56 Asia/Tokyo', '2024-02-29'],
  },
  json: { plain: ['{"a": 1.10, "a":2}', '"Æ 東 \\u0000 🛶"'], odd: [] },
  jsonb: { plain: ['{"a": 1.10}', '[1, "Æ\\n"]'], odd: [] },
};
const TEXTS = new Schema(['row', 'value'].map(name => ({ name, type: { kind: name === 'row' ? 'int4' : 'text' }, nullable: true })));

describe('texts that go into columns of other types', () => {
  let client: pg.Client;
  before(async () => {
    client = new pg.Client({ connectionString: await freshDatabase('plain_input') });
    await client.connect();
    await client.query("SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kathmandu'");
  });
  after(() => client.end());

  async function planFor(type: string): Promise<CopyPlan> {
    await client.query(`DROP TABLE IF EXISTS t; CREATE TABLE t (row int4, value ${type})`);
    return new CopyPlan(TEXTS, (await loadTarget(client, 't')) as TargetTable, 't');
  }

  async function load({ format, chunks }: CopyPiece): Promise<void> {
    const copy = await CopyIn.start(client, `COPY t FROM STDIN (FORMAT ${format})`, 10_000);
    await copy.write(format === 'binary' ? [BINARY_HEADER, ...chunks, BINARY_TRAILER] : chunks);
    await copy.end();
  }

  /** What the server makes of texts, and what of those that were loaded. */
  async function differences(type: string, texts: readonly (string | null)[]): Promise<unknown[]> {
    const { rows } = await client.query(
      `SELECT row, value::text AS ours, text::${type}::text AS theirs FROM t FULL JOIN unnest($1::text[]) WITH ORDINALITY AS given (text, at) ON at = row
       WHERE value::text IS DISTINCT FROM text::${type}::text OR row IS NULL OR at IS NULL`,
      [texts],
    );
    return rows;
  }

  for (const [type, { plain, odd }] of Object.entries(TYPES)) {
    it(`${type}: plain forms go in binary, batches with others as text, and all are what the server reads`, async () => {
      const plan = await planFor(type);
      const first = plan.encode(batchOf([...plain, null]));
      expect(first.format).to.equal(plain.length === 0 ? 'text' : 'binary');
      await load(first);
      expect(await differences(type, [...plain, null])).to.deep.equal([]);
      for (const text of odd) {
        const other = await planFor(type);
        const texts = [...plain, text, null];
        const piece = other.encode(batchOf(texts));
        expect(piece.format, text).to.equal('text');
        expect(piece.rows).to.equal(texts.length);
        await load(piece);
        expect(await differences(type, texts), text).to.deep.equal([]);
      }
    });
  }

  it('is tried again after some batches, fewer and fewer times', async () => {
    const plan = await planFor('date');
    const formats = Array.from({ length: 100 }, (_, i) => plan.encode(batchOf([i === 0 || i === 30 ? 'today' : '2024-01-31'])).format);
    const binary = formats.flatMap((format, i) => (format === 'binary' ? [i] : []));
    expect(binary).to.deep.equal([...range(17, 30), ...range(95, 100)]);
  });

  it('refuses digits that a declared type would round, in either form, and no other row', async () => {
    const cases: [string, string, string][] = [
      ['numeric(12,2)', '1.005', '1e0'],
      ['time(3)', '12:00:00.0005', '04:05 PM'],
      ['timestamp(0)', '2024-02-29 12:34:56.5', 'epoch'],
      ['timestamptz(3)', '2024-02-29 12:34:56.0005Z', '2024-02-29'],
    ];
    for (const [type, tooFine, odd] of cases) {
      for (const others of [[], [odd]]) {
        const plan = await planFor(type);
        const good = type.startsWith('numeric') ? '1.25' : tooFine.replace(/\.\d+/, '');
        const piece = plan.encode(batchOf([good, tooFine, good, ...others]));
        expect(piece.format).to.equal(others.length === 0 ? 'binary' : 'text');
        expect(piece.rejected.map(({ index, code }) => [index, code])).to.deep.equal([[1, 'VALUE_NOT_CARRIED']]);
        await load(piece);
        const { rows } = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM t');
        expect(rows[0]?.n).to.equal(2 + others.length);
      }
    }
  });

  it('leaves what is too large for the type to the server', async () => {
    const plan = await planFor('numeric(4,2)');
    const error = await load(plan.encode(batchOf(['123.45']))).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).to.have.property('code', '22003');
  });

  it('does not send what a batch with an odd text had written before it', async () => {
    const plan = await planFor('date');
    expect(plan.encode(batchOf(['2024-01-31', 'today'])).format).to.equal('text');
    for (let i = 0; i < 16; i++) plan.encode(batchOf(['2024-01-31']));
    const piece = plan.encode(batchOf(['2024-01-31']));
    expect([piece.format, piece.rows]).to.deep.equal(['binary', 1]);
    await load(piece);
    expect(await differences('date', ['2024-01-31'])).to.deep.equal([]);
  });
});

function batchOf(values: readonly (string | null)[]): AnyBatch {
  return RecordBatch.of(
    values.map((value, i) => ({ row: i + 1, value })),
    TEXTS,
  ) as AnyBatch;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

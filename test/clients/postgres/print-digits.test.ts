import { expect } from 'chai';
import { from, pipeline, to } from '../../../lib/index.ts';
import { digitWriter } from '../../../lib/clients/postgres/values/print-digits.ts';
import { fieldDecoder } from '../../../lib/clients/postgres/values/decode.ts';
import type { TextBuffer } from '../../../lib/values/text-buffer.ts';
import { ByteWriter } from '../../../lib/formats/byte-writer.ts';
import type { TypeKind } from '../../../lib/schema/types.ts';
import { freshDatabase, sql } from '../../services/postgres.ts';
import { freshFolder } from '../file/folder.ts';

const VALUES: Readonly<Record<string, { kind: TypeKind; values: string }>> = {
  int2: { kind: 'int2', values: 'SELECT i::int2 FROM generate_series(-32768, 32767, 7) i UNION ALL VALUES (0::int2)' },
  int4: {
    kind: 'int4',
    values:
      'SELECT ((random() - 0.5) * 4294967290)::int4 FROM generate_series(1, 2000) UNION ALL VALUES (0), (-2147483648), (9), (10), (99), (100)',
  },
  int8: {
    kind: 'int8',
    values:
      'SELECT ((random() - 0.5) * 10 ^ (random() * 18.9))::int8 FROM generate_series(1, 3000) UNION ALL VALUES (0::int8), (9223372036854775807), (-9007199254740993), (999999999999999), (1000000000000000)',
  },
  numeric: {
    kind: 'numeric',
    values:
      "SELECT round(((random() - 0.5) * 10 ^ (random() * 30 - 8))::numeric, (random() * 12)::int) FROM generate_series(1, 5000) UNION ALL VALUES ('NaN'::numeric), (0), (0.000), (-0.0001), (10000), (1e20), (1e-20), (123456789012345678901234567890.123)",
  },
  date: {
    kind: 'date',
    values:
      "SELECT date '0001-01-01' - 400 + i FROM generate_series(0, 3660000, 173) i UNION ALL VALUES (date 'infinity'), ('-infinity'), ('0044-03-15 BC'), ('9999-12-31'), ('10000-01-01'), ('2000-02-29')",
  },
  timestamp: {
    kind: 'timestamp',
    values:
      "SELECT timestamp '1700-01-01' + random() * interval '600 years' FROM generate_series(1, 3000) UNION ALL VALUES (timestamp 'infinity'), ('0044-03-15 12:00 BC'), ('2024-01-01 00:00:00.5'), ('2024-01-01 23:59:59.999999'), ('1999-12-31 23:59:59.000001'), ('12024-01-01')",
  },
  timestamptz: {
    kind: 'timestamptz',
    values:
      "SELECT timestamptz '1700-01-01Z' + random() * interval '600 years' FROM generate_series(1, 3000) UNION ALL VALUES (timestamptz '-infinity'), ('0044-03-15 12:00Z BC'), ('2024-01-01 00:00:00.25Z'), ('2024-01-01 00:00:00Z')",
  },
};

describe('digits and times written as bytes', () => {
  const { at, text } = freshFolder();
  let url = '';
  before(async () => (url = await freshDatabase('print_digits')));

  for (const [name, { kind, values }] of Object.entries(VALUES)) {
    it(`${name}: are the text of the value, or left to it`, async () => {
      const sent = await sql(
        url,
        `SELECT ${kind === 'int8' ? 'int8send' : kind === 'timestamp' || kind === 'timestamptz' || kind === 'numeric' || kind === 'date' ? `${kind}_send` : `${kind}send`}(v) AS v FROM (${values}) t(v)`,
      );
      const write = digitWriter({ kind });
      const { text: textOf, decode } = fieldDecoder({ name: 'v', type: { kind }, wire: 'binary' }, { int8: 'bigint', numeric: 'text' });
      let written = 0;
      for (const { v } of sent as { v: Buffer }[]) {
        const bytes = Buffer.concat([Buffer.from([7, 7, 7]), v]) as unknown as TextBuffer;
        const source = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
        const out = new ByteWriter(64);
        const expected = textOf?.(source, 3, v.length) ?? String(decode(source, 3, v.length));
        const isWritten = write?.(out, source, 3) === true;
        if (isWritten) expect(Buffer.from(out.taken()).toString()).to.equal(expected);
        else expect(out.length).to.equal(0);
        if (isWritten) written++;
      }
      expect(written).to.be.above(sent.length * 0.7);
    });
  }

  it('stand in CSV and JSON as they did, in a dialect of digits too', async () => {
    await sql(
      url,
      "CREATE TABLE t AS SELECT 1::int2 AS a, -20 AS b, 9223372036854775807 AS c, 1.50::numeric(9,2) AS d, date '2024-02-29' AS e, timestamptz '2024-02-29 01:02:03.25Z' AS f, timestamp 'infinity' AS g UNION ALL SELECT NULL, NULL, NULL, 'NaN', 'infinity', NULL, '0044-03-15 BC'",
    );
    const copy = (name: string, more: object = {}): Promise<unknown> =>
      pipeline(from.postgres({ url, query: 'SELECT * FROM t ORDER BY a', int8: 'bigint' }), to.file(at(name), more));
    await copy('t.csv');
    expect(text('t.csv')).to.equal(
      'a,b,c,d,e,f,g\n1,-20,9223372036854775807,1.50,2024-02-29,2024-02-29T01:02:03.250Z,infinity\n,,,NaN,infinity,,0044-03-15T00:00:00 BC\n',
    );
    await copy('odd.csv', { delimiter: '-', nullText: '1' });
    expect(text('odd.csv')).to.equal(
      'a-b-c-d-e-f-g\n"1"-"-20"-9223372036854775807-1.50-"2024-02-29"-"2024-02-29T01:02:03.250Z"-infinity\n1-1-1-NaN-infinity-1-0044-03-15T00:00:00 BC\n'.replace(
        '-0044-03-15T00:00:00 BC',
        '-"0044-03-15T00:00:00 BC"',
      ),
    );
    await copy('t.ndjson');
    expect(text('t.ndjson')).to.equal(
      '{"a":1,"b":-20,"c":9223372036854775807,"d":1.50,"e":"2024-02-29","f":"2024-02-29T01:02:03.250Z","g":"infinity"}\n{"a":null,"b":null,"c":null,"d":"NaN","e":"infinity","f":null,"g":"0044-03-15T00:00:00 BC"}\n',
    );
  });
});

import { expect } from 'chai';
import { from, pipeline, to } from '../../../lib/index.ts';
import { digitWriter } from '../../../lib/clients/postgres/values/print-digits.ts';
import { fieldDecoder } from '../../../lib/clients/postgres/values/decode.ts';
import type { TextBuffer } from '../../../lib/values/text-buffer.ts';
import { ByteWriter } from '../../../lib/formats/byte-writer.ts';
import { textPrinter } from '../../../lib/schema/print.ts';
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
  oid: {
    kind: 'oid',
    values: 'SELECT (random() * 4294967295)::int8::oid FROM generate_series(1, 500) UNION ALL VALUES (0::oid), (4294967295::oid)',
  },
  float8: {
    kind: 'float8',
    values:
      "SELECT (random() - 0.5) * 10 ^ (random() * 20 - 4) FROM generate_series(1, 3000) UNION ALL VALUES ('NaN'::float8), ('-Infinity'), (0), ('-0'), (0.1), (-1.5), (1e300), (5e-324)",
  },
  float4: {
    kind: 'float4',
    values:
      "SELECT ((random() - 0.5) * 10 ^ (random() * 12 - 3))::float4 FROM generate_series(1, 3000) UNION ALL VALUES ('NaN'::float4), ('Infinity'), (0), ('-0'), (0.1), (16777216), (16777218), (1e-40), (3e38)",
  },
  bool: { kind: 'bool', values: 'VALUES (true), (false)' },
  uuid: {
    kind: 'uuid',
    values: "SELECT md5(i::text)::uuid FROM generate_series(1, 300) i UNION ALL VALUES ('00000000-0000-0000-0000-000000000000'::uuid)",
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

const UNDERSCORED: ReadonlySet<TypeKind> = new Set<TypeKind>(['timestamp', 'timestamptz', 'numeric', 'date', 'uuid']);

describe('values of a fixed form written as bytes', () => {
  const { at, text } = freshFolder();
  let url = '';
  before(async () => (url = await freshDatabase('print_digits')));

  for (const [name, { kind, values }] of Object.entries(VALUES)) {
    it(`${name}: are the text of the value, or left to it`, async () => {
      const sent = await sql(url, `SELECT ${UNDERSCORED.has(kind) ? `${kind}_send` : `${kind}send`}(v) AS v FROM (${values}) t(v)`);
      const write = digitWriter({ kind });
      const { text: textOf, decode } = fieldDecoder({ name: 'v', type: { kind }, wire: 'binary' }, { int8: 'bigint', numeric: 'text' });
      let written = 0;
      for (const { v } of sent as { v: Buffer }[]) {
        const bytes = Buffer.concat([Buffer.from([7, 7, 7]), v]) as unknown as TextBuffer;
        const source = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
        const out = new ByteWriter(64);
        const expected = textOf?.(source, 3, v.length) ?? textPrinter({ kind })(decode(source, 3, v.length));
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

  it('stand so of floats, truth and uuids too, where null is a word that they have', async () => {
    const query =
      "SELECT * FROM (VALUES (1, true, 0.1::float8, 1.5::float4, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid), (2, false, '-0', '-Infinity', NULL), (3, NULL, 1e21, 1e-10, '00000000-0000-0000-0000-000000000000'), (4, true, 'NaN', NULL, NULL)) t (id, a, b, c, d) ORDER BY id";
    const copy = (name: string, more: object = {}): Promise<unknown> => pipeline(from.postgres({ url, query }), to.file(at(name), more));
    await copy('floats.csv');
    expect(text('floats.csv')).to.equal(
      'id,a,b,c,d\n1,true,0.1,1.5,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\n2,false,-0,-Infinity,\n3,,1e+21,1e-10,00000000-0000-0000-0000-000000000000\n4,true,NaN,,\n',
    );
    await copy('odd-floats.csv', { nullText: 'true' });
    expect(text('odd-floats.csv')).to.equal(
      'id,a,b,c,d\n1,"true",0.1,1.5,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\n2,false,-0,-Infinity,true\n3,true,1e+21,1e-10,00000000-0000-0000-0000-000000000000\n4,"true",NaN,true,true\n',
    );
    await copy('letters.csv', { delimiter: 'e' });
    expect(text('letters.csv').split('\n')[1]).to.equal('1e"true"e0.1e1.5e"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"');
    await copy('floats.ndjson');
    expect(text('floats.ndjson')).to.equal(
      '{"id":1,"a":true,"b":0.1,"c":1.5,"d":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}\n{"id":2,"a":false,"b":-0,"c":"-Infinity","d":null}\n{"id":3,"a":null,"b":1e+21,"c":1e-10,"d":"00000000-0000-0000-0000-000000000000"}\n{"id":4,"a":true,"b":"NaN","c":null,"d":null}\n',
    );
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import type { AnyBatch } from '../../../lib/core/define.ts';
import { csvEncoder, csvOptions } from '../../../lib/formats/csv/index.ts';
import { Schema } from '../../../lib/schema/schema.ts';
import { BOOL, BYTEA, type DataType, FLOAT8, INT4, JSONB, NUMERIC, TEXT, TIMESTAMPTZ } from '../../../lib/schema/types.ts';
import { Timestamp } from '../../../lib/values/timestamp.ts';
import type { z } from 'zod';
import { read } from './reading.ts';
import { runs } from '../../random.ts';

type Csv = z.input<typeof csvOptions>;

const schemaOf = (types: Record<string, DataType>) =>
  new Schema(Object.entries(types).map(([name, type]) => ({ name, type, nullable: true })));
const texts = (names: readonly string[]) => new Schema(names.map(name => ({ name, type: TEXT, nullable: true })));

function batchOf(schema: Schema, rows: readonly (readonly unknown[])[]): AnyBatch {
  const objects = rows.map(row => {
    const object = {};
    schema.names.forEach((name, i) =>
      Object.defineProperty(object, name, { value: row[i], enumerable: true, writable: true, configurable: true }),
    );
    return object;
  });
  return RecordBatch.of(objects, schema) as unknown as AnyBatch;
}

function encode(schema: Schema, rows: readonly (readonly unknown[])[], csv: Csv = {}) {
  const encoder = csvEncoder(csvOptions.parse(csv), schema);
  const { chunks, rejected } = encoder.encode(batchOf(schema, rows));
  return { text: Buffer.concat([...encoder.start(true), ...chunks, ...encoder.end()]), rejected };
}

describe('CSV encoder', () => {
  it('writes a header, NULL as nothing, the empty text in quotes, and quotes only where they are needed', () => {
    const { text, rejected } = encode(texts(['a', 'b,c']), [
      ['1', null],
      ['', 'x y'],
      ['a"b', 'c,d'],
      ['l\nm', 'n\ro'],
      [' é😀', undefined],
    ]);
    expect(text.toString()).to.equal('a,"b,c"\n1,\n"",x y\n"a""b","c,d"\n"l\nm","n\ro"\n é😀,\n');
    expect(rejected).to.deep.equal([]);
  });

  it('writes values as the value table has them', () => {
    const schema = schemaOf({ i: INT4, f: FLOAT8, n: NUMERIC, b: BOOL, t: TIMESTAMPTZ, j: JSONB, y: BYTEA });
    const row = [7, -0.5, '1.50', true, Timestamp.fromEpochMicros(1_700_000_000_123_456n), { a: [1] }, Buffer.from([1, 255])];
    expect(encode(schema, [row], { headers: false }).text.toString()).to.equal(
      '7,-0.5,1.50,true,2023-11-14T22:13:20.123456Z,"{""a"":[1]}",\\x01ff\n',
    );
  });

  it('takes the text of a column as its source has it', () => {
    const schema = schemaOf({ j: JSONB });
    const column = {
      type: JSONB,
      length: 1,
      get: () => {
        throw new Error('not to be decoded');
      },
      text: () => '{"a" : 1}',
    };
    const batch = batchOf(texts(['j']), [['x']]).withColumn('j', column);
    expect(Buffer.concat(csvEncoder(csvOptions.parse({}), schema).encode(batch as AnyBatch).chunks as Uint8Array[]).toString()).to.equal(
      '"{""a"" : 1}"\n',
    );
  });

  it('writes no header when told, with given names, or when a file is appended to', () => {
    const schema = texts(['a']);
    expect(encode(schema, [['1']], { headers: false }).text.toString()).to.equal('1\n');
    expect(encode(schema, [['1']], { headers: ['x'] }).text.toString()).to.equal('1\n');
    expect(csvEncoder(csvOptions.parse({}), schema).start(false)).to.deep.equal([]);
    expect(Buffer.concat(csvEncoder(csvOptions.parse({}), texts(['', 'constructor', '__proto__', '1'])).start(true)).toString()).to.equal(
      '"",constructor,__proto__,1\n',
    );
  });

  it('rejects the rows whose values have no text, by column and without the value, and writes the others', () => {
    const { text, rejected } = encode(schemaOf({ i: INT4, t: TEXT }), [
      [1, 'a'],
      ['secret', 'b'],
      [2, 'lone \ud800'],
      [3, 'c'],
      [4, '\udc00'.repeat(60)],
    ]);
    expect(text.toString()).to.equal('i,t\n1,a\n3,c\n');
    expect(rejected.map(({ index, code }) => ({ index, code }))).to.deep.equal([
      { index: 1, code: 'VALUE_INVALID' },
      { index: 2, code: 'VALUE_NOT_CARRIED' },
      { index: 4, code: 'VALUE_NOT_CARRIED' },
    ]);
    expect(rejected[0]?.reason)
      .to.match(/^column "i": /)
      .and.not.include('secret');
  });

  it('puts a byte order mark at the beginning of text in quotes, and what PostgreSQL takes for the end of data', () => {
    expect(encode(texts(['a']), [['\ufeffx'], ['\\.'], ['\\x']], { headers: false }).text.toString()).to.equal('"\ufeffx"\n"\\."\n\\x\n');
  });

  it('writes other dialects', () => {
    const schema = texts(['a', 'b']);
    const row = [['x\ty', 'it"s']];
    expect(encode(schema, row, { delimiter: '\t' }).text.toString()).to.equal('a\tb\n"x\ty"\t"it""s"\n');
    expect(encode(schema, [['1;2', "it's"]], { delimiter: ';', quote: "'", recordDelimiter: '\r\n' }).text.toString()).to.equal(
      "a;b\r\n'1;2';'it''s'\r\n",
    );
    expect(encode(schema, [['a"b\\', 'x']], { escape: '\\' }).text.toString()).to.equal('a,b\n"a\\"b\\\\",x\n');
    expect(encode(schema, [[null, '\\N']], { nullText: '\\N' }).text.toString()).to.equal('a,b\n\\N,"\\N"\n');
    expect(encode(schema, [['#x', ' y ']], { comment: '#', trim: true }).text.toString()).to.equal('a,b\n"#x"," y "\n');
    expect(
      encode(
        schema,
        [
          ['x', 'y'],
          ['a,b', 'c'],
          ['', 'd'],
        ],
        { quote: false },
      ).rejected.map(({ index, code }) => [index, code]),
    ).to.deep.equal([
      [1, 'VALUE_NOT_CARRIED'],
      [2, 'VALUE_NOT_CARRIED'],
    ]);
  });

  it('refuses to write quotes of several characters, and dialects whose signs are parts of one another', () => {
    for (const csv of [{ quote: '::' }, { escape: '""' }])
      expect(() => csvEncoder(csvOptions.parse(csv), texts(['a'])))
        .to.throw()
        .with.property('code', 'OPTION_INVALID');
    for (const csv of [
      { delimiter: '#', comment: '#' },
      { delimiter: '|', recordDelimiter: '||' },
      { nullText: ' ', trim: true },
    ])
      expect(csvOptions.safeParse(csv).success, JSON.stringify(csv)).to.equal(false);
  });

  it('passes bytes on when they are of the same dialect already', async () => {
    const { batches } = await read('a,b\n"1",2\n3,"x""y"\n');
    const batch = batches[0] as AnyBatch;
    const { chunks } = csvEncoder(csvOptions.parse({}), batch.schema).encode(batch);
    expect(Buffer.concat(chunks).toString()).to.equal('"1",2\n3,"x""y"\n');
    expect(Buffer.concat(csvEncoder(csvOptions.parse({ delimiter: ';' }), batch.schema).encode(batch).chunks).toString()).to.equal(
      '1;2\n3;"x""y"\n',
    );
    const turned = csvEncoder(csvOptions.parse({}), texts(['b', 'a'])).encode(batch);
    expect(Buffer.concat(turned.chunks).toString()).to.equal('2,1\n"x""y",3\n');
  });

  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.string(),
    fc.constantFrom('', '"', '""', ',', '\r', '\n', '\r\n', '\\.', '\\N', ' ', '\ufeff', '#', "'", ';', '\t', '\0', '$'),
  );
  const dialects: Csv[] = [
    {},
    { delimiter: '\t' },
    { delimiter: ';', quote: "'" },
    { escape: '\\' },
    { quote: '$' },
    { quote: '&', escape: '$' },
    { nullText: '\\N' },
    { recordDelimiter: '\r\n' },
    { recordDelimiter: '|' },
    { delimiter: '||' },
    { delimiter: [',', ';'] },
    { trim: true },
    { comment: '#' },
    { headers: false },
  ];
  for (const csv of dialects) {
    it(`writes what is read again as it was: ${JSON.stringify(csv)}`, async () => {
      const rows = fc
        .integer({ min: 1, max: 4 })
        .chain(width =>
          fc.tuple(
            fc.uniqueArray(anyText, { minLength: width, maxLength: width }),
            fc.array(fc.array(fc.option(anyText, { freq: 4 }), { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }),
          ),
        );
      await fc.assert(
        fc.asyncProperty(rows, async ([names, records]) => {
          const isNull = (value: string) => value === csv.nullText;
          const { text, rejected } = encode(texts(names), records, csv);
          expect(rejected).to.deep.equal([]);
          const { error, ...again } = await read(text, { csv });
          expect(error).to.equal(undefined);
          if (csv.headers !== false) expect(again.names).to.deep.equal(names);
          expect(names.some(isNull) ? [] : again.records).to.deep.equal(names.some(isNull) ? [] : records);
        }),
        { numRuns: runs(200) },
      );
    });
  }
});

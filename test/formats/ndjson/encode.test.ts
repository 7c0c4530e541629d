import { expect } from 'chai';
import * as fc from 'fast-check';
import { ArrayColumn, type Column } from '../../../lib/core/batch/column.ts';
import { type Origin, RecordBatch } from '../../../lib/core/batch/batch.ts';
import type { AnyBatch } from '../../../lib/core/define.ts';
import type { Encoder } from '../../../lib/formats/format.ts';
import { jsonDecoder, jsonEncoder } from '../../../lib/formats/json/index.ts';
import { ndjsonDecoder, ndjsonEncoder } from '../../../lib/formats/ndjson/index.ts';
import { Schema } from '../../../lib/schema/schema.ts';
import type { DataType, TypeKind } from '../../../lib/schema/types.ts';
import { JsonNull, JsonNumber } from '../../../lib/values/json.ts';
import { Timestamp } from '../../../lib/values/timestamp.ts';
import { decodeAll } from '../decoding.ts';

const schemaOf = (types: Readonly<Record<string, TypeKind | DataType>>): Schema =>
  new Schema(
    Object.entries(types).map(([name, type]) => ({ name, type: typeof type === 'string' ? { kind: type } : type, nullable: true })),
  );

function encodeAll(encoder: Encoder, batches: readonly object[]): { text: string; rejected: object[] } {
  const head = encoder.start(true);
  const encoded = (batches as AnyBatch[]).map(batch => {
    const { chunks, rejected } = encoder.encode(batch);
    // Good until the next batch only.
    return { chunks: chunks.map(chunk => Buffer.from(chunk)), rejected };
  });
  const chunks = [...head, ...encoded.flatMap(({ chunks: some }) => some), ...encoder.end()];
  return { text: Buffer.concat(chunks).toString(), rejected: encoded.flatMap(({ rejected }) => rejected) };
}

const batch = (row: object, schema?: Schema): RecordBatch<object> => RecordBatch.of([row], schema);

describe('NDJSON encoder', () => {
  it('writes the values of every type as the value table has them', () => {
    const schema = schemaOf({
      int: 'int4',
      big: 'int8',
      num: 'numeric',
      f: 'float8',
      nan: 'float8',
      zero: 'float8',
      yes: 'bool',
      text: 'text',
      at: 'timestamptz',
      day: 'date',
      never: 'timestamptz',
      bytes: 'bytea',
      json: 'jsonb',
      list: { kind: 'array', element: { kind: 'numeric' } },
      none: 'text',
      gone: 'int4',
      ['__proto__']: 'int4',
      'a "b"': 'text',
    });
    const row = {
      int: 1,
      big: 9223372036854775807n,
      num: '1.10',
      f: 0.1,
      nan: NaN,
      zero: -0,
      yes: false,
      text: 'ø"\n\ud800',
      at: Timestamp.fromText('2024-01-02T03:04:05.000006Z'),
      day: '2024-01-02',
      never: Timestamp.fromText('infinity'),
      bytes: Buffer.from([0, 255]),
      json: { a: new JsonNumber('12345678901234567890') },
      list: ['1.10', null],
      none: null,
      ['__proto__']: 7,
      'a "b"': '',
    };
    const { text, rejected } = encodeAll(ndjsonEncoder(), [batch(row, schema)]);
    expect(rejected).to.deep.equal([]);
    expect(text).to.equal(
      '{"int":1,"big":9223372036854775807,"num":1.10,"f":0.1,"nan":"NaN","zero":-0,"yes":false,"text":"ø\\"\\n\\ud800","at":"2024-01-02T03:04:05.000006Z","day":"2024-01-02",' +
        '"never":"infinity","bytes":"AP8=","json":{"a":12345678901234567890},"list":[1.10,null],"none":null,"gone":null,"__proto__":7,"a \\"b\\"":""}\n',
    );
  });

  it('writes records of unknown shape as they are, keys in their own order', () => {
    const rows = [{ b: 1, a: new JsonNumber('1e400') }, { a: [{}], ['__proto__']: 'x' }, {}];
    expect(encodeAll(ndjsonEncoder(), [RecordBatch.of(rows)]).text).to.equal('{"b":1,"a":1e400}\n{"a":[{}],"__proto__":"x"}\n{}\n');
  });

  it('gives back through the decoder what it got', async () => {
    const record = fc
      .dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue(), { maxKeys: 4 })
      .map(row => JSON.parse(JSON.stringify(row)) as object);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(record, { minLength: 1, maxLength: 4 }), { maxLength: 4 }), async pieces => {
        const batches = pieces.map(rows => RecordBatch.of(rows));
        expect((await decodeAll(ndjsonDecoder(), encodeAll(ndjsonEncoder(), batches).text)).rows).to.deep.equal(pieces.flat());
        expect((await decodeAll(jsonDecoder(), encodeAll(jsonEncoder(), batches).text)).rows).to.deep.equal(pieces.flat());
      }),
    );
  });

  it('copies the text of json columns, on one line', () => {
    const origin: Origin = {
      length: 3,
      bytes: 0,
      column: (_, type): Column => ({
        ...new ArrayColumn(type, []),
        length: 3,
        get: () => 'not asked for',
        text: row => ['{"a":1.10,\r\n "a":2}', null, '[1, 2.50]'][row]!,
      }),
    };
    const { text } = encodeAll(ndjsonEncoder(), [new RecordBatch(origin, schemaOf({ j: 'json' }))]);
    expect(text).to.equal('{"j":{"a":1.10,  "a":2}}\n{"j":null}\n{"j":[1, 2.50]}\n'.replace('  "a"', '  "a"'));
    expect(text.split('\n')).to.have.length(4);
  });

  it('rejects what it cannot carry, names the column, and writes the others', () => {
    const schema = schemaOf({ id: 'int4', j: 'jsonb' });
    const rows = [
      { id: 1, j: { a: 1 } },
      { id: 2, j: JsonNull },
      { id: 'x', j: null },
      { id: 4, j: [null] },
    ];
    const { text, rejected } = encodeAll(ndjsonEncoder(), [RecordBatch.of(rows, schema)]);
    expect(text).to.equal('{"id":1,"j":{"a":1}}\n{"id":4,"j":[null]}\n');
    expect(rejected).to.have.length(2);
    expect(rejected[0]).to.include({ index: 1, code: 'VALUE_NOT_CARRIED' });
    expect(rejected[0]).to.have.property('reason').that.contains('"j"');
    expect(rejected[1]).to.include({ index: 2, code: 'VALUE_INVALID' });
    expect(rejected[1]).to.have.property('reason').that.contains('"id"').and.does.not.contain('x"');
    expect(encodeAll(ndjsonEncoder(), [RecordBatch.of([{ j: JsonNull }])]).rejected[0]).to.include({ index: 0, code: 'VALUE_NOT_CARRIED' });
  });

  it('rejects the JSON value null of a column that gives its text', () => {
    const origin: Origin = {
      length: 1,
      bytes: 0,
      column: (_, type): Column => ({ ...new ArrayColumn(type, []), length: 1, get: () => JsonNull, text: () => ' null\n' }),
    };
    const { text, rejected } = encodeAll(ndjsonEncoder(), [new RecordBatch(origin, schemaOf({ j: 'json' }))]);
    expect(text).to.equal('');
    expect(rejected[0]).to.include({ index: 0, code: 'VALUE_NOT_CARRIED' });
  });

  it('writes NDJSON byte for byte where nothing was changed', async () => {
    const { batches } = await decodeAll(ndjsonDecoder(), '{"a": 1.10}\n{"a":2,"a":3}\n');
    expect(encodeAll(ndjsonEncoder(), batches).text).to.equal('{"a": 1.10}\n{"a":2,"a":3}\n');
  });
});

describe('JSON encoder', () => {
  it('writes one array, a record a line', () => {
    expect(encodeAll(jsonEncoder(), []).text).to.equal('[]\n');
    expect(encodeAll(jsonEncoder(), [RecordBatch.of([{ a: 1 }])]).text).to.equal('[\n{"a":1}\n]\n');
    expect(encodeAll(jsonEncoder(), [RecordBatch.of([{ a: 1 }, { a: 2 }]), RecordBatch.of([{ b: '\n' }])]).text).to.equal(
      '[\n{"a":1},\n{"a":2},\n{"b":"\\n"}\n]\n',
    );
  });

  it('leaves no comma where the first records are rejected', () => {
    const encoder = jsonEncoder();
    const { text, rejected } = encodeAll(encoder, [RecordBatch.of([{ a: JsonNull }]), RecordBatch.of([{ a: JsonNull }, { a: 1 }])]);
    expect(text).to.equal('[\n{"a":1}\n]\n');
    expect(rejected).to.have.length(2);
  });
});

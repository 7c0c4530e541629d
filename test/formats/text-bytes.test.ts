import { expect } from 'chai';
import fc from 'fast-check';
import { type Origin, RecordBatch } from '../../lib/core/batch/batch.ts';
import type { Column } from '../../lib/core/batch/column.ts';
import type { AnyBatch } from '../../lib/core/define.ts';
import { csvEncoder } from '../../lib/formats/csv/encoder.ts';
import { csvOptions } from '../../lib/formats/csv/options.ts';
import type { Encoder } from '../../lib/formats/format.ts';
import { jsonEncoder } from '../../lib/formats/json/encode.ts';
import { ndjsonEncoder } from '../../lib/formats/ndjson/encode.ts';
import { Schema } from '../../lib/schema/schema.ts';
import type { DataType } from '../../lib/schema/types.ts';
import { runs } from '../random.ts';

/** Text whose bytes the source has, as PostgreSQL's COPY does; or the same without its bytes. */
class Texts implements Origin {
  readonly length: number;
  readonly bytes = 0;
  readonly #texts: readonly (string | null)[];
  readonly #hasBytes: boolean;

  constructor(texts: readonly (string | null)[], hasBytes: boolean) {
    this.length = texts.length;
    this.#texts = texts;
    this.#hasBytes = hasBytes;
  }

  column(_index: number, type: DataType): Column {
    const text = (row: number): string | null => this.#texts[row] ?? null;
    const column = { type, length: this.length, get: text, text };
    if (!this.#hasBytes) return column;
    const pieces = this.#texts.map(each => Buffer.from(each ?? ''));
    const starts = pieces.map((_, i) => 3 + pieces.slice(0, i).reduce((sum, piece) => sum + piece.length, 0));
    const bytes = Buffer.concat([Buffer.from('"\n,'), ...pieces, Buffer.from('"')]);
    const start = (row: number): number => (this.#texts[row] === null ? -1 : (starts[row] as number));
    return { ...column, utf8: { bytes, start, end: row => (starts[row] as number) + (pieces[row] as Buffer).length } };
  }
}

const odd = fc.constantFrom(
  '"',
  "'",
  ',',
  ';',
  '|',
  '\t',
  '\n',
  '\r',
  '\\',
  '\\.',
  '\uFEFF',
  ' ',
  '#',
  'NULL',
  'null',
  'æ',
  '東',
  '🛶',
  '\u0001',
  'a',
);
const text = fc.oneof(
  fc.array(odd, { maxLength: 6 }).map(parts => parts.join('')),
  fc.string({ unit: 'grapheme', maxLength: 80 }),
);
const texts = fc.array(fc.option(text), { minLength: 1, maxLength: 8 });
const dialect = fc.record(
  {
    delimiter: fc.constantFrom(',', ';', '\t', '||', '→'),
    quote: fc.constantFrom('"', "'"),
    escape: fc.constantFrom('\\', '"'),
    nullText: fc.constantFrom('', 'NULL', 'æ'),
    comment: fc.constantFrom('#', '东'),
    trim: fc.boolean(),
    recordDelimiter: fc.constantFrom('\n', '\r\n', '|'),
  },
  { requiredKeys: [] },
);

describe('encoders of text that the source has as bytes', () => {
  const schemaOf = (type: DataType): Schema => new Schema([{ name: 'a', type, nullable: true }]);
  const encoded = (encoder: Encoder, batch: AnyBatch): unknown => {
    const { chunks, rejected } = encoder.encode(batch);
    return [Buffer.concat(chunks).toString(), rejected];
  };
  const isSame = (make: () => Encoder, all: readonly (string | null)[], type: DataType): void => {
    const [withBytes, without] = [true, false].map(hasBytes => new RecordBatch(new Texts(all, hasBytes), schemaOf(type)) as AnyBatch);
    expect(encoded(make(), withBytes as AnyBatch)).to.deep.equal(encoded(make(), without as AnyBatch));
    const some = Uint32Array.from(all.keys()).filter(row => row % 2 === 0);
    expect(encoded(make(), (withBytes as AnyBatch).select(some))).to.deep.equal(encoded(make(), (without as AnyBatch).select(some)));
  };

  it('write CSV of any dialect as they do without', () => {
    fc.assert(
      fc.property(texts, dialect, (all, given) => {
        const options = csvOptions.safeParse(given);
        fc.pre(options.success);
        isSame(() => csvEncoder(options.data as NonNullable<typeof options.data>, schemaOf({ kind: 'text' })), all, { kind: 'text' });
      }),
      { numRuns: runs(500), examples: [[['|\ufeff', null, '\u00a0x'], { trim: true }]] },
    );
  });

  it('write NDJSON and JSON as they do without', () => {
    fc.assert(
      fc.property(texts, all => {
        for (const make of [ndjsonEncoder, jsonEncoder]) isSame(make, all, { kind: 'text' });
      }),
      { numRuns: runs(300) },
    );
  });

  it('write json columns as they do without, line ends and null included', () => {
    const json = fc.oneof(
      fc.json(),
      fc.json().map(each => JSON.stringify(JSON.parse(each) as unknown, null, 2)),
      fc.constantFrom('null', ' null ', '\nnull', 'nul', ' 1 ', '{"a":\r\n1}'),
    );
    fc.assert(
      fc.property(fc.array(fc.option(json), { minLength: 1, maxLength: 8 }), all => {
        for (const make of [ndjsonEncoder, jsonEncoder]) isSame(make, all, { kind: 'jsonb' });
      }),
      { numRuns: runs(300) },
    );
  });
});

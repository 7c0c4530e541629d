import { expect } from 'chai';
import fc from 'fast-check';
import { RecordBatch } from '../../../lib/core/batch/batch.ts';
import { csvEncoder, csvOptions, type CsvOptions, guessDialect, type GuessedDialect } from '../../../lib/formats/csv/index.ts';
import { Schema } from '../../../lib/schema/schema.ts';

const guess = (text: string, given: Partial<CsvOptions> = {}, isWhole = true): GuessedDialect =>
  guessDialect(Buffer.from(text), isWhole, given);

const schemaOf = (names: readonly string[]): Schema => new Schema(names.map(name => ({ name, type: { kind: 'text' }, nullable: true })));

/** A file of these records in a dialect, as our own writer writes it. */
function written(names: readonly string[], records: readonly (readonly (string | null)[])[], dialect: Partial<CsvOptions>): string {
  const schema = schemaOf(names);
  const encoder = csvEncoder(csvOptions.parse(dialect), schema);
  const rows = records.map(record => Object.fromEntries(names.map((name, i) => [name, record[i] ?? null])));
  const chunks = [...encoder.start(true), ...(rows.length === 0 ? [] : encoder.encode(RecordBatch.of(rows, schema)).chunks)];
  return Buffer.concat(chunks).toString();
}

const words = fc.string({ unit: fc.constantFrom('a', 'b', 'Æ', '7', ' ', '.', ',', ';', '|', '\t', '"', "'", '\n', '-'), maxLength: 8 });
/** With names that hold no delimiter but the file's own: those of a single column would be two columns' names. */
const file = fc
  .record({ delimiter: fc.constantFrom(',', ';', '\t', '|'), width: fc.integer({ min: 1, max: 4 }) })
  .chain(({ delimiter, width }) =>
    fc.record({
      delimiter: fc.constant(delimiter),
      names: fc.uniqueArray(fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', '"', '\n', delimiter), minLength: 1, maxLength: 5 }), {
        minLength: width,
        maxLength: width,
      }),
      records: fc.array(fc.array(fc.option(words), { minLength: width, maxLength: width }), { maxLength: 6 }),
    }),
  );

describe('a guessed dialect', () => {
  it('is the one that the file was written in, or the default, and never another', () => {
    let guessed = 0;
    const property = fc.property(file, ({ delimiter, names, records }) => {
      const found = guess(written(names, records, { delimiter }));
      expect(found).to.not.have.any.keys('quote', 'recordDelimiter', 'headers');
      if (found.delimiter === undefined) return;
      expect(found.delimiter).to.equal(delimiter);
      guessed++;
    });
    fc.assert(property, { numRuns: 1500 });
    expect(guessed).to.be.above(200);
  });

  it('leaves a single column one column, whatever stands in it', () => {
    for (const text of [
      'note\na;b\nc;d\n',
      'note\n"a;b"\n"c;d"\n',
      'a b\nc d\n',
      'x|y\n1\n',
      '"a;b"\n"1;2"\n',
      'id\n1\n2\n',
      'a;b\n',
      'a;b',
    ])
      expect(guess(text), JSON.stringify(text)).to.deep.equal({});
  });

  for (const [what, text, expected] of [
    ['semicolons, also with decimal commas', 'id;price\n1;2,50\n2;3,10\n', { delimiter: ';' }],
    ['tabs', 'id\tname\n1\tx, y\n', { delimiter: '\t' }],
    ['bars', 'id|name\r\n1|x\r\n', { delimiter: '|' }],
    ['commas', 'id,name\n1,a;b\n', {}],
    ['commas, where semicolons would do too', 'a;b,c;d\n1;2,3;4\n', {}],
    ['nothing where two would do', 'a;b|c\n1;2|3\n', {}],
    ['nothing of ragged records', 'a;b\n1;2\n3\n', {}],
    ['delimiters in quotes are none', 'a;b\n"1;2";3\n"4;""5";6\n', { delimiter: ';' }],
    ['single quotes', "'id';'name'\n'1';'a;b'\n'2';'it''s'\n", { delimiter: ';', quote: "'" }],
    ['no single quotes where the header has none', "id;name\n1;'tis\n", { delimiter: ';' }],
    ['CR', 'id;name\r1;x\r2;y\r', { delimiter: ';', recordDelimiter: '\r' }],
    ['a byte order mark', '\ufeffid;name\n1;x\n', { delimiter: ';' }],
    ['no header', '1,2024-01-05,x\n2,2024-01-06,y\n3,2024-01-07,z\n', { headers: false }],
    ['no header, semicolons', '1;true\n2;false\n3;true\n', { delimiter: ';', headers: false }],
    ['a header of years', 'name,2019,2020\nx,1,2\ny,3,4\n', {}],
    ['a header of years alone', '2019,2020\n1,2\n3,4\n', {}],
    ['a header of dates above numbers', 'name,2024-01-01,2024-01-02\nx,1,2\ny,3,4\n', {}],
    ['a header over dates', 'id,born\n1,2024-01-05\n2,2024-01-06\n', {}],
    ['too few lines to tell a header', '1,2024-01-05\n2,2024-01-06\n', {}],
    ['an empty file', '', {}],
  ] as const) {
    it(`finds ${what}`, () => {
      expect(guess(text)).to.deep.equal(expected);
    });
  }

  it('leaves alone what is given, and everything where a dialect of its own is', () => {
    expect(guess('a;b\n1;2\n', { delimiter: ',' })).to.deep.equal({});
    expect(guess('a;b\n1;2\n', { comment: '#' })).to.deep.equal({});
    expect(guess('1;2024-01-05\n2;2024-01-06\n3;2024-01-07\n', { headers: true })).to.deep.equal({ delimiter: ';' });
    expect(guess('1;2\n3;4\n', { headers: ['a', 'b'] })).to.deep.equal({ delimiter: ';' });
    expect(guess('1;2\n3;4\n', { headers: ['a'] })).to.deep.equal({});
    expect(guess('1;2\n3;4\n', { headers: ['a', 'b', 'c'] })).to.deep.equal({});
    expect(guess("a,b\n'1',2\n", { quote: false })).to.deep.equal({});
  });

  it('goes by whole records of a beginning that is cut anywhere', () => {
    const text = 'id;name\n1;"a""b;c"\r\n2;"d\ne"\n3;x\n';
    for (let end = text.indexOf('\n', 10) + 1; end <= text.length; end++)
      expect(guess(text.slice(0, end), {}, false), String(end)).to.deep.equal({ delimiter: ';' });
    for (let end = 0; end < 16; end++) expect(guess(text.slice(0, end), {}, false), String(end)).to.deep.equal({});
  });
});

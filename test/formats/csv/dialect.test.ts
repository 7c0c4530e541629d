import { expect } from 'chai';
import { csvOptions } from '../../../lib/formats/csv/index.ts';
import { isPlain } from '../../../lib/formats/csv/options.ts';
import { read, type ReadOptions } from './reading.ts';

const records = async (text: string | Buffer, csv: ReadOptions['csv'], more: ReadOptions = {}) => {
  const result = await read(text, { csv, ...more });
  if (result.error !== undefined) throw result.error;
  return result.records;
};

describe('CSV dialects', () => {
  it('read TSV by the own scanner', async () => {
    expect(isPlain(csvOptions.parse({ delimiter: '\t' }))).to.equal(true);
    expect(await records('a\tb\n1,5\t"x\ty"\n\t""\n', { delimiter: '\t' })).to.deep.equal([
      ['1,5', 'x\ty'],
      [null, ''],
    ]);
  });

  it('take any delimiter of one byte by the own scanner, others by csv-parse', async () => {
    for (const delimiter of [';', '|', ' ', '\u0001', 'a', '~']) {
      expect(isPlain(csvOptions.parse({ delimiter }))).to.equal(true);
      expect(await records(`x${delimiter}y\n1${delimiter}"2${delimiter}"\n`, { delimiter })).to.deep.equal([['1', `2${delimiter}`]]);
    }
    for (const delimiter of ['§', '||', '->']) {
      expect(isPlain(csvOptions.parse({ delimiter }))).to.equal(false);
      expect(await records(`x${delimiter}y\n1${delimiter}"2${delimiter}"\n`, { delimiter })).to.deep.equal([['1', `2${delimiter}`]]);
    }
  });

  it('take one of several delimiters', async () => {
    expect(await records('a;b,c\n1,2;3\n', { delimiter: [';', ','] })).to.deep.equal([['1', '2', '3']]);
  });

  it('take other quotes, none, and other escapes', async () => {
    expect(await records("a,b\n'1,''x''',\"\n", { quote: "'" })).to.deep.equal([["1,'x'", '"']]);
    expect(await records('a,b\n"1,2"\n', { quote: false })).to.deep.equal([['"1', '2"']]);
    expect(await records('a,b\n"1\\"2\\\\",3\n', { escape: '\\' })).to.deep.equal([['1"2\\', '3']]);
  });

  it('take other ends of records', async () => {
    expect(await records('a,b\r1,2\r3,4\r', { recordDelimiter: '\r' })).to.deep.equal([
      ['1', '2'],
      ['3', '4'],
    ]);
    expect(await records('a,b;1,2|3,4', { recordDelimiter: [';', '|'] })).to.deep.equal([
      ['1', '2'],
      ['3', '4'],
    ]);
  });

  it('read NULL as it is written', async () => {
    expect(await records('a,b,c\n\\N,,"\\N"\n', { nullText: '\\N' })).to.deep.equal([[null, '', '\\N']]);
  });

  it('leave out comments', async () => {
    expect(await records('# x\na,b\n1,2 # y\n#"\n3,4\n', { comment: '#' })).to.deep.equal([
      ['1', '2 '],
      ['3', '4'],
    ]);
    expect(await records('# x\na,b\n1,2 # y\n', { comment: '#', commentNoInfix: true })).to.deep.equal([['1', '2 # y']]);
  });

  it('trim unquoted fields, and take blanks for NULL then', async () => {
    const text = 'a,b,c\n  1 , " 2 " ,  \n';
    expect(await records(text, { trim: true })).to.deep.equal([['1', ' 2 ', null]]);
    expect(await records('a,b\n  1 ,2 \n', { ltrim: true })).to.deep.equal([['1 ', '2 ']]);
    expect(await records('a,b\n  1 ,2 \n', { rtrim: true })).to.deep.equal([['  1', '2']]);
  });

  it('skip empty lines of one column, and records of empty values, when told', async () => {
    expect(await records('a\n1\n\n2\n', { skipEmptyLines: true, delimiter: [',', ';'] })).to.deep.equal([['1'], ['2']]);
    expect(await records('a,b\n1,2\n,\n3,4\n', { skipRecordsWithEmptyValues: true })).to.deep.equal([
      ['1', '2'],
      ['3', '4'],
    ]);
  });

  it('take delimiters in the last column for data when told how many columns there are', async () => {
    expect(await records('a,b\n1,2,3\n', { ignoreLastDelimiters: 2 })).to.deep.equal([['1', '2,3']]);
  });

  it('begin and end at a line', async () => {
    const text = 'made by x\na,b\n1,2\n3,4\n5,6\n';
    expect(await records(text, { fromLine: 2 })).to.deep.equal([
      ['1', '2'],
      ['3', '4'],
      ['5', '6'],
    ]);
    expect(await records(text, { fromLine: 2, toLine: 4 })).to.deep.equal([
      ['1', '2'],
      ['3', '4'],
    ]);
  });

  it('go on at a position with the lines that are left', async () => {
    const text = Buffer.from('made by x\na,b\n1,2\n3,4\n5,6\n7,8\n');
    const csv = { fromLine: 2, toLine: 5 };
    const { batches } = await read(text, { csv, batchRows: 1 });
    expect(batches.map(batch => batch.position)).to.deep.equal([
      { offset: 18, line: 4, row: 1 },
      { offset: 22, line: 5, row: 2 },
      { offset: 26, line: 6, row: 3 },
    ]);
    for (const [i, batch] of batches.entries()) {
      const after = batch.position as unknown as { offset: number; line: number; row: number };
      expect(await records(text.subarray(after.offset), csv, { after, schema: batch.schema })).to.deep.equal(
        [
          ['3', '4'],
          ['5', '6'],
        ].slice(i),
      );
    }
  });

  it('keep quotes inside fields when told', async () => {
    expect(await records('a,b\n5" pipe,x"y\n', { relaxQuotes: true })).to.deep.equal([['5" pipe', 'x"y']]);
  });

  it('fit ragged records when told: missing fields NULL, surplus ones left out with a warning', async () => {
    expect(await records('a,b\n1\n1,2\n', { relaxColumnCountLess: true })).to.deep.equal([
      ['1', null],
      ['1', '2'],
    ]);
    expect((await read('a,b\n1,2,3\n', { csv: { relaxColumnCountLess: true } })).error?.code).to.equal('DATA_MALFORMED');
    const more = await read('a,b\n1,2,3\n4,5,6\n', { csv: { relaxColumnCountMore: true } });
    expect(more.records).to.deep.equal([
      ['1', '2'],
      ['4', '5'],
    ]);
    expect(more.warnings).to.have.lengthOf(1);
    expect((await read('a,b\n1\n', { csv: { relaxColumnCountMore: true } })).error?.code).to.equal('DATA_MALFORMED');
    expect(await records('a,b\n1\n1,2,3\n', { relaxColumnCount: true })).to.deep.equal([
      ['1', null],
      ['1', '2'],
    ]);
  });

  it('tell where records stood, also behind other dialects', async () => {
    const { batches } = await read('# c\na;b\n1;2\n"3\n";4\n5;6\n', { csv: { delimiter: ';', comment: '#' } });
    expect(batches.flatMap(batch => Array.from({ length: batch.length }, (_, row) => batch.locate(row)))).to.deep.equal([
      { file: 'in.csv', line: 3 },
      { file: 'in.csv', line: 4 },
      { file: 'in.csv', line: 6 },
    ]);
  });

  it('are checked: unknown options, equal signs, unknown encodings', () => {
    for (const [csv, path] of [
      [{ delimeter: ';' }, ''],
      [{ delimiter: '"' }, ''],
      [{ nullText: 'a,b' }, 'nullText'],
      [{ delimiter: '' }, 'delimiter'],
    ] as const) {
      const { error } = csvOptions.safeParse(csv);
      expect(error?.issues[0]?.path.join('.'), JSON.stringify(csv)).to.equal(path);
    }
  });
});

import { createRequire } from 'node:module';
import { expect } from 'chai';
import { Schema } from '../../../lib/schema/schema.ts';
import { TEXT } from '../../../lib/schema/types.ts';
import { decodeDialect } from '../../../lib/formats/csv/dialect-decode.ts';
import { csvDecoder, csvOptions } from '../../../lib/formats/csv/index.ts';
import { cut, describeNames, read } from './reading.ts';

interface Case {
  name: string;
  csv: Buffer;
  json: Buffer;
}

const spectrum = createRequire(import.meta.url)('csv-spectrum') as (done: (error: Error | null, found: Case[]) => void) => void;
const cases = await new Promise<Case[]>((resolve, reject) => spectrum((error, found) => (error ? reject(error) : resolve(found))));

describe('CSV decoder', () => {
  it('has the cases of csv-spectrum', () => expect(cases).to.have.lengthOf(12));

  for (const path of ['own scanner', 'csv-parse'] as const) {
    const decode = path === 'csv-parse' ? { decode: decodeDialect } : {};
    describe(`through ${path}`, () => {
      for (const { name, csv, json } of cases.filter(({ name }) => name !== 'location_coordinates')) {
        it(`reads ${name} of csv-spectrum, whole and byte by byte`, async () => {
          // The suite has '' where a field is empty; an unquoted empty field is NULL here.
          const wanted = [JSON.parse(json.toString()) as Record<string, string> | Record<string, string>[]]
            .flat()
            .map(row => Object.values(row));
          for (const chunks of [[csv], cut(csv, [1])]) {
            const { records, error } = await read(chunks, decode);
            expect(error).to.equal(undefined);
            expect(records.map(record => record.map(value => value ?? ''))).to.deep.equal(wanted);
          }
        });
      }

      it('reads location_coordinates of csv-spectrum, which has quotes inside fields, only when told', async () => {
        const { csv } = cases.find(({ name }) => name === 'location_coordinates') as Case;
        expect((await read(csv, decode)).error?.message).to.match(/^in\.csv:2: a quote inside an unquoted field/);
        const { records } = await read(csv, { ...decode, csv: { relaxQuotes: true } });
        // Its JSON has another phone number.
        expect(records).to.deep.equal([['2095257564', `37\ufffd36'37.8"N 121\ufffd2'17.9"W`, 'Modesto', 'Stanislaus']]);
      });

      it('tells NULL from the empty text', async () => {
        expect((await read('a,b,c\n,"",x\n', decode)).records).to.deep.equal([[null, '', 'x']]);
      });

      it('reads quotes in fields of any length, of ASCII and of more', async () => {
        const texts = [1, 24, 25, 4095, 4096, 4097, 20_000].flatMap(n => [
          '"'.repeat(n),
          `${'x'.repeat(n)}"`,
          `"é${'ab"'.repeat(n >> 2)}`,
          `${'x'.repeat(n)}🛶"\n"`,
        ]);
        const lines = texts.map((text, i) => `${i},"${text.replaceAll('"', '""')}"\n`);
        for (const some of [lines, lines.filter(line => /^[\x00-\x7f]*$/.test(line))])
          expect((await read(`a,b\n${some.join('')}`, decode)).records).to.deep.equal(
            some.map(line => [line.split(',')[0], texts[Number(line.split(',')[0])]]),
          );
      });

      it('takes LF and CRLF in one file, and keeps a CR that is data', async () => {
        const { records } = await read('a,b\r\n1,2\n3,4\r\n5\r,6\r\r\n"7\r\n8",9\n', decode);
        expect(records).to.deep.equal([
          ['1', '2'],
          ['3', '4'],
          ['5\r', '6\r'],
          ['7\r\n8', '9'],
        ]);
      });

      it('reads a last record without a line end, with quotes and with a CR as its last byte', async () => {
        expect((await read('a,b\n1,2', decode)).records).to.deep.equal([['1', '2']]);
        expect((await read('a,b\n1,""', decode)).records).to.deep.equal([['1', '']]);
        expect((await read('a,b\n1,2\r', decode)).records).to.deep.equal([['1', '2\r']]);
        expect((await read('a,b\n1,', decode)).records).to.deep.equal([['1', null]]);
      });

      it('leaves out a byte order mark, cut anywhere, and keeps it when told', async () => {
        const bytes = Buffer.from('\ufeffa,b\n1,2\n');
        for (const chunks of [[bytes], cut(bytes, [1]), cut(bytes, [2, 3])])
          expect((await read(chunks, decode)).names).to.deep.equal(['a', 'b']);
        expect((await read(bytes, { ...decode, csv: { bom: false } })).names).to.deep.equal(['\ufeffa', 'b']);
        expect((await read('\ufeff"a","b"\n1,2\n', decode)).names).to.deep.equal(['a', 'b']);
        expect((await read('a\n\ufeff\n', decode)).records).to.deep.equal([['\ufeff']]);
      });

      it('skips empty lines between records of several columns, and reads NULL of them in a file of one', async () => {
        expect((await read('\n\r\na,b\n\n1,2\n\r\n\n3,4\n\n', decode)).records).to.deep.equal([
          ['1', '2'],
          ['3', '4'],
        ]);
        expect((await read('a\n1\n\n2\r\n\r\n', decode)).records).to.deep.equal([['1'], [null], ['2'], [null]]);
        expect((await read('a\n1\n\n2\n', { ...decode, csv: { skipEmptyLines: true } })).records).to.deep.equal([['1'], ['2']]);
        expect((await read('\n\n', { ...decode, csv: { headers: false } })).records).to.deep.equal([[null], [null]]);
        expect((await read('\n\n1,2\n', { ...decode, csv: { headers: false } })).records).to.deep.equal([['1', '2']]);
        expect((await read('\n\n1\n', { ...decode, csv: { headers: false } })).records).to.deep.equal([[null], [null], ['1']]);
      });

      it('keeps NUL, unicode and blanks as they are', async () => {
        const { records } = await read(cut(Buffer.from('a,b\n \0x ,"😀, é"\n'), [1]), decode);
        expect(records).to.deep.equal([[' \0x ', '😀, é']]);
      });

      it('refuses a ragged record with line, found and wanted count, after the records before it', async () => {
        for (const chunks of [[Buffer.from('a,b\n1,"2\n"\n3\n')], cut(Buffer.from('a,b\n1,"2\n"\n3\n'), [1])]) {
          const { records, error } = await read(chunks, decode);
          expect(error).to.include({ code: 'DATA_MALFORMED', message: 'in.csv:4: the record has 1 field, 2 wanted' });
          expect(records).to.deep.equal([['1', '2\n']]);
        }
        expect((await read('a,b\n1,2,secret\n', decode)).error?.message).to.equal('in.csv:2: the record has 3 fields, 2 wanted');
      });

      it('refuses a quote inside an unquoted field and text behind a closing quote, and never says what stands there', async () => {
        const inside = (await read('a,b\n1,2\nse"cret,4\n', decode)).error;
        expect(inside).to.have.property('code', 'DATA_MALFORMED');
        expect(inside?.message)
          .to.match(/^in\.csv:3: a quote inside an unquoted field/)
          .and.not.include('cret');
        expect(JSON.stringify(inside?.cause ?? '')).to.equal('""');
        for (const text of ['a,b\n1,"2"secret\n', 'a,b\n1,"2" ,3\n', 'a,b\n1,"2"\rx\n', 'a,b\n1,"2"\r']) {
          const { error } = await read(cut(Buffer.from(text), [1]), decode);
          expect(error).to.have.property('code', 'DATA_MALFORMED');
          expect(error?.message)
            .to.match(/^in\.csv:2: text after a closing quote/)
            .and.not.include('secret');
        }
      });

      it('refuses an open quote at the end with the line where it opened', async () => {
        const { records, error } = await read('a,b\n1,2\n3,"4\n5,6\n7,8\n', decode);
        expect(error).to.have.property('code', 'DATA_MALFORMED');
        expect(error?.message).to.match(/^in\.csv:3: the quote opened here is never closed/);
        expect(records).to.deep.equal([['1', '2']]);
      });

      it('refuses a record over maxRecordBytes before it eats the memory', async () => {
        const long = Buffer.from(`a,b\n1,2\n3,"${'x'.repeat(5000)}`);
        const { records, error } = await read(cut(long, [100]), { ...decode, maxRecordBytes: 1000 });
        expect(error).to.have.property('code', 'RECORD_TOO_LARGE');
        expect(error?.message).to.match(/^in\.csv:3: the record has more than 1000 bytes/);
        expect(records).to.deep.equal([['1', '2']]);
        expect((await read(`a,b\n1,2\n3,${'x'.repeat(2000)}\n4,5\n`, { ...decode, maxRecordBytes: 1000 })).error?.code).to.equal(
          'RECORD_TOO_LARGE',
        );
      });

      it('refuses bytes that are no UTF-8 with their offset, line and likely encoding', async () => {
        const text = Buffer.from('a,b\n1,2\n\n3,caf\xe9\n4,5\n', 'latin1');
        for (const chunks of [[text], cut(text, [1])]) {
          const { records, error } = await read(chunks, decode);
          expect(error).to.have.property('code', 'ENCODING_INVALID');
          expect(error?.message).to.match(/^in\.csv:4: byte 14 is no UTF-8; it looks like latin1/);
          expect(records).to.deep.equal([['1', '2']]);
        }
        const marked = await read(Buffer.concat([Buffer.from('\ufeff'), text]), decode);
        expect(marked.error?.message).to.match(/^in\.csv:4: byte 17 is no UTF-8/);
        expect((await read(Buffer.from('a\n\x93x\x94\n', 'latin1'), decode)).error?.message).to.include("encoding: 'windows-1252'");
      });

      it('knows the header of an empty file, of a header only, and of a file without one', async () => {
        expect((await read('', decode)).batches).to.deep.equal([]);
        expect((await read('a,b\n', decode)).batches).to.deep.equal([]);
        expect((await read('1,2\n', { ...decode, csv: { headers: false } })).names).to.deep.equal(['column1', 'column2']);
        expect((await read('1,2\n', { ...decode, csv: { headers: ['x', 'y'] } })).records).to.deep.equal([['1', '2']]);
        expect((await read('1,2,3\n', { ...decode, csv: { headers: ['x', 'y'] } })).error?.code).to.equal('DATA_MALFORMED');
      });

      it('keeps odd names as data and puts them into rows', async () => {
        const { names, batches } = await read('__proto__,constructor,10,a.b,,"x ""y"""\n1,2,3,4,5,6\n', decode);
        expect(names).to.deep.equal(['__proto__', 'constructor', '10', 'a.b', '', 'x "y"']);
        const row = batches[0]?.rows[0] as object;
        expect(Object.getPrototypeOf(row)).to.equal(Object.prototype);
        expect(Object.fromEntries(Object.entries(row))).to.deep.equal(
          Object.fromEntries([
            ['__proto__', '1'],
            ['constructor', '2'],
            ['10', '3'],
            ['a.b', '4'],
            ['', '5'],
            ['x "y"', '6'],
          ]),
        );
      });

      it('refuses duplicate and several empty names by name', async () => {
        const { error } = await read('a,b,a,,\n1,2,3,4,5\n', decode);
        expect(error).to.have.property('code', 'COLUMN_DUPLICATE');
        expect(error?.message).to.include('"a", ""').and.not.include('"b"');
      });

      it('refuses a file whose lines end with CR alone instead of reading no record of it', async () => {
        const { error } = await read('a,b\r1,2\r3,4\r', decode);
        expect(error).to.have.property('code', 'DATA_MALFORMED');
        expect(error?.message).to.include('recordDelimiter');
        expect((await read('"a\r",b\n1,2\n', decode)).names).to.deep.equal(['a\r', 'b']);
      });

      it('shows the columns of a second file in the order of the schema, and refuses other ones', async () => {
        const schema = new Schema(['a', 'b'].map(name => ({ name, type: TEXT, nullable: true, untyped: true as const })));
        const other = await read('b,a\n2,1\n', { ...decode, schema });
        expect(other.names).to.deep.equal(['a', 'b']);
        expect(other.records).to.deep.equal([['1', '2']]);
        const { error } = await read('a,c\n1,2\n', { ...decode, schema });
        expect(error).to.have.property('code', 'SCHEMA_MISMATCH');
        expect(error?.message).to.include('no column "b"').and.include('"c"');
      });

      it('counts rows and bytes of the whole input, marks and empty lines too', async () => {
        const bytes = Buffer.from('\ufeffa,b\n1,2\n\n3,4\n5,6');
        const { counted } = await read(cut(bytes, [3]), { ...decode, batchRows: 2 });
        expect(counted).to.deep.equal({ rows: 3, bytes: bytes.length });
      });

      it('gives the first records before the second chunk is read', async () => {
        let chunks = 0;
        async function* input(): AsyncGenerator<Uint8Array> {
          for (;;) yield Buffer.from(chunks++ === 0 ? 'a,b\n1,2\n3333' : ',4\n');
        }
        for await (const batch of decodeOf(path)(input())) {
          expect(batch.length).to.equal(1);
          break;
        }
        expect(chunks).to.equal(1);
      });

      it('lets go of its input when it is needed no more', async () => {
        let isReleased = false;
        async function* input(): AsyncGenerator<Uint8Array> {
          try {
            for (;;) yield Buffer.from('a,b\n');
          } finally {
            isReleased = true;
          }
        }
        for await (const batch of decodeOf(path)(input())) {
          expect(batch.length).to.be.above(0);
          break;
        }
        expect(isReleased).to.equal(true);
      });
    });
  }

  it('describes by the header alone', async () => {
    expect(await describeNames('a,b\n1,2,3\n')).to.deep.equal(['a', 'b']);
    expect(await describeNames('a,b')).to.deep.equal(['a', 'b']);
    expect(await describeNames('')).to.equal(undefined);
    expect(await describeNames('1,2,3\n', { headers: false })).to.deep.equal(['column1', 'column2', 'column3']);
    expect(await describeNames('', { headers: ['x'] })).to.deep.equal(['x']);
    expect(await describeNames('# c\na;b\n1;2\n', { delimiter: ';', comment: '#' })).to.deep.equal(['a', 'b']);
  });

  it('makes batches of the size asked for, of text that only looks typed', async () => {
    const text = `a,b\n${Array.from({ length: 5000 }, (_, i) => `${i},${'x'.repeat(20)}\n`).join('')}`;
    const byRows = await read(text, { batchRows: 700 });
    expect(byRows.batches.map(batch => batch.length)).to.deep.equal([700, 700, 700, 700, 700, 700, 700, 100]);
    const byBytes = await read(text, { batchRows: 100_000, batchBytes: 16 * 1024 });
    expect(byBytes.batches.length).to.be.within(7, 9);
    expect(byBytes.records).to.deep.equal(byRows.records).and.have.lengthOf(5000);
    expect(byBytes.batches[0]?.schema.fields[0]).to.deep.equal({ name: 'a', type: TEXT, nullable: true, untyped: true });
  });
});

function decodeOf(path: 'own scanner' | 'csv-parse') {
  return (chunks: AsyncIterable<Uint8Array>) => {
    const context = {
      file: 'in.csv',
      batchRows: 1000,
      batchBytes: 1 << 16,
      maxRecordBytes: 1 << 20,
      counted: () => undefined,
      warn: () => undefined,
    };
    const options = csvOptions.parse({});
    return path === 'csv-parse'
      ? decodeDialect(chunks, options, undefined, context)
      : csvDecoder(options).decode(chunks, undefined, context);
  };
}

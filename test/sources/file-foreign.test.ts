import { writeFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { from, type MillraceError, plan, to } from '../../lib/index.ts';
import { millrace } from '../cli/millrace.ts';
import { freshFolder } from '../clients/file/folder.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('files that are no text, whatever they are named', () => {
  const { at } = freshFolder();
  const csv = Buffer.from('id,name\n1,a\n'.repeat(2000));
  const refusal = async (name: string, bytes: Uint8Array, options: object = {}): Promise<string> => {
    writeFileSync(at(name), bytes);
    const error = await from
      .file(at(name), options)
      .toArray()
      .then(
        () => undefined,
        (thrown: unknown) => thrown as MillraceError,
      );
    expect([error?.code, error?.message]).to.deep.equal(['DATA_MALFORMED', error?.message]);
    return (error as MillraceError).message;
  };

  for (const [what, bytes, said] of [
    ['gzip', gzipSync(csv), /it is gzip data, and no text; name it with \.gz at the end, or give the option compression: gzip/],
    ['zstd', hex('28b52ffd 2458 2900 00 6964'), /zstd data.*decompress it before/],
    ['bzip2', hex('425a6839 314159265359 00000000'), /bzip2 data.*bunzip2/],
    ['xz', hex('fd377a585a00 0004e6d6b446'), /xz data/],
    ['zip', hex('504b0304 14000000 0800'), /a zip archive, or a file of Excel or LibreOffice.*save the sheet as CSV/],
    ['Parquet', Buffer.concat([Buffer.from('PAR1'), hex('15041510 151c4c15')]), /a Parquet file/],
    ['SQLite', Buffer.from('SQLite format 3\0\u0010\0'), /an SQLite database/],
  ] as const) {
    it(`${what} is recognised in CSV, NDJSON and JSON, in any encoding, and before the dialect is guessed`, async () => {
      for (const name of ['x.csv', 'x.tsv', 'x.ndjson', 'x.json']) {
        const message = await refusal(name, bytes);
        expect(message).to.match(said);
        expect(message.startsWith(at(name))).to.equal(true, message);
      }
      expect(await refusal('x.csv', bytes, { encoding: 'latin1' })).to.match(said);
      expect(await refusal('x.csv.gz', gzipSync(bytes))).to.match(said);
      const { problems } = await plan(from.file(at('x.csv')), to.null());
      expect(problems.map(({ code }) => code)).to.deep.equal(['DATA_MALFORMED']);
    });
  }

  it('is read as what it is when that is said', async () => {
    writeFileSync(at('g.csv'), gzipSync(csv));
    expect((await from.file(at('g.csv'), { compression: 'gzip' }).toArray()).length).to.equal(3999);
    const { status, err } = await millrace(['copy', at('g.csv'), 'null:', '--quiet']);
    expect([status, err.includes('compression: gzip')]).to.deep.equal([65, true]);
    writeFileSync(at('b.csv'), brotliCompressSync(csv));
    expect((await from.file(at('b.csv'), { compression: 'brotli' }).toArray()).length).to.equal(3999);
  });

  it('does not take texts that begin alike for anything else', async () => {
    for (const head of ['PAR1', 'PK', 'BZh9', 'ARROW1', 'Obj', 'SQLite format 3']) {
      writeFileSync(at('t.csv'), `${head},x\n1,2\n`);
      expect(await from.file(at('t.csv')).toArray()).to.deep.equal([{ [head]: '1', x: '2' }]);
    }
  });
});

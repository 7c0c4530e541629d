import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { type DeadLetter, from, pipeline, type PipelineError, to } from '../../lib/index.ts';
import { freshFolder } from '../clients/file/folder.ts';

describe('encodings of files', () => {
  const { at } = freshFolder();
  const failure = async (run: Promise<unknown>): Promise<PipelineError> =>
    run.then(
      () => Promise.reject(new Error('it went well')),
      (error: unknown) => error as PipelineError,
    );
  const rows = [
    { id: '1', name: 'Müller – „50 €“' },
    { id: '2', name: 'a,"b"\nÆ' },
  ];
  const texts = {
    'x.csv': 'id,name\r\n1,Müller – „50 €“\r\n2,"a,""b""\nÆ"\r\n',
    'x.tsv': 'id\tname\n1\tMüller – „50 €“\n2\t"a,""b""\nÆ"\n',
    'x.ndjson': `${rows.map(row => JSON.stringify(row)).join('\n')}\n`,
    'x.json': JSON.stringify(rows),
  };

  for (const [name, text] of Object.entries(texts)) {
    it(`${name} is read in UTF-16 by its mark, and in any encoding by its label, compressed too`, async () => {
      for (const [bytes, encoding] of [
        [Buffer.from(`\ufeff${text}`, 'utf16le'), undefined],
        [Buffer.from(`\ufeff${text}`, 'utf16le').swap16(), undefined],
        [Buffer.from(`\ufeff${text}`), undefined],
        [Buffer.from(text, 'utf16le'), 'utf-16le'],
        [
          Buffer.from(text.replaceAll('–', '\x96').replaceAll('„', '\x84').replaceAll('€', '\x80').replaceAll('“', '\x93'), 'latin1'),
          'windows-1252',
        ],
      ] as const) {
        writeFileSync(at(name), bytes);
        writeFileSync(at(`${name}.gz`), gzipSync(bytes));
        for (const path of [at(name), at(`${name}.gz`)])
          expect(await from.file(path, encoding === undefined ? {} : { encoding }).toArray()).to.deep.equal(rows);
      }
    });

    it(`${name} is written in other encodings, and a record that does not go in is refused by the name of its column`, async () => {
      const path = at(`out-${name}`);
      const letters: DeadLetter[] = [];
      const more = [...rows, { id: '3', name: 'Łódź' }, { id: '4', name: 'x' }];
      const report = await pipeline(from.records(more), to.file(path, { encoding: 'windows-1252', mode: 'replace' }), {
        deadLetter: to.memory(letters),
      });
      expect([report.written, report.rejected]).to.deep.equal([3, 1]);
      expect(letters.map(({ code, record }) => [code, record])).to.deep.equal([['VALUE_NOT_CARRIED', more[2]]]);
      expect(letters[0]?.reason).to.match(/^column "name": a text has a character that windows-1252 lacks/);
      expect(await from.file(path, { encoding: 'windows-1252' }).toArray()).to.deep.equal(more.toSpliced(2, 1));
      expect((await failure(pipeline(from.records(more), to.file(path, { encoding: 'windows-1252', mode: 'replace' })))).code).to.equal(
        'VALUE_NOT_CARRIED',
      );

      await pipeline(from.records(more), to.file(path, { encoding: 'utf-16le', mode: 'replace' }));
      expect(await from.file(path, { encoding: 'utf-16le' }).toArray()).to.deep.equal(more);
      // Also where the bytes could pass.
      await pipeline(from.file(path, { encoding: 'utf-16le' }), to.file(at(`again-${name}`), { encoding: 'utf-16be', mode: 'replace' }));
      expect(readFileSync(at(`again-${name}`))).to.deep.equal(readFileSync(path).swap16());
    });
  }

  it('names the byte of the file, the line and the likely encoding, in every format', async () => {
    const cases = {
      'bad.csv': ['id,name\n1,x\n2,M\xfcller\n', 3, 15],
      'bad.ndjson': ['{"id":1}\n{"id":"M\xfcller"}\n', 2, 17],
      'bad.json': ['[{"id":1},\n{"id":"M\xfcller"}]', 2, 19],
    } as const;
    for (const [name, [text, line, byte]] of Object.entries(cases)) {
      writeFileSync(at(name), Buffer.from(text, 'latin1'));
      const error = await failure(pipeline(from.file(at(name)), to.null()));
      expect(error.code).to.equal('ENCODING_INVALID');
      expect(error.message)
        .to.include(`${name}:${line}: byte ${byte} is no UTF-8; it looks like latin1`)
        .and.to.include('?encoding=latin1');
    }
    writeFileSync(at('wide.ndjson'), Buffer.from('{"id":1}\n', 'utf16le'));
    expect((await failure(pipeline(from.file(at('wide.ndjson')), to.null()))).message).to.include('?encoding=utf-16le');
  });

  it('says of what is malformed in another encoding which bytes it counts, and of UTF-8 the byte of the file', async () => {
    const cases = { 'cut.ndjson': '{"id":"üü"}\n{"id":', 'cut.json': '[{"id":"üü"},\n{"id":]', 'cut.csv': 'id,name\n1,ü\n2\n' };
    for (const [name, text] of Object.entries(cases)) {
      for (const encoding of ['utf-8', 'latin1', 'utf-16le'] as const) {
        writeFileSync(at(name), Buffer.from(text, encoding));
        const { code, message } = await failure(pipeline(from.file(at(name), { encoding }), to.null()));
        expect(code).to.equal('DATA_MALFORMED');
        expect(message).to.match(name === 'cut.csv' ? /cut\.csv:3: / : /cut\.n?d?json:2: /);
        if (name !== 'cut.csv') expect(message).to.match(encoding === 'utf-8' ? /\(byte \d+\)$/ : /\(byte \d+ of its text in UTF-8\)$/);
      }
    }
  });

  it('writes a byte order mark where one is asked for, and none behind what is there', async () => {
    const path = at('excel.csv');
    await pipeline(from.records(rows), to.file(path, { bom: true }));
    expect(readFileSync(path, 'utf8')).to.match(/^\ufeffid,name\n1,/);
    await pipeline(from.records(rows), to.file(path, { bom: true, mode: 'append' }));
    expect(readFileSync(path, 'utf8').match(/\ufeff/g)).to.have.length(1);
    expect(await from.file(path).toArray()).to.deep.equal([...rows, ...rows]);
    await pipeline(from.records(rows), to.file(path, { bom: true, encoding: 'utf-16', mode: 'replace' }));
    expect(readFileSync(path).subarray(0, 4).toString('hex')).to.equal('fffe6900');
    expect(await from.file(path).toArray()).to.deep.equal(rows);
    expect(
      (await failure(pipeline(from.records(rows), to.file(path, { bom: true, encoding: 'latin1', mode: 'replace' })))).message,
    ).to.include('byte order mark');
  });

  it('appends in the encoding that the file has, and refuses another', async () => {
    const path = at('grows.csv');
    await pipeline(from.records(rows), to.file(path, { encoding: 'utf-16le', bom: true }));
    expect((await failure(pipeline(from.records(rows), to.file(path, { mode: 'append' })))).message).to.include('utf-16le');
    await pipeline(from.records(rows), to.file(path, { mode: 'append', encoding: 'utf-16le' }));
    expect(await from.file(path).toArray()).to.deep.equal([...rows, ...rows]);
  });

  it('refuses a header that the encoding lacks before the first record', async () => {
    const error = await failure(pipeline(from.records([{ Łódź: 1 }]), to.file(at('none.csv'), { encoding: 'latin1' })));
    expect([error.code, error.message]).to.satisfy(
      ([code, message]: string[]) => code === 'VALUE_NOT_CARRIED' && /Łódź/.test(message ?? ''),
    );
  });
});

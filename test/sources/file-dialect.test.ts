import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { from, pipeline, plan, to } from '../../lib/index.ts';
import { freshFolder } from '../clients/file/folder.ts';

const main = ['--conditions=millrace:source', '--import', 'tsx', 'lib/cli/main.ts'];

describe('a CSV file whose dialect nobody named', () => {
  const { at, text } = freshFolder();

  it('is read by the delimiter that it has, compressed and in another encoding too', async () => {
    const semicolons = 'id;name\r\n1;"a;b"\r\n2;2,50\r\n3;\r\n';
    const rows = [
      { id: '1', name: 'a;b' },
      { id: '2', name: '2,50' },
      { id: '3', name: null },
    ];
    writeFileSync(at('a.csv'), semicolons);
    writeFileSync(at('b.csv.gz'), gzipSync(semicolons.replaceAll(';"a;b"', '|"a;b"').replaceAll(';', '|').replace('"a|b"', '"a;b"')));
    writeFileSync(at('c.csv'), Buffer.from(`\ufeff${semicolons}`, 'utf16le'));
    for (const name of ['a.csv', 'b.csv.gz', 'c.csv']) expect(await from.file(at(name)).toArray(), name).to.deep.equal(rows);
    // Each by its own.
    expect(await from.file(at('*.csv*')).toArray()).to.deep.equal([...rows, ...rows, ...rows]);
    await pipeline(from.file(at('a.csv')), to.file(at('out.csv')));
    expect(text('out.csv')).to.equal('id,name\n1,a;b\n2,"2,50"\n3,\n');
    expect((await plan(from.file(at('a.csv')), to.null())).stages[0]?.notes).to.deep.equal(['guessed: delimiter ";"']);
    expect((await plan(from.file(at('a.csv'), { delimiter: ';' }), to.null())).stages[0]?.notes).to.equal(undefined);
    writeFileSync(at('plain.csv'), 'id;name\n1;x\n');
    expect(await from.file(at('plain.csv'), { delimiter: ',' }).toArray()).to.deep.equal([{ 'id;name': '1;x' }]);
  }).timeout(20_000);

  it('has columns with numbers for names where its first line is a record, and the report says so', async () => {
    writeFileSync(at('records.csv'), '1,2024-01-05\n2,2024-01-06\n3,2024-01-07\n');
    const rows: object[] = [];
    const report = await pipeline(from.file(at('records.csv')), to.memory(rows));
    expect(rows).to.deep.equal([1, 2, 3].map(id => ({ column1: `${id}`, column2: `2024-01-0${id + 4}` })));
    expect(report.warnings).to.have.length(1);
    expect(report.warnings[0]).to.match(/records\.csv: its first line looks like a record/);
    const named = await pipeline(from.file(at('records.csv'), { headers: true }), to.null());
    expect([named.read, named.warnings]).to.deep.equal([2, []]);
  });

  it('is looked at once only where it can be read once only', () => {
    const run = (input: string): string =>
      execFileSync(process.execPath, [...main, 'copy', '-', '-', '--from-format', 'csv', '--quiet'], { input, encoding: 'utf8' });
    expect(run('id;name\n1;x\n2;y\n')).to.equal('{"id":"1","name":"x"}\n{"id":"2","name":"y"}\n');
    expect(run('id;name\n')).to.equal('');
    expect(run('')).to.equal('');
    const long = Array.from({ length: 20_000 }, (_, id) => `${id};n${id}\n`);
    expect(run(`id;name\n${long.join('')}`).match(/\n/g)).to.have.length(20_000);
  });
});

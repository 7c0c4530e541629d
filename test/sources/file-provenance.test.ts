import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { filter, from, pipeline, to } from '../../lib/index.ts';
import { freshFolder } from '../clients/file/folder.ts';

describe('where the records of files stood', () => {
  const { at, text } = freshFolder();
  const read = async (path: string, more: object = {}): Promise<object[]> => {
    const rows: object[] = [];
    await pipeline(from.file(path, { provenance: true, ...more }), to.memory(rows));
    return rows;
  };

  it('stands in _file and _line, for CSV in any dialect, NDJSON, JSON and many files', async () => {
    writeFileSync(at('a.csv'), 'id,name\n1,"x\ny\r\nz"\n\n2,b\n');
    writeFileSync(at('b.csv'), 'name,id\r\nc,3\r\n');
    expect(await read(at('*.csv'))).to.deep.equal([
      { id: '1', name: 'x\ny\r\nz', _file: at('a.csv'), _line: 2 },
      { id: '2', name: 'b', _file: at('a.csv'), _line: 6 },
      { id: '3', name: 'c', _file: at('b.csv'), _line: 2 },
    ]);
    expect(await read(at('a.csv'), { comment: '#' })).to.deep.equal((await read(at('*.csv'))).slice(0, 2));
    writeFileSync(at('a.ndjson'), '{"id":1}\n\n{"id":2}\n');
    expect(await read(at('a.ndjson'))).to.deep.equal([
      { id: 1, _file: at('a.ndjson'), _line: 1 },
      { id: 2, _file: at('a.ndjson'), _line: 3 },
    ]);
    writeFileSync(at('a.json'), '[\n{"id":1},\n\n {"id":2}]');
    expect((await read(at('a.json'))).map(row => (row as { _line: number })._line)).to.deep.equal([2, 4]);
  });

  it('goes through operators and into files, and batches of any size', async () => {
    const lines = Array.from({ length: 5000 }, (_, id) => `${id},n${id}\n`);
    writeFileSync(at('many.csv'), `id,name\n${lines.join('')}`);
    type Row = { id: string; name: string; _file: string; _line: number };
    await pipeline(from.file<Row>(at('many.csv'), { provenance: true }), filter({ _line: { gt: 4999 } }), to.file(at('out.csv')));
    const path = at('many.csv');
    expect(text('out.csv')).to.equal(`id,name,_file,_line\n4998,n4998,${path},5000\n4999,n4999,${path},5001\n`);
    await pipeline(from.file<Row>(path, { provenance: true }), to.file(at('out.ndjson')), { batchRows: 7 });
    expect(
      text('out.ndjson')
        .trim()
        .split('\n')
        .map(line => (JSON.parse(line) as Row)._line),
    ).to.deep.equal(lines.map((_, i) => i + 2));
  });

  it('is refused where the file has such a column', async () => {
    writeFileSync(at('a.csv'), 'id,_file\n1,x\n');
    writeFileSync(at('a.ndjson'), '{"_line":1}\n');
    for (const name of ['a.csv', 'a.ndjson']) {
      const code = await read(at(name)).then(
        () => 'none',
        (error: { code: string }) => error.code,
      );
      expect(code, name).to.equal('COLUMN_DUPLICATE');
    }
  });
});

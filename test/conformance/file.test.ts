import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { brotliCompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { from, pipeline, Schema, tap, to } from '../../lib/index.ts';
import { file as fileSink } from '../../sinks/file.ts';
import { file as fileSource } from '../../sources/file.ts';
import { sinkCases, sourceCases } from '../../lib/testing/index.ts';

const rows = Array.from({ length: 9 }, (_, id) => ({ id: String(id), name: id === 3 ? null : id === 4 ? '' : `n${id}, "odd"\nline` }));
const schema = new Schema([
  { name: 'id', type: { kind: 'text' }, nullable: false },
  { name: 'name', type: { kind: 'text' }, nullable: true },
]);
const csv = `id,name\n${rows.map(({ id, name }) => `${id},${name === null ? '' : `"${name.replaceAll('"', '""')}"`}\n`).join('')}`;
const ndjson = rows.map(row => `${JSON.stringify(row)}\n`).join('');

describe('files', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-file-'));
    writeFileSync(path.join(folder, 'in.csv'), csv);
    writeFileSync(path.join(folder, 'semicolons.csv'), csv.replace(/^(\w+),/gm, '$1;'));
    writeFileSync(path.join(folder, 'in.ndjson'), ndjson);
    writeFileSync(path.join(folder, 'in.ndjson.gz'), gzipSync(ndjson));
    writeFileSync(path.join(folder, 'in.csv.gz'), gzipSync(csv));
    writeFileSync(path.join(folder, 'in.json'), JSON.stringify(rows, null, 2));
    writeFileSync(path.join(folder, 'in.json.gz'), gzipSync(JSON.stringify(rows)));
    writeFileSync(path.join(folder, 'in.ndjson.br'), brotliCompressSync(ndjson));
  });
  after(() => rmSync(folder, { recursive: true }));
  const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

  for (const name of ['in.csv', 'semicolons.csv', 'in.ndjson', 'in.json', 'in.ndjson.gz', 'in.csv.gz', 'in.json.gz', 'in.ndjson.br']) {
    describe(`source file ${name}`, () => {
      for (const { name: title, run } of sourceCases({
        open: () => fileSource<(typeof rows)[0]>(path.join(folder, name)),
        expected: rows,
        leftOpen: openDescriptors,
      }))
        it(title, run);
    });
  }

  for (const extension of ['csv', 'ndjson', 'json', 'csv.gz', 'ndjson.gz', 'json.br']) {
    describe(`sink file .${extension}`, () => {
      let count = 0;
      let target = '';
      const open = () => fileSink<(typeof rows)[0]>((target = path.join(folder, `out${count++}.${extension}`)));
      const read = async (): Promise<readonly unknown[] | undefined> => {
        expect(
          readdirSync(folder).filter(name => name.endsWith('.tmp')),
          'files left beside',
        ).to.deep.equal([]);
        if (!existsSync(target)) return undefined;
        const seen: unknown[] = [];
        await pipeline(fileSource(target), to.memory(seen));
        return seen;
      };
      for (const { name, run } of sinkCases({ open, records: rows, schema, read, leftOpen: openDescriptors })) it(name, run);
    });
  }

  const at = (name: string): string => path.join(folder, name);
  const codeOf = (running: Promise<unknown>): Promise<string> =>
    running.then(
      () => 'none',
      (error: { code: string }) => error.code,
    );

  it('passes CSV on without changing a byte of its text', async () => {
    writeFileSync(at('plain.csv'), 'a,b\n007,1.0\n,"x, y"\n');
    await pipeline(fileSource(at('plain.csv')), fileSink(at('plain-out.csv')));
    expect(readFileSync(at('plain-out.csv'), 'utf8')).to.equal('a,b\n007,1.0\n,"x, y"\n');
  });

  it('refuses a target that is there, and leaves it as it was', async () => {
    writeFileSync(at('there.csv'), 'keep me');
    expect(await codeOf(pipeline(fileSource(at('in.csv')), fileSink(at('there.csv'))))).to.equal('EXISTS');
    expect(readFileSync(at('there.csv'), 'utf8')).to.equal('keep me');
  });

  it('appends behind what is there, under the header that is there', async () => {
    await pipeline(fileSource(at('in.csv')), fileSink(at('more.csv')));
    const report = await pipeline(fileSource(at('in.csv')), fileSink(at('more.csv'), { mode: 'append' }));
    expect(report.written).to.equal(9);
    expect(readFileSync(at('more.csv'), 'utf8').match(/id,name/g)).to.have.length(1);
    const seen: unknown[] = [];
    await pipeline(fileSource(at('more.csv')), to.memory(seen));
    expect(seen).to.have.length(18);
    expect(await codeOf(pipeline(from.records([{ other: 1 }]), fileSink(at('more.csv'), { mode: 'append' })))).to.equal('SCHEMA_MISMATCH');
  });

  it('comes to an end where it appends to the file that it reads', async () => {
    const line = `{"text":"${'x'.repeat(1000)}"}\n`;
    writeFileSync(at('itself.ndjson'), line.repeat(2000));
    const report = await pipeline(fileSource(at('itself.ndjson')), fileSink(at('itself.ndjson'), { mode: 'append' }));
    expect(report.written).to.equal(2000);
    expect(readFileSync(at('itself.ndjson'), 'utf8') === line.repeat(4000)).to.equal(true);
  });

  it('takes a file that is cut while it is read for a failure, not for its end', async () => {
    writeFileSync(at('shrinks.csv'), `x\n${'1\n'.repeat(2_000_000)}`);
    let isCut = false;
    const shrinking = tap(() => {
      if (!isCut) truncateSync(at('shrinks.csv'), 2);
      isCut = true;
    });
    expect(await codeOf(pipeline(fileSource(at('shrinks.csv')), shrinking, fileSink(at('shrunk.csv'))))).to.equal('IO_FAILED');
    expect(existsSync(at('shrunk.csv'))).to.equal(false);
  });

  it('cuts an appended file back when the run fails', async () => {
    writeFileSync(at('cut.ndjson'), '{"a":1}\n');
    const failing = from.records(
      (function* () {
        yield { a: 2 };
        throw new Error('no more');
      })(),
    );
    expect(await codeOf(pipeline(failing, fileSink(at('cut.ndjson'), { mode: 'append' })))).to.equal('INTERNAL');
    expect(readFileSync(at('cut.ndjson'), 'utf8')).to.equal('{"a":1}\n');
  });

  it('reads many files in the order of their names', async () => {
    writeFileSync(at('many-b.csv'), 'x\n2\n');
    writeFileSync(at('many-a.csv'), 'x\n1\n');
    const seen: unknown[] = [];
    await pipeline(fileSource(at('many-*.csv')), to.memory(seen));
    expect(seen).to.deep.equal([{ x: '1' }, { x: '2' }]);
  });

  it('writes gzip that others read', async () => {
    await pipeline(fileSource(at('in.csv')), fileSink(at('packed.csv.gz')));
    expect(gunzipSync(readFileSync(at('packed.csv.gz'))).toString()).to.contain('id,name');
  });

  const wrong: [string, () => Promise<unknown>, string, RegExp][] = [
    ['a file that is not there', () => pipeline(fileSource(at('none.csv')), to.null()), 'NOT_FOUND', /none\.csv/],
    ['a pattern that matches nothing', () => pipeline(fileSource(at('none-*.csv')), to.null()), 'NOT_FOUND', /none-\*/],
    ['a folder that is not there', () => pipeline(fileSource(at('in.csv')), fileSink(at('nodir/x.csv'))), 'NOT_FOUND', /nodir/],
    [
      'a ragged record',
      () => (writeFileSync(at('ragged.csv'), 'a,b\n1,2\n3\n'), pipeline(fileSource(at('ragged.csv')), fileSink(at('o1.ndjson')))),
      'DATA_MALFORMED',
      /3/,
    ],
    [
      'a broken line',
      () => (writeFileSync(at('broken.ndjson'), '{"a":1}\n{"a":\n'), pipeline(fileSource(at('broken.ndjson')), fileSink(at('o2.ndjson')))),
      'DATA_MALFORMED',
      /broken.ndjson:2:/,
    ],
    [
      'truncated gzip',
      () => (
        writeFileSync(at('cut.csv.gz'), gzipSync(csv.repeat(50)).subarray(0, 60)),
        pipeline(fileSource(at('cut.csv.gz')), fileSink(at('o3.ndjson')))
      ),
      'DATA_MALFORMED',
      /truncated/,
    ],
  ];
  for (const [what, run, code, message] of wrong) {
    it(`refuses ${what}, and leaves nothing behind`, async () => {
      const before = readdirSync(folder).filter(name => name.startsWith('o'));
      const error = await run().then(
        () => undefined,
        (reason: { code: string; message: string }) => reason,
      );
      expect(error).to.include({ code });
      expect(error?.message).to.match(message);
      expect(readdirSync(folder).filter(name => name.startsWith('o'))).to.deep.equal(before);
    });
  }
});

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { folderFor, inParallel, millrace, start, until } from './millrace.ts';

const REPORT_KEYS = [
  'status',
  'read',
  'written',
  'dropped',
  'made',
  'rejected',
  'unchanged',
  'superseded',
  'deleted',
  'bytesRead',
  'bytesWritten',
  'seconds',
  'guarantee',
  'resumedFrom',
  'stages',
  'bottleneck',
  'warnings',
];

describe('millrace copy', () => {
  const folder = folderFor({ after });
  const at = (name: string): string => path.join(folder, name);
  const text = (name: string): string => readFileSync(at(name), 'utf8');

  before(() => {
    writeFileSync(at('people.csv'), 'id,name,age,city\n1,Ada,36,London\n2,Bo,29,NY\n3,"Carl, Jr.",61,NY\n4,,,Oslo\n5,Eve,44,NY\n');
  });

  it('moves records through where, limit, select, rename and coerce, in that order however they are written', async () => {
    const options = [
      '--coerce',
      'years:integer',
      '--rename',
      'age=years',
      '--select',
      'name,age',
      '--limit',
      '2',
      '--where',
      "city = 'NY' and age > 28",
    ];
    const { status, out, err } = await millrace(['copy', at('people.csv'), at('a.ndjson'), ...options]);
    expect(err).to.contain('Copied 2 records').and.to.contain('by filter');
    expect({ status, out }).to.deep.equal({ status: 0, out: '' });
    expect(text('a.ndjson')).to.equal('{"name":"Bo","years":29}\n{"name":"Carl, Jr.","years":61}\n');
  });

  it('prints the report as one JSON object on stdout, with exactly the fields of the manual', async () => {
    const { status, out, err } = await millrace(['copy', at('people.csv'), at('b.csv'), '--json', '--quiet', '--where', 'city = NY']);
    expect({ status, err, lines: out.split('\n').length }).to.deep.equal({ status: 0, err: '', lines: 2 });
    const report = JSON.parse(out) as Record<string, unknown> & { stages: object[] };
    expect(Object.keys(report)).to.deep.equal(REPORT_KEYS);
    expect(report).to.include({ status: 'ok', read: 5, written: 3, dropped: 2, rejected: 0, made: 0 });
    expect(report.stages.map(stage => Object.keys(stage))).to.deep.equal(
      Array(3).fill(['kind', 'in', 'out', 'dropped', 'rejected', 'busySeconds', 'waitSeconds']),
    );
  });

  it('reads standard input and writes standard output, with the report on stderr then', async () => {
    const { status, out, err } = await millrace(['copy', '-', '-', '--to-format', 'csv', '--json', '--quiet'], {
      input: '{"a":1,"b":"x,y"}\n{"a":2,"b":null}\n',
    });
    expect({ status, out }).to.deep.equal({ status: 0, out: 'a,b\n1,"x,y"\n2,\n' });
    expect(JSON.parse(err)).to.include({ status: 'ok', read: 2, written: 2 });
  });

  it('gives on what came, where nothing more comes for now', async () => {
    const inputs: [string, string[]][] = [
      ['ndjson', ['{"a":1}\n{"a"', ':2}\n', '{"a":3}']],
      ['json', ['[{"a":1},{"a"', ':2},', '{"a":3}]']],
      ['csv', ['a\n1\n2', '\n', '3']],
      ['tsv', ['a\tb\n1\t\n2', '\t\n', '3\t']],
    ];
    await inParallel(inputs, async ([format, parts]) => {
      const running = start(['copy', '-', '-', '--from-format', format, '--select', 'a', '--coerce', 'a:integer', '--quiet']);
      let out = '';
      running.child.stdout.on('data', (text: string) => (out += text));
      for (const [i, part] of parts.entries()) {
        running.child.stdin.write(part);
        if (i < 2) await until(running, () => out.split('\n').length === i + 2, `record ${i + 1} of ${format}`);
      }
      running.child.stdin.end();
      expect(await running.ended).to.deep.equal({ status: 0, err: '', out: '{"a":1}\n{"a":2}\n{"a":3}\n' });
    });
  });

  it('is done with standard input when it has enough, though more may come', async () => {
    const running = start(['copy', '-', '-', '--limit', '1', '--quiet']);
    running.child.stdin.write('{"a":1}\n');
    const { status, out } = await running.ended;
    expect({ status, out }).to.deep.equal({ status: 0, out: '{"a":1}\n' });
  });

  it('calls standard input by its name, and says where in it something is wrong', async () => {
    const { status, err } = await millrace(['copy', '-', '-', '--quiet'], { input: '{"a":1}\n{"a"\n' });
    expect({ status, err }).to.deep.equal({
      status: 65,
      err: 'millrace: standard input:2: not JSON at character 5 of the record (byte 8) [DATA_MALFORMED]\n',
    });
  });

  it('takes the format of standard input from --from-format', async () => {
    const { status, out, err } = await millrace(['copy', '-', '-', '--from-format', 'csv', '--quiet'], { input: 'a,b\n1,2\n' });
    expect({ status, out, err }).to.deep.equal({ status: 0, out: '{"a":"1","b":"2"}\n', err: '' });
  });

  it('appends only when told to', async () => {
    writeFileSync(at('there.csv'), 'id,name,age,city\n0,Zoe,1,Rome\n');
    const refused = await millrace(['copy', at('people.csv'), at('there.csv')]);
    expect(refused.status).to.equal(73);
    expect(text('there.csv').split('\n')).to.have.length(3);
    const appended = await millrace(['copy', at('people.csv'), at('there.csv'), '--mode', 'append', '--limit', '1', '--quiet']);
    expect(appended.status).to.equal(0);
    expect(text('there.csv')).to.equal('id,name,age,city\n0,Zoe,1,Rome\n1,Ada,36,London\n');
  });

  it('puts refused records into the dead letters, says why, and adds to letters that are there', async () => {
    writeFileSync(at('mixed.csv'), 'id,n\n1,10\n2,ten\n3,30\n4,\n5,fifty\n');
    const run = (): ReturnType<typeof millrace> =>
      millrace([
        'copy',
        at('mixed.csv'),
        at('c.ndjson'),
        '--coerce',
        'n:integer',
        '--dead-letter',
        at('letters.ndjson'),
        '--mode',
        'append',
      ]);
    const first = await run();
    expect(first.status, first.err).to.equal(0);
    expect(first.err)
      .to.contain('2 rejected')
      .and.to.contain('2 × coerce COERCION_FAILED')
      .and.to.contain(at('letters.ndjson'))
      .and.to.not.contain('fifty');
    expect(text('c.ndjson')).to.equal('{"id":"1","n":10}\n{"id":"3","n":30}\n{"id":"4","n":null}\n');
    await run();
    const letters = text('letters.ndjson')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { record: { id: string } } & Record<string, unknown>);
    expect(letters.map(({ stage, code, record }) => [stage, code, record.id])).to.deep.equal([
      ['coerce', 'COERCION_FAILED', '2'],
      ['coerce', 'COERCION_FAILED', '5'],
      ['coerce', 'COERCION_FAILED', '2'],
      ['coerce', 'COERCION_FAILED', '5'],
    ]);
    expect(Object.keys(letters[0]!)).to.deep.equal(['stage', 'code', 'reason', 'record', 'position']);
  });

  it('stops past --max-rejected with 65 and keeps nothing of the target', async () => {
    const { status, err } = await millrace([
      'copy',
      at('mixed.csv'),
      at('d.ndjson'),
      '--coerce',
      'n:integer',
      '--dead-letter',
      at('l.ndjson'),
      '--max-rejected',
      '1',
    ]);
    expect(status).to.equal(65);
    expect(err).to.contain('[TOO_MANY_REJECTED]');
    expect(existsSync(at('d.ndjson'))).to.equal(false);
  });

  it('prints one line for an error and the failed report with --json', async () => {
    const { status, out, err } = await millrace(['copy', at('mixed.csv'), at('e.ndjson'), '--coerce', 'n:integer', '--json', '--quiet']);
    expect(status).to.equal(65);
    expect(err.trim().split('\n')).to.have.length(1);
    expect(err)
      .to.match(/^millrace: .*"n".*\[COERCION_FAILED\]\n$/)
      .and.to.not.contain('ten');
    const report = JSON.parse(out) as { status: string; error: Record<string, unknown> };
    expect(Object.keys(report)).to.deep.equal([...REPORT_KEYS, 'error']);
    expect(report.error).to.include({ code: 'COERCION_FAILED', stage: 'coerce', retryable: false });
  });

  it('moves made-up records to nowhere, and reads many files as one', async () => {
    const made = await millrace(['copy', 'generate:?rows=2500&seed=7', 'null:', '--json', '--quiet']);
    expect(JSON.parse(made.out)).to.include({ read: 2500, written: 2500 });
    writeFileSync(at('part-1.tsv'), 'x\ty\n1\t2\n');
    writeFileSync(at('part-2.tsv'), 'y\tx\n4\t3\n');
    const parts = await millrace(['copy', at('part-*.tsv'), '-', '--quiet']);
    expect(parts.out).to.equal('{"x":"1","y":"2"}\n{"x":"3","y":"4"}\n');
  });

  it('packs what is called .gz, and takes the memory that it is given', async () => {
    const { status } = await millrace(['copy', 'generate:?rows=5000', at('packed.csv.gz'), '--memory', '1MiB', '--quiet']);
    expect(status).to.equal(0);
    expect([...readFileSync(at('packed.csv.gz')).subarray(0, 2)]).to.deep.equal([0x1f, 0x8b]);
    const { out } = await millrace(['copy', at('packed.csv.gz'), 'null:', '--json', '--quiet']);
    expect(JSON.parse(out)).to.include({ read: 5000 });
  });

  it('leaves nothing beside the files that were asked for', () => {
    const wanted = new Set([
      'people.csv',
      'a.ndjson',
      'b.csv',
      'there.csv',
      'mixed.csv',
      'c.ndjson',
      'letters.ndjson',
      'l.ndjson',
      'part-1.tsv',
      'part-2.tsv',
      'packed.csv.gz',
    ]);
    expect(readdirSync(folder).filter(name => !wanted.has(name))).to.deep.equal([]);
  });
});

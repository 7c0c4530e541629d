import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { type Ended, folderFor, inParallel, millrace } from './millrace.ts';

interface Case {
  readonly name: string;
  readonly args: readonly string[];
  readonly status: number;
  readonly code: string;
  /** What the message has to name. */
  readonly words: readonly string[];
}

describe('bad input', () => {
  const folder = folderFor({ after });
  const out = path.join(folder, 'out');
  const at = (name: string): string => path.join(folder, name);
  const to = (name: string): string => path.join(out, name);
  const files: Readonly<Record<string, string | Buffer>> = {
    'small.csv': 'id,name\n1,Ada\n2,Bo\n',
    'ragged.csv': 'a,b\n1,2\n3\n',
    'open.csv': 'a,b\n1,"2\n',
    'broken.ndjson': '{"a":1}\n{"a":\n',
    'double.csv': 'a,a\n1,2\n',
    'latin1.csv': Buffer.from('a\nbl\xe5\n', 'latin1'),
    'torn.csv.gz': Buffer.from('1f8b0800000000000003cbc8', 'hex'),
    'plain.parquet': 'PAR1',
  };
  const small = at('small.csv');
  const copy = (name: string, args: readonly string[], status: number, code: string, ...words: string[]): Case => ({
    name,
    args: ['copy', ...args],
    status,
    code,
    words,
  });
  const cases: readonly Case[] = [
    copy('a file that is not there', [at('none.csv'), to('1.csv')], 66, 'NOT_FOUND', 'none.csv'),
    copy('a name that a terminal would obey', [at('a\u001b[2Jb.csv'), to('1b.csv')], 66, 'NOT_FOUND', 'a␛[2Jb.csv'),
    copy('a pattern that nothing matches', [at('none-*.csv'), to('2.csv')], 66, 'NOT_FOUND', 'none-*.csv'),
    copy('a folder in place of a file', [folder, to('3.csv'), '--from-format', 'csv'], 77, 'NOT_PERMITTED', folder),
    copy('a target folder that is not there', [small, at('nodir/4.csv')], 66, 'NOT_FOUND', 'nodir'),
    copy('a target that is there', [small, at('ragged.csv')], 73, 'EXISTS', 'ragged.csv'),
    copy('an unknown option of a place', [`${small}?formt=csv`, to('5.csv')], 64, 'OPTION_UNKNOWN', '"formt"', '"format"'),
    copy(
      'a bad value of an option of a place',
      ['generate:?rows=many', to('6.csv')],
      64,
      'OPTION_INVALID',
      '"rows"',
      'found "many"',
      'a number',
    ),
    copy('a count out of range', ['generate:?rows=-1', to('6b.csv')], 64, 'OPTION_INVALID', '"rows"', 'found -1', 'at least 0'),
    copy('a switch that is neither', [`${small}?trim=maybe`, to('6c.csv')], 64, 'OPTION_INVALID', '"trim"', '"maybe"', 'true or false'),
    copy('an unknown encoding', [`${small}?encoding=latin-one`, to('6d.csv')], 64, 'OPTION_INVALID', '"encoding"', '"latin-one"', 'latin1'),
    copy('an unknown scheme', ['postgress://localhost/app?table=t', to('7.csv')], 64, 'ADDRESS_INVALID', '"postgres:"'),
    copy('a scheme of a later version', [small, 's3://bucket/key.csv'], 64, 'ADDRESS_INVALID', '"s3:"', 'postgres:'),
    copy('a format of a later version', [at('plain.parquet'), to('8.csv')], 64, 'ADDRESS_INVALID', 'plain.parquet', 'csv', 'ndjson'),
    copy('an extension that is none', [small, to('8b.cvs')], 64, 'ADDRESS_INVALID', '8b.cvs', '".csv"'),
    copy('an unknown format', [small, to('9.csv'), '--from-format', 'cvs'], 64, 'OPTION_INVALID', 'format', '"cvs"', '"csv"'),
    copy('an unknown column in --select', [small, to('10.csv'), '--select', 'id,nmae'], 64, 'COLUMN_UNKNOWN', '"nmae"', '"name"'),
    copy('an unknown column in --where', [small, to('11.csv'), '--where', 'nmae = Ada'], 64, 'COLUMN_UNKNOWN', '"nmae"', '"name"'),
    copy('an unknown column in --rename', [small, to('12.csv'), '--rename', 'nmae=x'], 64, 'COLUMN_UNKNOWN', '"nmae"', '"name"'),
    copy('an unknown column in --coerce', [small, to('13.csv'), '--coerce', 'nmae:integer'], 64, 'COLUMN_UNKNOWN', '"nmae"', '"name"'),
    copy('two columns renamed to one', [small, to('14.csv'), '--rename', 'name=id'], 65, 'COLUMN_DUPLICATE', '"id"'),
    copy('an unknown type', [small, to('15.csv'), '--coerce', 'id:integr'], 64, 'OPTION_INVALID', 'integr', 'integer'),
    copy('a list that is none', [small, to('16.csv'), '--rename', 'id'], 64, 'OPTION_INVALID', '--rename', 'old=new'),
    copy(
      'a broken expression',
      [small, to('17.csv'), '--where', 'id >> and'],
      64,
      'EXPRESSION_INVALID',
      '--where',
      '>>',
      'at column 4 of: id >> and [',
    ),
    copy('an unknown flag', [small, to('18.csv'), '--slect', 'id'], 64, 'USAGE', '--slect', '--select'),
    copy('a flag that is given twice', [small, to('18b.csv'), '--where', 'id = 1', '--where', 'id = 2'], 64, 'USAGE', '--where', 'twice'),
    copy('a flag that the source does not know', [small, to('19.csv'), '--parallel', '4'], 64, 'OPTION_UNKNOWN', '"parallel"'),
    copy('more connections than may be', ['postgres:///x?table=t', 'null:', '--parallel', '17'], 64, 'OPTION_INVALID', 'parallel', '16'),
    copy('an unknown mode', [small, to('20.csv'), '--mode', 'apend'], 64, 'OPTION_INVALID', 'mode', '"apend"', '"append"'),
    copy(
      'a mode of a later version',
      [small, to('20b.csv'), '--mode', 'upsert'],
      64,
      'OPTION_INVALID',
      'mode',
      '"upsert"',
      'create, append',
    ),
    copy('a key where the target has none', [small, to('21.csv'), '--key', 'id'], 64, 'OPTION_UNKNOWN', 'key'),
    copy('a limit that is no count', [small, to('22.csv'), '--limit', '1.5'], 64, 'USAGE', '--limit', '1.5'),
    copy('a size that is none', [small, to('23.csv'), '--memory', 'much'], 64, 'USAGE', '--memory', 'much', '16MiB'),
    copy('a share that is none', [small, to('24.csv'), '--max-rejected', '1/2'], 64, 'USAGE', '--max-rejected', '1/2'),
    copy('a share past the whole', [small, to('24b.csv'), '--max-rejected', '101%'], 64, 'USAGE', '--max-rejected', '101%'),
    copy(
      'dead letters where the records go',
      [small, to('24c.csv'), '--dead-letter', `${to('.')}/24c.csv`],
      64,
      'USAGE',
      '24c.csv',
      '--dead-letter',
    ),
    copy('dead letters where the records come from', [at('small.csv'), to('24d.csv'), '--dead-letter', small], 64, 'USAGE', 'small.csv'),
    copy('a place for dead letters that is wrong', [small, to('25.csv'), '--dead-letter', at('nodir/l.ndjson')], 66, 'NOT_FOUND', 'nodir'),
    copy('records and dead letters on one standard output', [small, '-', '--dead-letter', '-'], 64, 'USAGE', '--dead-letter'),
    copy('a target that is missing', [small], 64, 'USAGE', "'to'"),
    copy('a ragged row', [at('ragged.csv'), to('26.ndjson')], 65, 'DATA_MALFORMED', 'ragged.csv', '3'),
    copy('an open quote', [at('open.csv'), to('27.ndjson')], 65, 'DATA_MALFORMED', 'open.csv', '2'),
    copy('a broken line of JSON', [at('broken.ndjson'), to('28.csv')], 65, 'DATA_MALFORMED', 'broken.ndjson', '2'),
    copy('two columns of one name', [at('double.csv'), to('29.ndjson')], 65, 'COLUMN_DUPLICATE', 'double.csv', '"a"'),
    copy('bytes that are no UTF-8', [at('latin1.csv'), to('30.ndjson')], 65, 'ENCODING_INVALID', 'latin1.csv', '2'),
    copy('a torn archive', [at('torn.csv.gz'), to('31.ndjson')], 65, 'DATA_MALFORMED', 'torn.csv.gz'),
    copy('a value that cannot be coerced', [small, to('32.csv'), '--coerce', 'name:integer'], 65, 'COERCION_FAILED', '"name"'),
    copy(
      'a server that is not there',
      ['postgres://postgres:s3cr3t@127.0.0.1:9/app?table=x', to('33.csv')],
      69,
      'UNREACHABLE',
      '127.0.0.1',
    ),
    { name: 'an unknown command', args: ['cpoy', small, to('34.csv')], status: 64, code: 'USAGE', words: ['cpoy', 'copy'] },
    { name: 'head of nothing', args: ['head', at('none.csv')], status: 66, code: 'NOT_FOUND', words: ['none.csv'] },
    {
      name: 'head of a broken file',
      args: ['head', at('broken.ndjson'), '--json'],
      status: 65,
      code: 'DATA_MALFORMED',
      words: ['broken.ndjson'],
    },
  ];
  const ended = new Map<Case, Ended>();

  before(async function () {
    this.timeout(300_000);
    mkdirSync(out);
    for (const [name, content] of Object.entries(files)) writeFileSync(at(name), content);
    const results = await inParallel(cases, each => millrace([...each.args, ...(each.args[0] === 'copy' ? ['--quiet'] : [])]));
    cases.forEach((each, i) => ended.set(each, results[i]!));
  });

  for (const each of cases) {
    it(`${each.name}: one line, its code, and exit ${each.status}`, () => {
      const { status, out: printed, err } = ended.get(each)!;
      expect(err.trim().split('\n'), err).to.have.length(1);
      expect(err)
        .to.match(/^millrace: /)
        .and.to.contain(`[${each.code}]`);
      for (const word of each.words) expect(err).to.contain(word);
      expect(printed + err).to.not.contain('s3cr3t');
      expect(status, err).to.equal(each.status);
    });
  }

  it('leaves nothing behind and changes no file', () => {
    expect(readdirSync(out)).to.deep.equal([]);
    expect(readdirSync(folder).sort()).to.deep.equal([...Object.keys(files), 'out'].sort());
    for (const [name, content] of Object.entries(files)) expect(readFileSync(at(name)).equals(Buffer.from(content)), name).to.equal(true);
    expect(existsSync(at('nodir'))).to.equal(false);
  });
});

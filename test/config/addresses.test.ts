import { expect } from 'chai';
import { parseAddress } from '../../lib/config/addresses.ts';
import { printAddress } from '../../lib/config/print-address.ts';
import { MillraceError } from '../../lib/errors.ts';

function refused(text: string, role: 'source' | 'sink' = 'source'): MillraceError {
  try {
    parseAddress(text, role);
  } catch (error) {
    if (error instanceof MillraceError) return error;
    throw error;
  }
  throw new Error(`${text} was not refused`);
}

describe('addresses', () => {
  it('takes a path as it is, whatever stands in it', () => {
    for (const path of [
      'users.csv',
      './data/users.ndjson.gz',
      'data/**/*.csv',
      'part-?.csv',
      'what?.csv',
      'a:b.csv',
      'c:\\x.csv',
      '100%.csv',
      '@x',
      'a=b.csv',
      'what?a',
      '?a=b',
    ]) {
      expect(parseAddress(path, 'source')).to.deep.equal({ kind: 'file', options: { path } });
    }
  });

  it('reads options behind a path only where they look like options', () => {
    expect(parseAddress('users.txt?format=csv&delimiter=%3B', 'source')).to.deep.equal({
      kind: 'file',
      options: { path: 'users.txt', format: 'csv', delimiter: ';' },
    });
    expect(parseAddress('part-?.txt?format=tsv', 'source').options).to.deep.equal({ path: 'part-?.txt', format: 'tsv' });
  });

  it('reads the URL of a file, percent-encoded characters included', () => {
    expect(parseAddress('file:///data/a%20b%3F.csv?format=tsv', 'sink')).to.deep.equal({
      kind: 'file',
      options: { path: '/data/a b?.csv', format: 'tsv' },
    });
    for (const address of ['file://server/data.csv', 'file:data.csv', 'file:'])
      expect(refused(address).code, address).to.equal('ADDRESS_INVALID');
  });

  it('reads - as standard input or output, ndjson unless said otherwise', () => {
    expect(parseAddress('-', 'source').options).to.deep.equal({ path: '-', format: 'ndjson' });
    expect(parseAddress('-', 'sink', { format: 'csv' }).options).to.deep.equal({ path: '-', format: 'csv' });
  });

  it('splits a database address into the connection and the options of the kind', () => {
    const { kind, options } = parseAddress(
      'postgresql://me:s3@h:5432/app?table=public.users&sslmode=require&connect_timeout=3&columns=a,b',
      'source',
    );
    expect(kind).to.equal('postgres');
    expect(options).to.deep.equal({
      url: 'postgres://me:s3@h:5432/app?sslmode=require&connect_timeout=3',
      table: 'public.users',
      columns: 'a,b',
    });
  });

  it('reads a query with blanks, quotes and encoded characters, and leaves a plus a plus', () => {
    const query = 'select a+1 as "b" from t where c like \'x%\' and d > 1';
    expect(parseAddress(`postgres://h/app?query=${query.replace('%', '%25')}`, 'source').options['query']).to.equal(query);
    expect(refused("postgres://h/app?query=select 1 where a like '%'").message).to.contain('%25');
    expect(refused('postgres://h/app?query=select a & b from t').message).to.contain('%26').and.to.contain('" b from t"');
  });

  it('reads made-up records and the place that keeps nothing', () => {
    expect(parseAddress('generate:?rows=10&seed=7', 'source')).to.deep.equal({ kind: 'generate', options: { rows: '10', seed: '7' } });
    expect(parseAddress('null:', 'sink')).to.deep.equal({ kind: 'null', options: {} });
    expect(refused('generate:10').message).to.contain('generate:?rows=1000');
  });

  it('names the nearest scheme and all of them when one is not known', () => {
    const error = refused('postgre://h/app?table=t');
    expect(error.code).to.equal('ADDRESS_INVALID');
    expect(error.message)
      .to.contain('unknown scheme "postgre:"; did you mean "postgres:"?')
      .and.to.contain('file:, postgres:, postgresql:, generate:');
    expect(refused('elasticsearch://h/index').message).to.contain('there is file:, postgres:');
    expect(refused('nul:', 'sink').message).to.contain('did you mean "null:"?');
  });

  it('refuses a scheme on the side where it has no meaning', () => {
    expect(refused('generate:?rows=1', 'sink').message).to.contain('generate: can only be read from');
    expect(refused('null:').message).to.contain('null: can only be written to');
    expect(refused('null:').message).to.match(/^null: can only/);
    expect(refused('').message).to.contain('empty');
  });

  it('refuses an option that is given twice', () => {
    expect(refused('postgres://h/app?table=a&table=b').message).to.contain('"table" is given twice');
  });

  it('keeps an option called __proto__ as an option', () => {
    expect(Object.keys(parseAddress('generate:?rows=1&constructor=2', 'source').options)).to.deep.equal(['rows', 'constructor']);
  });
});

describe('printed addresses', () => {
  it('never show a password, however it was written', () => {
    for (const address of [
      'postgres://me:s3cr3t@h/app?table=t',
      'postgres://me:s3cr3t?@h/app',
      'postgres://me:s3cr3t/@h/app?table=t',
      'postgres://me:s3@s3cr3t@h/app',
      'postgres://me:#s3cr3t@h/app',
      'postgres://h/app?password=s3cr3t&table=t',
      'postgres://h/app?sslpassword=s3cr3t',
      'x://me:s3cr3t@h?token=s3cr3t',
      'postgres://me:s3@h/s3cr3t@h/app',
      'postgres://me:s3@h/w?s3cr3t@h/app?table=t',
      'postgresql://me:s3@s3cr3t?s3cr3t@h/app',
    ]) {
      expect(printAddress(address)).to.contain('***').and.to.not.contain('s3cr3t');
    }
    expect(printAddress('postgres://me:x@h/app?table=t')).to.equal('postgres://me:***@h/app?table=t');
  });

  it('show everything else as it was given', () => {
    for (const address of [
      'users.csv',
      'postgres://h:5432/app?table=t',
      "postgres://h:5432/app?query=select '@'",
      'postgres://[::1]:5432/app?table=a@b',
      'generate:?rows=1',
    ]) {
      expect(printAddress(address)).to.equal(address);
    }
    expect(printAddress('a\u001b[2Jb\n')).to.equal('a\\u001b[2Jb\\n');
  });

  it('stay out of the errors about an address', () => {
    for (const address of [
      'postgre://me:s3cr3t@h/app',
      'postgres://me:x?s3cr3t@h/app',
      'postgres://me:s3cr3t@h/app?a=1&a=2',
      'postgres://me:s3cr3t@h/app?table',
      'postgres:me:s3cr3t@h',
    ]) {
      expect(refused(address).message, address).to.not.contain('s3cr3t');
    }
  });
});

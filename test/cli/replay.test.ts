import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { freshDatabase, sql } from '../services/postgres.ts';
import { folderFor, millrace } from './millrace.ts';

describe('millrace replay', () => {
  const folder = folderFor({ after });
  const at = (name: string): string => path.join(folder, name);
  const text = (name: string): string => readFileSync(at(name), 'utf8');
  const letter = (code: string, record: object, line: number): string =>
    JSON.stringify({ stage: 'coerce', code, reason: 'it is a test', record, position: { file: 'people.csv', line } });
  const LETTERS = [
    letter('COERCION_FAILED', { id: '2', name: 'Bo', age: 'unknown' }, 3),
    letter('VALIDATION_FAILED', { id: '3', name: 'Carl', age: '7' }, 4),
    letter('COERCION_FAILED', { id: '4', name: 'Di', age: '50' }, 5),
    '',
  ].join('\n');

  before(() => writeFileSync(at('letters.ndjson'), LETTERS));
  afterEach(() => expect(text('letters.ndjson'), 'the letters').to.equal(LETTERS));

  it('moves the records of letters, through the options that repair them', async () => {
    const options = ['--rename', 'age=years', '--select', 'id,age', '--where', "name != 'Carl'", '--quiet', '--json'];
    const { status, out, err } = await millrace(['replay', at('letters.ndjson'), at('a.ndjson'), ...options]);
    expect({ status, err }).to.deep.equal({ status: 0, err: '' });
    expect(JSON.parse(out)).to.include({ read: 3, written: 2, dropped: 1 });
    expect(text('a.ndjson')).to.equal('{"id":"2","years":"unknown"}\n{"id":"4","years":"50"}\n');
  });

  it('takes letters of some codes, from standard input too', async () => {
    const options = ['--only', 'VALIDATION_FAILED,OTHER', '--quiet', '--to-format', 'csv'];
    const { status, out } = await millrace(['replay', '-', '-', ...options], { input: LETTERS });
    expect({ status, out }).to.deep.equal({ status: 0, out: 'id,name,age\n3,Carl,7\n' });
  });

  it('gives what is refused again to other dead letters, which name where it came from', async () => {
    const args = ['replay', at('letters.ndjson'), at('b.ndjson'), '--coerce', 'age:integer', '--quiet'];
    const refused = await millrace(args);
    expect(refused.status).to.equal(65);
    expect(refused.err).to.contain('line 1').and.to.contain('people.csv').and.not.to.contain('unknown');
    const own = await millrace([...args, '--dead-letter', at('letters.ndjson')]);
    expect(own.status).to.equal(64);
    expect(own.err).to.contain('where the records come from');
    expect(existsSync(at('b.ndjson'))).to.equal(false);
    const { status } = await millrace([...args, '--dead-letter', at('again.ndjson')]);
    expect({ status, good: text('b.ndjson').split('\n').length - 1 }).to.deep.equal({ status: 0, good: 2 });
    expect(JSON.parse(text('again.ndjson'))).to.deep.include({
      record: { id: '2', name: 'Bo', age: 'unknown' },
      position: { file: at('letters.ndjson'), line: 1, original: { file: 'people.csv', line: 3 } },
    });
  });

  it('refuses what has no letters, and takes none of a file that was cut off', async () => {
    writeFileSync(at('cut.ndjson'), LETTERS.slice(0, -30));
    const cut = await millrace(['replay', at('cut.ndjson'), at('c.ndjson')]);
    expect(cut.status).to.equal(65);
    expect(cut.err).to.contain('cut.ndjson:3: ').and.to.contain('[DATA_MALFORMED]');
    writeFileSync(at('people.csv'), 'id,name\n1,Bo\n');
    const other = await millrace(['replay', at('people.csv'), at('c.ndjson')]);
    expect(other.status).to.equal(65);
    expect(other.err).to.contain('no dead letters: it has no code and no record');
    expect(existsSync(at('c.ndjson'))).to.equal(false);
    const whole = await millrace(['replay', 'postgres://127.0.0.1:1/x', at('c.ndjson')]);
    expect({ status: whole.status, err: whole.err }).to.deep.equal({
      status: 64,
      err: 'millrace: dead letters are in one table: name it, postgres://host/database?table=… [USAGE]\n',
    });
  });

  it('takes letters of a table, into the table that refused them, once', async () => {
    const url = await freshDatabase('replay_test');
    await sql(url, 'CREATE TABLE t (id int8 PRIMARY KEY, age int4 CHECK (age < 18))');
    writeFileSync(at('in.csv'), 'id,age\n1,17\n2,18\n3,19\n');
    const copied = await millrace(['copy', at('in.csv'), `${url}?table=t`, '--mode', 'append', '--dead-letter', `${url}?table=l`]);
    expect(copied.status, copied.err).to.equal(0);
    await sql(url, 'ALTER TABLE t DROP CONSTRAINT t_age_check');
    // Positions are known of a table with a key that is long, so this one is read as a file.
    await millrace(['copy', `${url}?table=l`, at('l.json'), '--quiet']);
    for (const [read, place] of [
      [2, `${url}?table=l`],
      [2, at('l.json')],
    ] as const) {
      await sql(url, 'DELETE FROM t WHERE id > 1');
      const args = ['replay', place, `${url}?table=t`, '--mode', 'append', '--only', 'ROW_REFUSED', '--quiet', '--json'];
      expect(JSON.parse((await millrace(args)).out), place).to.include({ read, written: read });
      expect(await sql(url, 'SELECT id::int, age FROM t ORDER BY id')).to.deep.equal([1, 2, 3].map(id => ({ id, age: 16 + id })));
    }
    const again = await millrace([
      'replay',
      at('l.json'),
      `${url}?table=t`,
      '--mode',
      'append',
      '--only',
      'ROW_REFUSED',
      '--resume',
      '--json',
    ]);
    expect(JSON.parse(again.out)).to.include({ status: 'ok', read: 0, written: 0 });
  });
});

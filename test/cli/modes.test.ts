import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { freshDatabase, sql } from '../services/postgres.ts';
import { folderFor, millrace } from './millrace.ts';

describe('millrace copy into a table, by mode', () => {
  const folder = folderFor({ after });
  const file = path.join(folder, 'in.csv');
  let target: string;
  let url: string;
  before(async () => {
    url = await freshDatabase('cli_modes_test');
    target = Object.assign(new URL(url), { search: '?table=t' }).href;
    writeFileSync(file, 'id,name\n1,Ada\n2,Bo\n2,Carl\n');
    await sql(
      url,
      "CREATE TABLE t (id int8 UNIQUE, name text); INSERT INTO t VALUES (1, 'Ada'), (2, 'old'), (3, 'other'); CREATE TABLE log (n int8)",
    );
  });
  const names = async (): Promise<unknown[]> => (await sql(url, 'SELECT name FROM t ORDER BY id')).map(row => row['name']);

  it('upsert merges by --key, between --before and --after', async () => {
    const refused = await millrace(['copy', file, target, '--mode', 'upsert', '--quiet']);
    expect(refused).to.deep.equal({
      status: 64,
      out: '',
      err: 'millrace: postgres: option "key": table "t" has no primary key, but is unique by ("id"); name the columns of a unique index, or make one [OPTION_INVALID]\n',
    });
    const count = 'INSERT INTO log SELECT count(*) FROM t';
    const sqls = ['--before', `DELETE FROM t WHERE id = 3; ${count}`, '--after', count];
    const { status, out, err } = await millrace(['copy', file, target, '--mode', 'upsert', '--key', 'id', '--json', '--quiet', ...sqls]);
    expect({ status, err }).to.deep.equal({ status: 0, err: '' });
    expect(JSON.parse(out)).to.include({ read: 3, written: 1, unchanged: 1, superseded: 1, rejected: 0 });
    expect([await names(), await sql(url, 'SELECT n::int FROM log')]).to.deep.equal([
      ['Ada', 'Carl'],
      [{ n: 2 }, { n: 2 }],
    ]);
  });

  it('sync deletes what did not come, or marks it in --deleted-column', async () => {
    const synced = Object.assign(new URL(url), { search: '?table=synced' }).href;
    await sql(
      url,
      "CREATE TABLE synced (id int8 PRIMARY KEY, name text, gone boolean); INSERT INTO synced VALUES (1, 'Ada'), (3, 'other'), (4, 'fourth')",
    );
    const marked = await millrace(['copy', file, synced, '--mode', 'sync', '--deleted-column', 'gone', '--json', '--quiet']);
    expect({ status: marked.status, err: marked.err }).to.deep.equal({ status: 0, err: '' });
    expect(JSON.parse(marked.out)).to.include({ read: 3, written: 1, unchanged: 1, superseded: 1, deleted: 2 });
    expect(await sql(url, 'SELECT id::int FROM synced WHERE gone ORDER BY id')).to.deep.equal([{ id: 3 }, { id: 4 }]);
    const { status, err } = await millrace(['copy', file, synced, '--mode', 'sync']);
    expect({ status, told: err.includes('2 deleted') }, err).to.deep.equal({ status: 0, told: true });
    expect(await sql(url, 'SELECT id::int FROM synced ORDER BY id')).to.deep.equal([{ id: 1 }, { id: 2 }]);
    const limited = await millrace(['copy', file, synced, '--mode', 'sync', '--limit', '1', '--quiet']);
    expect(limited.status).to.equal(64);
    expect(limited.err).to.contain('sync deletes what does not come');
    const whole = await millrace(['copy', url, url, '--mode', 'sync', '--quiet']);
    expect(whole.status).to.equal(64);
    expect(whole.err).to.contain('option "mode"').and.contain('[OPTION_INVALID]');
    await sql(url, 'DROP TABLE synced');
  });

  it('replace takes the place of the rows', async () => {
    const { status, err } = await millrace(['copy', file, target, '--mode', 'replace', '--limit', '1', '--quiet']);
    expect({ status, err, names: await names() }).to.deep.equal({ status: 0, err: '', names: ['Ada'] });
  });

  it('--before is nothing for a file', async () => {
    const { status, err } = await millrace(['copy', file, path.join(folder, 'out.csv'), '--before', 'SELECT 1', '--quiet']);
    expect(status).to.equal(64);
    expect(err).to.contain('"before"').and.contain('[OPTION_UNKNOWN]');
  });

  it('--parallel reads a table by several connections', async () => {
    await sql(
      url,
      `CREATE TABLE big AS SELECT i AS id, md5(i::text) AS filler FROM generate_series(1, 30000) i; ALTER TABLE big ADD PRIMARY KEY (id); ANALYZE big;
       DROP ROLE IF EXISTS cli_reader; CREATE ROLE cli_reader LOGIN CONNECTION LIMIT 3; GRANT SELECT ON big TO cli_reader`,
    );
    const source = Object.assign(new URL(url), { username: 'cli_reader', search: '?table=big' }).href;
    const copied = Object.assign(new URL(url), { search: '?table=copied' }).href;
    const all = await millrace(['copy', source, copied, '--parallel', '2', '--json', '--quiet']);
    expect({ status: all.status, err: all.err }).to.deep.equal({ status: 0, err: '' });
    expect(JSON.parse(all.out)).to.deep.include({ read: 30000, written: 30000, warnings: [] });
    const differing = 'SELECT count(*)::int AS n FROM (TABLE big EXCEPT TABLE copied) d';
    expect(await sql(url, `${differing} UNION ALL SELECT count(*)::int FROM copied`)).to.deep.equal([{ n: 0 }, { n: 30000 }]);
    const fewer = await millrace(['copy', source, copied, '--mode', 'replace', '--parallel', '4', '--json', '--quiet']);
    const { warnings } = JSON.parse(fewer.out) as { warnings: string[] };
    expect([fewer.status, warnings.length, warnings[0]]).to.deep.equal([
      0,
      1,
      warnings.find(text => text.startsWith('2 connections read instead of 4: ')),
    ]);
    await sql(url, 'DROP OWNED BY cli_reader; DROP ROLE cli_reader');
  });
});

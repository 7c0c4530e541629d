import { expect } from 'chai';
import pg from 'pg';
import { freshDatabase, sql } from '../services/postgres.ts';
import { millrace } from './millrace.ts';

describe('millrace state', () => {
  let at: string;
  let from: string;
  let to: string;
  const copy = (...more: string[]) =>
    millrace(['copy', from, to, '--since', 'at', '--mode', 'upsert', '--key', 'id', '--json', '--quiet', ...more]);
  const listed = async (place = at): Promise<Record<string, unknown>[]> => {
    const { status, out, err } = await millrace(['state', 'list', '--at', place, '--json']);
    expect({ status, err }).to.deep.equal({ status: 0, err: '' });
    return JSON.parse(out) as Record<string, unknown>[];
  };
  before(async () => {
    const url = await freshDatabase('cli_state_source_test');
    await sql(
      url,
      "CREATE TABLE t (id int8 PRIMARY KEY, at timestamptz NOT NULL); CREATE INDEX ON t (at); INSERT INTO t SELECT i, '2024-01-01' FROM generate_series(1, 10) i",
    );
    at = await freshDatabase('cli_state_test');
    from = Object.assign(new URL(url), { search: '?table=t' }).href;
    to = Object.assign(new URL(at), { search: '?table=t' }).href;
  });

  it('says that none is kept', async () => {
    expect(await listed()).to.deep.equal([]);
    expect((await millrace(['state', 'list', '--at', at])).out).to.equal('no job is kept there\n');
    const { status, err } = await millrace(['state', 'show', 'x', '--at', at]);
    expect(status).to.equal(66);
    expect(err).to.contain('none is kept there');
  });

  it('lists jobs and shows one, by id, the beginning of it, or name; of one table only those into it', async () => {
    expect((await copy()).status).to.equal(0);
    expect((await copy('--job', 'nightly')).status).to.equal(0);
    const jobs = await listed();
    expect(jobs.map(({ name, done, since }) => ({ name, done, since }))).to.deep.equal([
      { name: 'nightly', done: true, since: 'since "at"' },
      { name: null, done: true, since: 'since "at"' },
    ]);
    const position = { columns: ['at', 'id'], since: '2024-01-01T00:00:00Z', key: ['10'] };
    expect(jobs[0]?.['position']).to.deep.include(position);
    expect(await listed(to)).to.deep.equal(jobs);
    expect(await listed(to.replace('table=t', 'table=other'))).to.deep.equal([]);
    const id = String(jobs[1]?.['job']);
    for (const name of [id, id.slice(0, 6)]) {
      const { out } = await millrace(['state', 'show', name, '--at', at]);
      expect(out)
        .to.contain(`${id}  done`)
        .and.contain('table t in')
        .and.contain('since "at"')
        .and.contain('"since":"2024-01-01T00:00:00Z"');
    }
    expect(JSON.parse((await millrace(['state', 'show', 'nightly', '--at', at, '--json'])).out)).to.deep.equal(jobs[0]);
    const wrong = await millrace(['state', 'show', 'nigthly', '--at', at]);
    expect(wrong.err).to.contain('did you mean "nightly"?');
    expect((await millrace(['state', 'show', '', '--at', at])).status).to.equal(64);
  });

  it('forgets one, whose next run begins at the beginning; not while a run is at it', async () => {
    expect(JSON.parse((await copy('--job', 'nightly')).out)).to.include({ read: 0 });
    const [job] = await listed();
    const holder = new pg.Client({ connectionString: at });
    await holder.connect();
    await holder.query("SELECT pg_advisory_lock(hashtextextended('millrace job ' || $1, 0))", [job?.['job']]);
    const refused = await millrace(['state', 'reset', 'nightly', '--at', at]);
    expect(refused.status).to.equal(75);
    expect(refused.err).to.contain('JOB_RUNNING');
    await holder.end();
    expect((await millrace(['state', 'reset', 'nightly', '--at', at])).out).to.contain('is forgotten');
    expect(await listed()).to.have.length(1);
    expect(JSON.parse((await copy('--job', 'nightly')).out)).to.include({ read: 10, unchanged: 10 });
  }).timeout(60_000);

  it('refuses what is no database, and asks for a place', async () => {
    const { status, err } = await millrace(['state', 'list', '--at', 'file.csv']);
    expect(status).to.equal(64);
    expect(err).to.contain('postgres://host/database');
    expect((await millrace(['state', 'list'])).status).to.equal(64);
  });
});

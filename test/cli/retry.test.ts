import { expect } from 'chai';
import { folderFor, millrace } from './millrace.ts';
import { freshDatabase, sql, startPostgres } from '../services/postgres.ts';
import { protocolProxy, type ProtocolProxy } from '../services/protocol-proxy.ts';

describe('--retry-for', () => {
  const folder = folderFor({ after });
  let url: string;
  let proxy: ProtocolProxy;
  before(async () => {
    url = await freshDatabase('cli_retry_test');
    await sql(url, 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100); CREATE TABLE copy (id int)');
    proxy = await protocolProxy((await startPostgres()).port);
  });
  afterEach(() => sql(url, 'TRUNCATE copy'));
  after(() => proxy.close());
  const through = (table: string): string => `postgres://postgres@127.0.0.1:${proxy.port}/cli_retry_test?sslmode=disable&table=${table}`;

  it('goes on when a connection is lost, and says how often it began and why', async () => {
    proxy.cutWhere(message => message === '> CopyDone');
    const { status, out, err } = await millrace(['copy', `${url}?table=t`, through('copy'), '--mode', 'append', '--json', '--quiet']);
    expect(status, err).to.equal(0);
    const report = JSON.parse(out) as { attempts: number; read: number; written: number; warnings: string[] };
    expect(report).to.include({ attempts: 2, read: 100, written: 100 });
    expect(report.warnings[0]).to.match(/^attempt 1 failed \(CONNECTION_LOST: /);
    expect(await sql(url, 'SELECT count(*)::int AS n FROM copy')).to.deep.equal([{ n: 100 }]);
  });

  it('ends with 75 where the server that was lost is not there in time, and with 69 where it never was', async () => {
    proxy.cutWhere(message => message === '> CopyDone');
    const copy = ['copy', `${url}?table=t`, through('copy'), '--mode', 'append', '--quiet'];
    const none = await millrace([...copy, '--retry-for', '0']);
    expect([none.status, none.err]).to.deep.equal([75, none.err]);
    expect(none.err).not.to.contain('tried again');
    proxy.cutWhere(message => {
      if (message === '> CopyDone') proxy.shut(true);
      return message === '> CopyDone';
    });
    const some = await millrace([...copy, '--retry-for', '1.5s']);
    expect(some.status, some.err).to.equal(75);
    expect(some.err).to.match(/tried again \d+ times?, the last time: .*\[CONNECTION_LOST\]/);
    const never = await millrace([...copy, '--retry-for', '300ms']);
    expect(never.status, never.err).to.equal(69);
    proxy.shut(false);
    expect(await sql(url, 'SELECT count(*)::int AS n FROM copy')).to.deep.equal([{ n: 0 }]);
  });

  it('is a length of time, and told by plan', async () => {
    const wrong = await millrace(['copy', 'generate:', `${folder}/x.csv`, '--retry-for', 'soon']);
    expect([wrong.status, wrong.err]).to.deep.equal([64, wrong.err]);
    expect(wrong.err).to.contain('--retry-for: found "soon"');
    const planned = async (from: string, to: string): Promise<string> => (await millrace(['plan', from, to, '--retry-for', '5m'])).out;
    expect(await planned('generate:', `${folder}/x.csv`)).to.contain('Lost on the way, it is tried again for 5 min, from its beginning.');
    expect(await planned('generate:', `${url}?table=made`)).to.contain('tried again for 5 min, from its last commit on.');
    expect(await planned('generate:', '-')).to.contain('Lost on the way, it fails: file cannot take back what it was given.');
    expect(await planned(url, url)).to.contain('Lost on the way, it fails: what holds the tables together is lost with it.');
  });
});

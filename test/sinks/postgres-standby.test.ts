import { expect } from 'chai';
import { freshDatabase, type PostgresServer, sql, startAnother } from '../services/postgres.ts';
import { from, pipeline, plan, to } from '../../lib/index.ts';
import { failure } from './postgres-harness.ts';

describe('a server that cannot be written to', () => {
  let standby: PostgresServer;
  let source = '';
  before(async () => {
    standby = await startAnother([], { isStandby: true });
    source = await freshDatabase('standby_source');
    await sql(source, 'CREATE TABLE t (x int); INSERT INTO t VALUES (1)');
  });
  after(() => standby.stop());
  const refusal = 'the server is a standby and cannot be written to; name its primary';

  it('a standby refuses a table before a record is read, as plan said', async () => {
    let read = 0;
    const records = function* (): Generator<{ x: number }> {
      while (true) yield { x: read++ };
    };
    for (const mode of ['create', 'append', 'replace'] as const) {
      const sink = to.postgres<{ x: number }>({ url: standby.url(), table: 't', mode });
      const error = await failure(pipeline(from.postgres<{ x: number }>({ url: source, table: 't' }), sink));
      expect([error.code, error.message]).to.deep.equal(['NOT_PERMITTED', refusal]);
      const planned = await plan(from.postgres<{ x: number }>({ url: source, table: 't' }), sink);
      expect(planned.problems[0]?.message).to.equal(refusal);
    }
    const { code } = await failure(pipeline(from.records(records()), to.postgres({ url: standby.url(), table: 't', mode: 'append' })));
    expect([code, read < 10_000]).to.deep.equal(['NOT_PERMITTED', true]);
  });

  it('a standby refuses a whole database, and is read as one', async () => {
    const whole = to.postgres.tables({ url: standby.url() });
    const error = await failure(pipeline(from.postgres.tables({ url: source }), whole));
    expect([error.code, error.message]).to.deep.equal(['NOT_PERMITTED', refusal]);
    expect((await plan(from.postgres.tables({ url: source }), whole)).problems.map(({ message }) => message)).to.deep.equal([refusal]);
    const one = await from.postgres<{ one: number }>({ url: standby.url(), query: 'SELECT 1 AS one' }).toArray();
    expect(one).to.deep.equal([{ one: 1 }]);
  });

  it('a user whose transactions are read-only is told before a record is read', async () => {
    const target = await freshDatabase('standby_readonly');
    await sql(target, 'CREATE TABLE t (x int); ALTER DATABASE standby_readonly SET default_transaction_read_only = on');
    const error = await failure(
      pipeline(
        from.postgres<{ x: number }>({ url: source, table: 't' }),
        to.postgres<{ x: number }>({ url: target, table: 't', mode: 'append', before: 'SELECT 1 / 0' }),
      ),
    );
    expect([error.code, error.message]).to.deep.equal(['NOT_PERMITTED', error.message]);
    expect(error.message).to.match(/^the transaction is read-only/);
  });
});

import { expect } from 'chai';
import { from, map, pipeline, to } from '../../../lib/index.ts';
import { Timestamp } from '../../../lib/values/timestamp.ts';
import { failureOf } from '../../sources/postgres-reading.ts';
import { fakePooler } from '../../services/fake-pooler.ts';
import { freshDatabase, sql, startPostgres } from '../../services/postgres.ts';

describe('behind a pooler', () => {
  let url = '';
  let port = 0;
  before(async () => {
    url = await freshDatabase('pooler_test');
    ({ port } = await startPostgres());
    await sql(
      url,
      `CREATE TABLE events (id int PRIMARY KEY, at timestamptz, span tstzrange, took interval, share float8);
       INSERT INTO events SELECT i, timestamptz '2024-01-02 03:04:05.000006Z', '[2024-01-02 03:04:05Z,)', '1 day 2 hours', 0.1 + 0.2 FROM generate_series(1, 5000) i;
       ALTER DATABASE pooler_test SET "DateStyle" = 'German'; ALTER DATABASE pooler_test SET "TimeZone" = 'Asia/Kathmandu';
       ALTER DATABASE pooler_test SET extra_float_digits = -5; ALTER DATABASE pooler_test SET "IntervalStyle" = 'sql_standard'`,
    );
  });

  it('reads and writes the same values, and sets nothing that outlives a transaction', async () => {
    const pooler = await fakePooler(port, 'transaction');
    const pooled = { url: url.replace(`:${port}`, `:${pooler.port}`) };
    const query = 'SELECT * FROM events WHERE id <= $1 ORDER BY id';
    const direct = await from.postgres({ url, query, values: [3] }).toArray();
    expect(direct[0]?.['at']).to.deep.equal(Timestamp.fromText('2024-01-02T03:04:05.000006Z'));
    expect(await from.postgres({ ...pooled, query, values: [3] }).toArray()).to.deep.equal(direct);
    const report = await pipeline(
      from.postgres<{ id: number; at: Date }>({ ...pooled, table: 'events' }),
      map(row => ({ ...row, at: row.at })),
      to.postgres({ ...pooled, table: 'copied', key: ['id'] }),
    );
    expect(report.written).to.equal(5000);
    const upsert = await pipeline(
      from.postgres<{ id: number }>({ ...pooled, table: 'events' }),
      to.postgres({ ...pooled, table: 'copied', mode: 'upsert', key: ['id'] }),
    );
    expect([upsert.written, upsert.unchanged]).to.deep.equal([0, 5000]);
    expect(await sql(url, 'SELECT * FROM events EXCEPT ALL SELECT * FROM copied')).to.deep.equal([]);
    expect(pooler.sent()).to.match(/SET LOCAL lock_timeout/);
    expect(pooler.sent()).to.not.match(
      /set_config\('\w+', '[^']*', false\)|(?<!UPDATE )\bSET (?!LOCAL|CONSTRAINTS|TRANSACTION|NOT)[A-Za-z_]+ (?:=|TO)/,
    );
    await pooler.close();
  });

  it('commits what a query changes when all its rows were read', async () => {
    const pooler = await fakePooler(port, 'transaction');
    const pooled = { url: url.replace(`:${port}`, `:${pooler.port}`) };
    const gone = await from.postgres({ ...pooled, query: 'DELETE FROM events WHERE id > $1 RETURNING id', values: [4990] }).toArray();
    expect(gone).to.have.length(10);
    expect(await sql(url, 'SELECT count(*)::int AS n FROM events')).to.deep.equal([{ n: 4990 }]);
    await pooler.close();
  });

  it('says that a PgBouncer in statement mode is of no use', async () => {
    const pooler = await fakePooler(port, 'statement');
    const pooled = { url: url.replace(`:${port}`, `:${pooler.port}`) };
    const reason =
      /^OPTION_INVALID .* is behind a PgBouncer in statement mode, which keeps no transaction; use its transaction or session mode/;
    expect(await failureOf(() => pipeline(from.postgres({ ...pooled, table: 'events' }), to.null()))).to.match(reason);
    expect(await failureOf(() => pipeline(from.generate({ rows: 3 }), to.postgres({ ...pooled, table: 'made' })))).to.match(reason);
    await pooler.close();
  });
});

import { expect } from 'chai';
import pg from 'pg';
import { filter, from, MillraceError, pipeline, plan, sort, take, to } from '../../lib/index.ts';
import { sourceCases } from '../../lib/testing/index.ts';
import { postgres } from '../../sources/postgres.ts';
import { fakePooler } from '../services/fake-pooler.ts';
import { freshDatabase, PASSWORD_USER, sql, startPostgres } from '../services/postgres.ts';
import { serverHas } from '../services/server-features.ts';
import { allBatches, failureOf, openSessions, readingPostgres, until } from './postgres-reading.ts';

const APP = 'parallel-test';

describe('source postgres, parallel', () => {
  let url = '';
  before(async () => {
    url = await freshDatabase('parallel_test');
    await sql(
      url,
      `CREATE TABLE few AS SELECT i AS id, 'n' || i AS name FROM generate_series(1, 9) i; ALTER TABLE few ADD PRIMARY KEY (id); ANALYZE few;
       CREATE TABLE big AS SELECT i AS id, i % 7 AS n, md5(i::text) AS filler FROM generate_series(1, 60000) i; ALTER TABLE big ADD PRIMARY KEY (id); ANALYZE big`,
    );
  });
  afterEach(async () => expect(await openSessions(url, APP)).to.equal(0));

  const few = Array.from({ length: 9 }, (_, i) => ({ id: i + 1, name: `n${i + 1}` }));
  describe('as every source', () => {
    for (const { name, run } of sourceCases({
      open: () => postgres<{ id: number; name: string }>({ url, table: 'few', parallel: 3, applicationName: APP }),
      expected: few,
      sortBy: ({ id }) => id,
    }))
      it(name, run);
  });

  const BY_KEY = /^read in \d+ ranges \(key column "k"\)/;
  const BLOCKS = serverHas('scans of ctid ranges') ? /^read in \d+ ranges \(blocks\)/ : /^read (?:in \d+ ranges \(key|by one connection)/;
  /** What key: its column, and the rows in the order in which they lie. */
  const KEYS: readonly [what: string, ddl: string, rows: string, by: RegExp][] = [
    [
      'numbers far apart',
      'k int8 PRIMARY KEY',
      'SELECT DISTINCT (random() ^ 9 * 9e18 * sign(random() - 0.5))::int8 FROM generate_series(1, 5000) ORDER BY 1',
      BY_KEY,
    ],
    ['the ends of int8', 'k int8 PRIMARY KEY', 'VALUES (-9223372036854775808), (-1), (0), (1), (9223372036854775807)', BY_KEY],
    [
      'a few values of a composite key, one of them most rows',
      'k int, l int, PRIMARY KEY (k, l)',
      'SELECT CASE WHEN i < 4000 THEN 7 ELSE i % 10 END AS k, i FROM generate_series(1, 5000) i ORDER BY 1',
      BY_KEY,
    ],
    ['texts by bytes', 'k text COLLATE "C" PRIMARY KEY', `SELECT k FROM words ORDER BY k COLLATE "C"`, BY_KEY],
    ['texts by language', 'k text COLLATE "de-x-icu" PRIMARY KEY', `SELECT k FROM words ORDER BY k COLLATE "de-x-icu"`, BY_KEY],
    [
      'texts that are equal though different',
      'k text COLLATE lax NOT NULL, l int UNIQUE, PRIMARY KEY (k, l)',
      `SELECT k, row_number() OVER () FROM words ORDER BY k COLLATE lax`,
      BY_KEY,
    ],
    ['uuid in order', 'k uuid PRIMARY KEY', 'SELECT gen_random_uuid() FROM generate_series(1, 3000) ORDER BY 1', BY_KEY],
    ['uuid at random', 'k uuid PRIMARY KEY', 'SELECT gen_random_uuid() FROM generate_series(1, 3000)', BLOCKS],
    ['char(n)', 'k char(8) PRIMARY KEY', 'SELECT i::text FROM generate_series(1, 3000) i ORDER BY i::text', BY_KEY],
    [
      'an enum',
      'k mood, l int, PRIMARY KEY (k, l)',
      `SELECT (ARRAY['z', 'a', 'it''s \\'])[1 + i / 1000]::mood, i FROM generate_series(0, 2999) i`,
      BY_KEY,
    ],
    ['a domain with a collation', 'k word COLLATE "C" PRIMARY KEY', 'SELECT k FROM words ORDER BY k COLLATE "C"', BY_KEY],
    [
      'times',
      'k timestamptz PRIMARY KEY',
      `SELECT timestamptz '2000-01-01' + i * interval '7 hours 1 microsecond' FROM generate_series(-2000, 2000) i`,
      BY_KEY,
    ],
    [
      'floats with what is no number',
      'k float8 PRIMARY KEY',
      `SELECT (i / 7.0)::float8 FROM generate_series(1, 3000) i UNION ALL VALUES ('Infinity'::float8), ('NaN')`,
      BY_KEY,
    ],
    ['arrays', 'k int[] PRIMARY KEY', 'SELECT ARRAY[i / 10, i] FROM generate_series(1, 3000) i', BY_KEY],
    [
      'intervals, some equal though written otherwise',
      'k interval, l int, PRIMARY KEY (k, l)',
      `SELECT i / 30 * interval '1 mon' + i % 30 * interval '1 day', i FROM generate_series(1, 3000) i`,
      BY_KEY,
    ],
    ['bytes', 'k bytea PRIMARY KEY', `SELECT decode(lpad(to_hex(i), 8, '0'), 'hex') FROM generate_series(1, 3000) i`, BY_KEY],
    ['bits', 'k bit(16) PRIMARY KEY', 'SELECT i::bit(16) FROM generate_series(1, 3000) i', BY_KEY],
    ['JSON', 'k jsonb PRIMARY KEY', `SELECT jsonb_build_object('a', i, 'b', '"\\{}') FROM generate_series(1, 3000) i`, BY_KEY],
    [
      'ranges, some of them empty or endless',
      'k int4range, l int, PRIMARY KEY (k, l)',
      `SELECT k, row_number() OVER (ORDER BY k) FROM (SELECT int4range(i, i + i % 3) AS k FROM generate_series(1, 3000) i UNION ALL VALUES ('(,)'::int4range), ('(5,)')) x ORDER BY k`,
      BLOCKS,
    ],
    [
      'numerics with what is no number',
      'k numeric PRIMARY KEY',
      `SELECT i * 1.10 FROM generate_series(1, 3000) i UNION ALL VALUES ('NaN'::numeric) ORDER BY 1`,
      BY_KEY,
    ],
    [
      'dates before Christ, and no dates',
      'k date PRIMARY KEY',
      `SELECT date '0002-01-01' + i * 3 FROM generate_series(-1500, 1500) i UNION ALL VALUES (date 'infinity'), ('-infinity') ORDER BY 1`,
      BY_KEY,
    ],
    ['true and false', 'k bool, l int, PRIMARY KEY (k, l)', 'SELECT i > 2000, i FROM generate_series(1, 3000) i', BY_KEY],
    ['addresses', 'k inet PRIMARY KEY', `SELECT inet '10.0.0.0' + i FROM generate_series(1, 3000) i`, BY_KEY],
    ['composites', 'k pair PRIMARY KEY', `SELECT ROW(i / 7, 'a"\\,' || i)::pair FROM generate_series(1, 3000) i ORDER BY 1`, BY_KEY],
    [
      'words that are none',
      'k text, l int, PRIMARY KEY (k, l)',
      `SELECT (ARRAY['NULL', '', '{}', '"', '\\', ' ', ''''])[1 + i / 500], i FROM generate_series(0, 2999) i ORDER BY 1`,
      /^read in \d+ ranges/,
    ],
    ['a unique key', 'k int NOT NULL, UNIQUE (k)', 'SELECT i FROM generate_series(1, 3000) i', BY_KEY],
    ['a unique key with nulls', 'k int UNIQUE', 'SELECT nullif(i, 3) FROM generate_series(1, 3000) i', BLOCKS],
    ['no key', 'k int', 'SELECT i FROM generate_series(1, 3000) i', BLOCKS],
  ];
  it('gives every row exactly once, whatever the key', async () => {
    await sql(
      url,
      `CREATE TYPE mood AS ENUM ('z', 'a', 'it''s \\'); CREATE COLLATION lax (provider = icu, locale = 'und-u-ks-level2', deterministic = false); CREATE DOMAIN word AS text COLLATE "de-x-icu"; CREATE TYPE pair AS (a int, b text);
       CREATE TABLE words AS SELECT chr(65 + i % 26 + 32 * (i % 2)) || chr(196 + i % 50) || (ARRAY['''', '\\', '"', 'ß', ''])[1 + i % 5] || i AS k FROM generate_series(1, 4000) i`,
    );
    for (const [i, [what, ddl, rows, by]] of KEYS.entries()) {
      const table = `key${i}`;
      await sql(url, `CREATE TABLE ${table} (${ddl}); INSERT INTO ${table} ${rows}; ANALYZE ${table}`);
      const { stages } = await plan(postgres({ url, table, parallel: 3 }), to.null());
      const expected = what === 'the ends of int8' ? /^read in \d+ ranges/ : by;
      expect(stages[0]?.notes?.at(-1), what).to.match(expected);
      await pipeline(
        postgres({ url, table, parallel: 3, int8: 'bigint', applicationName: APP }),
        to.postgres({ url, table: `${table}_copy` }),
      );
      const [differ] = await sql<{ missing: number; more: number }>(
        url,
        `SELECT (SELECT count(*)::int FROM (SELECT k::text FROM ${table} EXCEPT ALL SELECT k::text FROM ${table}_copy) x) AS missing,
          (SELECT count(*)::int FROM (SELECT k::text FROM ${table}_copy EXCEPT ALL SELECT k::text FROM ${table}) x) AS more`,
      );
      expect(differ, what).to.deep.equal({ missing: 0, more: 0 });
    }
  });

  it('gives the rows of one moment while others insert, update and delete', async () => {
    await sql(
      url,
      'CREATE TABLE busy AS SELECT i AS id, 0 AS v FROM generate_series(1, 20000) i; ALTER TABLE busy ADD PRIMARY KEY (id); ANALYZE busy',
    );
    for (const table of ['busy', 'loose']) {
      if (table === 'loose') await sql(url, 'CREATE TABLE loose AS SELECT i AS id, 0 AS v FROM generate_series(1, 20000) i');
      let isOver = false;
      // Each transaction leaves as many rows and the same sum.
      const writer = (async () => {
        for (let i = 1; !isOver; i++)
          await sql(
            url,
            `BEGIN; DELETE FROM ${table} WHERE id = ${i}; INSERT INTO ${table} VALUES (${-i}, 0); UPDATE ${table} SET v = v + 1 WHERE id = ${20000 - i}; UPDATE ${table} SET v = v - 1 WHERE id = ${15000 - i}; COMMIT`,
          );
      })();
      try {
        for (let run = 0; run < 5; run++) {
          const rows = await postgres<{ id: number; v: number }>({ url, table, parallel: 4, applicationName: APP }).toArray();
          expect([rows.length, new Set(rows.map(({ id }) => Math.abs(id))).size, rows.reduce((sum, { v }) => sum + v, 0)]).to.deep.equal([
            20000, 20000, 0,
          ]);
        }
      } finally {
        isOver = true;
      }
      await writer;
    }
  });

  it('gives every row once while keys move from range to range, rows go and statistics are of long ago', async () => {
    const tables = ['moved', 'unanalyzed', 'emptied'];
    for (const table of tables)
      await sql(
        url,
        `CREATE TABLE ${table} (tenant text COLLATE "de-x-icu", id int, v int, PRIMARY KEY (tenant, id));
         INSERT INTO ${table} SELECT chr(97 + i / 600) || CASE WHEN i / 600 % 2 = 0 THEN 'Ä' ELSE 'z' END, i, i FROM generate_series(1, 12000) i ORDER BY 1, 2;
         ALTER TABLE ${table} SET (autovacuum_enabled = off); ${table === 'unanalyzed' ? '' : `ANALYZE ${table};`}
         ${table === 'emptied' ? `DELETE FROM ${table} WHERE id > 40` : ''}`,
      );
    for (const table of tables) {
      const expected = Array.from({ length: table === 'emptied' ? 40 : 12000 }, (_, i) => i + 1);
      let isOver = false;
      let moves = 0;
      const writer = (async () => {
        for (let i = 1; !isOver; i = (i % expected.length) + 7) {
          await sql(
            url,
            `UPDATE ${table} SET tenant = CASE WHEN v % 2 = 0 THEN 'a' ELSE 'ß' END || tenant, id = -id WHERE v % 97 = ${i % 97}`,
          );
          moves++;
        }
      })();
      try {
        for (let run = 0; run < 4 || moves < 4; run++) {
          const rows = await postgres<{ v: number }>({ url, table, parallel: 4, applicationName: APP }).toArray();
          expect(rows.map(({ v }) => v).sort((a, b) => a - b)).to.deep.equal(expected);
        }
      } finally {
        isOver = true;
      }
      await writer;
    }
  });

  it('reads a single row, a table whose rows are all gone, partitions whole and alone, and names that are hard to say', async () => {
    await sql(
      url,
      `CREATE TABLE single (id int PRIMARY KEY); INSERT INTO single VALUES (7); ANALYZE single;
       CREATE TABLE gone (id int PRIMARY KEY); INSERT INTO gone SELECT generate_series(1, 5000); ANALYZE gone; DELETE FROM gone;
       CREATE TABLE cut (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE cut_low PARTITION OF cut FOR VALUES FROM (MINVALUE) TO (3000);
       CREATE TABLE cut_high PARTITION OF cut FOR VALUES FROM (3000) TO (MAXVALUE); INSERT INTO cut SELECT generate_series(1, 9000); ANALYZE cut, cut_low, cut_high;
       CREATE SCHEMA "o'dd.S"; CREATE TABLE "o'dd.S"."t ""%s $1" ("i'd ""%I" int PRIMARY KEY, id int); INSERT INTO "o'dd.S"."t ""%s $1" SELECT i, i FROM generate_series(1, 5000) i; ANALYZE "o'dd.S"."t ""%s $1"`,
    );
    expect(await ids({ table: 'single' })).to.deep.equal([7]);
    expect(await ids({ table: 'gone' })).to.deep.equal([]);
    expect(await ids({ table: 'cut' })).to.deep.equal(Array.from({ length: 9000 }, (_, i) => i + 1));
    expect(await ids({ table: 'cut_high' })).to.deep.equal(Array.from({ length: 6001 }, (_, i) => i + 3000));
    expect(await noteOf({ table: 'cut_high' })).to.match(/^read in \d+ ranges/);
    const odd = '"o\'dd.S"."t ""%s $1"';
    expect(await ids({ table: odd })).to.deep.equal(Array.from({ length: 5000 }, (_, i) => i + 1));
    expect(await noteOf({ table: odd })).to.match(/^read in \d+ ranges \(key column /);
  });

  it('reads an empty table, one that was never analyzed, one that has grown since, and one under row security', async () => {
    await sql(
      url,
      `CREATE TABLE nothing (id int PRIMARY KEY); CREATE TABLE fresh AS SELECT * FROM big; CREATE TABLE grown (id int PRIMARY KEY, filler text);
       INSERT INTO grown SELECT i, md5(i::text) FROM generate_series(1, 1000) i; ANALYZE grown; INSERT INTO grown SELECT i, md5(i::text) FROM generate_series(1001, 9000) i;
       CREATE TABLE guarded AS SELECT * FROM big; ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; CREATE POLICY part ON guarded USING (n = 3); GRANT SELECT ON guarded TO "${PASSWORD_USER.user}"`,
    );
    expect(await ids({ table: 'nothing' })).to.deep.equal([]);
    expect(await ids({ table: 'fresh' })).to.deep.equal(Array.from({ length: 60000 }, (_, i) => i + 1));
    expect(await ids({ table: 'grown' })).to.have.length(9000);
    expect(await noteOf({ table: 'grown' })).to.equal(
      `read in 12 ranges (${serverHas('scans of ctid ranges') ? 'blocks' : 'key column "id"'}) by 3 connections, from one snapshot`,
    );
    const guarded = { url: url.replace('postgres@', `${PASSWORD_USER.user}:${PASSWORD_USER.password}@`), table: 'guarded' };
    expect(await ids(guarded)).to.deep.equal(Array.from({ length: 8572 }, (_, i) => 3 + 7 * i));
  });

  it('plan says what is read in ranges, and why something is not', async () => {
    await sql(
      url,
      `CREATE VIEW seen AS SELECT * FROM big; CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent)`,
    );
    expect(await noteOf({ table: 'big' })).to.equal('read in 12 ranges (key column "id") by 3 connections, from one snapshot');
    expect(await noteOf({ table: 'few' })).to.match(/^read in \d ranges \(key column "id"\) by 3 connections/);
    expect(await noteOf({ table: 'seen' })).to.equal('read by one connection: it is a view');
    expect(await noteOf({ table: 'parts' })).to.equal('read by one connection: it is partitioned');
    expect(await noteOf({ table: 'parent' })).to.equal('read by one connection: other tables inherit from it');
    expect(await noteOf({ query: 'SELECT 1 AS id' })).to.equal('read by one connection: a query is run once');
    expect(await ids({ table: 'seen' })).to.have.length(60000);
    const source = postgres<{ id: number }>({ url, table: 'big', parallel: 3 });
    for (const operator of [take<{ id: number }>(5), sort<{ id: number }>({ id: 'desc' })]) {
      const { stages } = await plan(source, operator, to.null());
      expect(stages[0]?.notes).to.deep.equal(['read by one connection: the server puts the rows in order, or counts them off']);
    }
    expect((await plan(postgres({ url, table: 'big' }), to.null())).stages[0]?.notes).to.deep.equal([]);
  });

  it('filters and chooses columns in each range, and counts what the server counted', async () => {
    const rows: object[] = [];
    const source = from.postgres<{ id: number; n: number; filler: string }>({ url, table: 'big', parallel: 3, applicationName: APP });
    const report = await pipeline(source, filter({ or: [{ n: 3 }, { id: { gt: 59990 } }] }), to.memory(rows));
    const expected = Array.from({ length: 60000 }, (_, i) => i + 1).filter(id => id % 7 === 3 || id > 59990);
    expect(rows.map(row => (row as { id: number }).id).sort((a, b) => a - b)).to.deep.equal(expected);
    expect([report.read, report.written, report.stages[1]?.pushed]).to.deep.equal([expected.length, expected.length, true]);
    const { batches, seen } = readingPostgres({ url, table: 'big', parallel: 3, applicationName: APP }, { columns: ['n'] });
    const all = await allBatches(batches);
    expect([all[0]?.schema.names, all.reduce((sum, { length }) => sum + length, 0), seen.rows]).to.deep.equal([['n'], 60000, 60000]);
  });

  it('reads by several connections at once, in one snapshot, and cancels all of them when no more is needed', async () => {
    const { batches } = readingPostgres({ url, table: 'big', parallel: 3, applicationName: APP }, { batchBytes: 4096 });
    await batches.next();
    const open = await sql<{ state: string }>(url, 'SELECT state FROM pg_stat_activity WHERE application_name = $1', [APP]);
    expect(open.length).to.be.within(3, 4);
    await batches.return?.();
    expect(await openSessions(url, APP)).to.equal(0);
    const rows = await postgres({ url, table: 'big', parallel: 3, applicationName: APP }).take(3).toArray();
    expect(rows).to.have.length(3);
    const some: object[] = [];
    // A function in between: the server does not count off.
    const report = await pipeline(
      postgres<{ id: number }>({ url, table: 'big', parallel: 3, applicationName: APP }),
      filter(() => true),
      take(10),
      to.memory(some),
    );
    expect([report.status, some.length]).to.deep.equal(['ok', 10]);
  });

  it('ends all connections when one fails, with its error', async () => {
    await sql(
      url,
      `CREATE FUNCTION wrong(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN IF $1 = 59000 THEN RAISE division_by_zero; END IF; RETURN $1; END $$;
       CREATE TABLE faulty AS SELECT * FROM big; ALTER TABLE faulty ADD PRIMARY KEY (id); ANALYZE faulty; ALTER TABLE faulty ENABLE ROW LEVEL SECURITY;
       CREATE POLICY part ON faulty USING (wrong(id) > 0); GRANT SELECT ON faulty TO "${PASSWORD_USER.user}"`,
    );
    const faulty = {
      url: url.replace('postgres@', `${PASSWORD_USER.user}:${PASSWORD_USER.password}@`),
      table: 'faulty',
      parallel: 4,
      applicationName: APP,
    };
    expect(await failureOf(() => pipeline(postgres(faulty), to.null()))).to.match(/^ROW_REFUSED read table "faulty": /);
    const { batches } = readingPostgres({ url, table: 'big', parallel: 3, applicationName: APP }, { batchBytes: 4096 });
    await batches.next();
    await sql(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle'", [APP]);
    expect(await failureOf(() => allBatches(batches))).to.match(/^CONNECTION_LOST /);
  });

  it('is aborted at any point', async () => {
    for (const count of [0, 1, 5]) {
      const { batches, abort } = readingPostgres({ url, table: 'big', parallel: 3, applicationName: APP }, { batchBytes: 4096 });
      for (let i = 0; i < count; i++) await batches.next();
      const pending = failureOf(() => allBatches(batches));
      abort.abort();
      expect(await pending).to.match(/^CANCELLED /);
      expect(await openSessions(url, APP), `after ${count}`).to.equal(0);
    }
  });

  it('goes on with as many connections as the server takes, and says so', async () => {
    await sql(url, 'DROP ROLE IF EXISTS few_only; CREATE ROLE few_only LOGIN; GRANT SELECT ON big TO few_only');
    const limited = { url: url.replace('postgres@', 'few_only@'), table: 'big', applicationName: APP };
    // Again and again: sessions that begin or end just then must not count.
    for (const limit of [1, 3, 3, 1, 3, 1, 3, 3]) {
      await sql(url, `ALTER ROLE few_only CONNECTION LIMIT ${limit}`);
      const report = await pipeline(postgres({ ...limited, parallel: 4 }), to.null());
      expect([report.read, report.warnings.length]).to.deep.equal([60000, 1]);
      expect(report.warnings[0]).to.match(limit === 1 ? /^one connection reads instead of 4: / : /^2 connections read instead of 4: /);
      expect(report.warnings[0]).to.match(/ too many connections for role/);
    }
    await sql(url, 'DROP OWNED BY few_only; DROP ROLE few_only');
  });

  it('reads by one connection where it may not share its snapshot, and says so', async () => {
    await sql(
      url,
      'REVOKE EXECUTE ON FUNCTION pg_export_snapshot() FROM PUBLIC; DROP ROLE IF EXISTS no_share; CREATE ROLE no_share LOGIN; GRANT SELECT ON big TO no_share',
    );
    const report = await pipeline(
      postgres({ url: url.replace('postgres@', 'no_share@'), table: 'big', parallel: 3, applicationName: APP }),
      to.null(),
    );
    expect([report.read, report.warnings.length]).to.deep.equal([60000, 1]);
    expect(report.warnings[0]).to.match(/^one connection reads: share a snapshot: permission denied for function pg_export_snapshot /);
    expect(await openSessions(url, APP)).to.equal(0);
    await sql(url, 'GRANT EXECUTE ON FUNCTION pg_export_snapshot() TO PUBLIC; DROP OWNED BY no_share; DROP ROLE no_share');
  });

  it('takes no connection of the user’s, which is one', () => {
    const client = new pg.Client({ connectionString: url });
    expect(() => postgres({ client, table: 'big', parallel: 2 })).to.throw(
      MillraceError,
      'postgres: option "client" is one connection; leave option "parallel" out',
    );
    expect(() => postgres({ client, table: 'big', parallel: 1 })).not.to.throw();
  });

  it('reads by one connection behind a pooler, and says so', async () => {
    const { port } = await startPostgres();
    const pooler = await fakePooler(port, 'transaction');
    const report = await pipeline(postgres({ url: url.replace(`:${port}`, `:${pooler.port}`), table: 'big', parallel: 3 }), to.null());
    expect([report.read, report.warnings]).to.deep.equal([60000, ['one connection reads: behind a pooler a snapshot cannot be shared']]);
    await pooler.close();
  });

  it('waits for nobody who waits for it: a lock that is asked for meanwhile', async () => {
    await sql(url, 'CREATE TABLE altered AS SELECT * FROM big; ALTER TABLE altered ADD PRIMARY KEY (id); ANALYZE altered');
    const blocker = new pg.Client({ connectionString: url });
    await blocker.connect();
    const { batches } = readingPostgres({ url, table: 'altered', parallel: 2, applicationName: APP }, { batchBytes: 4096 });
    await batches.next();
    const altering = blocker.query('ALTER TABLE altered ADD more int');
    await until(async () => (await sql(url, "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'altered'::regclass")).length > 0);
    const rest = await allBatches(batches);
    expect(rest.reduce((sum, { length }) => sum + length, 0)).to.be.above(59000);
    await altering;
    await blocker.end();
  });

  async function ids(options: object): Promise<number[]> {
    const rows = await postgres<{ id: number }>({ url, parallel: 3, applicationName: APP, ...options }).toArray();
    return rows.map(({ id }) => id).sort((a, b) => a - b);
  }

  async function noteOf(options: object): Promise<string | undefined> {
    return (await plan(postgres({ url, parallel: 3, ...options }), to.null())).stages[0]?.notes?.at(-1);
  }
});

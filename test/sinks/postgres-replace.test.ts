import { expect } from 'chai';
import { from, pipeline } from '../../lib/index.ts';
import { Schema } from '../../lib/schema/schema.ts';
import { postgres } from '../../sinks/postgres.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { batchesOf, failure, openWriter, writeAll } from './postgres-harness.ts';

const ITEMS = new Schema([
  { name: 'id', type: { kind: 'int8' }, nullable: true },
  { name: 'name', type: { kind: 'text' }, nullable: true },
]);
const items = (ids: readonly number[]): object[] => ids.map(id => ({ id, name: `name ${id}` }));

describe('sink postgres, mode replace', () => {
  let url: string;
  before(async () => {
    url = await freshDatabase('sink_replace_test');
    await sql(url, 'DROP ROLE IF EXISTS replacer; CREATE ROLE replacer LOGIN');
  });
  after(() => sql(url, 'DROP OWNED BY replacer; DROP ROLE replacer'));
  beforeEach(() => sql(url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO replacer'));

  async function replace(ids: readonly number[], given: { url?: string; table?: string } = {}): Promise<number> {
    const opened = await openWriter({ url, table: 't', mode: 'replace', ...given }, ITEMS);
    await writeAll(opened, batchesOf(items(ids), ITEMS));
    return opened.counted.written;
  }
  const ids = async (table = 't'): Promise<unknown[]> => (await sql(url, `SELECT id::int FROM ${table} ORDER BY id`)).map(row => row['id']);

  it('puts the records in the place of what was there, and keeps the table', async () => {
    await sql(
      url,
      `CREATE TABLE t (id int8 PRIMARY KEY, name text, made int GENERATED ALWAYS AS IDENTITY); INSERT INTO t SELECT i, 'old' FROM generate_series(1, 100) i;
       CREATE VIEW v AS SELECT id FROM t; GRANT SELECT ON t TO replacer`,
    );
    const identity = async (): Promise<unknown> =>
      (await sql(url, `SELECT 't'::regclass::oid AS oid, relacl::text FROM pg_class WHERE oid = 't'::regclass`))[0];
    const before = await identity();
    expect(await replace([5, 7, 2000])).to.equal(3);
    expect([await ids(), await ids('v'), await identity()]).to.deep.equal([[5, 7, 2000], [5, 7, 2000], before]);
    expect(await replace([])).to.equal(0);
    expect(await ids()).to.deep.equal([]);
  });

  it('makes a table that is not there', async () => {
    const report = await pipeline(from.records([{ id: 1 }]), postgres<{ id: number }>({ url, table: 't', mode: 'replace', key: ['id'] }));
    expect([report.written, await ids()]).to.deep.equal([1, [1]]);
    expect(await sql(url, "SELECT 1 AS one FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'p'")).to.have.length(1);
  });

  it('leaves the old rows when the run fails, and shows them until the commit', async () => {
    await sql(url, "CREATE TABLE t (id int8 PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'old')");
    expect((await failure(replace([7, 7]))).code).to.equal('ROW_REFUSED');
    expect(await ids()).to.deep.equal([1]);
    const opened = await openWriter({ url, table: 't', mode: 'replace' }, ITEMS);
    await opened.writer.write(batchesOf(items([2]), ITEMS)[0]!);
    await opened.writer.abort(new Error('enough'));
    expect(await ids()).to.deep.equal([1]);
  });

  it('empties nothing when the records do not fit', async () => {
    await sql(url, 'CREATE TABLE t (id int8 PRIMARY KEY); INSERT INTO t VALUES (1)');
    expect((await failure(replace([2]))).code).to.equal('COLUMN_UNKNOWN');
    expect(await ids()).to.deep.equal([1]);
  });

  it('refuses by name where foreign keys of other tables refer to it, and not where its own do', async () => {
    await sql(
      url,
      `CREATE TABLE t (id int8 PRIMARY KEY, name text, parent int8 REFERENCES t); INSERT INTO t VALUES (1, 'old');
       CREATE TABLE "Child" (t int8 CONSTRAINT "to t" REFERENCES t ON DELETE CASCADE); INSERT INTO "Child" VALUES (1)`,
    );
    const error = await failure(replace([2]));
    expect([error.code, error.message]).to.deep.equal([
      'OPTION_INVALID',
      'postgres: option "mode": replace is not possible, because foreign keys refer to table "t": "Child" ("to t"); change its rows with upsert, or drop these first',
    ]);
    expect([await ids(), await sql(url, 'SELECT t::int FROM "Child"')]).to.deep.equal([[1], [{ t: 1 }]]);
    await sql(url, 'DROP TABLE "Child"');
    await replace([2]);
    expect(await ids()).to.deep.equal([2]);
  });

  it('empties partitions with their table, a partition alone, and names a key to either once', async () => {
    await sql(
      url,
      `CREATE TABLE t (id int8 PRIMARY KEY, name text) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10);
       CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20); INSERT INTO t VALUES (1), (11)`,
    );
    await replace([2], { table: 't1' });
    expect(await ids()).to.deep.equal([2, 11]);
    await replace([3, 13]);
    expect(await ids()).to.deep.equal([3, 13]);
    await sql(url, 'CREATE TABLE child (t int8 CONSTRAINT to_t REFERENCES t)');
    for (const table of ['t', 't1'])
      expect((await failure(replace([2], { table }))).message).to.match(/: child \((?:to_t\w*|child_t_fkey\d*)\); change/);
    expect(await ids()).to.deep.equal([3, 13]);
  });

  it('does not empty tables that inherit from it', async () => {
    await sql(url, 'CREATE TABLE t (id int8, name text); CREATE TABLE kid () INHERITS (t); INSERT INTO kid VALUES (1)');
    const error = await failure(replace([2]));
    expect([error.code, await ids('kid')]).to.deep.equal(['OPTION_INVALID', [1]]);
    expect(error.message).to.contain('inherit from table "t"').and.contain(': kid;');
  });

  it('deletes where it may not truncate, and says where rows would stay behind', async () => {
    const asReplacer = { url: Object.assign(new URL(url), { username: 'replacer' }).href };
    await sql(
      url,
      "CREATE TABLE t (id int8 PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'old'); GRANT SELECT, INSERT ON t TO replacer",
    );
    expect((await failure(replace([2], asReplacer))).code).to.equal('NOT_PERMITTED');
    await sql(url, 'GRANT DELETE ON t TO replacer');
    await replace([2], asReplacer);
    expect(await ids()).to.deep.equal([2]);
    await sql(
      url,
      'CREATE POLICY p ON t USING (id > 2); CREATE POLICY a ON t FOR INSERT WITH CHECK (true); ALTER TABLE t ENABLE ROW LEVEL SECURITY',
    );
    expect((await failure(replace([3], asReplacer))).message).to.contain('row-level security');
    await sql(
      url,
      `ALTER TABLE t DISABLE ROW LEVEL SECURITY; CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
       CREATE TRIGGER keep BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION keep()`,
    );
    expect((await failure(replace([3], asReplacer))).message).to.contain('a trigger or rule keeps rows');
    expect(await ids()).to.deep.equal([2]);
  });

  it('waits for who reads the table no longer than it may', async () => {
    await sql(url, "CREATE TABLE t (id int8 PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'old')");
    const report = pipeline(
      from.postgres<{ id: number }>({ url, table: 't', lockTimeoutMs: 200 }),
      postgres({ url, table: 't', mode: 'replace', replace: 'truncate', lockTimeoutMs: 200 }),
    );
    expect((await failure(report)).code).to.equal('TIMEOUT');
    expect(await ids()).to.deep.equal([1]);
  });
});

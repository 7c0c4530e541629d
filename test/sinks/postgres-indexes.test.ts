import { expect } from 'chai';
import pg from 'pg';
import { from, type Plan, plan, type PlanStage, to } from '../../lib/index.ts';
import { Schema } from '../../lib/schema/schema.ts';
import { postgres } from '../../sinks/postgres.ts';
import { shapeOf } from '../clients/postgres/catalogue-shape.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { batchesOf, failure, openWriter, type OpenSettings, type Options, rejectsOf, writeAll } from './postgres-harness.ts';

const ITEMS = new Schema([
  { name: 'id', type: { kind: 'int8' }, nullable: false },
  { name: 'name', type: { kind: 'text' }, nullable: true },
]);
const items = (...ids: readonly number[]): object[] => ids.map(id => ({ id, name: `name ${id}` }));

const TABLE = `
  CREATE TABLE t (id int8 PRIMARY KEY, name text UNIQUE, other int8 REFERENCES t DEFERRABLE INITIALLY DEFERRED, made timestamptz DEFAULT now(), EXCLUDE USING btree (made WITH =, id WITH =));
  CREATE INDEX plain ON t (name, id DESC NULLS LAST) INCLUDE (made) WITH (fillfactor = 60); CREATE INDEX "odd ""name" ON t USING hash (name) WHERE id > 2;
  CREATE INDEX lowered ON t (lower(name) COLLATE "C" text_pattern_ops, (id % 10)); ALTER INDEX lowered ALTER COLUMN 2 SET STATISTICS 55;
  CREATE UNIQUE INDEX once ON t (name, other); COMMENT ON INDEX plain IS 'it''s plain'; ALTER TABLE t CLUSTER ON plain;
  INSERT INTO t VALUES (1, 'old', 1), (2, 'older', NULL); ANALYZE t`;

describe('sink postgres, indexes that are dropped for the load', () => {
  let url: string;
  before(async () => {
    url = await freshDatabase('sink_indexes_test');
    await sql(url, 'DROP ROLE IF EXISTS index_user; CREATE ROLE index_user LOGIN');
  });
  beforeEach(() => sql(url, `DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO index_user; ${TABLE}`));
  after(() => sql(url, 'DROP OWNED BY index_user; DROP ROLE index_user'));

  const ids = async (): Promise<unknown[]> => (await sql(url, 'SELECT id::int FROM t ORDER BY id')).map(row => row['id']);
  const state = async (): Promise<unknown> => [
    await shapeOf(url),
    await sql(
      url,
      `SELECT c.relname, a.attnum, a.attname, to_jsonb(a)->>'attstattarget' AS target, c.reltablespace FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_attribute a ON a.attrelid = c.oid
       WHERE i.indrelid = 't'::regclass ORDER BY 1, 2`,
    ),
  ];
  const oids = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      (
        await sql<{ name: string; oid: number }>(
          url,
          "SELECT relname AS name, indexrelid AS oid FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = 't'::regclass",
        )
      ).map(({ name, oid }) => [name, oid]),
    );
  /** Names of the indexes that are others than before. */
  const rebuilt = async (before: Record<string, number>): Promise<string[]> => {
    const now = await oids();
    expect(Object.keys(now).sort()).to.deep.equal(Object.keys(before).sort());
    return Object.keys(now)
      .filter(name => now[name] !== before[name])
      .sort();
  };
  const load = async (records: readonly object[], given: Partial<Options> = {}, settings: OpenSettings = {}) => {
    const opened = await openWriter({ url, table: 't', mode: 'append', indexes: 'rebuild', ...given }, ITEMS, settings);
    await writeAll(opened, batchesOf(records, ITEMS, 2));
    return opened;
  };
  const SECONDARY = ['lowered', 'odd "name', 'plain'];

  for (const [mode, more, left] of [
    ['append', {}, [1, 2, 7, 8]],
    ['upsert', {}, [1, 2, 7, 8]],
    ['replace', { replace: 'truncate' }, [7, 8]],
  ] as const) {
    it(`makes them again as they were, in mode ${mode}`, async () => {
      const [before, numbers] = [await state(), await oids()];
      const opened = await load(items(7, 8), { mode, ...more });
      expect([opened.counted.written, await ids(), opened.warnings]).to.deep.equal([2, left, []]);
      expect([await state(), await rebuilt(numbers)]).to.deep.equal([before, SECONDARY]);
      expect(await sql(url, `SET enable_seqscan = off; SELECT id::int FROM t WHERE lower(name) COLLATE "C" = 'name 8'`)).to.deep.equal([
        { id: 8 },
      ]);
      expect(await sql(url, "SELECT 1 AS one FROM pg_stats WHERE tablename = 'lowered' LIMIT 1")).to.have.length(1);
    });
  }

  it('keeps those that say which row is wrong: it goes to the dead letters', async () => {
    const numbers = await oids();
    const records = [...items(7), { id: 8, name: 'old' }, { id: 9, name: 'name 9' }, { id: 1, name: 'x' }];
    const opened = await load(records, {}, { hasDeadLetters: true });
    expect(rejectsOf(opened, 'id').map(({ key }) => key)).to.deep.equal([8, 1]);
    expect([await ids(), await rebuilt(numbers)]).to.deep.equal([[1, 2, 7, 9], SECONDARY]);
  });

  it('leaves all of them where the load fails, or what it loaded cannot be indexed', async () => {
    const [before, numbers] = [await state(), await oids()];
    expect((await failure(load(items(7, 1)))).code).to.equal('ROW_REFUSED');
    await sql(url, 'CREATE INDEX divided ON t ((100 / (id - 9)))');
    const error = await failure(load(items(7, 9)));
    expect(error.code).to.equal('ROW_REFUSED');
    expect(error.message).to.contain('division by zero');
    await sql(url, 'DROP INDEX divided');
    expect([await state(), await rebuilt(numbers), await ids()]).to.deep.equal([before, [], [1, 2]]);
  });

  it('checks what was put off before it makes them', async () => {
    const parented = new Schema([...ITEMS.fields, { name: 'other', type: { kind: 'int8' }, nullable: true }]);
    const records = [
      { id: 7, name: 'a', other: 8 },
      { id: 8, name: 'b', other: 7 },
    ];
    const opened = await openWriter({ url, table: 't', mode: 'append', indexes: 'rebuild' }, parented);
    await writeAll(opened, batchesOf(records, parented));
    const orphan = await openWriter({ url, table: 't', mode: 'append', indexes: 'rebuild' }, parented);
    const error = await failure(writeAll(orphan, batchesOf([{ id: 9, name: 'c', other: 10 }], parented)));
    expect([error.code, await ids()]).to.deep.equal(['ROW_REFUSED', [1, 2, 7, 8]]);
    expect(error.message).to.contain('t_other_fkey');
  });

  it('keeps others out while they are gone, and waits for readers no longer than it may', async () => {
    const opened = await openWriter({ url, table: 't', mode: 'append', indexes: 'rebuild' }, ITEMS);
    await opened.writer.write(batchesOf(items(7), ITEMS)[0]!);
    const kept = await sql(url, 'SET lock_timeout = 100; SELECT count(*) FROM t').catch((error: Error) => [error.message]);
    expect(kept[0]).to.contain('lock timeout');
    await opened.writer.abort(new Error('enough'));
    expect(await ids()).to.deep.equal([1, 2]);
    const reader = new pg.Client({ connectionString: url });
    await reader.connect();
    await reader.query('BEGIN; SELECT * FROM t');
    expect((await failure(load(items(7), { lockTimeoutMs: 100 }))).code).to.equal('TIMEOUT');
    await reader.end();
    await load(items(7));
    expect(await ids()).to.deep.equal([1, 2, 7]);
  });

  it('sees an index that another session made while the lock was waited for', async () => {
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    await other.query('BEGIN; CREATE INDEX late ON t (made)');
    const work = load(items(7));
    while ((await sql(url, "SELECT 1 AS one FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'")).length === 0);
    await other.query('COMMIT');
    await other.end();
    const numbers = await oids();
    await work;
    expect([await rebuilt(numbers), await ids()]).to.deep.equal([
      ['late', ...SECONDARY],
      [1, 2, 7],
    ]);
  });

  it('leaves alone, by name, what it could not bring back, and refuses what is no table of its own', async () => {
    await sql(
      url,
      `CREATE TABLE p (id int8, name text) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100); CREATE INDEX whole ON p (name);
       CREATE INDEX own ON p1 (id); CREATE VIEW v AS SELECT id, name FROM t`,
    );
    for (const table of ['p', 'v']) {
      const error = await failure(load(items(7), { table }));
      expect(error.code).to.equal('OPTION_INVALID');
      expect(error.message)
        .to.contain('option "indexes"')
        .and.contain(table === 'p' ? 'name a partition' : 'a view');
    }
    const before = await shapeOf(url);
    const opened = await load(items(7), { table: 'p1' });
    expect(opened.warnings).to.deep.equal([
      'indexes of table "p1" that are not rebuilt: "p1_name_idx" (a part of an index of the partitioned table)',
    ]);
    expect(await shapeOf(url)).to.deep.equal(before);
  });

  it('needs the owner, and says so before the first row', async () => {
    await sql(url, 'GRANT ALL ON t TO index_user');
    const theirs = Object.assign(new URL(url), { username: 'index_user' }).href;
    const error = await failure(load(items(7), { url: theirs }));
    expect([error.code, error.message.includes('its owner'), await ids()]).to.deep.equal(['NOT_PERMITTED', true, [1, 2]]);
    await sql(url, 'ALTER TABLE t OWNER TO index_user');
    const schema = await failure(load(items(7), { url: theirs }));
    expect([schema.code, schema.message.includes('CREATE in schema')]).to.deep.equal(['NOT_PERMITTED', true]);
    await sql(url, 'GRANT CREATE ON SCHEMA public TO index_user');
    await load(items(7), { url: theirs });
    expect(await ids()).to.deep.equal([1, 2, 7]);
  });

  it('is there for tables that are there only', async () => {
    expect(() => postgres({ url, table: 't', indexes: 'rebuild' })).to.throw('gets its indexes after its rows anyway');
    const numbers = await oids();
    await load(items(7), { mode: 'replace' });
    expect([await ids(), Object.keys(await oids()).sort()]).to.deep.equal([[7], Object.keys(numbers).sort()]);
    await load(items(7), { table: 'made' });
    expect(await sql(url, 'SELECT id::int FROM made')).to.deep.equal([{ id: 7 }]);
  });

  it('is in the plan, statement by statement', async () => {
    await sql(url, 'DROP INDEX lowered, "odd ""name"; CREATE TABLE s AS SELECT id, name FROM t; GRANT SELECT ON s, t TO index_user');
    const sinkOf = ({ stages }: Plan): PlanStage => stages.at(-1) as PlanStage;
    const planned = (target: string, mode: 'append' | 'replace' = 'append') =>
      plan(from.postgres<object>({ url, table: 's' }), to.postgres<object>({ url: target, table: 't', mode, indexes: 'rebuild' }));
    const ours = await planned(url);
    expect([ours.problems, sinkOf(ours).statements, sinkOf(ours).notes?.at(-1)]).to.deep.equal([
      [],
      [
        'DROP INDEX "public"."plain"',
        'COPY "t" ("id", "name") FROM STDIN (FORMAT binary)',
        `CREATE INDEX "plain" ON "public"."t" USING btree (name, id DESC NULLS LAST) INCLUDE (made) WITH (fillfactor='60')`,
        'ALTER TABLE "public"."t" CLUSTER ON "plain"',
        `COMMENT ON INDEX "public"."plain" IS 'it''s plain'`,
      ],
      'indexes that are dropped before the load and built after it: "plain"; others cannot read the table meanwhile',
    ]);
    const theirs = await planned(Object.assign(new URL(url), { username: 'index_user' }).href);
    expect(theirs.problems.map(({ code }) => code)).to.deep.equal(['NOT_PERMITTED', 'NOT_PERMITTED']);
  });
});

import { expect } from 'chai';
import pg from 'pg';
import type { AnyRow } from '../../lib/core/define.ts';
import { Schema } from '../../lib/schema/schema.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { batchesOf, type Opened, openWriter, waitingForLock, writeAll } from './postgres-harness.ts';

const ITEMS = new Schema([
  { name: 'id', type: { kind: 'int8' }, nullable: true },
  { name: 'name', type: { kind: 'text' }, nullable: true },
]);

/** An upsert of rows that another session holds: its statement waits for that session, and goes on when it has ended one way or the other. */
describe('sink postgres, mode upsert, beside other sessions', () => {
  let url: string;
  let other: pg.Client;
  before(async () => {
    url = await freshDatabase('sink_upsert_sessions_test');
  });
  beforeEach(async () => {
    await sql(url, "CREATE TABLE t (id int8 PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'old'), (2, 'old'), (3, 'new')");
    other = new pg.Client({ connectionString: url });
    await other.connect();
  });
  afterEach(async () => {
    await other.end();
    await sql(url, 'DROP TABLE t');
  });

  const records = [1, 2, 3, 4, 5].map(id => ({ id, name: 'new' }));
  const rows = (): Promise<AnyRow[]> => sql(url, 'SELECT id::int, name FROM t ORDER BY id') as Promise<AnyRow[]>;
  const counts = ({ counted: { written, unchanged, superseded } }: Opened): number[] => [written, unchanged, superseded];

  /** The other session does something, the upsert waits for it, and then it ends. */
  async function upsertBeside(statement: string, end: 'COMMIT' | 'ROLLBACK', hasDeadLetters: boolean): Promise<Opened> {
    await other.query(`BEGIN; ${statement}`);
    const opened = await openWriter({ url, table: 't', mode: 'upsert' }, ITEMS, { hasDeadLetters });
    const written = writeAll(opened, batchesOf(records, ITEMS));
    await Promise.race([waitingForLock(url, 't'), written]);
    await other.query(end);
    await written;
    return opened;
  }

  for (const hasDeadLetters of [false, true]) {
    describe(hasDeadLetters ? 'with dead letters' : 'without dead letters', () => {
      it('changes a row that another session has added meanwhile', async () => {
        const opened = await upsertBeside("INSERT INTO t VALUES (4, 'theirs')", 'COMMIT', hasDeadLetters);
        expect(counts(opened)).to.deep.equal([4, 1, 0]);
        expect(await rows()).to.deep.equal(records);
      });

      it('adds a row that another session adds and takes back', async () => {
        const opened = await upsertBeside("INSERT INTO t VALUES (4, 'theirs')", 'ROLLBACK', hasDeadLetters);
        expect(counts(opened)).to.deep.equal([4, 1, 0]);
        expect(await rows()).to.deep.equal(records);
      });

      it('changes a row that another session has changed meanwhile, unless to the same', async () => {
        const opened = await upsertBeside(
          "UPDATE t SET name = CASE id WHEN 1 THEN 'new' ELSE 'theirs' END WHERE id < 3",
          'COMMIT',
          hasDeadLetters,
        );
        const [written, unchanged] = counts(opened);
        expect((written ?? 0) + (unchanged ?? 0)).to.equal(5);
        expect(await rows()).to.deep.equal(records);
      });

      it('adds a row that another session has deleted meanwhile', async () => {
        const opened = await upsertBeside('DELETE FROM t WHERE id = 1', 'COMMIT', hasDeadLetters);
        expect(counts(opened)).to.deep.equal([4, 1, 0]);
        expect(await rows()).to.deep.equal(records);
      });
    });
  }

  it('goes by the table itself, not by those that inherit from it', async () => {
    await sql(url, "CREATE TABLE kid () INHERITS (t); INSERT INTO kid VALUES (4, 'new'), (5, 'theirs')");
    const opened = await openWriter({ url, table: 't', mode: 'upsert' }, ITEMS);
    await writeAll(opened, batchesOf(records, ITEMS));
    expect(counts(opened)).to.deep.equal([4, 1, 0]);
    expect(await sql(url, 'SELECT id::int, name FROM ONLY t ORDER BY id')).to.deep.equal(records);
    expect(await sql(url, 'SELECT id::int, name FROM kid ORDER BY id')).to.deep.equal([
      { id: 4, name: 'new' },
      { id: 5, name: 'theirs' },
    ]);
    await sql(url, 'DROP TABLE kid');
  });

  it('merges through triggers that change rows before they are written, and counts each', async () => {
    await sql(
      url,
      `CREATE FUNCTION upper_name() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name = upper(NEW.name); RETURN NEW; END';
       CREATE TRIGGER u BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION upper_name()`,
    );
    const opened = await openWriter({ url, table: 't', mode: 'upsert' }, ITEMS);
    await writeAll(opened, batchesOf([...records, { id: 5, name: 'last' }], ITEMS));
    expect(counts(opened)).to.deep.equal([4, 1, 1]);
    expect((await rows()).map(({ name }) => name)).to.deep.equal(['NEW', 'NEW', 'new', 'NEW', 'LAST']);
  });

  it('leaves the settings of the transaction as they were', async () => {
    const after = "CREATE TABLE seen AS SELECT current_setting('work_mem') AS work_mem, current_setting('enable_hashagg') AS hash";
    const opened = await openWriter({ url, table: 't', mode: 'upsert', before: "SET LOCAL work_mem = '5MB'", after }, ITEMS);
    await writeAll(opened, batchesOf(records, ITEMS));
    expect(await sql(url, 'SELECT * FROM seen')).to.deep.equal([{ work_mem: '5MB', hash: 'on' }]);
    await sql(url, 'DROP TABLE seen');
  });
});

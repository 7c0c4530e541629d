import { expect } from 'chai';
import fc from 'fast-check';
import type { AnyRow } from '../../lib/core/define.ts';
import { Schema } from '../../lib/schema/schema.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { itWith } from '../services/server-features.ts';
import { batchesOf, failure, type Opened, openWriter, writeAll } from './postgres-harness.ts';

const ITEMS = new Schema([
  { name: 'name', type: { kind: 'text' }, nullable: true },
  { name: 'id', type: { kind: 'int8' }, nullable: true },
  { name: 'n', type: { kind: 'int4' }, nullable: true },
]);
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
const items = (ids: readonly number[], version = ''): AnyRow[] => ids.map(id => ({ name: `name ${id}${version}`, id, n: id % 10 }));
/** So few bytes a part that a part has about fifty records. */
const SMALL = { segmentBytes: 2000 };

for (const parallel of [1, 2])
  describe(`sink postgres, mode upsert in parts, by ${parallel === 1 ? 'one connection' : 'two connections'}`, () => {
    let url: string;
    before(async () => {
      url = await freshDatabase('sink_upsert_parts_test');
    });
    beforeEach(() => sql(url, 'CREATE TABLE t (id int8 PRIMARY KEY, name text, n int4)'));
    afterEach(() => sql(url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public'));

    const rows = (): Promise<AnyRow[]> => sql(url, 'SELECT name, id::int, n FROM t ORDER BY id') as Promise<AnyRow[]>;
    const counts = ({ counted: { written, unchanged, superseded } }: Opened): number[] => [written, unchanged, superseded];
    const places = async (): Promise<Map<unknown, unknown>> =>
      new Map(
        (await sql(url, 'SELECT id::int, ctid::text || xmin::text || xmax::text AS place FROM t')).map(row => [row['id'], row['place']]),
      );

    /** What was merged before all records were there, and the writer when they are. */
    async function written(records: readonly object[], settings: object = SMALL): Promise<{ early: number; opened: Opened }> {
      const opened = await openWriter({ url, table: 't', mode: 'upsert', parallel }, ITEMS, settings);
      for (const batch of batchesOf(records, ITEMS, 20)) await opened.writer.write(batch);
      const merged = (): number => counts(opened).reduce((sum, count) => sum + count, 0);
      let early = -1;
      while (early !== merged()) {
        early = merged();
        // Beside, merges go on by themselves.
        if (parallel > 1) await new Promise(resolve => void setTimeout(resolve, 100));
      }
      await writeAll(opened, []);
      return { early, opened };
    }

    itWith('MERGE')('merges what goes on where others ended while more comes, and does not touch what is equal', async () => {
      await sql(
        url,
        `INSERT INTO t SELECT i, 'name ' || i || CASE WHEN i % 4 = 0 THEN ' old' ELSE '' END, i % 10 FROM generate_series(0, 1999, 2) i`,
      );
      const before = await places();
      const { early, opened } = await written(items(range(0, 2000)));
      expect(early).to.be.greaterThan(1000).and.lessThan(2000);
      expect(counts(opened)).to.deep.equal([1500, 500, 0]);
      expect(await rows()).to.deep.equal(items(range(0, 2000)));
      const after = await places();
      expect([...before].filter(([id, place]) => after.get(id) !== place).map(([id]) => id)).to.have.members(range(0, 500).map(i => i * 4));
    });

    itWith('MERGE')('looks few keys of many up, backwards too', async () => {
      await sql(url, `INSERT INTO t SELECT i, 'old', 0 FROM generate_series(-20000, 20000) i`);
      const ids = range(-200, 200).map(i => i * -100);
      const { early, opened } = await written(items(ids));
      expect(early).to.be.greaterThan(100);
      expect(counts(opened)).to.deep.equal([400, 0, 0]);
      expect(await sql(url, "SELECT count(*)::int AS n FROM t WHERE name <> 'old'")).to.deep.equal([{ n: 400 }]);
    });

    it('waits for all where keys come again and again, or at random', async () => {
      const versions = range(0, 10).flatMap(version => items(range(0, 100), ` v${version}`));
      const again = await written(versions);
      expect(again.early).to.equal(0);
      expect(counts(again.opened)).to.deep.equal([100, 0, 900]);
      expect(await rows()).to.deep.equal(items(range(0, 100), ' v9'));
      const scattered = await written(
        items(
          range(0, 1000).map(i => (i * 7919) % 1000),
          ' v10',
        ),
      );
      expect(scattered.early).to.equal(0);
      expect(counts(scattered.opened)).to.deep.equal([1000, 0, 0]);
    });

    itWith('MERGE')('keeps the last record of a key that was merged before', async () => {
      const { early, opened } = await written([...items(range(0, 600)), ...items([7, 300, 7], ' last'), ...items(range(600, 1000))]);
      expect(early).to.be.greaterThan(300);
      expect(counts(opened).reduce((sum, count) => sum + count, 0)).to.equal(1003);
      expect(await rows()).to.deep.equal(
        [...items(range(0, 1000))].map(row => ([7, 300].includes(row['id'] as number) ? items([row['id'] as number], ' last')[0] : row)),
      );
    });

    it('waits for all where the table looks at statements as a whole', async () => {
      for (const change of [
        'ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES t (id)',
        'ALTER TABLE t DROP CONSTRAINT t_n_fkey; ALTER TABLE t ADD UNIQUE (name) DEFERRABLE INITIALLY IMMEDIATE',
        `ALTER TABLE t DROP CONSTRAINT t_name_key; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
       CREATE TRIGGER f AFTER INSERT ON t EXECUTE FUNCTION f()`,
      ]) {
        await sql(url, `TRUNCATE t; ${change}`);
        const records = items(range(0, 1000)).map(row => ({ ...row, n: 999 }));
        const { early, opened } = await written(records);
        expect(early, change).to.equal(0);
        expect(counts(opened)).to.deep.equal([1000, 0, 0]);
      }
    });

    it('waits for all where records come slowly', async () => {
      const { now } = performance;
      let ms = 0;
      performance.now = () => (ms += 2000);
      try {
        expect((await written(items(range(0, 1000)))).early).to.equal(0);
      } finally {
        performance.now = now;
      }
      expect(await rows()).to.have.length(1000);
    });

    it('goes on beside another upsert of the same keys, one behind the other', async () => {
      await sql(url, "INSERT INTO t SELECT i, 'old', 0 FROM generate_series(0, 1999, 3) i");
      const both = await Promise.all([written(items(range(0, 2000), ' a')), written(items(range(0, 2000), ' b'))]);
      expect(both.map(({ opened }) => counts(opened))).to.deep.equal([
        [2000, 0, 0],
        [2000, 0, 0],
      ]);
      expect(new Set((await rows()).map(({ name }) => String(name).slice(-2)))).to.have.property('size', 1);
    });

    it('stops at what the table refuses in a part, with nothing written', async () => {
      await sql(url, 'ALTER TABLE t ADD CHECK (n <> 5), ADD CHECK (id > 0 OR n = 0)');
      const records = items(range(1, 1000)).map(row => ({ ...row, n: row['id'] === 100 ? 5 : 0 }));
      const error = await failure(
        writeAll(await openWriter({ url, table: 't', mode: 'upsert', parallel }, ITEMS, SMALL), batchesOf(records, ITEMS, 20)),
      );
      expect(error.code).to.equal('ROW_REFUSED');
      expect(error.message).to.contain('t_n_check');
      expect(await rows()).to.deep.equal([]);
    });

    it('leaves what INSERT … ON CONFLICT leaves of the last record of each key, row by row', async () => {
      const id = fc.oneof(fc.integer({ min: 0, max: 400 }), fc.constantFrom(-(2 ** 53) + 1, 2 ** 53 - 1, 1e9));
      const record = fc.record({ id, name: fc.constantFrom('a', 'b', null), n: fc.constantFrom(0, 1, null) });
      const ascending = fc.array(record, { maxLength: 400 }).map(all => all.map((row, i) => (i % 17 === 0 ? row : { ...row, id: i })));
      await fc.assert(
        fc.asyncProperty(
          fc.array(record, { maxLength: 60 }),
          fc.oneof(ascending, fc.array(record, { maxLength: 200 })),
          fc.constantFrom(undefined, ['n'], []),
          fc.boolean(),
          fc.integer({ min: 100, max: 4000 }),
          async (there, records, update, mayReject, segmentBytes) => {
            const hasDeadLetters = mayReject && update === undefined;
            // Of one key the last record counts, whatever of it is written.
            const last = [...new Map(records.map(row => [row.id, row])).values()];
            await sql(
              url,
              'DROP TABLE t; CREATE TABLE t (id int8 PRIMARY KEY, name text, n int4); DROP TABLE IF EXISTS o; CREATE TABLE o (LIKE t INCLUDING ALL)',
            );
            const values = (some: readonly object[]): string => JSON.stringify(some);
            const put = 'INSERT INTO %s SELECT DISTINCT ON (id) * FROM json_populate_recordset(NULL::t, $1) ORDER BY id, n, name';
            for (const table of ['t', 'o']) await sql(url, put.replace('%s', table), [values(there)]);
            const set = (update ?? ['name', 'n']).map(name => `${name} = excluded.${name}`).join(', ');
            await sql(
              url,
              `DO $do$ DECLARE r o; BEGIN FOR r IN SELECT * FROM json_populate_recordset(NULL::o, $j$${values(last)}$j$) LOOP
              INSERT INTO o VALUES (r.*) ON CONFLICT (id) DO ${set === '' ? 'NOTHING' : `UPDATE SET ${set}`}; END LOOP; END $do$`,
            );
            const opened = await openWriter({ url, table: 't', mode: 'upsert', parallel, update }, ITEMS, { hasDeadLetters, segmentBytes });
            await writeAll(opened, batchesOf(records, ITEMS, 30));
            expect(counts(opened).reduce((sum, count) => sum + count, 0)).to.equal(records.length);
            const all = 'SELECT id::text, name, n FROM %s t ORDER BY t.id';
            expect(await sql(url, all.replace('%s', 't'))).to.deep.equal(await sql(url, all.replace('%s', 'o')));
          },
        ),
        { numRuns: 40 },
      );
    });
  });

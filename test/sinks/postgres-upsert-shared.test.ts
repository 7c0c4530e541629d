import { expect } from 'chai';
import type { AnyRow } from '../../lib/core/define.ts';
import { Schema } from '../../lib/schema/schema.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { itWith } from '../services/server-features.ts';
import { batchesOf, failure, type Opened, openWriter, type Options, writeAll } from './postgres-harness.ts';

const ITEMS = new Schema([
  { name: 'id', type: { kind: 'int8' }, nullable: true },
  { name: 'name', type: { kind: 'text' }, nullable: true },
]);
const items = (from: number, to: number): AnyRow[] =>
  Array.from({ length: to - from }, (_, i) => ({ id: from + i, name: `name ${from + i}` }));
/** So few bytes a part that a part has about sixty records. */
const SMALL = { segmentBytes: 2000 };

describe('sink postgres, mode upsert, staged by a second connection', () => {
  let url: string;
  let stranger: string;
  before(async () => {
    url = await freshDatabase('sink_upsert_shared_test');
    await sql(url, 'DROP ROLE IF EXISTS sharer; CREATE ROLE sharer LOGIN; DROP ROLE IF EXISTS share_reader; CREATE ROLE share_reader');
    stranger = Object.assign(new URL(url), { username: 'sharer', password: '' }).href;
  });
  beforeEach(() => sql(url, 'CREATE TABLE t (id int8 PRIMARY KEY, name text)'));
  afterEach(() => sql(url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public'));
  after(() => sql(url, 'DROP ROLE sharer; DROP ROLE share_reader'));

  const staged = (): Promise<AnyRow[]> =>
    sql(
      url,
      "SELECT oid::regclass::text AS name, relpersistence::text AS kind, relacl FROM pg_class WHERE relname ~ '^millrace_staging_'",
    ) as Promise<AnyRow[]>;
  const rows = (): Promise<AnyRow[]> => sql(url, 'SELECT id::int, name FROM t ORDER BY id') as Promise<AnyRow[]>;
  const open = (options: Partial<Options> = {}): Promise<Opened> =>
    openWriter({ url, table: 't', mode: 'upsert', ...options } as Options, ITEMS, SMALL);
  async function write({ writer }: Opened, records: readonly AnyRow[]): Promise<void> {
    for (const batch of batchesOf(records, ITEMS, 20)) await writer.write(batch);
  }

  itWith('MERGE')('stages in a table of nobody else, which is gone after the commit, and before the next', async () => {
    await sql(url, 'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO share_reader, PUBLIC');
    const opened = await open();
    await write(opened, items(0, 1000));
    const [table, ...others] = await staged();
    expect(table?.['kind']).to.equal('u');
    expect(String(table?.['relacl'])).to.not.match(/share_reader|[{,]=/);
    expect(others).to.deep.equal([]);
    expect(await rows(), 'before the commit').to.deep.equal([]);
    await opened.writer.flush();
    await opened.writer.commit({ job: 'test', operators: {}, sinks: {}, done: true });
    expect(await staged()).to.deep.equal([]);
    expect(await rows()).to.deep.equal(items(0, 1000));
    await write(opened, items(1000, 2000));
    expect(await staged()).to.have.length(1);
    await writeAll(opened, []);
    expect(await staged()).to.deep.equal([]);
    expect(await rows()).to.deep.equal(items(0, 2000));
    expect(opened.counted).to.include({ written: 2000, unchanged: 0, superseded: 0 });
    expect(opened.warnings).to.deep.equal([]);
    await sql(url, 'ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM share_reader, PUBLIC');
  });

  itWith('MERGE')('leaves nothing of it when the run fails or is cancelled', async () => {
    await sql(url, 'ALTER TABLE t ADD CHECK (id <> 800)');
    for (const fail of [
      (opened: Opened) => failure(writeAll(opened, batchesOf(items(1000, 1100), ITEMS))),
      async (opened: Opened) => {
        opened.abort.abort();
        await opened.writer.abort(new Error('cancelled'));
      },
      (opened: Opened) => opened.writer.abort(new Error('somewhere else')),
    ]) {
      const opened = await open();
      await write(opened, items(0, 790));
      expect(await staged()).to.have.length(1);
      await opened.writer.write(batchesOf(items(790, 810), ITEMS)[0] as never);
      await fail(opened);
      expect(await staged()).to.deep.equal([]);
      expect(await rows()).to.deep.equal([]);
      expect(opened.warnings).to.deep.equal([]);
    }
  });

  itWith('MERGE')('names the record that a COPY of the second connection refuses', async () => {
    const records = items(0, 1000).map(row => (row['id'] === 700 ? { ...row, id: null } : row));
    const error = await failure(writeAll(await open(), batchesOf(records, ITEMS, 20)));
    expect(error.code).to.equal('ROW_REFUSED');
    expect(error.message).to.contain('line 701').and.contain('in.ndjson');
    expect(await staged()).to.deep.equal([]);
    expect(await rows()).to.deep.equal([]);
  });

  itWith('MERGE')('fails, and leaves nothing, when the second connection is lost', async () => {
    const opened = await open();
    await write(opened, items(0, 500));
    const killed =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%millrace_staging_%' AND pid <> pg_backend_pid()";
    await sql(url, killed);
    const error = await failure(writeAll(opened, batchesOf(items(500, 3000), ITEMS, 20)));
    expect(error.code).to.be.oneOf(['CONNECTION_LOST', 'CONNECT_FAILED']);
    expect(await staged()).to.deep.equal([]);
    expect(await rows()).to.deep.equal([]);
  });

  itWith('MERGE')('drops those of the dead, and no other', async () => {
    await sql(url, 'CREATE UNLOGGED TABLE millrace_staging_0123456789ab (a int); CREATE TABLE millrace_staging_notes (a int)');
    const living = await open();
    await write(living, items(0, 300));
    const next = await open();
    await write(next, items(5000, 5300));
    const names = (await staged()).map(({ name }) => name);
    expect(names).to.have.length(3).and.include('millrace_staging_notes').and.not.include('millrace_staging_0123456789ab');
    await writeAll(next, []);
    await writeAll(living, []);
    expect((await staged()).map(({ name }) => name)).to.deep.equal(['millrace_staging_notes']);
    expect(await rows()).to.have.length(600);
  });

  it('does without it where it may not be made, or would not mean the same', async () => {
    await sql(url, 'REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO sharer; GRANT ALL ON t TO sharer');
    const cases: Record<string, Partial<Options>> = {
      'no right': { url: stranger },
      'one connection': { parallel: 1 },
      'another role': { before: 'SET ROLE sharer' },
      'a locked table': { before: 'ALTER TABLE t ADD n int' },
      'a temporary table': {
        before: 'CREATE TEMPORARY TABLE t (id int8 PRIMARY KEY, name text, m int)',
        after: 'INSERT INTO public.t SELECT id, name FROM pg_temp.t',
      },
    };
    for (const [what, options] of Object.entries(cases)) {
      await sql(url, 'TRUNCATE t');
      const opened = await open(options);
      await write(opened, items(0, 1000));
      expect(await staged(), what).to.deep.equal([]);
      await writeAll(opened, []);
      expect(await rows(), what).to.deep.equal(items(0, 1000));
      expect(opened.warnings, what).to.deep.equal([]);
    }
  });
});

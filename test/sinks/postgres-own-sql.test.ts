import { expect } from 'chai';
import { MillraceError } from '../../lib/errors.ts';
import { Schema } from '../../lib/schema/schema.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { batchesOf, openWriter, type Options, writeAll } from './postgres-harness.ts';

const IDS = new Schema([{ name: 'id', type: { kind: 'int8' }, nullable: true }]);

describe('sink postgres, SQL before and after', () => {
  let url: string;
  before(async () => {
    url = await freshDatabase('sink_own_sql_test');
  });
  beforeEach(() =>
    sql(url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE t (id int8 PRIMARY KEY); CREATE TABLE log (what text)'),
  );

  async function copy(given: Partial<Options>, ids: readonly number[] = [1, 2]): Promise<void> {
    const opened = await openWriter({ url, table: 't', mode: 'append', ...given }, IDS);
    const rows = ids.map(id => ({ id }));
    await writeAll(opened, batchesOf(rows, IDS));
  }
  async function failure(work: Promise<unknown>): Promise<MillraceError> {
    const error: unknown = await work.catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(MillraceError);
    return error as MillraceError;
  }
  const logged = async (): Promise<unknown[]> => (await sql(url, 'SELECT what FROM log')).map(row => row['what']);
  const count = async (): Promise<unknown> => (await sql(url, 'SELECT count(*)::int AS n FROM t'))[0]?.['n'];

  it('runs ahead of any look at the table, and when all rows are there', async () => {
    await copy({
      table: 'late',
      before: "CREATE TABLE late (id int8); INSERT INTO log SELECT 'before ' || count(*) FROM late",
      after: "INSERT INTO log SELECT 'after ' || count(*) FROM late",
    });
    expect(await logged()).to.deep.equal(['before 0', 'after 2']);
  });

  it('runs once though no record comes', async () => {
    await copy({ before: "INSERT INTO log VALUES ('before')", after: "INSERT INTO log VALUES ('after')" }, []);
    expect(await logged()).to.deep.equal(['before', 'after']);
  });

  it('is undone with the rows of a run that fails, whatever fails', async () => {
    const note = "INSERT INTO log VALUES ('here')";
    expect((await failure(copy({ before: note }, [1, 1]))).code).to.equal('ROW_REFUSED');
    const error = await failure(copy({ before: note, after: 'SELECT * FROM nowhere' }));
    expect(error.code).to.equal('NOT_FOUND');
    expect(error.message).to.contain('run the SQL of option "after"').and.contain('"nowhere"');
    const wrong = await failure(copy({ before: `${note}; SELEC 1` }));
    expect(wrong.code).to.equal('OPTION_INVALID');
    expect(wrong.message).to.contain('run the SQL of option "before"');
    expect([await logged(), await count()]).to.deep.equal([[], 0]);
  });

  it('may not end the transaction', async () => {
    for (const given of [{ before: 'COMMIT' }, { before: 'ROLLBACK; BEGIN' }, { after: 'ROLLBACK' }, { after: 'ROLLBACK; BEGIN' }]) {
      const error = await failure(copy(given));
      expect(error.code, JSON.stringify(given)).to.equal('OPTION_INVALID');
      expect(error.message)
        .to.contain(`option "${Object.keys(given)[0]!}"`)
        .and.contain('ended the transaction');
      expect(await count()).to.equal(0);
    }
  });

  it('keeps its settings to itself', async () => {
    const held = await openWriter({ url, table: 't', mode: 'append' }, IDS);
    try {
      await copy({ after: 'SET search_path = nowhere' }, [7]);
      await copy({}, [8]);
    } finally {
      await held.writer.abort(new Error('enough'));
    }
    expect(await count()).to.equal(2);
  });

  it('serves a replaced and an upserted table as well', async () => {
    await copy({}, [1, 2, 3]);
    const after = "INSERT INTO log SELECT 'after ' || count(*) FROM t";
    await copy({ mode: 'upsert', after }, [3, 4]);
    await copy({ mode: 'replace', before: "INSERT INTO log SELECT 'before ' || count(*) FROM t", after }, [9]);
    expect(await logged()).to.deep.equal(['after 4', 'before 4', 'after 1']);
  });
});

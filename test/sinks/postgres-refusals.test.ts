import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MillraceError } from '../../lib/errors.ts';
import type { AnyBatch, AnyRow } from '../../lib/core/define.ts';
import { type DeadLetter, from, pipeline, type PipelineError, to } from '../../lib/index.ts';
import { Schema } from '../../lib/schema/schema.ts';
import type { DataType } from '../../lib/schema/types.ts';
import { postgres } from '../../sinks/postgres.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { batchesOf, type Opened, openWriter, type OpenSettings, rejectsOf, writeAll } from './postgres-harness.ts';

const field = (name: string, kind: DataType['kind'], nullable = true): Schema['fields'][number] => ({ name, type: { kind }, nullable });
const ITEMS = new Schema([field('id', 'int8'), field('name', 'text'), field('parent', 'int8')]);
const items = (count: number, change: Record<number, AnyRow> = {}): AnyRow[] =>
  Array.from({ length: count }, (_, id) => ({ id, name: `item-${id}`, parent: null, ...change[id] }));

async function failure(work: Promise<unknown>): Promise<MillraceError> {
  try {
    await work;
  } catch (error) {
    expect(error).to.be.instanceOf(Error);
    return error as MillraceError;
  }
  throw new Error('it did not fail');
}

describe('sink postgres, refused rows', () => {
  let url: string;
  let folder: string;
  before(async () => {
    url = await freshDatabase('sink_refusals_test');
    folder = mkdtempSync(join(tmpdir(), 'millrace-sink-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  beforeEach(async () => {
    await sql(url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  });

  const ids = async (): Promise<number[]> => (await sql<{ id: number }>(url, 'SELECT id::int AS id FROM t ORDER BY id')).map(row => row.id);
  const without = (count: number, ...left: number[]): number[] =>
    Array.from({ length: count }, (_, id) => id).filter(id => !left.includes(id));
  async function append(batches: readonly AnyBatch[], settings: OpenSettings = { hasDeadLetters: true }): Promise<Opened> {
    const opened = await openWriter({ url, table: 't', mode: 'append' }, batches[0]!.schema, settings);
    await writeAll(opened, batches);
    return opened;
  }

  const KINDS: readonly { name: string; table: string; bad: AnyRow; state: string; words: string }[] = [
    {
      name: 'a unique key that stands in the table',
      table: `id int8 PRIMARY KEY, name text UNIQUE, parent int8); INSERT INTO t VALUES (-1, 'taken'`,
      bad: { name: 'taken' },
      state: '23505',
      words: 't_name_key',
    },
    {
      name: 'a not-null column',
      table: 'id int8, name text NOT NULL, parent int8',
      bad: { name: null },
      state: '23502',
      words: 'column "name"',
    },
    {
      name: 'a check',
      table: `id int8, name text CONSTRAINT no_secret CHECK (name <> 's3cret'), parent int8`,
      bad: { name: 's3cret' },
      state: '23514',
      words: 'no_secret',
    },
    {
      name: 'a trigger',
      table: `id int8, name text, parent int8); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.name = 's3cret' THEN RAISE EXCEPTION 'no %', NEW.name; END IF; RETURN NEW; END $$; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(`,
      bad: { name: 's3cret' },
      state: 'P0001',
      words: 'trigger',
    },
    {
      name: 'a trigger with a code of its own',
      table: `id int8, name text, parent int8); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.name = 's3cret' THEN RAISE EXCEPTION 'no %', NEW.name USING ERRCODE = '45001'; END IF; RETURN NEW; END $$; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(`,
      bad: { name: 's3cret' },
      state: '45001',
      words: 'trigger',
    },
    {
      name: 'the syntax of a column',
      table: 'id int8, name tsquery, parent int8',
      bad: { name: 's3cret & & s3cret' },
      state: '42601',
      words: 'column "name": syntax error in tsquery',
    },
    {
      name: 'the digits of a column',
      table: 'id int8, name bytea, parent int8',
      bad: { name: '\\xs3cret' },
      state: '22023',
      words: 'column "name": invalid hexadecimal digit',
    },
    {
      name: 'a length',
      table: 'id int8, name varchar(10), parent int8',
      bad: { name: 's3cret-s3cret' },
      state: 'VALUE_NOT_CARRIED',
      words: 'column "name"',
    },
    {
      name: 'an index entry that is too long',
      table: 'id int8, name text, parent int8); CREATE INDEX ON t (name',
      bad: { name: Array.from({ length: 3000 }, (_, i) => (i * i * 7919).toString(36)).join('') },
      state: '54000',
      words: '',
    },
    {
      name: 'a domain',
      table: `id int8, name text, parent int8); CREATE DOMAIN short AS text CHECK (value <> 's3cret'); ALTER TABLE t ALTER name TYPE short USING (name::short`,
      bad: { name: 's3cret' },
      state: '23514',
      words: 'short',
    },
  ];
  for (const { name, table, bad, state, words } of KINDS) {
    for (const place of [0, 1234, 2999]) {
      it(`rejects the row that ${name} refuses, and no other (row ${place})`, async () => {
        await sql(url, `CREATE TABLE t (${table})`);
        const opened = await append(batchesOf(items(3000, { [place]: bad }), ITEMS, 700));
        expect(opened.counted.written).to.equal(2999);
        expect([...opened.settled.keys()].map(batch => batch.length)).to.deep.equal([700, 700, 700, 700, 200]);
        const rejects = rejectsOf(opened, 'id');
        expect(rejects.map(({ key }) => key)).to.deep.equal([place]);
        expect(rejects[0]?.code).to.equal(state === 'VALUE_NOT_CARRIED' ? state : 'ROW_REFUSED');
        if (state !== 'VALUE_NOT_CARRIED') expect(rejects[0]?.reason).to.contain(`SQLSTATE ${state}`);
        expect(rejects[0]?.reason).to.contain(words).and.not.contain('s3cret');
        expect((await ids()).filter(id => id >= 0)).to.deep.equal(without(3000, place));
      });
    }

    it(`stops at the row that ${name} refuses, names it, and leaves nothing, where it has no place to go`, async () => {
      await sql(url, `CREATE TABLE t (${table})`);
      const before = await ids();
      const error = await failure(append(batchesOf(items(3000, { 1234: bad }), ITEMS, 700), { hasDeadLetters: false }));
      expect(error.code).to.equal('ROW_REFUSED');
      expect(error.message)
        .to.contain('table "t"')
        .and.contain('(in.ndjson, line 1235)')
        .and.contain(words)
        .and.contain(state)
        .and.not.contain('s3cret');
      expect(await ids()).to.deep.equal(before);
    });
  }

  it('rejects many in one batch, one against another, and each kind at once', async () => {
    await sql(url, `CREATE TABLE t (id int8 PRIMARY KEY, name text NOT NULL, parent int8 CHECK (parent <> 7))`);
    const bad: Record<number, AnyRow> = {
      0: { name: null },
      10: { id: 9 },
      11: { id: 9 },
      500: { parent: 7 },
      501: { parent: 7 },
      502: { name: 'x\0y' },
      998: { parent: 7 },
      999: { id: 1 },
    };
    const opened = await append(batchesOf(items(1000, bad), ITEMS, 1000));
    expect(opened.counted.written).to.equal(992);
    expect([...opened.settled.values()].flat().map(({ index, code }) => [index, code])).to.deep.equal([
      [0, 'ROW_REFUSED'],
      [10, 'ROW_REFUSED'],
      [11, 'ROW_REFUSED'],
      [500, 'ROW_REFUSED'],
      [501, 'ROW_REFUSED'],
      [502, 'VALUE_NOT_CARRIED'],
      [998, 'ROW_REFUSED'],
      [999, 'ROW_REFUSED'],
    ]);
    expect(await ids()).to.deep.equal(without(1000, 0, 10, 11, 500, 501, 502, 998, 999));
  });

  it('rejects every row where every one is refused, and goes on', async () => {
    await sql(url, `CREATE TABLE t (id int8, name text, parent int8 NOT NULL)`);
    const opened = await append(batchesOf([...items(300), { id: 300, name: 'x', parent: 1 }], ITEMS, 100));
    expect(opened.counted.written).to.equal(1);
    expect(rejectsOf(opened, 'id')).to.have.length(300);
    expect(await ids()).to.deep.equal([300]);
  });

  it('finds rows that a foreign key refuses, though the server names no line', async () => {
    await sql(
      url,
      `CREATE TABLE p (id int8 PRIMARY KEY); INSERT INTO p VALUES (1); CREATE TABLE t (id int8, name text, parent int8 REFERENCES p)`,
    );
    const opened = await append(
      batchesOf(items(2000, { 3: { parent: 1 }, 4: { parent: 99 }, 1999: { parent: 98 }, 1000: { parent: 97 } }), ITEMS, 300),
    );
    expect(opened.counted.written).to.equal(1997);
    const rejects = rejectsOf(opened, 'id');
    expect(rejects.map(({ key }) => key)).to.deep.equal([4, 1000, 1999]);
    expect(rejects[0]?.reason).to.contain('t_parent_fkey').and.contain('23503').and.not.contain('99');
    expect(await ids()).to.deep.equal(without(2000, 4, 1000, 1999));
  });

  it('lets rows refer to rows behind them, and rejects only those that refer to none', async () => {
    await sql(url, `CREATE TABLE t (id int8 PRIMARY KEY, name text, parent int8 REFERENCES t)`);
    const opened = await append(
      batchesOf(
        items(1000, { 1: { parent: 999 }, 2: { parent: 1 }, 600: { parent: 4000 }, 700: { parent: 600 }, 998: { parent: 700 } }),
        ITEMS,
        250,
      ),
    );
    expect(
      rejectsOf(opened, 'id')
        .map(({ key }) => key)
        .sort(),
    ).to.deep.equal([600, 700, 998]);
    expect(opened.counted.written).to.equal(997);
    expect(await ids()).to.deep.equal(without(1000, 600, 700, 998));
  });

  it('finds rows that a trigger refuses after them, by a code of its own', async () => {
    await sql(
      url,
      `CREATE TABLE t (id int8, name text, parent int8); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.name = 's3cret' THEN RAISE EXCEPTION 'no %', NEW.name USING ERRCODE = '45001'; END IF; RETURN NULL; END $$;
      CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()`,
    );
    const opened = await append(batchesOf(items(2000, { 7: { name: 's3cret' }, 1500: { name: 's3cret' } }), ITEMS, 500));
    expect(rejectsOf(opened, 'id').map(({ key }) => key)).to.deep.equal([7, 1500]);
    expect(rejectsOf(opened, 'id')[0]?.reason).to.contain('45001').and.not.contain('s3cret');
    expect(await ids()).to.deep.equal(without(2000, 7, 1500));
  });

  it('finds rows that a deferred constraint refuses', async () => {
    await sql(
      url,
      `CREATE TABLE p (id int8 PRIMARY KEY); CREATE TABLE t (id int8, name text UNIQUE DEFERRABLE INITIALLY DEFERRED, parent int8 REFERENCES p DEFERRABLE INITIALLY DEFERRED)`,
    );
    const opened = await append(batchesOf(items(500, { 20: { parent: 5 }, 30: { name: 'item-4' } }), ITEMS, 100));
    expect(rejectsOf(opened, 'id').map(({ key }) => key)).to.have.members([20, 30]);
    expect(opened.counted.written).to.equal(498);
    expect(await ids()).to.deep.equal(without(500, 20, 30));
  });

  it('fails at the commit of a deferred constraint where rows have no place to go, and leaves nothing', async () => {
    await sql(
      url,
      `CREATE TABLE p (id int8 PRIMARY KEY); CREATE TABLE t (id int8, name text, parent int8 REFERENCES p DEFERRABLE INITIALLY DEFERRED)`,
    );
    const error = await failure(append(batchesOf(items(500, { 20: { parent: 5 } }), ITEMS, 100), { hasDeadLetters: false }));
    expect(error.code).to.equal('ROW_REFUSED');
    expect(error.message).to.contain('t_parent_fkey');
    expect(await ids()).to.deep.equal([]);
  });

  it('says so when the server takes fewer rows than it was given', async () => {
    await sql(
      url,
      `CREATE TABLE t (id int8, name text, parent int8); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()`,
    );
    for (const hasDeadLetters of [true, false]) {
      const error = await failure(append(batchesOf(items(5), ITEMS), { hasDeadLetters }));
      expect(error.code).to.equal('COUNTS_DIFFER');
      expect(error.message).to.contain('5 rows').and.contain('took 0');
    }
  });

  it('keeps a segment within the bytes it may hold, and splits a batch where it must', async () => {
    await sql(url, 'CREATE TABLE t (id int8 PRIMARY KEY, name text, parent int8)');
    const opened = await openWriter({ url, table: 't', mode: 'append' }, ITEMS, { hasDeadLetters: true, segmentBytes: 20_000 });
    let largest = 0;
    let held = 0;
    const batches = batchesOf(items(3000, { 2500: { id: 0 } }), ITEMS, 50);
    for (const batch of batches) {
      held += batch.bytes;
      largest = Math.max(largest, held);
      await opened.writer.write(batch);
      held = batches
        .filter(b => !opened.settled.has(b))
        .slice(0, batches.indexOf(batch) + 1 - opened.settled.size)
        .reduce((sum, b) => sum + b.bytes, 0);
    }
    await writeAll(opened, []);
    expect(largest).to.be.lessThan(30_000);
    expect(rejectsOf(opened, 'name').map(({ key }) => key)).to.deep.equal(['item-2500']);
    expect(await ids()).to.deep.equal(without(3000, 2500));
  });

  it('splits one batch over segments', async () => {
    await sql(url, 'CREATE TABLE t (id int8 PRIMARY KEY, name text, parent int8)');
    const rows = items(120_000, { 110_000: { id: 5 }, 5: { id: 5, name: 'first' } });
    const opened = await append(batchesOf(rows, ITEMS, 120_000));
    expect(opened.settled.size).to.equal(1);
    expect(rejectsOf(opened, 'name').map(({ key }) => key)).to.deep.equal(['item-110000']);
    expect(opened.counted.written).to.equal(119_999);
  });

  describe('of a CSV file', () => {
    const CSV =
      'id,name,parent\n0,zero,\n1,"one\nin two lines",5\nx,s3cret,1\n3,"quote "" and, comma",\n4,,\n5,"",9\n6,"\\.",\n\\.,s3cret,\n8,eight,99999999999999999999\n9,nine,';
    const csv = (text: string): string => {
      const path = join(folder, 'in.csv');
      writeFileSync(path, text);
      return path;
    };

    for (const text of [CSV, CSV.replaceAll('\n', '\r\n')]) {
      it(`rejects the lines that the columns cannot read, and no other (${text.includes('\r') ? 'CRLF' : 'LF'})`, async () => {
        await sql(url, 'CREATE TABLE t (id int8, name text, parent int8)');
        const letters: DeadLetter[] = [];
        const report = await pipeline(from.file(csv(text)), postgres({ url, table: 't', mode: 'append' }), {
          deadLetter: to.memory(letters),
        });
        expect([report.read, report.written, report.rejected]).to.deep.equal([10, 7, 3]);
        expect(letters.map(({ code, record }) => [code, (record as AnyRow)['id']])).to.deep.equal([
          ['ROW_REFUSED', 'x'],
          ['ROW_REFUSED', '\\.'],
          ['ROW_REFUSED', '8'],
        ]);
        expect(letters[0]?.reason).to.match(/^column "id": invalid input syntax for type bigint: … \(SQLSTATE 22P02\)$/);
        const newline = text.includes('\r') ? '\r\n' : '\n';
        expect(await sql(url, 'SELECT id::int, name, parent::int FROM t ORDER BY id')).to.deep.equal([
          { id: 0, name: 'zero', parent: null },
          { id: 1, name: `one${newline}in two lines`, parent: 5 },
          { id: 3, name: 'quote " and, comma', parent: null },
          { id: 4, name: null, parent: null },
          { id: 5, name: '', parent: 9 },
          { id: 6, name: '\\.', parent: null },
          { id: 9, name: 'nine', parent: null },
        ]);
      });
    }

    it('names the line of the file where a row has no place to go', async () => {
      await sql(url, 'CREATE TABLE t (id int8, name text, parent int8)');
      const error = (await failure(
        pipeline(from.file(csv(CSV)), postgres({ url, table: 't', mode: 'append' })),
      )) as unknown as PipelineError;
      expect(error.code).to.equal('ROW_REFUSED');
      expect(error.message).to.contain('in.csv, line 5').and.not.contain('s3cret');
      expect(error.report.written).to.equal(0);
      expect(await ids()).to.deep.equal([]);
    });

    for (const lineEnd of ['\n', '\r', '\r\n']) {
      it(`rejects no other row where rows have line ends in quotes, the first ones too (${JSON.stringify(lineEnd)})`, async () => {
        await sql(url, 'CREATE TABLE t (id int8, name text)');
        const lines = [
          `0,"a${lineEnd}b"`,
          'x,',
          `1,"${lineEnd}${lineEnd}c"`,
          'y,',
          'z,',
          `2,"${lineEnd}"`,
          '3,',
          `"v${lineEnd}",`,
          `4,"${lineEnd}"`,
        ];
        const letters: DeadLetter[] = [];
        await pipeline(from.file(csv(['id,name', ...lines, ''].join('\n'))), postgres({ url, table: 't', mode: 'append' }), {
          deadLetter: to.memory(letters),
        });
        expect(letters.map(({ record }) => (record as AnyRow)['id'])).to.deep.equal(['x', 'y', 'z', `v${lineEnd}`]);
        expect(await ids()).to.deep.equal([0, 1, 2, 3, 4]);
      });

      it(`names the line where a row has no place to go, behind line ends in quotes (${JSON.stringify(lineEnd)})`, async () => {
        await sql(url, 'CREATE TABLE t (id int8, name text)');
        const rows = Array.from({ length: 60_000 }, (_, id) => `${id},"${'x'.repeat(100)}${id % 50 === 0 ? lineEnd : ''}"`);
        const file = csv(['id,name', ...rows, 'bad,', 'worse,', ''].join('\n'));
        const error = await failure(pipeline(from.file(file), postgres({ url, table: 't', mode: 'append' })));
        const line = 60_002 + (lineEnd === '\r' ? 0 : 1200);
        expect(error.message).to.contain(`in.csv, line ${line})`).and.contain('column "id"');
      });
    }

    it('reads a single column, blank lines and `\\.` included', async () => {
      await sql(url, 'CREATE TABLE t (id text)');
      const report = await pipeline(from.file(csv('id\na\n\\.\n""\nb\n')), postgres({ url, table: 't', mode: 'append' }));
      expect(report.written).to.equal(4);
      expect(await sql(url, 'SELECT id FROM t')).to.deep.equal([{ id: 'a' }, { id: '\\.' }, { id: '' }, { id: 'b' }]);
    });
  });
});

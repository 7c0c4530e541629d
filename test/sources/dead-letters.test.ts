// Dead letters as a source: the records that were refused, once more, with all that they were.
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { coerce, type DeadLetter, from, map, pipeline, PipelineError, to } from '../../lib/index.ts';
import { sourceCases } from '../../lib/testing/index.ts';
import { deadLetters } from '../../sources/dead-letters.ts';
import { freshDatabase, sql } from '../services/postgres.ts';

interface Row {
  readonly id: number;
}
const letters: DeadLetter[] = Array.from({ length: 9 }, (_, id) => ({
  stage: 'coerce',
  code: id % 2 === 0 ? 'EVEN' : 'ODD',
  reason: 'it is a test',
  record: { id },
  position: { row: id },
}));
const records: Row[] = letters.map(({ record }) => record as Row);

describe('source deadLetters', () => {
  describe('of an array', () => {
    const subject = { open: () => deadLetters<Row>(from.memory(letters)), expected: records };
    for (const { name, run } of sourceCases(subject)) it(name, run);
  });

  describe('of some codes', () => {
    const subject = {
      open: () => deadLetters<Row>(from.memory(letters), { only: ['EVEN'] }),
      expected: records.filter(({ id }) => id % 2 === 0),
    };
    for (const { name, run } of sourceCases(subject)) it(name, run);
  });

  const folder = mkdtempSync(join(tmpdir(), 'millrace-letters-'));
  after(() => rmSync(folder, { recursive: true }));
  const at = (name: string): string => join(folder, name);
  const lettersAt = (name: string) => from.file<DeadLetter>(at(name));

  async function failure(work: Promise<unknown>): Promise<PipelineError> {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(PipelineError);
    return error as PipelineError;
  }

  it('names, of a record that is refused again, its letter and where it came from at first', async () => {
    const [first, second, third]: DeadLetter[][] = [[], [], []];
    const people = [{ age: '41' }, { age: 'old' }, { age: 'older' }];
    await pipeline(from.memory(people), coerce({ age: 'integer' }), to.null(), { deadLetter: to.memory(first!) });
    await pipeline(from.deadLetters(from.memory(first!)), coerce({ age: 'integer' }), to.null(), { deadLetter: to.memory(second!) });
    await pipeline(from.deadLetters(from.memory(second!)), coerce({ age: 'integer' }), to.null(), { deadLetter: to.memory(third!) });
    expect(second!.map(({ position }) => position)).to.deep.equal([
      { row: 0, original: { row: 1 } },
      { row: 1, original: { row: 2 } },
    ]);
    expect(third).to.deep.equal(second);
    const { code, message } = await failure(pipeline(from.deadLetters(from.memory(first!)), coerce({ age: 'integer' }), to.null()));
    expect({ code, message }).to.deep.equal({
      code: 'COERCION_FAILED',
      message: 'coerce refused a record (row 0, original {"row":1}): column "age" cannot be integer: it is not a whole number',
    });
  });

  it('says where there is no dead letter', async () => {
    const line = JSON.stringify(letters[0]);
    const cases: [name: string, content: string, message: string][] = [
      ['cut.ndjson', `${line}\n${line.slice(0, -20)}`, 'cut.ndjson:2: '],
      ['record.ndjson', `${line}\n{"code":"X","record":7}`, 'record.ndjson:2: no dead letter: it has no record'],
      ['code.ndjson', '{"id":1}', 'code.ndjson:1: no dead letter: it has no code'],
      ['people.csv', 'id,name\n1,Bo\n', 'people.csv: no dead letters: it has no code and no record'],
      ['empty.json', '[{}]', 'empty.json:1: no dead letter: it has no code'],
    ];
    for (const [name, content, expected] of cases) {
      writeFileSync(at(name), content);
      const target: unknown[] = [];
      const { code, message } = await failure(pipeline(from.deadLetters(lettersAt(name)), to.memory(target)));
      expect({ code, target }, name).to.deep.equal({ code: 'DATA_MALFORMED', target: [] });
      expect(message).to.contain(expected);
    }
    const { message } = await failure(pipeline(from.deadLetters(from.memory([letters[0], { a: 1 }] as DeadLetter[])), to.null()));
    expect(message).to.contain('row 1 of memory: no dead letter: it has no code');
  });

  it('takes what is no source at its word', () => {
    expect(() => deadLetters([] as never)).to.throw('deadLetters: give a source of dead letters');
    expect(() => deadLetters(from.memory(letters), { onyl: [] } as never)).to.throw('did you mean "only"');
  });

  describe('into PostgreSQL', () => {
    let url = '';
    before(async () => {
      url = await freshDatabase('dead_letters_test');
      await sql(
        url,
        `CREATE TYPE mood AS ENUM ('fine', 'so so');
         CREATE TABLE hard (id int8 PRIMARY KEY, n numeric, d numeric(30,10), f float8, b bytea, t timestamptz, l timestamp, day date, j jsonb, js json, a int4[], texts text[], m mood, u uuid, s text, ok boolean, i interval);
         INSERT INTO hard SELECT 9007199254740993 + 2 * g, 12345678901234567890.123456789 + g, 1.5, 'NaN', '\\x00ff10', '2024-02-29 12:34:56.789012+02', '2024-02-29 12:34:56.789012',
           '0044-03-15 BC', '{"big": 12345678901234567890, "s": "ü"}', '{"a":1.1}', '{{1,2},{3,NULL}}', '{"a,b",NULL,""}', 'so so', gen_random_uuid(), E'tab\\t "q" \\\\N', g % 2 = 0, '1 mon 2 days 03:04:05.6'
           FROM generate_series(1, 50) g;
         INSERT INTO hard (id) VALUES (0);`,
      );
    });

    const places: [name: string, open: () => ReturnType<typeof to.file>, read: () => ReturnType<typeof lettersAt>][] = [
      ...['letters.ndjson', 'letters.ndjson.gz', 'letters.json', 'letters.csv'].map(
        name => [name, () => to.file(at(name)), () => lettersAt(name)] as (typeof places)[number],
      ),
      ['a table', () => to.postgres({ url, table: 'letters' }), () => from.postgres<DeadLetter>({ url, table: 'letters' })],
    ];
    for (const [name, open, read] of places) {
      it(`gives back every value that a table refused, by way of ${name}`, async () => {
        await sql(
          url,
          'DROP TABLE IF EXISTS taken, letters; CREATE TABLE taken (LIKE hard, CONSTRAINT few CHECK (id < 9007199254740993 + 40 AND id > 0))',
        );
        const source = from.postgres({ url, table: 'hard', int8: 'bigint' });
        const target = to.postgres({ url, table: 'taken', mode: 'append' });
        const { written, rejected } = await pipeline(source, target, { deadLetter: open() as never });
        expect({ written, rejected }).to.deep.equal({ written: 19, rejected: 32 });
        await sql(url, 'ALTER TABLE taken DROP CONSTRAINT few');
        const again = await pipeline(from.deadLetters(read()), target);
        expect({ read: again.read, written: again.written }).to.deep.equal({ read: 32, written: 32 });
        const text = (table: string) => sql<{ row: string }>(url, `SELECT ${table}::text AS row FROM ${table} ORDER BY id`);
        expect((await text('taken')).map(({ row }) => row)).to.deep.equal((await text('hard')).map(({ row }) => row));
      });
    }

    it('goes on behind what was committed, and takes none twice', async () => {
      await sql(url, 'DROP TABLE IF EXISTS replayed; CREATE TABLE replayed (id int8)');
      const name = 'many.ndjson';
      const line = (id: number): string => `${JSON.stringify({ ...letters[0], record: { id } })}\n`;
      writeFileSync(at(name), Array.from({ length: 2500 }, (_, id) => line(id)).join(''));
      let breaksAt = 2321;
      const job = () =>
        pipeline(
          from.deadLetters<Row>(lettersAt(name)),
          map((row: Row) => {
            if (row.id === breaksAt) throw new Error('broken off');
            return row;
          }),
          to.postgres({ url, table: 'replayed', mode: 'append' }),
          { resume: true, checkpointEvery: 500, batchRows: 50 },
        );
      await failure(job());
      const count = async () => (await sql<{ n: number }>(url, 'SELECT count(DISTINCT id)::int AS n FROM replayed'))[0]?.n;
      expect(await count()).to.equal(2000);
      breaksAt = -1;
      expect((await job()).written).to.equal(500);
      const { read, warnings } = await job();
      expect({ read, count: await count() }).to.deep.equal({ read: 0, count: 2500 });
      expect(warnings.join()).to.contain('the job was finished by an earlier run');
      expect(readFileSync(at(name), 'utf8').split('\n').length).to.equal(2501);
      appendFileSync(at(name), line(2500));
      expect((await failure(job())).code).to.equal('CHECKPOINT_DIFFERS');
    });
  });
});

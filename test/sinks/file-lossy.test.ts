import { expect } from 'chai';
import { type DeadLetter, from, JsonNull, map, pipeline, type PipelineError, plan, type Source, to } from '../../lib/index.ts';
import { freshFolder } from '../clients/file/folder.ts';
import { freshDatabase, sql } from '../services/postgres.ts';

interface Row {
  id: number;
  j: unknown;
  list: unknown[] | null;
}

describe("JSON's null on the way into files", () => {
  const { at, names, text } = freshFolder();
  let url: string;
  before(async () => {
    url = await freshDatabase('file_lossy');
    await sql(
      url,
      `CREATE TABLE t (id int, j jsonb, list json[]);
       INSERT INTO t VALUES (1, 'null', NULL), (2, NULL, '{5,NULL}'), (3, '{"a": null}', '{"null",NULL,"[null]"}'), (4, '1.10', NULL)`,
    );
  });
  const rows = (): Source<Row> => from.postgres<Row>({ url, table: 't' });
  const failure = (run: Promise<unknown>): Promise<PipelineError> =>
    run.then(
      () => expect.fail('it went well'),
      (error: unknown) => error as PipelineError,
    );

  for (const name of ['x.ndjson', 'x.json']) {
    it(`is refused in ${name} by the name of its column, also as an element of a list, whatever form the record has`, async () => {
      for (const between of [map((row: Row) => row), map((row: Row) => ({ ...row }))]) {
        const letters: DeadLetter[] = [];
        const report = await pipeline(rows(), between, to.file(at(name), { mode: 'replace' }), { deadLetter: to.memory(letters) });
        expect([report.written, report.rejected]).to.deep.equal([2, 2]);
        expect(letters.map(({ code, reason }) => [code, reason.split(':')[0]])).to.deep.equal([
          ['VALUE_NOT_CARRIED', 'column "j"'],
          ['VALUE_NOT_CARRIED', 'column "list"'],
        ]);
      }
      const error = await failure(pipeline(rows(), to.file(at('y.json'))));
      expect(error.code).to.equal('VALUE_NOT_CARRIED');
      expect(error.message).to.include('lossy');
      expect(names()).to.deep.equal([name]);
    });

    it(`becomes NULL in ${name} of the columns that lossy names, and is counted`, async () => {
      const lines = (): unknown[] => {
        const all = text(name).trim();
        return (name === 'x.json' ? JSON.parse(all) : all.split('\n').map(line => JSON.parse(line) as unknown)) as unknown[];
      };
      for (const between of [map((row: Row) => row), map((row: Row): Row => ({ ...row }))]) {
        const target = to.file<Row>(at(name), { mode: 'replace', lossy: ['j', 'list'] });
        const report = await pipeline(rows(), between, target);
        expect([report.written, report.warnings]).to.deep.equal([
          4,
          [
            'column "j": the JSON value null became NULL in 1 record (lossy)',
            'column "list": the JSON value null became NULL in 1 record (lossy)',
          ],
        ]);
        expect(lines()).to.deep.equal([
          { id: 1, j: null, list: null },
          { id: 2, j: null, list: [5, null] },
          { id: 3, j: { a: null }, list: [null, null, [null]] },
          { id: 4, j: 1.1, list: null },
        ]);
      }
      // What nobody changed keeps its text.
      await pipeline(rows(), to.file<Row>(at(name), { mode: 'replace', lossy: ['j', 'list'] }));
      expect(text(name)).to.include('"j":1.10');
      const one = await failure(pipeline(rows(), to.file<Row>(at(name), { mode: 'replace', lossy: ['j'] })));
      expect(one.message).to.include('column "list"');
    });
  }

  it('counts only records that were written, and leaves fields that a record lacks where they are', async () => {
    const given = [{ a: JsonNull, t: 'x' }, { a: JsonNull, t: 'Ł' }, { t: 'y' }];
    const report = await pipeline(
      from.records(given),
      map((row: { a?: unknown; t: string }) => row),
      to.file(at('x.ndjson'), { lossy: ['a'], encoding: 'latin1' }),
      { deadLetter: to.memory<DeadLetter>([]) },
    );
    expect(report.warnings).to.deep.equal(['column "a": the JSON value null became NULL in 1 record (lossy)']);
    expect(report.rejected).to.equal(1);
  });

  it('needs no leave in CSV, where lossy is refused, as is a column that is not there; plan says all that', async () => {
    await pipeline(rows(), to.file(at('x.csv')));
    expect(text('x.csv').split('\n')[1]).to.equal('1,null,');
    const codeOf = async (...lossy: [name: string, column: string]): Promise<string> =>
      (await failure(pipeline(from.postgres({ url, table: 't' }), to.file(at(lossy[0]), { lossy: [lossy[1]] })))).code;
    expect(await codeOf('y.csv', 'j')).to.equal('OPTION_INVALID');
    expect(await codeOf('y.ndjson', 'jj')).to.equal('COLUMN_UNKNOWN');
    const notes = async (lossy: 'j'[], name = 'y.ndjson'): Promise<readonly string[]> =>
      (await plan(rows(), to.file<Row>(at(name), { lossy }))).stages.at(-1)?.notes ?? [];
    expect((await notes(['j'])).slice(1)).to.deep.equal([
      'column "j": the JSON value null is written as NULL, and counted',
      'column "list": a record with the JSON value null is refused, unless lossy has the column',
    ]);
    expect(await notes([], 'y.csv')).to.have.length(1);
    const { problems } = await plan(from.postgres({ url, table: 't' }), to.file(at('y.ndjson'), { lossy: ['jj'] }));
    expect(problems.map(({ code }) => code)).to.deep.equal(['COLUMN_UNKNOWN']);
    expect(names()).to.deep.equal(['x.csv']);
  });
});

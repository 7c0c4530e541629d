import { expect } from 'chai';
import { filter, pipeline } from '../../lib/index.ts';
import { memory } from '../../sinks/memory.ts';
import { postgres as postgresSink } from '../../sinks/postgres.ts';
import { postgres as postgresSource } from '../../sources/postgres.ts';
import { records } from '../../sources/records.ts';
import { freshDatabase, sql } from '../services/postgres.ts';

describe('PostgreSQL to PostgreSQL', () => {
  it('carries what was written to another table, exactly', async () => {
    const url = await freshDatabase('conformance_postgres');
    const rows = Array.from({ length: 2500 }, (_, id) => ({ id, name: id % 7 === 0 ? null : `n${id}` }));
    await pipeline(records(rows), postgresSink({ url, table: 'a' }));
    const report = await pipeline(postgresSource({ url, table: 'a' }), postgresSink({ url, table: 'b' }));
    expect(report).to.include({ status: 'ok', read: 2500, written: 2500 });
    const seen: unknown[] = [];
    await pipeline(postgresSource({ url, table: 'b' }), memory(seen));
    expect(seen).to.deep.equal(rows);
  });

  it('leaves to the target what it generates by the same expression, and refuses what it generates by another', async () => {
    const url = await freshDatabase('conformance_generated');
    const columns = `id int GENERATED ALWAYS AS IDENTITY, price numeric(8,2), twice numeric GENERATED ALWAYS AS (price * 2) STORED,
      half numeric GENERATED ALWAYS AS (price / 2) VIRTUAL, name text`;
    await sql(url, `CREATE TABLE a (${columns}); CREATE TABLE b (${columns}); CREATE TABLE c (${columns.replace('* 2', '* 3')})`);
    await sql(url, `INSERT INTO a (price, name) SELECT i, 'n' || i FROM generate_series(1, 3000) i`);
    for (const operators of [[], [filter((row: { id: number }) => row.id > 0)]]) {
      await sql(url, 'TRUNCATE b RESTART IDENTITY');
      const report = await run([postgresSource({ url, table: 'a' }), ...operators, postgresSink({ url, table: 'b', mode: 'append' })]);
      expect(report).to.include({ read: 3000, written: 3000 });
      expect(await sql(url, '(TABLE a EXCEPT TABLE b) UNION ALL (TABLE b EXCEPT TABLE a)')).to.deep.equal([]);
      expect(await sql(url, `INSERT INTO b (name) VALUES ('next') RETURNING id`)).to.deep.equal([{ id: 3001 }]);
    }
    const refused = run([postgresSource({ url, table: 'a' }), postgresSink({ url, table: 'c', mode: 'append' })]);
    await refused.then(
      () => expect.fail('it was written'),
      (error: unknown) => expect(error).to.include({ code: 'TYPE_NOT_CARRIED' }).and.have.property('message').that.contains('"twice"'),
    );
  });
});

function run(stages: readonly object[]): ReturnType<typeof pipeline> {
  return (pipeline as (...all: object[]) => ReturnType<typeof pipeline>)(...stages);
}

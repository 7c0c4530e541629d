import { expect } from 'chai';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, from, pipeline, to } from '../../lib/index.ts';
import { memory } from '../../sinks/memory.ts';
import { postgres as postgresSink } from '../../sinks/postgres.ts';
import { postgres as postgresSource } from '../../sources/postgres.ts';
import { records } from '../../sources/records.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { serverHas } from '../services/server-features.ts';

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
      half numeric GENERATED ALWAYS AS (price / 2) ${serverHas('virtual columns') ? 'VIRTUAL' : 'STORED'}, name text`;
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

  it('takes from JSON what the columns of a table can hold, whatever the first thousand records had', async () => {
    const url = await freshDatabase('conformance_json');
    await sql(
      url,
      `CREATE TABLE a AS SELECT i AS id, CASE i WHEN 1500 THEN 'NaN' WHEN 1600 THEN 'Infinity' ELSE i / 2.0::float8 END::float8 AS f,
        CASE i WHEN 1700 THEN 'NaN' WHEN 1800 THEN 12345678901234567890123456789.5 ELSE i END::numeric AS n,
        CASE i WHEN 1900 THEN 9223372036854775807 ELSE i END AS b, CASE WHEN i > 1990 THEN i END AS late, CASE WHEN i > 1995 THEN '\\x00ff'::bytea END AS bytes,
        CASE WHEN i > 1990 THEN ARRAY[i, NULL] END AS list, CASE WHEN i > 1990 THEN i % 2 = 0 END AS ok, CASE WHEN i > 1990 THEN now() END AS at,
        CASE WHEN i < 1990 THEN 'text' ELSE i::text END AS text FROM generate_series(1, 2000) i; CREATE TABLE b (LIKE a)`,
    );
    const folder = await mkdtemp(join(tmpdir(), 'json-'));
    const file = join(folder, 'a.ndjson');
    await pipeline(postgresSource({ url, table: 'a', int8: 'bigint' }), to.file(file));
    // Where JSON has a number the text column takes its digits.
    await writeFile(file, (await readFile(file, 'utf8')).replaceAll(/"text":"(\d+)"/g, '"text":$1'));
    const report = await pipeline(from.file(file), postgresSink({ url, table: 'b', mode: 'append' }));
    await rm(folder, { recursive: true });
    expect(report).to.include({ read: 2000, written: 2000, rejected: 0 });
    expect(await sql(url, '(TABLE a EXCEPT TABLE b) UNION ALL (TABLE b EXCEPT TABLE a)')).to.deep.equal([]);
    const letters: { code: string; reason: string }[] = [];
    const rows = [...Array.from({ length: 1500 }, (_, id) => ({ id })), { id: 'x' }, { id: 5.5 }, { id: true }];
    const refused = await run([records(rows), postgresSink({ url, table: 'b', mode: 'append' })], { deadLetter: memory(letters) });
    expect(refused).to.include({ written: 1500, rejected: 3 });
    expect(letters.map(({ code, reason }) => `${code} ${reason}`)).to.deep.equal(
      Array(3).fill('VALUE_INVALID column "id": a value cannot be of type int4'),
    );
  });
});

function run(stages: readonly object[], options: object = {}): ReturnType<typeof pipeline> {
  return (pipeline as (...all: object[]) => ReturnType<typeof pipeline>)(...stages, options);
}

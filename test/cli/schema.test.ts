import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { freshDatabase, sql } from '../services/postgres.ts';
import { folderFor, millrace } from './millrace.ts';

describe('millrace schema', () => {
  const folder = folderFor({ after });

  it('lists the columns of a table, and its SQL makes the like', async () => {
    const url = await freshDatabase('cli_schema');
    await sql(url, 'CREATE TABLE "Order Items" (id int8 NOT NULL, price numeric(9,2), "by" varchar(20)[] NOT NULL, at timestamptz(3))');
    const place = `${url}?table=${encodeURIComponent('"Order Items"')}`;
    expect((await millrace(['schema', place])).out).to.equal(
      'id     int8                         not null\nprice  numeric(9,2)\nby     varchar(20)[]                not null\nat     timestamp(3) with time zone\n',
    );
    const { out, err, status } = await millrace(['schema', place, '--as', 'sql']);
    expect([status, err]).to.deep.equal([0, '']);
    await sql(url, `CREATE SCHEMA other; SET search_path = other; ${out}`);
    const columns = `SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attnum > 0 AND attrelid`;
    expect(await sql(url, `${columns} = 'other."Order Items"'::regclass ORDER BY attnum`)).to.deep.equal(
      await sql(url, `${columns} = 'public."Order Items"'::regclass ORDER BY attnum`),
    );
  });

  it('finds the types of a file in its records', async () => {
    const file = path.join(folder, 'people.csv');
    writeFileSync(file, 'id,zip,born,ok\n1,01234,2001-02-03,true\n2,99999,,false\n');
    expect((await millrace(['schema', file])).out).to.equal('id    int8\nzip   text\nborn  date\nok    bool\n');
    // In records the columns of CSV are text.
    expect((await millrace(['schema', file, '--as', 'typescript'])).out).to.equal(
      'export interface People {\n  id: string | null;\n  zip: string | null;\n  born: string | null;\n  ok: string | null;\n}\n',
    );
    const piped = await millrace(['schema', '-', '--from-format', 'ndjson'], { input: '{"a":1}\n{"a":1.5,"b":[1]}\n' });
    expect(piped.out).to.equal('a  float8\nb  jsonb\n');
  });

  it('says what is wrong, with the exit status of it', async () => {
    const empty = await millrace(['schema', '-']);
    expect([empty.status, empty.out]).to.deep.equal([65, '']);
    expect(empty.err).to.match(/^millrace: -: there is no record, .*\[SCHEMA_UNKNOWN\]\n$/);
    const form = await millrace(['schema', '-', '--as', 'zodd']);
    expect([form.status, form.err]).to.deep.equal([64, 'millrace: --as: no "zodd"; did you mean "zod"? [USAGE]\n']);
    expect((await millrace(['schema', path.join(folder, 'none.csv')])).status).to.equal(66);
  });
});

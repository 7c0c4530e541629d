import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { coerce, from, map, pipeline, type Plan, plan, type PlanStage, project, to } from '../../lib/index.ts';
import { freshDatabase, sql, startPostgres } from '../services/postgres.ts';
import { serverHas } from '../services/server-features.ts';

const MODE = 'the table is there: rows are added to those that it has';
const codesOf = ({ problems }: Plan): string[] => problems.map(({ code }) => code);
const sinkOf = ({ stages }: Plan): PlanStage => stages.at(-1) as PlanStage;
const changesOf = (planned: Plan): Record<string, string> =>
  Object.fromEntries((sinkOf(planned).types ?? []).map(({ name, from, to = '-', change }) => [name, `${from} ${change} ${to}`]));

describe('the plan of a PostgreSQL table', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-plan-'));
  let url: string;
  let other: string;
  before(async () => {
    await startPostgres();
    url = await freshDatabase('sink_plan');
    other = await freshDatabase('sink_plan_other');
    await sql(
      url,
      `CREATE TYPE mood AS ENUM ('low', 'it''s'); CREATE DOMAIN price AS numeric(10,2); CREATE TYPE pair AS (x int, y text);
       CREATE TABLE src (id int PRIMARY KEY, "na""me" text, small int2, n numeric(10,4), mo mood, pr price, cash money);
       INSERT INTO src SELECT i, 'x', 1, 1, 'low', 1, 1 FROM generate_series(1, 300) i; CREATE INDEX by_small ON src (small) WHERE n > 0; COMMENT ON TABLE src IS 'of all'; ANALYZE src;
       CREATE TABLE dst (id serial PRIMARY KEY, "na""me" varchar(3), small int8, n numeric(8,2), mo text, pr numeric, must text NOT NULL,
         twice int8 GENERATED ALWAYS AS (small * 2) STORED);
       CREATE TABLE keyless (id int, small int2); CREATE TABLE same (id int PRIMARY KEY, small int2)`,
    );
    writeFileSync(join(folder, 'a.csv'), 'id,zip,born,"odd ""n"\n1,01234,2020-01-02,x\n2,,,\n');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const src = (query = 'SELECT id, small FROM src') => from.postgres<{ id: number }>({ url, query });
  const csv = () => from.file(join(folder, 'a.csv'));

  // From 18 on NOT NULL has a name, and the shadow's too.
  const notNullName = (table: string): string => (serverHas('names of NOT NULL') ? ` CONSTRAINT "${table}_id_not_null"` : '');
  const named = (n: number): string => `"shadow_${serverHas('names of NOT NULL') ? n + 1 : n}"`;

  it('shows what is sent to make it and to fill it, and that is what a run does', async () => {
    const target = { url: other, table: 'made', key: ['id'] };
    const stages = () =>
      [from.postgres<object>({ url, table: 'src' }), project<object, never>(...(['id', 'na"me', 'mo', 'pr'] as never[]))] as const;
    const planned = await plan(...stages(), to.postgres<object>(target as never));
    expect([codesOf(planned), sinkOf(planned).exists]).to.deep.equal([[], false]);
    expect(sinkOf(planned).statements).to.deep.equal([
      "CREATE TYPE public.mood AS ENUM ('low', 'it''s')",
      `CREATE TABLE "public"."made" ("id" integer${notNullName('src')} NOT NULL, "na""me" text, "mo" public.mood, "pr" numeric(10,2))`,
      'ALTER TABLE "public"."made" ADD PRIMARY KEY ("id")',
      'COPY "made" ("id", "na""me", "mo", "pr") FROM STDIN (FORMAT binary)',
      `COMMENT ON TABLE "public"."made" IS 'of all'`,
    ]);
    expect(changesOf(planned)).to.deep.equal({
      id: 'int4 none int4',
      'na"me': 'text none text',
      mo: 'public.mood none public.mood',
      pr: 'public.price widened numeric(10,2)',
    });
    expect(sinkOf(planned).notes?.join()).to.include('the target has no domain public.price');
    await pipeline(...stages(), to.postgres<object>(target as never));
    const columns = await sql(
      other,
      "SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = 'made'::regclass AND attnum > 0",
    );
    expect(columns.map(({ type }) => type)).to.deep.equal(['integer', 'text', 'mood', 'numeric(10,2)']);
  });

  it('lists what hangs on the table that the records come from, in the order in which it is made', async () => {
    const stages = () => [from.postgres<object>({ url, table: 'src' }), to.postgres<object>({ url: other, table: 'whole' })] as const;
    const { statements = [] } = sinkOf(await plan(...stages()));
    const copy = statements.findIndex(statement => statement.startsWith('COPY '));
    expect(statements.slice(copy + 1)).to.deep.equal([
      'ALTER TABLE "public"."whole" ADD CONSTRAINT "whole_pkey" PRIMARY KEY (id)',
      'CREATE INDEX "by_small" ON "public"."whole" USING btree (small) WHERE (n > (0)::numeric)',
      `COMMENT ON TABLE "public"."whole" IS 'of all'`,
    ]);
    await pipeline(...stages());
    const indexes = await sql(other, "SELECT indexname AS name FROM pg_indexes WHERE tablename = 'whole' ORDER BY 1");
    expect(indexes.map(({ name }) => name)).to.deep.equal(['by_small', 'whole_pkey']);
  });

  it('finds the types of CSV as a run would, or says that they are not known behind a function', async () => {
    const planned = await plan(csv(), to.postgres({ url: other, table: 'of_csv' }));
    expect(sinkOf(planned).statements).to.deep.equal([
      'CREATE TABLE "of_csv" (\n  "id" int8,\n  "zip" text,\n  "born" date,\n  "odd ""n" text\n)',
      'COPY "of_csv" ("id", "zip", "born", "odd ""n") FROM STDIN (FORMAT binary)',
    ]);
    expect(sinkOf(planned).types?.[0]).to.deep.equal({ name: 'id', from: 'int8', to: 'int8', change: 'none', inferred: true });
    expect(planned.explain()).to.match(/id +int8 \(found\) +→ +int8/);
    const behind = await plan(
      csv(),
      map(row => row),
      to.postgres({ url: other, table: 'of_csv' }),
    );
    expect([codesOf(behind), sinkOf(behind).statements, sinkOf(behind).notes?.length]).to.deep.equal([[], [], 2]);
    const coerced = await plan(
      from.file<{ id: string }>(join(folder, 'a.csv')),
      coerce({ id: 'integer' }),
      to.postgres({ url: other, table: 'c' }),
    );
    expect(changesOf(coerced)['id']).to.equal('int8 none int8');
  });

  it('names every difference of a table that is there, and what each type becomes', async () => {
    const into = to.postgres<object>({ url, table: 'dst', mode: 'append' });
    const planned = await plan(from.postgres<object>({ url, table: 'src' }), into);
    expect(codesOf(planned)).to.deep.equal(['COLUMN_UNKNOWN', 'SCHEMA_MISMATCH', 'TYPE_NOT_CARRIED']);
    expect(changesOf(planned)).to.deep.equal({
      id: 'int4 none int4',
      'na"me': 'text checked varchar(3)',
      small: 'int2 widened int8',
      n: 'numeric(10,4) refused numeric(8,2)',
      mo: 'public.mood widened text',
      pr: 'public.price widened numeric',
      cash: 'money refused -',
    });
    const failed = (await pipeline(from.postgres<object>({ url, table: 'src' }), into).catch((error: unknown) => error)) as Error;
    for (const { message } of planned.problems) expect(failed.message).to.include(message);
    expect(failed).to.include({ code: 'COLUMN_UNKNOWN' });
  });

  it('says what a mode does with a table that is there, or why it does nothing', async () => {
    const planned = (mode: 'create' | 'append' | 'upsert' | 'replace', table: string, more: object = {}) =>
      plan(src(), to.postgres<object>({ url, table, mode, ...more }));
    expect(codesOf(await planned('create', 'same'))).to.deep.equal(['EXISTS']);
    const appended = sinkOf(await planned('append', 'same'));
    expect([appended.exists, appended.statements]).to.deep.equal([true, ['COPY "same" ("id", "small") FROM STDIN (FORMAT binary)']]);
    const notes = ['the table is there: rows are merged by "id"'];
    expect(sinkOf(await planned('upsert', 'same', { parallel: 1 })).notes).to.deep.equal(notes);
    expect(sinkOf(await planned('upsert', 'same')).notes).to.deep.equal([
      ...notes,
      ...(serverHas('MERGE')
        ? [
            'many rows in the order of the key are staged by a second connection, in a table millrace_staging_… beside it (parallel: 1: by one)',
          ]
        : []),
    ]);
    expect(sinkOf(await planned('upsert', 'same')).statements?.[0]).to.equal(
      'COPY pg_temp.millrace_upsert ("id", "small") FROM STDIN (FORMAT binary)',
    );
    expect(codesOf(await planned('upsert', 'keyless'))).to.deep.equal(['OPTION_INVALID']);
    expect(codesOf(await planned('upsert', 'absent'))).to.deep.equal(['OPTION_INVALID']);
    expect(codesOf(await planned('upsert', 'absent', { key: ['id'] }))).to.deep.equal([]);
    expect(codesOf(await planned('create', 'nowhere.t'))).to.deep.equal(['NOT_FOUND']);
    await sql(url, 'CREATE TABLE refers (id int REFERENCES same)');
    const refused = await planned('replace', 'same');
    expect(refused.problems.map(({ code, message }) => `${code} ${message}`).join()).to.match(
      /^OPTION_INVALID .*refers \(refers_id_fkey\)/,
    );
    await sql(url, 'DROP TABLE refers');
    const withSql = sinkOf(await planned('append', 'same', { before: 'DELETE FROM same', after: 'ANALYZE same' }));
    expect([withSql.statements?.at(0), withSql.statements?.at(-1)]).to.deep.equal(['DELETE FROM same', 'ANALYZE same']);
  });

  it('says whether a replace swaps or truncates, and why', async () => {
    await sql(
      url,
      `DROP ROLE IF EXISTS "only owns"; CREATE ROLE "only owns" LOGIN; GRANT USAGE, CREATE ON SCHEMA public TO "only owns"; GRANT SELECT ON src TO "only owns";
       CREATE TABLE owned (id serial PRIMARY KEY, small int2 CHECK (small > 0)); CREATE INDEX owned_small ON owned (small); COMMENT ON TABLE owned IS 'it''s';
       CREATE TABLE viewed (id int, small int2); CREATE VIEW "its view" AS SELECT id FROM viewed; ALTER TABLE owned OWNER TO "only owns"; ALTER TABLE viewed OWNER TO "only owns";
       REVOKE INSERT, TRUNCATE ON owned FROM "only owns"; REVOKE TRUNCATE, DELETE ON viewed FROM "only owns"`,
    );
    const as = new URL(url);
    as.username = 'only%20owns';
    const planned = (table: string, more: object = {}) =>
      plan(src(), to.postgres<object>({ url: as.href, table, mode: 'replace', ...more }));
    const swap = await planned('owned');
    expect([codesOf(swap), sinkOf(swap).notes?.[1]]).to.deep.equal([
      [],
      'replace by swap: another table is made like it, filled, and put in its place',
    ]);
    const [{ oid }] = (await sql(url, "SELECT 'owned'::regclass::oid AS oid")) as [{ oid: number }];
    const shadow = `millrace_swap_${oid}`;
    const statements = (sinkOf(swap).statements ?? []).map(statement => statement.replaceAll(shadow, 'shadow'));
    expect(
      statements.slice(
        0,
        statements.findIndex(statement => statement.startsWith('REVOKE')),
      ),
    ).to.deep.equal([
      `CREATE TABLE "public"."shadow" ("id" integer${notNullName('owned')} NOT NULL, "small" smallint)`,
      `ALTER TABLE ONLY "public"."shadow" ALTER COLUMN "id" SET DEFAULT nextval('"public"."owned_id_seq"'::regclass)`,
      'ALTER TABLE "public"."shadow" ADD CONSTRAINT "shadow_0" CHECK ((small > 0))',
      'COPY "public"."shadow" ("id", "small") FROM STDIN (FORMAT binary)',
      `ALTER TABLE "public"."shadow" ADD CONSTRAINT ${named(1)} PRIMARY KEY (id)`,
      `CREATE INDEX ${named(2)} ON "public"."shadow" USING btree (small)`,
      'DROP TABLE "public"."owned"',
      'ALTER TABLE "public"."shadow" RENAME CONSTRAINT "shadow_0" TO "owned_small_check"',
      `ALTER TABLE "public"."shadow" RENAME CONSTRAINT ${named(1)} TO "owned_pkey"`,
      `ALTER INDEX "public".${named(2)} RENAME TO "owned_small"`,
      'ALTER TABLE "public"."shadow" RENAME TO "owned"',
      `COMMENT ON TABLE "public"."owned" IS 'it''s'`,
    ]);
    const viewed = await planned('viewed');
    expect([codesOf(viewed), sinkOf(viewed).notes?.[1]]).to.deep.equal([
      ['NOT_PERMITTED'],
      'replace by truncate: the table itself is emptied; no other can take its place: view "its view" hangs on it',
    ]);
    expect(sinkOf(viewed).statements?.[0]).to.equal('DELETE FROM "viewed"');
    const asked = await planned('viewed', { replace: 'swap' });
    expect(asked.problems.map(({ code, message }) => `${code} ${message}`).join()).to.match(
      /^OPTION_INVALID .*"replace".*view "its view" hangs on it/,
    );
    const truncated = await plan(src(), to.postgres<object>({ url, table: 'owned', mode: 'replace', replace: 'truncate' }));
    expect([codesOf(truncated), sinkOf(truncated).statements?.[0]]).to.deep.equal([[], 'TRUNCATE "owned"']);
    await sql(url, 'DROP VIEW "its view"; DROP OWNED BY "only owns"; DROP ROLE "only owns"');
  });

  it('changes nothing, and can be made by a role that may only read; rights that lack are named', async () => {
    await sql(
      url,
      `REVOKE CREATE ON SCHEMA public FROM PUBLIC; DROP ROLE IF EXISTS "only reads"; CREATE ROLE "only reads" LOGIN; GRANT SELECT ON src, same TO "only reads"`,
    );
    const server = await startPostgres();
    const as = new URL(server.url('sink_plan'));
    as.username = 'only%20reads';
    const theirs = (mode: 'create' | 'append' | 'upsert' | 'replace', table: string) =>
      plan(
        from.postgres<{ id: number }>({ url: as.href, query: 'SELECT id, small FROM src' }),
        to.postgres<{ id: number }>({ url: as.href, table, mode, key: ['id'] }),
      );
    const state = `SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xid, (SELECT md5(string_agg(c::text, '' ORDER BY c.oid)) FROM pg_class c WHERE relnamespace = 'public'::regnamespace) AS classes,
      (SELECT count(*)::int FROM pg_type) AS types, (SELECT count(*)::int FROM pg_namespace) AS schemas, (SELECT count(*)::int FROM same) AS rows`;
    const [before] = await sql(url, state);
    const made = [await theirs('create', 'new'), await theirs('append', 'same'), await theirs('upsert', 'same')];
    const [now] = await sql(url, state);
    expect(now).to.deep.equal(before);
    expect(made.map(codesOf)).to.deep.equal([['NOT_PERMITTED'], ['NOT_PERMITTED'], ['NOT_PERMITTED', 'NOT_PERMITTED']]);
    expect(made[2]?.problems.map(({ message }) => message)).to.deep.equal([
      'this user may not INSERT in table "same"; grant it',
      'this user may not UPDATE in table "same"; grant it',
    ]);
    expect((await theirs('replace', 'same')).problems[0]?.message).to.equal(
      'this user may neither TRUNCATE table "same" nor DELETE its rows; grant it',
    );
    const unread = await plan(from.postgres({ url: as.href, table: 'dst' }), to.null());
    expect(unread.problems[0]).to.include({ code: 'NOT_PERMITTED', stage: 'postgres' });
    await sql(url, `ALTER ROLE "only reads" SET default_transaction_read_only = on`);
    expect((await theirs('append', 'same')).problems[0]?.message).to.include('default_transaction_read_only');
    await sql(url, `DROP OWNED BY "only reads"; DROP ROLE "only reads"`);
  });

  it('names the keys, indexes, checks, foreign keys and nulls in which a table that is there differs, and refuses nothing for it', async () => {
    await sql(
      url,
      `CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE ruled (id int PRIMARY KEY, code text NOT NULL UNIQUE, up int REFERENCES ruled, p int REFERENCES parent, n int CHECK (n > 0));
       CREATE INDEX by_code ON ruled (lower(code)); CREATE TABLE bare (id int, code text, up int, p int, n int NOT NULL CHECK (n < 9));
       CREATE TABLE alike (id int PRIMARY KEY, code text NOT NULL, up int REFERENCES alike, p int REFERENCES parent, n int CONSTRAINT other CHECK (n > 0)); CREATE UNIQUE INDEX another ON alike (code); CREATE INDEX third ON alike (lower(code));
       CREATE VIEW shown AS SELECT id, code FROM ruled`,
    );
    const into = (table: string, from1: Parameters<typeof from.postgres>[0], mode: 'append' | 'replace' | 'upsert' = 'append') =>
      plan(from.postgres<object>({ ...from1, url }), to.postgres<object>({ url, table, mode }));
    const told = await into('bare', { table: 'ruled' });
    expect([codesOf(told), sinkOf(told).notes]).to.deep.equal([
      [],
      [
        'the table is there: rows are added to those that it has',
        [
          'it lacks what the table that the records come from has: check "ruled_n_check" (CHECK ((n > 0))); foreign key "ruled_p_fkey" (FOREIGN KEY (p) REFERENCES public.parent(id))',
          'foreign key "ruled_up_fkey" (FOREIGN KEY (up) REFERENCES public.ruled(id)); primary key "ruled_pkey" (PRIMARY KEY (id))',
          'unique key "ruled_code_key" (UNIQUE (code)); index "by_code" (USING btree (lower(code)))',
        ].join('; '),
        'these columns may be null in it, unlike those that they come from: "id", "code"',
        'it refuses rows that the table that they come from does not: check "bare_n_check" (CHECK ((n < 9)))',
        'it refuses null, unlike the columns that they come from: "n"',
      ],
    ]);
    expect(sinkOf(await into('alike', { table: 'ruled' })).notes).to.deep.equal([MODE]);
    expect(sinkOf(await into('alike', { table: 'ruled' }, 'replace')).notes?.join()).to.not.include('it lacks');
    expect(sinkOf(await into('alike', { table: 'shown' })).notes).to.deep.equal([MODE]);
    expect(codesOf(await into('alike', { table: 'shown' }))).to.deep.equal([]);
    const some = plan(
      from.postgres<{ id: number; code: string }>({ url, table: 'ruled' }),
      project('id'),
      to.postgres<{ id: number }>({ url, table: 'alike', mode: 'append' }),
    );
    expect(sinkOf(await some).notes?.join()).to.not.include('it lacks');
  });

  it('says what is read as text, and how much there is', async () => {
    const { stages } = await plan(from.postgres({ url, query: "SELECT id, cash, row(1, 'a')::pair AS p FROM src" }), to.null());
    expect(stages[0]?.notes).to.deep.equal(['read as the text that PostgreSQL prints: "cash" (money), "p" (public.pair)']);
    expect(stages[0]?.estimatedRows).to.equal(300);
    expect(stages[0]?.statements).to.have.length(1);
  });
});

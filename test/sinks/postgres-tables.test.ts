import { expect } from 'chai';
import { from, pipeline, PipelineError, plan, to } from '../../lib/index.ts';
import { postgresTablesKind as sinkKind } from '../../sinks/postgres-tables.ts';
import { postgresTablesKind as sourceKind } from '../../sources/postgres-tables.ts';
import { differences, shapeOf } from '../clients/postgres/catalogue-shape.ts';
import { freshDatabase, sql } from '../services/postgres.ts';
import { failure } from './postgres-harness.ts';

const WHOLE = `
  CREATE SCHEMA "Crm.x"; CREATE SCHEMA empty_one;
  CREATE TYPE mood AS ENUM ('sad', 'it''s'); CREATE DOMAIN good AS mood NOT NULL DEFAULT 'it''s' CONSTRAINT fine CHECK (VALUE <> 'sad');
  CREATE TYPE pair AS (a int, b mood[]); CREATE TYPE pairs AS (first pair, second text COLLATE "C"); CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi);
  CREATE SEQUENCE loose START 5; SELECT nextval('loose'), nextval('loose');
  CREATE TABLE b (id int PRIMARY KEY, a int, p pairs, s span, g good);
  CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b int REFERENCES b, self int REFERENCES a, n int DEFAULT nextval('loose'), doubled int GENERATED ALWAYS AS (n * 2) STORED);
  ALTER TABLE b ADD FOREIGN KEY (a) REFERENCES a;
  CREATE TABLE "Crm.x".a (id serial PRIMARY KEY, "T ""x"".y" text, "${'ü'.repeat(31)}" text); CREATE INDEX ON "Crm.x".a (lower("T ""x"".y"));
  CREATE TABLE nothing (); CREATE TABLE hollow (x int);
  CREATE TABLE e (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day); CREATE TABLE e1 PARTITION OF e FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE TABLE e2 PARTITION OF e DEFAULT; CREATE INDEX ON e (day);
  CREATE TABLE up (x int); CREATE TABLE down (y int) INHERITS (up);
  CREATE VIEW v1 AS SELECT id, b, self FROM a; CREATE VIEW v0 WITH (security_barrier) AS SELECT v1.id, count(*) AS n FROM v1 JOIN b ON b.id = v1.b GROUP BY v1.id; CREATE MATERIALIZED VIEW m AS SELECT * FROM v0; CREATE UNIQUE INDEX ON m (id);
  COMMENT ON VIEW v1 IS 'seen'; COMMENT ON TYPE mood IS 'felt'; COMMENT ON SEQUENCE loose IS 'nobody''s'; COMMENT ON TABLE a IS 'first';
  INSERT INTO b SELECT i, NULL, ROW(ROW(i, '{sad}'), 'x')::pairs, span(i, i + 1), 'it''s' FROM generate_series(1, 300) i;
  INSERT INTO a (b, self) SELECT i, i FROM generate_series(1, 300) i; UPDATE b SET a = id;
  INSERT INTO "Crm.x".a ("T ""x"".y") SELECT 'n' || i FROM generate_series(1, 50) i;
  INSERT INTO e SELECT i, date '2024-12-01' + i FROM generate_series(1, 60) i; INSERT INTO up VALUES (1); INSERT INTO down VALUES (2, 3);
  REFRESH MATERIALIZED VIEW m;
  CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE SCHEMA millrace; CREATE TABLE millrace.checkpoint (x int)`;

const TABLES = ['a', 'b', '"Crm.x".a', 'nothing', 'hollow', 'e1', 'e2', 'e', 'ONLY up', 'down', 'm', 'v0'];

async function rowsOf(url: string): Promise<unknown[]> {
  const texts = TABLES.map(
    table => `SELECT '${table}' AS name, count(*)::int AS count, md5(string_agg(r::text, ',' ORDER BY r::text)) AS hash FROM ${table} r`,
  );
  return sql(url, texts.join(' UNION ALL '));
}

describe('whole databases, from tables to tables', () => {
  let source: string;
  let target: string;
  before(async () => {
    source = await freshDatabase('whole_source');
    await sql(source, WHOLE);
  });
  beforeEach(async () => void (target = await freshDatabase('whole_target')));

  it('carries everything, equal by the catalogue and by its rows, and the next inserts work', async () => {
    const report = await pipeline(from.postgres.tables({ url: source }), to.postgres.tables({ url: target }));
    expect(
      differences(
        (await shapeOf(source)).filter(line => line !== 'schema empty_one ' && !/ f\(\)/.test(line)),
        await shapeOf(target),
      ),
    ).to.deep.equal({ missing: [], extra: [] });
    expect(await rowsOf(target)).to.deep.equal(await rowsOf(source));
    expect(await sql(target, `INSERT INTO a (b) VALUES (1) RETURNING id, n, doubled`)).to.deep.equal([{ id: 301, n: 307, doubled: 614 }]);
    expect(await sql(target, `INSERT INTO "Crm.x".a DEFAULT VALUES RETURNING id`)).to.deep.equal([{ id: 51 }]);
    expect([report.status, report.written, report.tables?.find(({ table }) => table === 'public.b')?.written]).to.deep.equal([
      'ok',
      712,
      300,
    ]);
    expect(report.warnings).to.deep.equal(['not carried: function public.f()']);
  });

  it('carries a part: what matches, and the types and sequences that it needs', async () => {
    await pipeline(from.postgres.tables({ url: source, tables: 'public.a,hol*' }), to.postgres.tables({ url: target }));
    const names = await sql<{ name: string }>(
      target,
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S') ORDER BY 1`,
    );
    expect(names.map(({ name }) => name)).to.deep.equal(['a', 'a_id_seq', 'hollow', 'loose']);
  });

  it('refuses, by all names, what is there, and makes nothing', async () => {
    await sql(target, 'CREATE TABLE a (); CREATE TABLE hollow ()');
    const error = await failure(pipeline(from.postgres.tables({ url: source }), to.postgres.tables({ url: target })));
    expect([error.code, error.message]).to.deep.equal(['EXISTS', error.message]);
    expect(error.message).to.include('"public.a", "public.hollow"');
    expect(await sql(target, `SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = 'public'::regnamespace`)).to.deep.equal([
      { n: 2 },
    ]);
  });

  it('adds to tables, and replaces what is in them', async () => {
    const copy = (mode: 'append' | 'replace'): Promise<unknown> =>
      pipeline(from.postgres.tables({ url: source, tables: 'hollow,up' }), to.postgres.tables({ url: target, mode }));
    const count = async (): Promise<unknown> => (await sql(target, 'SELECT count(*)::int AS n FROM up'))[0]?.['n'];
    const counts: unknown[] = [];
    for (const mode of ['append', 'append', 'replace'] as const) {
      await copy(mode);
      counts.push(await count());
    }
    expect(counts).to.deep.equal([1, 2, 1]);
  });

  it('goes on when a table fails, leaves out what hangs on it, and fails in the end by name', async () => {
    await sql(
      source,
      `CREATE FUNCTION g(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1'; CREATE TABLE broken (x int PRIMARY KEY, y int GENERATED ALWAYS AS (g(x)) STORED); CREATE TABLE hangs (x int REFERENCES broken); CREATE VIEW shows AS SELECT x FROM broken`,
    );
    try {
      const error = (await failure(pipeline(from.postgres.tables({ url: source }), to.postgres.tables({ url: target })))) as PipelineError;
      expect(error).to.be.instanceOf(PipelineError);
      expect(error.message).to.match(/^1 of \d+ tables failed, the others are there: public\.broken: /);
      expect(error.report.tables?.filter(({ status }) => status === 'failed').map(({ table }) => table)).to.deep.equal(['public.broken']);
      expect(error.report.warnings.join('\n')).to.include('foreign key "hangs_x_fkey"').and.to.include('view "public.shows"');
      expect(
        await sql(
          target,
          `SELECT to_regclass('broken')::text AS broken, to_regclass('hangs')::text AS hangs, (SELECT count(*)::int FROM a) AS a`,
        ),
      ).to.deep.equal([{ broken: null, hangs: 'hangs', a: 300 }]);
    } finally {
      await sql(source, 'DROP TABLE broken, hangs CASCADE; DROP FUNCTION g');
    }
  });

  it('plan names all of it in order, and what is not carried', async () => {
    const { stages, problems } = await plan(from.postgres.tables({ url: source }), to.postgres.tables({ url: target }));
    const notes = stages[0]?.notes ?? [];
    expect(problems).to.deep.equal([]);
    expect(notes.indexOf('type public.pair')).to.be.greaterThan(notes.indexOf('type public.mood'));
    expect(notes.indexOf('view public.v0')).to.be.greaterThan(notes.indexOf('view public.v1'));
    expect(notes).to.include('not carried: function public.f()');
  });

  it('goes nowhere else, and has nothing between', async () => {
    expect([sourceKind.kind, sinkKind.kind]).to.deep.equal(['postgres-tables', 'postgres-tables']);
    expect((await failure(pipeline(from.postgres.tables({ url: source }), to.null()))).code).to.equal('PIPELINE_INVALID');
    expect((await failure(pipeline(from.records([{ a: 1 }]), to.postgres.tables({ url: target })))).code).to.equal('PIPELINE_INVALID');
  });
});
